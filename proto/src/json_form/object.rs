//! The members of one document, in the order in which they are written.

use super::header;
use super::hex::write_hex;
use super::names::Names;
use crate::header::Header;
use crate::json;
use crate::scratch::{ComposedText, Span};

/// A document in the making: it begins with its type and its header.
pub(super) struct Object<'o> {
    out: &'o mut Vec<u8>,
}

impl<'o> Object<'o> {
    /// Begins the document of a message type.
    pub(super) fn open(kind: &str, header: Option<&Header<'_>>, names: Names, out: &'o mut Vec<u8>) -> Self {
        out.extend_from_slice(b"{\"type\":\"");
        out.extend_from_slice(kind.as_bytes());
        out.extend_from_slice(b"\",\"header\":");
        match header {
            Some(header) => header::write(header, names, out),
            None => out.extend_from_slice(b"null"),
        }
        Self { out }
    }

    /// Writes a key, and lends the buffer for its value.
    pub(super) fn key(&mut self, key: &str) -> &mut Vec<u8> {
        self.out.extend_from_slice(b",\"");
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    pub(super) fn text(&mut self, key: &str, text: &str) {
        json::write_string(self.key(key), text);
    }

    /// A text that is null when empty: the wire cannot tell the two apart.
    pub(super) fn text_or_null(&mut self, key: &str, text: &str) {
        if text.is_empty() {
            self.null(key);
        } else {
            self.text(key, text);
        }
    }

    pub(super) fn hex(&mut self, key: &str, bytes: &[u8]) {
        write_hex(self.key(key), bytes);
    }

    pub(super) fn hex_or_null(&mut self, key: &str, bytes: &[u8]) {
        if bytes.is_empty() {
            self.null(key);
        } else {
            self.hex(key, bytes);
        }
    }

    pub(super) fn int(&mut self, key: &str, value: impl itoa::Integer) {
        json::write_int(self.key(key), value);
    }

    pub(super) fn count(&mut self, key: &str, count: usize) {
        json::write_int(self.key(key), count);
    }

    pub(super) fn flag(&mut self, key: &str, value: bool) {
        json::write_bool(self.key(key), value);
    }

    pub(super) fn null(&mut self, key: &str) {
        self.key(key).extend_from_slice(b"null");
    }

    /// JSON that the decoder composed.
    pub(super) fn composed(&mut self, key: &str, span: Option<Span>, composed: ComposedText<'_>) {
        let json = span.map_or("null", |span| composed.get(span));
        self.key(key).extend_from_slice(json.as_bytes());
    }

    /// `duration_us` and `duration_ms`: null unless positive.
    #[allow(clippy::cast_precision_loss)]
    pub(super) fn durations(&mut self, us: i64) {
        if us > 0 {
            self.int("duration_us", us);
            json::write_float_or_null(self.key("duration_ms"), us as f64 / 1_000.0);
        } else {
            self.null("duration_us");
            self.null("duration_ms");
        }
    }

    pub(super) fn close(self) {
        self.out.push(b'}');
    }
}
