//! The recorded fixtures, record by record.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{Rows, Store, fixture};
use quipu_proto::frames::FramesReader;
use quipu_proto::message::EventType;
use quipu_proto::{Policy, Reason, Table};
use serde_json::Value;

fn json(name: &str) -> Value {
    serde_json::from_slice(&fixture(name)).unwrap()
}

fn payloads(file: &[u8]) -> Vec<&[u8]> {
    FramesReader::new(file)
        .map(|frame| frame.unwrap().payload)
        .collect()
}

/// Messages by type as the reference names them: distinct records, as one Metrics message becomes several rows.
fn messages_by_type(rows: &Rows) -> BTreeMap<&'static str, u64> {
    let tables = [
        ("Checkpoint", Table::Checkpoints),
        ("Error", Table::Errors),
        ("EventBatch", Table::EventBatches),
        ("ExecutionTrace", Table::ExecutionTraces),
        ("Metrics", Table::Metrics),
        ("StateDiff", Table::StateDiffs),
        ("TokenChunk", Table::TokenChunks),
        ("ToolExecution", Table::ToolExecutions),
    ];
    let offsets = |table| {
        rows.of(table)
            .iter()
            .map(|row| row.int("offset").unwrap())
            .collect::<BTreeSet<_>>()
    };
    let mut counts: BTreeMap<_, _> = tables
        .map(|(name, table)| (name, offsets(table).len() as u64))
        .into();
    // Events of batches are counted with their batch.
    let batches = offsets(Table::EventBatches);
    counts.insert(
        "Event",
        offsets(Table::Events).difference(&batches).count() as u64,
    );
    counts.retain(|_, count| *count > 0);
    counts
}

fn counts(value: &Value) -> BTreeMap<&str, u64> {
    value
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, count)| (name.as_str(), count.as_u64().unwrap()))
        .collect()
}

#[test]
fn every_message_of_small_frames_is_counted_under_every_policy() {
    let file = fixture("small.frames");
    let summary = json("small.summary.json");
    for policy in Policy::ALL {
        let mut store = Store::new(policy);
        for payload in payloads(&file) {
            store.add(Some(payload)).unwrap();
        }
        let rows = store.finish();
        assert_eq!(messages_by_type(&rows), counts(&summary["message_types"]));

        let mut by_event_type = BTreeMap::<String, u64>::new();
        for row in rows.of(Table::Events) {
            let name = format!("EVENT_TYPE_{}", row.text("event_type").unwrap());
            let number = EventType::from_str_name(&name).unwrap() as i32;
            *by_event_type.entry(number.to_string()).or_default() += 1;
        }
        let expected: BTreeMap<_, _> = counts(&summary["events_by_type_number_including_those_in_batches"])
            .into_iter()
            .collect();
        assert_eq!(
            by_event_type
                .iter()
                .map(|(name, count)| (name.as_str(), *count))
                .collect::<BTreeMap<_, _>>(),
            expected
        );
    }
}

#[test]
fn every_message_of_small_frames_has_the_values_that_prost_reads() {
    let file = fixture("small.frames");
    let (mut protobuf_bytes, mut zstd_framed) = (0, 0);
    for payload in payloads(&file) {
        let rows = common::decode(Policy::Strict, payload).unwrap();
        common::expected::assert_rows(&common::raw::prost_decode(payload), &rows);
        protobuf_bytes += common::raw::unframe(payload).len();
        zstd_framed += usize::from(payload[0] == 1);
    }
    let summary = json("small.summary.json");
    assert_eq!(summary["protobuf_bytes"], protobuf_bytes);
    assert_eq!(summary["zstd_framed"], zstd_framed);
}

#[test]
fn states_that_are_not_stored_elsewhere_are_json_with_the_right_checksum() {
    let file = fixture("small.frames");
    let mut store = Store::new(Policy::Strict);
    for payload in payloads(&file) {
        store.add(Some(payload)).unwrap();
    }
    let mut here = 0;
    for row in store.finish().of(Table::Checkpoints) {
        let elsewhere = !row.is_null("storage_uri");
        assert_eq!(row.is_null("state"), elsewhere);
        assert!(row.is_null("state_bytes"));
        assert_eq!(row.bool("checksum_ok"), (!elsewhere).then_some(true));
        here += usize::from(!elsewhere);
    }
    assert!(here > 5, "{here} states");
}

/// The policy's name in the truth file.
fn reference_name(policy: Policy) -> &'static str {
    match policy {
        Policy::Strict => "strict_exact",
        Policy::Compatible => "compatible_exact",
        Policy::Forward => "compatible_forward",
    }
}

#[test]
fn faulty_frames_are_accepted_and_refused_as_the_reference_does() {
    let file = fixture("faulty.frames");
    let truth = json("faulty.truth.json");
    for policy in Policy::ALL {
        let reference = &truth["reference"][reference_name(policy)];
        let mut store = Store::new(policy);
        let mut refused = 0;
        for payload in payloads(&file) {
            refused += u64::from(store.add(Some(payload)).is_err());
        }
        let rows = store.finish();
        let mut expected = counts(&reference["decoded_types"]);
        // An envelope without a message of a known type is handed on by the laxer reference; here it is a dead letter.
        let empty = expected.remove("Empty").unwrap_or_default();
        assert_eq!(messages_by_type(&rows), expected, "{policy}");
        assert_eq!(
            refused,
            reference["rejected"].as_u64().unwrap() + empty,
            "{policy}"
        );
        assert_eq!(rows.of(Table::DeadLetters).len() as u64, refused, "{policy}");
    }
}

#[test]
fn each_kind_of_injected_fault_becomes_a_dead_letter_for_its_reason() {
    let file = fixture("faulty.frames");
    let truth = json("faulty.truth.json");
    let payloads = payloads(&file);
    let mut kinds = BTreeSet::new();
    for fault in truth["payload"]["corrupt"].as_array().unwrap() {
        let kind = fault["kind"].as_str().unwrap();
        let payload = payloads[usize::try_from(fault["frame"].as_u64().unwrap()).unwrap()];
        assert_eq!(fault["payload_len"], payload.len());
        for policy in Policy::ALL {
            let reason = common::decode(policy, payload)
                .err()
                .map(|rejection| rejection.reason);
            let strict = policy == Policy::Strict;
            let expected: &[Option<Reason>] = match kind {
                "zstd_garbage" | "zstd_truncated" | "zstd_bad_magic" => &[Some(Reason::Decompression)],
                "zstd_bomb" => &[Some(Reason::ExpansionLimit)],
                "protobuf_truncated"
                | "protobuf_bad_wire_type"
                | "protobuf_bad_utf8"
                | "protobuf_overlong_length" => &[Some(Reason::Protobuf)],
                "empty_payload" => &[Some(Reason::Empty)],
                "header_only" | "future_message_type" => &[Some(Reason::NoKnownMessage)],
                "legacy_unframed" | "legacy_zstd" if strict => &[Some(Reason::UnknownMarker)],
                "missing_header" if strict => &[Some(Reason::MissingHeader)],
                "legacy_unframed" | "legacy_zstd" | "missing_header" => &[None],
                // 02 is our marker for LZ4.
                "unknown_header_byte" if payload[0] == 2 => &[Some(Reason::Decompression)],
                "unknown_header_byte" | "random_bytes" | "json_text" if strict => &[
                    Some(Reason::UnknownMarker),
                    Some(Reason::Decompression),
                    Some(Reason::Protobuf),
                ],
                "unknown_header_byte" | "random_bytes" | "json_text" => {
                    &[Some(Reason::Protobuf), Some(Reason::Decompression)]
                }
                other => panic!("unknown kind {other}"),
            };
            assert!(expected.contains(&reason), "{kind} under {policy}: {reason:?}");
        }
        kinds.insert(kind);
    }
    assert_eq!(kinds.len(), 17);
}

#[test]
fn injected_unknown_fields_are_kept() {
    let file = fixture("faulty.frames");
    let truth = json("faulty.truth.json");
    let payloads = payloads(&file);
    let faults = truth["payload"]["unknown_fields"].as_array().unwrap();
    assert_eq!(faults.len(), 50);
    for fault in faults {
        let payload = payloads[usize::try_from(fault["frame"].as_u64().unwrap()).unwrap()];
        let rows = common::decode(Policy::Forward, payload).unwrap();
        let kept = rows
            .batches()
            .iter()
            .flat_map(|(table, _)| rows.of(*table))
            .any(|row| !row.is_null("unknown_fields"));
        assert!(kept, "{fault}");
    }
}

#[test]
fn injected_unknown_enum_numbers_are_shown_with_their_number() {
    let file = fixture("faulty.frames");
    let truth = json("faulty.truth.json");
    let payloads = payloads(&file);
    for fault in truth["payload"]["unknown_enum"].as_array().unwrap() {
        let payload = payloads[usize::try_from(fault["frame"].as_u64().unwrap()).unwrap()];
        let rows = common::decode(Policy::Strict, payload).unwrap();
        common::expected::assert_rows(&common::raw::prost_decode(payload), &rows);
        let names = [
            "header_type",
            "header_compression",
            "event_type",
            "stage",
            "severity",
            "finish_reason",
            "metric_type",
        ];
        let shown = rows
            .batches()
            .iter()
            .flat_map(|(table, _)| rows.of(*table))
            .any(|row| {
                names.iter().any(|name| {
                    row.has(name) && row.text(name).is_some_and(|text| text.starts_with("UNKNOWN("))
                })
            });
        assert!(shown, "{fault}");
    }
}
