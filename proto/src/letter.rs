//! The JSON form of a dead letter that the streaming library writes to its topic of letters.
//!
//! Absent fields are left out. A payload travels as base64; one that is too long is cut, and its whole length and hash are
//! told.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use sha2::{Digest, Sha256};

/// Longest payload that a letter holds whole, in bytes.
pub const INCLUDED_BYTES_MAX: usize = 524_288;

/// Word for a message that could not be sent.
pub const KAFKA_SEND_ERROR: &str = "kafka_send_error";

/// What a letter tells.
#[derive(Clone, Copy, Debug)]
pub struct LetterText<'a> {
    /// The record's value, marker included.
    pub payload: &'a [u8],
    /// What went wrong.
    pub error: &'a str,
    /// The word for its kind.
    pub error_type: &'static str,
    /// The topic that the record was read from or meant for.
    pub topic: &'a str,
    /// Its partition; -1 for a record that was not stored.
    pub partition: i32,
    /// Its offset; -1 for a record that was not stored.
    pub offset: i64,
    /// Who writes the letter.
    pub consumer_id: &'a str,
    /// Thread of the message; producers tell it.
    pub thread_id: Option<&'a str>,
    /// Tenant of the message; producers tell it.
    pub tenant_id: Option<&'a str>,
    /// A new id of the letter, which is its key; nothing of OpenTelemetry.
    pub trace_id: &'a str,
    /// When it is written, microseconds since the Unix epoch.
    pub now_us: i64,
}

/// A letter, with its fields in their order.
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
    #[serde(skip_serializing_if = "Option::is_none")]
    thread_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_id: Option<String>,
    error_type: &'static str,
    trace_id: String,
}

impl LibraryLetter {
    /// The letter that tells this.
    #[must_use]
    pub fn new(text: &LetterText<'_>) -> Self {
        let payload = text.payload;
        let included = &payload[..payload.len().min(INCLUDED_BYTES_MAX)];
        let is_cut = included.len() < payload.len();
        Self {
            original_payload_base64: STANDARD.encode(included),
            original_payload_size_bytes: is_cut.then_some(payload.len()),
            original_payload_included_bytes: is_cut.then_some(included.len()),
            original_payload_truncated: is_cut.then_some(true),
            original_payload_sha256: is_cut.then(|| sha256(payload)),
            error: text.error.to_owned(),
            source_topic: text.topic.to_owned(),
            source_partition: text.partition,
            source_offset: text.offset,
            timestamp: rfc3339(text.now_us),
            consumer_id: text.consumer_id.to_owned(),
            thread_id: text.thread_id.map(str::to_owned),
            tenant_id: text.tenant_id.map(str::to_owned),
            error_type: text.error_type,
            trace_id: text.trace_id.to_owned(),
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

/// SHA-256 of the bytes in lower-case hexadecimal.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The bytes in lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A point in time, microseconds since the Unix epoch, as RFC 3339 in UTC: `2026-01-02T03:04:05.000006+00:00`. A whole
/// second has no fraction. Beyond the years that RFC 3339 can write it is the nearest that it can.
#[must_use]
pub fn rfc3339(us: i64) -> String {
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
    fn a_letter_of_a_producer_has_its_fields_in_order() {
        let payload = vec![0; INCLUDED_BYTES_MAX + 1];
        let letter = LibraryLetter::new(&LetterText {
            payload: &payload,
            error: "e",
            error_type: KAFKA_SEND_ERROR,
            topic: "t",
            partition: -1,
            offset: -1,
            consumer_id: "producer:acme",
            thread_id: Some("th"),
            tenant_id: Some("acme"),
            trace_id: "id",
            now_us: 0,
        });
        let json = letter.to_json();
        let tail = json
            .split_once("\"original_payload_size_bytes\"")
            .map(|(_, tail)| tail);
        let expected = format!(
            r#":524289,"original_payload_included_bytes":524288,"original_payload_truncated":true,"original_payload_sha256":"{}","error":"e","source_topic":"t","source_partition":-1,"source_offset":-1,"timestamp":"1970-01-01T00:00:00+00:00","consumer_id":"producer:acme","thread_id":"th","tenant_id":"acme","error_type":"kafka_send_error","trace_id":"id"}}"#,
            sha256(&payload)
        );
        assert_eq!(tail, Some(expected.as_str()));
    }
}
