use std::collections::{HashMap, HashSet};

use prost::Message as _;
use quipu_proto::message::dash_stream_message::Message;
use quipu_proto::message::diff_operation::OpType;
use quipu_proto::message::{AttributeValue, DashStreamMessage, Event, StateDiff, attribute_value};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::*;

/// What a payload holds.
fn decode(payload: &[u8]) -> DashStreamMessage {
    match payload[0] {
        0 => DashStreamMessage::decode(&payload[1..]).unwrap(),
        1 => {
            let protobuf = zstd::bulk::decompress(&payload[1..], 1 << 20).unwrap();
            DashStreamMessage::decode(protobuf.as_slice()).unwrap()
        }
        marker => panic!("marker {marker}"),
    }
}

/// Fails unless the numbers of each thread run from 1 without a gap, in order.
fn check_numbers<'a>(messages: impl Iterator<Item = &'a DashStreamMessage>) {
    let mut next: HashMap<String, u64> = HashMap::new();
    for message in messages {
        let mut copy = message.clone();
        let unnumbered = match message.message {
            Some(Message::EventBatch(_) | Message::ExecutionTrace(_)) => 1,
            _ => 0,
        };
        let headers = headers_mut(&mut copy);
        assert!(headers[..unnumbered].iter().all(|header| header.sequence == 0));
        for header in &headers[unnumbered..] {
            let expected = next.entry(header.thread_id.clone()).or_insert(1);
            assert_eq!(header.sequence, *expected, "thread {}", header.thread_id);
            *expected += 1;
        }
    }
}

fn fleet(seed: u64, messages: u64) -> Fleet {
    Fleet::new(FleetOptions {
        seed,
        messages: Some(messages),
        ..FleetOptions::default()
    })
}

fn canonical(seed: u64, messages: u64) -> Canonical {
    Canonical::new(CanonicalOptions {
        seed,
        messages,
        ..CanonicalOptions::default()
    })
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_other_ones() {
    let bytes = |seed| -> Vec<Vec<u8>> {
        fleet(seed, 1_500)
            .map(|sent| sent.payload(Compression::default()))
            .collect()
    };
    assert_eq!(bytes(7), bytes(7));
    assert_ne!(bytes(7), bytes(8));
    let records = |seed| canonical(seed, 3_000).collect::<Vec<_>>();
    assert_eq!(records(7), records(7));
    assert_ne!(records(7), records(8));
}

#[test]
fn every_message_of_the_fleet_decodes_and_is_keyed_by_its_thread() {
    for sent in fleet(2, 3_000) {
        let mut decoded = decode(&sent.payload(Compression::default()));
        let header = headers_mut(&mut decoded).remove(0).clone();
        assert_eq!(header.thread_id, sent.key);
        assert_eq!(header.message_id.len(), 16);
        assert_eq!(header.schema_version, 1);
        assert_eq!(header.r#type, Kind::of(&sent.message).unwrap().number());
        assert_eq!(sent.partition, (crc32fast::hash(sent.key.as_bytes()) % 4) as i32);
        assert_eq!(decode(&sent.payload(Compression::None)), sent.message);
    }
}

#[test]
fn a_fleet_numbers_each_thread_from_one_and_its_times_advance() {
    let sent: Vec<Sent> = fleet(3, 20_000).collect();
    check_numbers(sent.iter().map(|sent| &sent.message));
    assert!(sent.is_sorted_by_key(|sent| sent.time_us));
    assert!(sent[0].time_us >= START_TIME_US);
    let ids: HashSet<Vec<u8>> = sent
        .iter()
        .flat_map(|sent| {
            let mut copy = sent.message.clone();
            headers_mut(&mut copy)
                .into_iter()
                .map(|header| header.message_id.clone())
                .collect::<Vec<_>>()
        })
        .collect();
    assert!(ids.len() >= sent.len());
}

#[test]
fn a_fleet_writes_all_nine_kinds_and_what_goes_wrong() {
    let sent: Vec<Sent> = fleet(4, 20_000).collect();
    for kind in Kind::ALL {
        assert!(
            sent.iter().any(|sent| Kind::of(&sent.message) == Some(kind)),
            "{kind:?}"
        );
    }
    let types: HashSet<i32> = sent
        .iter()
        .flat_map(|sent| events(&sent.message))
        .map(|event| event.event_type)
        .collect();
    for event_type in [
        1, 2, 3, 10, 11, 12, 20, 21, 22, 23, 30, 31, 32, 33, 40, 41, 42, 50, 60, 61, 70, 71, 80, 81, 82, 83,
    ] {
        assert!(types.contains(&event_type), "event type {event_type}");
    }
}

#[test]
fn a_fleet_with_an_end_lets_its_runs_come_to_theirs() {
    let sent: Vec<Sent> = fleet(5, 2_000).collect();
    assert!(sent.len() > 2_000);
    let mut open: HashMap<&str, i64> = HashMap::new();
    for sent in &sent {
        for event in events(&sent.message) {
            // Starts count up; ends, errors and failed nodes, after which nothing may come, close.
            *open.entry(&sent.key).or_default() = match event.event_type {
                1 => 1,
                2 | 3 | 12 => 0,
                _ => open.get(sent.key.as_str()).copied().unwrap_or_default(),
            };
        }
    }
    assert!(open.values().all(|open| *open == 0));
}

/// Events of a message: one, those of a batch, or none.
fn events(message: &DashStreamMessage) -> &[Event] {
    match &message.message {
        Some(Message::Event(event)) => std::slice::from_ref(event),
        Some(Message::EventBatch(batch)) => &batch.events,
        _ => &[],
    }
}

/// Applies operations whose paths have one or two parts.
fn apply(state: &mut Value, diff: &StateDiff) {
    for operation in &diff.operations {
        let (parent, key) = operation.path.rsplit_once('/').unwrap();
        let value = || serde_json::from_slice::<Value>(&operation.value).unwrap();
        match (state.pointer_mut(parent).unwrap(), operation.op()) {
            (Value::Object(fields), OpType::Add) => assert_eq!(fields.insert(key.to_owned(), value()), None),
            (Value::Object(fields), OpType::Replace) => {
                assert!(fields.insert(key.to_owned(), value()).is_some())
            }
            (Value::Object(fields), OpType::Remove) => assert!(fields.remove(key).is_some()),
            (Value::Array(list), OpType::Add) => {
                assert_eq!(key.parse(), Ok(list.len()));
                list.push(value());
            }
            (parent, op) => panic!("{op:?} of {} in {parent}", operation.path),
        }
    }
}

#[test]
fn diffs_lead_from_the_initial_state_to_states_with_the_hashes_they_state() {
    let mut states: HashMap<String, Value> = HashMap::new();
    let (mut whole, mut stepwise, mut checkpoints) = (0, 0, 0);
    for sent in fleet(6, 10_000) {
        for event in events(&sent.message) {
            if let Some(AttributeValue {
                value: Some(attribute_value::Value::StringValue(json)),
            }) = event.attributes.get("initial_state_json")
            {
                states.insert(sent.key.clone(), serde_json::from_str(json).unwrap());
            }
        }
        match &sent.message.message {
            Some(Message::StateDiff(diff)) => {
                let state = states.get_mut(&sent.key).unwrap();
                if diff.full_state.is_empty() {
                    apply(state, diff);
                    stepwise += usize::from(!diff.operations.is_empty());
                } else {
                    *state = serde_json::from_slice(&diff.full_state).unwrap();
                    whole += 1;
                }
                assert_eq!(
                    Sha256::digest(state::canonical(state)).as_slice(),
                    diff.state_hash
                );
            }
            Some(Message::Checkpoint(checkpoint)) => {
                let json = match &checkpoint.compression_info {
                    Some(info) => {
                        zstd::bulk::decompress(&checkpoint.state, info.uncompressed_size as usize).unwrap()
                    }
                    None => checkpoint.state.clone(),
                };
                assert_eq!(Sha256::digest(&json).as_slice(), checkpoint.checksum);
                assert_eq!(serde_json::from_slice::<Value>(&json).unwrap(), states[&sent.key]);
                checkpoints += 1;
            }
            _ => {}
        }
    }
    assert!(
        whole > 10 && stepwise > 100 && checkpoints > 10,
        "{whole} {stepwise} {checkpoints}"
    );
}

#[test]
fn the_canonical_mix_is_within_two_percent_after_50_000_messages() {
    for seed in [1, 2] {
        let mut workload = canonical(seed, 50_000);
        let mut counts: HashMap<Kind, (f64, f64)> = HashMap::new();
        let mut zstd = 0.0;
        let mut messages = Vec::new();
        for record in &mut workload {
            let message = decode(&record.payload);
            let entry = counts.entry(record.kind).or_default();
            entry.0 += 1.0;
            entry.1 += message.encoded_len() as f64;
            assert_eq!(message.encoded_len(), record.protobuf_bytes);
            assert_eq!(record.partition, partition_of(&record.key, 4));
            let mut copy = message.clone();
            for header in headers_mut(&mut copy) {
                assert_eq!(header.compression, i32::from(record.payload[0] == 1));
            }
            zstd += f64::from(record.payload[0]);
            messages.push(message);
        }
        check_numbers(messages.iter());
        let within = |value: f64, aim: f64| (value / aim - 1.0).abs() <= 0.02;
        for kind in Kind::ALL {
            let (count, bytes) = counts[&kind];
            assert!(
                within(count / 50_000.0, Mix::share(kind)),
                "seed {seed}: {count} of {kind:?}"
            );
            let mean = bytes / count;
            assert!(
                within(mean, Mix::mean(kind)),
                "seed {seed}: mean {mean} of {kind:?}"
            );
        }
        assert!(
            within(zstd / 50_000.0, ZSTD_SHARE),
            "seed {seed}: {zstd} with zstd"
        );
    }
}
