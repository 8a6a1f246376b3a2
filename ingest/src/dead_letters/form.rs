//! The JSON forms of a dead letter on other programs' topics: writing them.
//!
//! The first form (a streaming library's) is [`quipu_proto::letter`]'s, as producers write it too. Of the second (a web
//! server's) absent fields are null.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use quipu_proto::Reason;
use quipu_proto::letter::{LetterText, LibraryLetter, hex, rfc3339, sha256};
use serde::Serialize;

use crate::dead_letters::Letter;

/// Bytes of either end of a payload that the second form shows as hexadecimal.
const SHOWN_BYTES: usize = 32;

/// The letter in the first form, as `consumer_id` tells of it at `now_us`, microseconds since the Unix epoch, under a new
/// trace id.
#[must_use]
pub(super) fn library_letter(letter: &Letter, consumer_id: &str, now_us: i64) -> LibraryLetter {
    let log = &letter.place.log;
    LibraryLetter::new(&LetterText {
        payload: letter.payload.as_deref().unwrap_or_default(),
        error: &letter.error,
        error_type: library_error_type(letter.reason),
        topic: &log.log.topic,
        partition: log.partition.0,
        offset: letter.place.offset,
        consumer_id,
        thread_id: None,
        tenant_id: None,
        trace_id: &trace_id(),
        now_us,
    })
}

/// The word of the first form for a reason.
fn library_error_type(reason: Option<Reason>) -> &'static str {
    match reason {
        Some(Reason::Tombstone | Reason::Empty) => "io_error",
        Some(Reason::TooLarge | Reason::UnknownMarker) => "invalid_format",
        Some(Reason::Decompression | Reason::ExpansionLimit) => "decompression_error",
        Some(Reason::Protobuf | Reason::Nesting) => "decode_error",
        Some(Reason::MissingHeader | Reason::SchemaVersion | Reason::NoKnownMessage) => "schema_error",
        Some(Reason::CorruptBatch | Reason::Forwarded | Reason::ForwardedPart) | None => "processing_error",
    }
}

/// A letter in the second form, with the whole payload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServerLetter {
    trace_id: String,
    timestamp: String,
    error: String,
    error_type: &'static str,
    payload_sha256: String,
    original_payload_base64: String,
    payload_truncation_note: Option<String>,
    message_size: usize,
    first_bytes_hex: String,
    last_bytes_hex: String,
    kafka_partition: i32,
    kafka_offset: i64,
    message_count: u64,
    thread_id: Option<String>,
    tenant_id: Option<String>,
}

impl ServerLetter {
    /// The letter as it is told at `now_us`, microseconds since the Unix epoch, as the one of that number.
    #[must_use]
    pub fn new(letter: &Letter, number: u64, now_us: i64) -> Self {
        let payload = letter.payload.as_deref().unwrap_or_default();
        let shown = payload.len().min(SHOWN_BYTES);
        Self {
            trace_id: trace_id(),
            timestamp: rfc3339(now_us),
            error: letter.error.clone(),
            error_type: server_error_type(letter.reason),
            payload_sha256: sha256(payload),
            original_payload_base64: STANDARD.encode(payload),
            payload_truncation_note: None,
            message_size: payload.len(),
            first_bytes_hex: hex(&payload[..shown]),
            last_bytes_hex: hex(&payload[payload.len() - shown..]),
            kafka_partition: letter.place.log.partition.0,
            kafka_offset: letter.place.offset,
            message_count: number,
            thread_id: None,
            tenant_id: None,
        }
    }

    /// One line of JSON, without its end.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The word of the second form for a reason.
fn server_error_type(reason: Option<Reason>) -> &'static str {
    match reason {
        Some(Reason::TooLarge) => "payload_too_large",
        Some(Reason::Empty) => "buffer_underflow",
        Some(Reason::SchemaVersion) => "schema_version_mismatch",
        Some(Reason::Protobuf | Reason::Nesting) => "invalid_protobuf",
        _ => "unknown_decode_error",
    }
}

/// A random UUID, version 4.
pub(super) fn trace_id() -> String {
    let mut bytes = [0; 16];
    // Without a source of randomness all ids are one: no reader needs them to differ.
    let _ = getrandom::fill(&mut bytes);
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trace_ids_are_random_uuids() {
        let (one, other) = (trace_id(), trace_id());
        assert_ne!(one, other);
        let id = uuid::Uuid::parse_str(&one).expect("a UUID");
        assert_eq!(id.get_version_num(), 4);
    }
}
