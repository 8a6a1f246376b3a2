//! The JSON forms of a dead letter on other programs' topics: reading them.
//!
//! | | first form: a streaming library | second form: a web server |
//! |---|---|---|
//! | known by | `source_topic` | `kafka_offset` or `payload_sha256` |
//! | payload | always there, cut above 512 KiB | there on request only |
//! | hash of the whole payload | where it is cut | always |
//!
//! Reading is lenient: unknown fields are skipped, and a field of another type counts as absent. Only the payload must be
//! right: it is taken for whole when nothing says that it is not, and its length and hash are as told.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use quipu_proto::{Decoder, Policy, Reason, Rejection};
use serde_json::{Map, Value};

use quipu_proto::letter;

/// A record of a topic of dead letters, as far as it could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignLetter {
    /// The value that could not be read, or as much of it as the letter holds.
    pub payload: ForeignPayload,
    /// Why not, where it was: what the letter says of it, in one line.
    pub told: String,
}

/// The payload of a letter of another program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ForeignPayload {
    /// All of it.
    Whole(Vec<u8>),
    /// A part of it, or nothing, and why not all.
    Part(Option<Vec<u8>>, String),
}

impl ForeignLetter {
    /// Reads a letter of either form; `None` for what is neither.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let Ok(Value::Object(fields)) = serde_json::from_slice(value) else {
            return None;
        };
        let fields = Fields(fields);
        let is_first = fields.text("source_topic").is_some();
        let is_second = fields.number("kafka_offset").is_some() || fields.text("payload_sha256").is_some();
        if fields.text("error").is_none() || !(is_first || is_second) {
            return None;
        }
        Some(Self {
            payload: fields.payload(),
            told: fields.told(),
        })
    }

    /// What the letter becomes here: the payload to keep, and the reason to keep it under. A payload that is whole gets
    /// the reason that our own decoder finds under [`Policy::Strict`], so that the list of reasons stays closed.
    #[must_use]
    pub fn into_kept(self, decoder: &mut Decoder) -> (Option<Vec<u8>>, Rejection) {
        match self.payload {
            ForeignPayload::Part(part, why) => {
                let detail = format!("{}; {why}", self.told);
                (part, Rejection::new(Reason::ForwardedPart, detail))
            }
            ForeignPayload::Whole(payload) => {
                let rejection = judge(decoder, Some(&payload), &self.told);
                (Some(payload), rejection)
            }
        }
    }
}

/// The reason under which a payload is kept, and the text beside it.
pub(super) fn judge(decoder: &mut Decoder, payload: Option<&[u8]>, told: &str) -> Rejection {
    debug_assert_eq!(decoder.policy(), Policy::Strict);
    match decoder.decode(payload) {
        Ok(_) => Rejection::new(Reason::Forwarded, told),
        Err(rejection) => Rejection::new(rejection.reason, format!("{}; {told}", rejection.detail)),
    }
}

struct Fields(Map<String, Value>);

impl Fields {
    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    fn number(&self, name: &str) -> Option<i64> {
        self.0.get(name)?.as_i64()
    }

    fn payload(&self) -> ForeignPayload {
        let part = |bytes: Option<Vec<u8>>, why: &str| ForeignPayload::Part(bytes, why.to_owned());
        let Some(text) = self.text("original_payload_base64") else {
            return part(None, "the letter holds no payload");
        };
        let Ok(payload) = STANDARD.decode(text) else {
            return part(None, "its payload is not base64");
        };
        let size = self
            .number("original_payload_size_bytes")
            .or_else(|| self.number("message_size"));
        if let Some(size) = size
            && usize::try_from(size) != Ok(payload.len())
        {
            let why = format!("the letter holds {} of {size} bytes", payload.len());
            return ForeignPayload::Part(Some(payload), why);
        }
        let hash = self
            .text("original_payload_sha256")
            .or_else(|| self.text("payload_sha256"));
        match hash {
            Some(hash) if !hash.eq_ignore_ascii_case(&letter::sha256(&payload)) => part(
                Some(payload),
                "the payload does not have the SHA-256 that the letter tells",
            ),
            None if self.0.get("original_payload_truncated") == Some(&Value::Bool(true)) => {
                part(Some(payload), "the payload is cut")
            }
            _ => ForeignPayload::Whole(payload),
        }
    }

    fn told(&self) -> String {
        let error_type = self.text("error_type").unwrap_or("unknown error type");
        let mut told = format!("{error_type}: {}", self.text("error").unwrap_or_default());
        let topic = self.text("source_topic").unwrap_or("an unnamed topic");
        let partition = self
            .number("source_partition")
            .or_else(|| self.number("kafka_partition"));
        let offset = self
            .number("source_offset")
            .or_else(|| self.number("kafka_offset"));
        if let (Some(partition), Some(offset)) = (partition, offset) {
            // Both are -1 in the letters of a producer.
            if partition >= 0 && offset >= 0 {
                told.push_str(&format!("; from {topic}/{partition} offset {offset}"));
            } else {
                told.push_str(&format!("; on its way to {topic}"));
            }
        }
        for name in ["timestamp", "consumer_id", "tenant_id", "thread_id", "trace_id"] {
            if let Some(value) = self.text(name) {
                told.push_str(&format!("; {name} {value}"));
            }
        }
        told
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn kept(json: &Value) -> (Option<Vec<u8>>, Rejection) {
        ForeignLetter::parse(json.to_string().as_bytes())
            .unwrap()
            .into_kept(&mut Decoder::new(Policy::Strict))
    }

    fn first(payload: &[u8]) -> Value {
        serde_json::json!({
            "original_payload_base64": STANDARD.encode(payload),
            "error": "Invalid compression header byte 0x7b",
            "source_topic": "dashstream-events", "source_partition": 3, "source_offset": 17,
            "timestamp": "2026-01-02T03:04:05+00:00", "consumer_id": "c",
            "error_type": "invalid_format", "trace_id": "t",
        })
    }

    #[test]
    fn a_whole_payload_gets_the_reason_that_our_decoder_finds() {
        let (payload, rejection) = kept(&first(b"{\"a\":1}"));
        assert_eq!(payload.unwrap(), b"{\"a\":1}");
        assert_eq!(rejection.reason, Reason::UnknownMarker);
        for told in [
            "invalid_format: Invalid compression header byte 0x7b",
            "from dashstream-events/3 offset 17",
            "trace_id t",
        ] {
            assert!(rejection.detail.contains(told), "{}", rejection.detail);
        }
    }

    #[test]
    fn a_letter_of_a_producer_whose_payload_can_be_read_is_forwarded() {
        let mut json = first(&[0, 0x0a, 2, 0x0a, 0]);
        json["source_partition"] = (-1).into();
        json["source_offset"] = (-1).into();
        json["error_type"] = "kafka_send_error".into();
        let (_, rejection) = kept(&json);
        assert_eq!(rejection.reason, Reason::Forwarded, "{}", rejection.detail);
        assert!(rejection.detail.contains("on its way to dashstream-events"));
    }

    #[test]
    fn a_cut_payload_is_kept_as_a_part() {
        let mut json = first(b"abc");
        json["original_payload_size_bytes"] = 600_000.into();
        json["original_payload_included_bytes"] = 524_288.into();
        json["original_payload_truncated"] = true.into();
        json["original_payload_sha256"] = "00".into();
        let (payload, rejection) = kept(&json);
        assert_eq!(payload.unwrap(), b"abc");
        assert_eq!(rejection.reason, Reason::ForwardedPart);
        assert!(
            rejection.detail.contains("3 of 600000 bytes"),
            "{}",
            rejection.detail
        );
    }

    #[test]
    fn the_second_form_is_checked_against_its_hash() {
        let json = |payload: Value, hash: &str| {
            serde_json::json!({
                "trace_id": "t", "timestamp": "x", "error": "e", "error_type": "invalid_protobuf",
                "payload_sha256": hash, "original_payload_base64": payload,
                "payload_truncation_note": null, "message_size": 3,
                "kafka_partition": 0, "kafka_offset": 5, "thread_id": null, "tenant_id": null,
            })
        };
        let whole = json(STANDARD.encode(b"\0ab").into(), &letter::sha256(b"\0ab"));
        assert_ne!(kept(&whole).1.reason, Reason::ForwardedPart);
        let wrong = json(STANDARD.encode(b"\0ab").into(), &letter::sha256(b"other"));
        assert_eq!(kept(&wrong).1.reason, Reason::ForwardedPart);
        let (payload, rejection) = kept(&json(Value::Null, "00"));
        assert_eq!((payload, rejection.reason), (None, Reason::ForwardedPart));
    }

    #[test]
    fn what_is_no_letter_is_none() {
        for value in [
            "",
            "{}",
            "[1]",
            "{\"error\":\"x\"}",
            "{\"source_topic\":\"t\"}",
            "\0\x0a",
        ] {
            assert_eq!(ForeignLetter::parse(value.as_bytes()), None, "{value:?}");
        }
    }
}
