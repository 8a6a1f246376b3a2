#![allow(clippy::unwrap_used)]

use super::*;
use prost::encoding::{encode_key, encode_varint};

fn bytes_field(number: u32, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    encode_key(number, prost::encoding::WireType::LengthDelimited, &mut out);
    encode_varint(content.len() as u64, &mut out);
    out.extend_from_slice(content);
    out
}

fn number_field(number: u32, value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    encode_key(number, prost::encoding::WireType::Varint, &mut out);
    encode_varint(value, &mut out);
    out
}

fn collect(envelope: &[Vec<u8>]) -> UnknownFields {
    UnknownFields::collect(&envelope.concat())
}

#[test]
fn fields_of_envelope_message_and_header_stand_alone_in_their_places() {
    let header = [number_field(5, 9), number_field(90, 1)].concat();
    let event = [
        bytes_field(1, &header),
        bytes_field(3, b"node"),
        number_field(91, 2),
    ]
    .concat();
    let unknown = collect(&[bytes_field(1, &event), number_field(92, 3)]);
    let kept_event = [bytes_field(1, &number_field(90, 1)), number_field(91, 2)].concat();
    assert_eq!(
        unknown.message,
        [number_field(92, 3), bytes_field(1, &kept_event)].concat()
    );
    assert!(unknown.events.is_empty());
}

#[test]
fn a_nested_field_is_kept_whole_when_it_holds_something_unknown() {
    let plain = bytes_field(4, &bytes_field(1, b"plain"));
    let value = [bytes_field(1, b"text"), number_field(90, 1)].concat();
    let odd = bytes_field(4, &[bytes_field(1, b"odd"), bytes_field(2, &value)].concat());
    let unknown = collect(&[bytes_field(1, &[plain, odd.clone()].concat())]);
    assert_eq!(unknown.message, bytes_field(1, &odd));
}

#[test]
fn something_unknown_is_found_at_every_depth_of_an_attribute() {
    let mut value = number_field(90, 1);
    for _ in 0..20 {
        let entry = bytes_field(2, &value);
        value = bytes_field(6, &bytes_field(1, &bytes_field(7, &bytes_field(1, &entry))));
    }
    let attribute = bytes_field(4, &bytes_field(2, &value));
    assert_eq!(
        collect(&[bytes_field(1, &attribute)]).message,
        bytes_field(1, &attribute)
    );
}

#[test]
fn each_event_of_a_batch_has_its_own() {
    let odd = |n| bytes_field(2, &[bytes_field(3, b"node"), number_field(90, n)].concat());
    let plain = bytes_field(2, &bytes_field(3, b"node"));
    let batch = bytes_field(8, &[odd(1), plain, odd(2), number_field(91, 3)].concat());
    let unknown = collect(&[batch]);
    assert_eq!(unknown.message, bytes_field(8, &number_field(91, 3)));
    let kept = |n| bytes_field(1, &number_field(90, n));
    assert_eq!(unknown.events, [kept(1), Vec::new(), kept(2)]);
}

#[test]
fn what_another_member_of_the_oneof_replaced_is_not_kept() {
    let event = |n| bytes_field(1, &number_field(90, n));
    let diff = |n| bytes_field(2, &number_field(90, n));
    assert_eq!(
        collect(&[event(1), diff(2), event(3), event(4)]).message,
        [event(3), event(4)].concat()
    );
}

#[test]
fn groups_are_kept_with_their_end() {
    let group = [&[0xa3, 0x06][..], &number_field(1, 5), &[0xa4, 0x06]].concat();
    assert_eq!(collect(&[bytes_field(7, &group)]).message, bytes_field(7, &group));
}

/// The numbers of fields are listed twice: here from the schema file itself.
#[test]
fn every_field_of_the_schema_is_known_and_the_next_number_is_not() {
    let kinds = [
        (Kind::Envelope, "DashStreamMessage"),
        (Kind::Header, "Header"),
        (Kind::Event, "Event"),
        (Kind::EventBatch, "EventBatch"),
        (Kind::StateDiff, "StateDiff"),
        (Kind::DiffOperation, "DiffOperation"),
        (Kind::TokenChunk, "TokenChunk"),
        (Kind::TokenStats, "TokenStats"),
        (Kind::ToolExecution, "ToolExecution"),
        (Kind::Checkpoint, "Checkpoint"),
        (Kind::CompressionInfo, "CompressionInfo"),
        (Kind::Metrics, "Metrics"),
        (Kind::MetricValue, "MetricValue"),
        (Kind::Error, "Error"),
        (Kind::ExecutionTrace, "ExecutionTrace"),
        (Kind::NodeRecord, "NodeExecutionRecord"),
        (Kind::ErrorRecord, "ErrorRecord"),
        (Kind::AttributeValue, "AttributeValue"),
        (Kind::AttributeArray, "AttributeArray"),
        (Kind::AttributeMap, "AttributeMap"),
    ];
    let scalars = [
        "string", "bytes", "int64", "uint64", "uint32", "double", "float", "bool",
    ];
    let schema = include_str!("../../schema/dashstream.proto");
    for (kind, name) in kinds {
        let (_, body) = schema.split_once(&format!("message {name} {{")).unwrap();
        let body = body.split_once("\n}").unwrap().0;
        // Enums inside a message number their values, not its fields.
        let mut fields = Vec::new();
        let mut in_enum = false;
        for line in body.lines().map(str::trim) {
            in_enum = (in_enum || line.starts_with("enum ")) && !line.starts_with('}');
            if in_enum || line.starts_with("enum ") {
                continue;
            }
            let line = line.split("//").next().unwrap();
            if let Some((declaration, number)) = line.split_once(" = ") {
                let number: u32 = number.trim().trim_end_matches(';').parse().unwrap();
                fields.push((declaration.to_owned(), number));
            }
        }
        assert!(!fields.is_empty(), "{name}");
        for (declaration, number) in &fields {
            // Events of a batch are taken apart before they are looked up.
            if (kind, *number) == (Kind::EventBatch, BATCH_EVENTS) {
                continue;
            }
            let is_nested = match kind.field(*number) {
                Field::Unknown => panic!("{name}.{declaration} is unknown"),
                Field::Scalar => false,
                Field::Path(_) | Field::Nested(_) => true,
            };
            let type_name = declaration
                .trim_start_matches("repeated ")
                .split(' ')
                .next()
                .unwrap();
            let is_message = declaration.starts_with("map<")
                || (!scalars.contains(&type_name) && !schema.contains(&format!("enum {type_name} {{")));
            assert_eq!(is_nested, is_message, "{name}.{declaration}");
        }
        let last = fields.iter().map(|(_, number)| *number).max().unwrap();
        assert_eq!(
            last,
            u32::try_from(fields.len()).unwrap(),
            "{name} has holes in its numbers"
        );
        assert!(
            matches!(kind.field(last + 1), Field::Unknown),
            "{name} field {}",
            last + 1
        );
    }
}
