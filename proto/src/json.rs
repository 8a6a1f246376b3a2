//! Writing JSON into a byte buffer, and telling whether bytes are JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::json_form::write_hex;
use crate::wire::as_utf8;

mod check;
mod scan;

/// Writes `text` as a JSON string, escaping no more than JSON demands.
pub(crate) fn write_string(out: &mut Vec<u8>, text: &str) {
    // Two quotes, and the word of which a part is taken back.
    out.reserve(text.len() + 2 + size_of::<u64>());
    out.push(b'"');
    let mut rest = text.as_bytes();
    // Bytes are copied in pieces of a fixed size while they are looked at, and taken back where one of them has to be escaped.
    // To measure first and then call for a copy of that length costs more, as most strings are short.
    while let Some((block, behind)) = rest.split_first_chunk() {
        if scan::is_plain(block) {
            out.extend_from_slice(block);
        } else {
            for word in block.as_chunks().0 {
                write_word(out, u64::from_le_bytes(*word), 8);
            }
        }
        rest = behind;
    }
    while let Some((word, behind)) = rest.split_first_chunk() {
        write_word(out, u64::from_le_bytes(*word), 8);
        rest = behind;
    }
    if !rest.is_empty() {
        write_word(out, short_word(rest), rest.len());
    }
    out.push(b'"');
}

/// Writes the first bytes of a word, of which the lowest comes first.
#[inline]
fn write_word(out: &mut Vec<u8>, mut word: u64, mut len: usize) {
    loop {
        let start = out.len();
        out.extend_from_slice(&word.to_le_bytes());
        let plain = scan::plain_in_word(word);
        if plain >= len {
            out.truncate(start + len);
            return;
        }
        out.truncate(start + plain);
        write_escaped(out, word.to_le_bytes()[plain]);
        len -= plain + 1;
        if len == 0 {
            return;
        }
        word >>= 8 * (plain + 1);
    }
}

/// Up to seven bytes as a word, the first one the lowest.
#[inline]
fn short_word(bytes: &[u8]) -> u64 {
    match (bytes.first_chunk(), bytes.last_chunk()) {
        // Both halves; where they overlap they agree.
        (Some(first), Some(last)) => {
            let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
            u64::from(first) | u64::from(last) << (8 * (bytes.len() - 4))
        }
        _ => bytes
            .iter()
            .rev()
            .fold(0, |word, byte| word << 8 | u64::from(*byte)),
    }
}

#[cold]
fn write_escaped(out: &mut Vec<u8>, byte: u8) {
    match byte {
        b'"' => out.extend_from_slice(b"\\\""),
        b'\\' => out.extend_from_slice(b"\\\\"),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\t' => out.extend_from_slice(b"\\t"),
        0x08 => out.extend_from_slice(b"\\b"),
        0x0c => out.extend_from_slice(b"\\f"),
        _ => {
            out.extend_from_slice(b"\\u00");
            out.extend([byte >> 4, byte & 15].map(|digit| HEX[usize::from(digit)]));
        }
    }
}

const HEX: [u8; 16] = *b"0123456789abcdef";

/// Writes an integer.
pub(crate) fn write_int(out: &mut Vec<u8>, value: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Writes a number in the shortest form that reads back the same, or `{"$float": "NaN"}` where JSON has no number.
pub(crate) fn write_float(out: &mut Vec<u8>, value: f64) {
    if value.is_finite() {
        write_float_or_null(out, value);
        return;
    }
    let name = if value.is_nan() {
        "NaN"
    } else if value > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    };
    out.extend_from_slice(b"{\"$float\":");
    write_string(out, name);
    out.push(b'}');
}

/// Writes a number in the shortest form that reads back the same, null where JSON has no number.
pub(crate) fn write_float_or_null(out: &mut Vec<u8>, value: f64) {
    let start = out.len();
    // Writing a number into memory does not fail.
    if serde_json::to_writer(&mut *out, &value).is_err() {
        out.truncate(start);
        out.extend_from_slice(b"null");
    }
}

/// Writes bytes as text when they are UTF-8, else as lower-case hexadecimal.
pub(crate) fn write_text_or_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    match as_utf8(bytes) {
        Some(text) => write_string(out, text),
        None => write_hex(out, bytes),
    }
}

/// Where the string ends whose opening quote is at `start`, its closing quote included; the end of the bytes where it has
/// none.
pub(crate) fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(rest) = bytes.get(at..) {
        at += scan::plain_len(rest);
        match bytes.get(at) {
            None => break,
            Some(b'"') => return at + 1,
            Some(b'\\') => at += 2,
            Some(_) => at += 1,
        }
    }
    bytes.len()
}

/// Writes `true` or `false`.
pub(crate) fn write_bool(out: &mut Vec<u8>, value: bool) {
    out.extend_from_slice(if value { b"true" } else { b"false" });
}

/// Writes bytes as `{"$bytes": base64}`.
pub(crate) fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(b"{\"$bytes\":\"");
    out.extend_from_slice(BASE64.encode(bytes).as_bytes());
    out.extend_from_slice(b"\"}");
}

/// Bytes as the JSON value `{"$bytes": base64}`.
#[must_use]
pub fn json_bytes(bytes: &[u8]) -> serde_json::Value {
    serde_json::json!({ "$bytes": BASE64.encode(bytes) })
}

/// Writes a bytes field that should hold JSON: as it is when it does, else as `{"$bytes": base64}`.
pub(crate) fn write_json_or_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    match as_json(bytes) {
        Some(json) => out.extend_from_slice(json.as_bytes()),
        None => write_bytes(out, bytes),
    }
}

/// Writes one member of an object: the comma unless it is the first, the key, the colon.
pub(crate) fn write_key(out: &mut Vec<u8>, first: &mut bool, key: &str) {
    if !std::mem::replace(first, false) {
        out.push(b',');
    }
    write_string(out, key);
    out.push(b':');
}

/// The bytes as text, if they are one JSON value in UTF-8 that nests no deeper than
/// [`JSON_NESTING_MAX`](crate::limits::JSON_NESTING_MAX).
pub(crate) fn as_json(bytes: &[u8]) -> Option<&str> {
    let text = as_utf8(bytes)?;
    check::is_json(text).then_some(text)
}

/// A bytes field of the wire that should hold JSON: two columns, of which at most one is set.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum JsonField<'a> {
    /// No bytes.
    #[default]
    Empty,
    /// JSON text: column `<name>`.
    Json(&'a str),
    /// Anything else: column `<name>_bytes`.
    Bytes(&'a [u8]),
}

impl<'a> JsonField<'a> {
    pub(crate) fn of(bytes: &'a [u8]) -> Self {
        if bytes.is_empty() {
            return Self::Empty;
        }
        match as_json(bytes) {
            Some(json) => Self::Json(json),
            None => Self::Bytes(bytes),
        }
    }

    /// The JSON text, if it is that.
    #[must_use]
    pub fn json(self) -> Option<&'a str> {
        match self {
            Self::Json(json) => Some(json),
            Self::Empty | Self::Bytes(_) => None,
        }
    }

    /// The bytes, if they are not JSON.
    #[must_use]
    pub fn bytes(self) -> Option<&'a [u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Empty | Self::Json(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
