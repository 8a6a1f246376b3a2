//! The JSON forms of a dead letter on other programs' topics: writing them.
//!
//! Of the first form (a streaming library's) absent fields are left out; of the second (a web server's) they are null.
//! A payload travels as base64. The first form cuts one that is too long and then tells its whole length and hash.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use quipu_proto::Reason;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::dead_letters::Letter;

/// Longest payload that the first form holds whole, in bytes.
pub const INCLUDED_BYTES_MAX: usize = 524_288;

/// Bytes of either end of a payload that the second form shows as hexadecimal.
const SHOWN_BYTES: usize = 32;

/// A letter in the first form, with its fields in their order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LibraryLetter {
    original_payload_base64: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    original_payload_size_bytes: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    original_payload_included_bytes: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    original_payload_truncated: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    original_payload_sha256: Option<String>,
    error: String,
    source_topic: String,
    source_partition: i32,
    source_offset: i64,
    timestamp: String,
    consumer_id: String,
    error_type: &'static str,
    trace_id: String,
}

impl LibraryLetter {
    /// The letter as `consumer_id` tells of it at `now_us`, microseconds since the Unix epoch, under a new trace id.
    #[must_use]
    pub fn new(letter: &Letter, consumer_id: &str, now_us: i64) -> Self {
        let payload = letter.payload.as_deref().unwrap_or_default();
        let included = &payload[..payload.len().min(INCLUDED_BYTES_MAX)];
        let is_cut = included.len() < payload.len();
        let log = &letter.place.log;
        Self {
            original_payload_base64: STANDARD.encode(included),
            original_payload_size_bytes: is_cut.then_some(payload.len()),
            original_payload_included_bytes: is_cut.then_some(included.len()),
            original_payload_truncated: is_cut.then_some(true),
            original_payload_sha256: is_cut.then(|| sha256(payload)),
            error: letter.error.clone(),
            source_topic: log.log.topic.to_string(),
            source_partition: log.partition.0,
            source_offset: letter.place.offset,
            timestamp: rfc3339(now_us),
            consumer_id: consumer_id.to_owned(),
            error_type: library_error_type(letter.reason),
            trace_id: trace_id(),
        }
    }

    /// Its key on a topic: the trace id.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.trace_id
    }

    /// One line of JSON, without its end.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Text and numbers cannot fail to be written.
        serde_json::to_string(self).unwrap_or_default()
    }
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

pub(super) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A point in time, microseconds since the Unix epoch, as RFC 3339 in UTC: `2026-01-02T03:04:05.000006+00:00`. A whole
/// second has no fraction. Beyond the years that RFC 3339 can write it is the nearest that it can.
pub(super) fn rfc3339(us: i64) -> String {
    // From year 0 to year 9999.
    let us = us.clamp(-62_167_219_200_000_000, 253_402_300_799_999_999);
    let (seconds, fraction) = (us.div_euclid(1_000_000), us.rem_euclid(1_000_000));
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Counted from 1 March of year 0, so that a leap day ends its year; 400 years have 146,097 days.
    let day = days + 719_468;
    let (era, day) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = era * 400 + year + i64::from(month <= 2);
    let fraction = match (fraction, fraction % 1_000) {
        (0, _) => String::new(),
        (_, 0) => format!(".{:03}", fraction / 1_000),
        _ => format!(".{fraction:06}"),
    };
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day_of_month:02}T{hour:02}:{minute:02}:{second:02}{fraction}+00:00")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_with_the_offset_of_utc() {
        for (us, text) in [
            (0, "1970-01-01T00:00:00+00:00"),
            (-1, "1969-12-31T23:59:59.999999+00:00"),
            (951_782_400_000_000, "2000-02-29T00:00:00+00:00"),
            (1_735_689_599_120_000, "2024-12-31T23:59:59.120+00:00"),
            (1_772_323_200_000_006, "2026-03-01T00:00:00.000006+00:00"),
            (i64::MIN, "0000-01-01T00:00:00+00:00"),
            (i64::MAX, "9999-12-31T23:59:59.999999+00:00"),
        ] {
            assert_eq!(rfc3339(us), text);
        }
    }

    #[test]
    fn trace_ids_are_random_uuids() {
        let (one, other) = (trace_id(), trace_id());
        assert_ne!(one, other);
        let id = uuid::Uuid::parse_str(&one).expect("a UUID");
        assert_eq!(id.get_version_num(), 4);
    }
}
