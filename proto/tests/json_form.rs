//! Documents against those of the reference: value for value, and keys in the order in which they read well.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::fmt;

use common::{fixture, unhex};
use quipu_proto::frames::FramesReader;
use quipu_proto::json_form::{JsonForm, indent};
use quipu_proto::{Decoder, Policy};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::{Deserializer as JsonReader, Value};

/// The keys of an object in their order.
struct Keys(Vec<String>);

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Keys;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
                let mut keys = Vec::new();
                while let Some((key, IgnoredAny)) = map.next_entry()? {
                    keys.push(key);
                }
                Ok(Keys(keys))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

#[derive(Deserialize)]
struct WithHeader {
    header: Option<Keys>,
}

const HEADER: &str =
    "message_id timestamp_us timestamp_iso tenant_id thread_id sequence type parent_id schema_version";

/// The keys of a document after `type` and `header`, in logical order.
fn own_keys(kind: &str) -> &'static str {
    match kind {
        "Event" => "event_type node_id attributes duration_us duration_ms llm_request_id",
        "StateDiff" => "base_checkpoint_id operations_count state_hash",
        "TokenChunk" => "request_id text chunk_index is_final model stats",
        "ToolExecution" => {
            "call_id tool_name stage arguments result error duration_us duration_ms retry_count"
        }
        "Checkpoint" => "checkpoint_id state_type state_size_bytes",
        "Metrics" => "scope scope_id metrics tags",
        "Error" => "error_code message severity exception_type context suggestions",
        "EventBatch" => "event_count",
        "ExecutionTrace" => {
            "execution_id thread_id total_duration_ms total_tokens completed nodes_count errors_count"
        }
        other => panic!("no type {other}"),
    }
}

fn assert_order(line: &str) {
    let Keys(keys) = serde_json::from_str(line).unwrap();
    let document: Value = serde_json::from_str(line).unwrap();
    let own = own_keys(document["type"].as_str().unwrap());
    assert_eq!(keys.join(" "), format!("type header {own}"));
    let WithHeader { header } = serde_json::from_str(line).unwrap();
    if let Some(Keys(header)) = header {
        assert_eq!(header.join(" "), HEADER);
    }
}

/// The documents of a frames file, without the records that the policy refuses.
fn documents(frames: &[u8], policy: Policy) -> Vec<u8> {
    let mut decoder = Decoder::new(policy).for_display();
    let mut out = Vec::new();
    for frame in FramesReader::new(frames) {
        if let Ok(decoded) = decoder.decode(Some(frame.unwrap().payload)) {
            assert_eq!(JsonForm::default().write(&decoded, &mut out), 1);
        }
    }
    out
}

#[test]
fn every_message_of_the_small_recording_is_the_document_of_the_reference() {
    let expected = String::from_utf8(fixture("parsed.jsonl")).unwrap();
    let found = String::from_utf8(documents(&fixture("small.frames"), Policy::Strict)).unwrap();
    assert_eq!(found.lines().count(), 2_090);
    assert_eq!(expected.lines().count(), 2_090);
    for (number, (found, expected)) in found.lines().zip(expected.lines()).enumerate() {
        assert_order(found);
        let (found, expected): (Value, Value) = (
            serde_json::from_str(found).unwrap(),
            serde_json::from_str(expected).unwrap(),
        );
        assert_eq!(found, expected, "message {number}");
    }
}

#[test]
fn spread_over_lines_the_first_sixty_are_those_that_the_reference_prints() {
    let mut found = Vec::new();
    indent(&documents(&fixture("small.frames"), Policy::Strict), &mut found);
    let expected = fixture("parsed.pretty60.txt");
    let values = |bytes: &[u8]| -> Vec<Value> {
        JsonReader::from_slice(bytes)
            .into_iter()
            .map(Result::unwrap)
            .take(60)
            .collect()
    };
    assert_eq!(values(&expected).len(), 60);
    assert_eq!(values(&found), values(&expected));
    // The same lines too, but for the order of keys and the comma after the last one.
    let lines = |bytes: &[u8], count: usize| {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let mut lines: Vec<String> = text
            .lines()
            .take(count)
            .map(|line| line.trim_end_matches(',').to_owned())
            .collect();
        lines.sort_unstable();
        lines
    };
    let count = String::from_utf8(expected.clone()).unwrap().lines().count();
    assert_eq!(lines(&found, count), lines(&expected, count));
}

#[test]
fn every_vector_that_is_accepted_is_the_document_of_the_reference() {
    let vectors: Vec<Value> = serde_json::from_slice(&fixture("vectors.json")).unwrap();
    let mut decoder = Decoder::new(Policy::Strict).for_display();
    let mut accepted = 0;
    for vector in &vectors {
        let payload = unhex(vector["hex"].as_str().unwrap());
        let decoded = decoder.decode(Some(&payload));
        let Some(expected) = vector.get("expected") else {
            assert!(decoded.is_err(), "{}", vector["name"]);
            continue;
        };
        let mut out = Vec::new();
        JsonForm::default().write(&decoded.unwrap(), &mut out);
        let line = String::from_utf8(out).unwrap();
        assert_eq!(line.lines().count(), 1, "{}", vector["name"]);
        assert_order(&line);
        assert_eq!(
            serde_json::from_str::<Value>(&line).unwrap(),
            *expected,
            "{}",
            vector["name"]
        );
        accepted += 1;
    }
    assert_eq!(accepted, 44);
}

#[test]
fn one_line_holds_one_document_whatever_producers_send() {
    let found = documents(&fixture("faulty.frames"), Policy::Forward);
    let lines = String::from_utf8(found.clone()).unwrap();
    let mut count = 0;
    for line in lines.lines() {
        assert_order(line);
        count += 1;
    }
    assert!(count > 4_000);
    assert!(
        lines.contains("\"header\":null"),
        "the policy lets messages without a header through"
    );
    let mut spread = Vec::new();
    indent(&found, &mut spread);
    let again: Vec<Value> = JsonReader::from_slice(&spread)
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert_eq!(again.len(), count);
}
