//! prost is the reference: what it accepts becomes rows with its values, what it refuses is refused.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use common::raw::{self, RawField};
use common::{Rows, decode, expected, generate, rebuild};
use proptest::prelude::*;
use proptest::sample::Index;
use prost::Message as _;
use quipu_proto::framing::{self, Compression};
use quipu_proto::message::dash_stream_message::Message;
use quipu_proto::message::{DashStreamMessage, Event, EventBatch, Header};
use quipu_proto::{Policy, Reason};

fn config() -> ProptestConfig {
    // No files beside the sources: a failing input is printed, and becomes a test of its own.
    ProptestConfig {
        cases: 1_500,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn plain(protobuf: &[u8]) -> Vec<u8> {
    [&[framing::MARKER_PLAIN], protobuf].concat()
}

/// Decodes both ways and compares. `Forward` accepts every header and none, so that prost alone decides.
fn assert_as_prost(protobuf: &[u8]) -> Option<Rows> {
    let decoded = decode(Policy::Forward, &plain(protobuf));
    match (DashStreamMessage::decode(protobuf), decoded) {
        (Ok(message), Ok(rows)) => {
            expected::assert_rows(&message, &rows);
            Some(rows)
        }
        (Ok(DashStreamMessage { message: None }), Err(rejection)) => {
            assert_eq!(rejection.reason, Reason::NoKnownMessage);
            None
        }
        (Ok(message), Err(rejection)) => panic!("refused ({rejection}), but prost reads {message:?}"),
        (Err(error), Ok(_)) => panic!("accepted, but prost refuses: {error}"),
        (Err(_), Err(rejection)) => {
            assert!(
                matches!(rejection.reason, Reason::Protobuf | Reason::Nesting),
                "{rejection:?}"
            );
            None
        }
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn columns_hold_what_prost_encoded(message in generate::message()) {
        let protobuf = message.encode_to_vec();
        let rows = decode(Policy::Forward, &plain(&protobuf)).unwrap();
        // Read back, as prost does not write a field that is -0.0.
        expected::assert_rows(&DashStreamMessage::decode(&*protobuf).unwrap(), &rows);
        prop_assert!(rows.batches().iter().flat_map(|(table, _)| rows.of(*table)).all(|row| row.is_null("unknown_fields")));
    }

    #[test]
    fn a_message_can_be_rebuilt_from_its_rows(message in generate::message()) {
        let rows = decode(Policy::Forward, &plain(&message.encode_to_vec())).unwrap();
        let rebuilt = rebuild::message(&rows);
        let message = rebuild::normalize(message);
        // Encodings compare NaN by its bits.
        prop_assert_eq!(rebuilt.encode_to_vec(), message.encode_to_vec(), "{:?} became {:?}", message, rebuilt);
    }

    #[test]
    fn every_compression_gives_the_same_rows(message in generate::message(), threshold_bytes in 0_usize..600) {
        for compression in [
            Compression::None,
            Compression::Zstd { level: 3, threshold_bytes },
            Compression::Lz4 { threshold_bytes },
        ] {
            let value = framing::encode(&message, compression);
            let rows = decode(Policy::Forward, &value).unwrap();
            let noted = raw::prost_decode(&value);
            expected::assert_rows(&noted, &rows);
            if value[0] == framing::MARKER_PLAIN {
                prop_assert_eq!(noted.encode_to_vec(), message.encode_to_vec());
            } else {
                prop_assert!(value.len() < 1 + noted.encoded_len());
            }
        }
    }

    #[test]
    fn strict_readers_demand_a_header_of_version_1_on_the_message_and_on_each_event(
        mut message in generate::message(),
        version in 0_u32..4,
    ) {
        let headers: Vec<&mut Option<Header>> = match message.message.as_mut().unwrap() {
            Message::Event(event) => vec![&mut event.header],
            Message::StateDiff(diff) => vec![&mut diff.header],
            Message::TokenChunk(chunk) => vec![&mut chunk.header],
            Message::ToolExecution(execution) => vec![&mut execution.header],
            Message::Checkpoint(checkpoint) => vec![&mut checkpoint.header],
            Message::Metrics(metrics) => vec![&mut metrics.header],
            Message::Error(error) => vec![&mut error.header],
            Message::ExecutionTrace(trace) => vec![&mut trace.header],
            Message::EventBatch(batch) => {
                let EventBatch { header, events } = batch;
                std::iter::once(header).chain(events.iter_mut().map(|event| &mut event.header)).collect()
            }
        };
        let mut missing = false;
        let mut newer = false;
        for header in headers {
            match header {
                Some(header) => {
                    header.schema_version = version;
                    newer |= version > 1;
                }
                None => missing = true,
            }
        }
        let value = plain(&message.encode_to_vec());
        let reason = |policy| decode(policy, &value).err().map(|rejection| rejection.reason);
        prop_assert_eq!(reason(Policy::Forward), None);
        prop_assert_eq!(reason(Policy::Compatible), newer.then_some(Reason::SchemaVersion));
        match reason(Policy::Strict) {
            None => prop_assert!(!missing && !newer),
            Some(Reason::MissingHeader) => prop_assert!(missing),
            Some(Reason::SchemaVersion) => prop_assert!(newer),
            Some(other) => panic!("{other}"),
        }
    }

    #[test]
    fn changed_bytes_are_accepted_exactly_when_prost_accepts_them(
        message in generate::message(),
        changes in prop::collection::vec((any::<Index>(), any::<u8>()), 1..4),
        cut in prop::option::weighted(0.3, any::<Index>()),
    ) {
        let mut protobuf = message.encode_to_vec();
        if let Some(cut) = cut {
            protobuf.truncate(cut.index(protobuf.len() + 1));
        }
        for (at, byte) in changes {
            if !protobuf.is_empty() {
                let at = at.index(protobuf.len());
                protobuf[at] = byte;
            }
        }
        assert_as_prost(&protobuf);
    }

    #[test]
    fn arbitrary_bytes_are_accepted_exactly_when_prost_accepts_them(
        variant in 1_u32..12,
        body in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        assert_as_prost(&body);
        assert_as_prost(&RawField::bytes(variant, &body).encoded());
    }

    /// Fields twice, in another order, of another message of the same type, of another member of the oneof.
    #[test]
    fn rearranged_fields_are_merged_as_prost_merges_them(
        messages in prop::collection::vec(generate::message(), 2..4),
        same_type in any::<bool>(),
        steps in prop::collection::vec(step(), 0..6),
    ) {
        let mut all: Vec<RawField> =
            messages.iter().flat_map(|message| raw::split(&message.encode_to_vec()).unwrap()).collect();
        if same_type {
            // Two encodings of one type follow each other: prost merges them if they fit.
            let number = all[0].number;
            all.iter_mut().for_each(|field| field.number = number);
        }
        for step in &steps {
            rearrange(&mut all, step);
        }
        assert_as_prost(&raw::join(&all));
    }

    #[test]
    fn two_messages_of_one_type_are_merged_as_prost_merges_them(
        (first, second) in (generate::message(), generate::message())
    ) {
        let mut protobuf = first.encode_to_vec();
        second.encode(&mut protobuf).unwrap();
        first.encode(&mut protobuf).unwrap();
        assert_as_prost(&protobuf);
    }

    #[test]
    fn unknown_fields_at_any_level_change_no_value_and_are_kept(
        message in generate::message(),
        injections in prop::collection::vec((path(), unknown_field()), 1..4),
    ) {
        let known = message.encode_to_vec();
        let mut fields = raw::split(&known).unwrap();
        let mut injected = Vec::new();
        for (path, field) in &injections {
            descend(&mut fields, path, &mut |fields| fields.push(field.clone()));
            injected.push(field.encoded());
        }
        let protobuf = raw::join(&fields);
        // Where a text happened to look like a message, it is another text now, or none.
        prop_assume!(DashStreamMessage::decode(&*protobuf).is_ok_and(|read| read.encode_to_vec() == known));
        let rows = assert_as_prost(&protobuf).unwrap();
        let mut kept = Vec::new();
        for (table, _) in rows.batches() {
            for row in rows.of(*table) {
                let bytes = row.bytes("unknown_fields").unwrap_or_default();
                // What was kept is an envelope again, which a newer reader can decode.
                prop_assert!(DashStreamMessage::decode(&*bytes).is_ok());
                kept.extend(bytes);
            }
        }
        for field in injected {
            prop_assert!(raw::contains(&kept, &field), "{} is not in {}", common::hex(&field), common::hex(&kept));
        }
    }

    #[test]
    fn nesting_around_the_limit_is_accepted_exactly_when_prost_accepts_it(
        levels in 85_usize..105,
        kinds in prop::collection::vec(any::<bool>(), 60),
        groups in 0_usize..105,
        groups_at in 0_usize..3,
        in_batch in any::<bool>(),
    ) {
        // Below the envelope: the message, in a batch the event, the map entry, the value.
        let above = if in_batch { 4 } else { 3 };
        let mut value = RawField::varint(2, 7).encoded();
        let mut depth = above;
        for is_map in kinds {
            if depth >= levels {
                break;
            }
            value = if is_map {
                depth += 3;
                let entry = raw::join(&[RawField::bytes(1, b"k"), RawField::bytes(2, &value)]);
                RawField::bytes(7, &RawField::bytes(1, &entry).encoded()).encoded()
            } else {
                depth += 2;
                RawField::bytes(6, &RawField::bytes(1, &value).encoded()).encoded()
            };
        }
        let mut group = RawField::varint(100, 1);
        for _ in 0..groups {
            group = RawField::group(100, &[group]);
        }
        let mut entry = vec![RawField::bytes(1, b"a"), RawField::bytes(2, &value)];
        if groups_at == 0 {
            entry.push(group.clone());
        }
        let mut event = vec![RawField::bytes(4, &raw::join(&entry))];
        if groups_at == 1 {
            event.push(group.clone());
        }
        let event = raw::join(&event);
        let (variant, message) = if in_batch { (8, RawField::bytes(2, &event).encoded()) } else { (1, event) };
        let mut envelope = vec![RawField::bytes(variant, &message)];
        if groups_at == 2 {
            envelope.push(group);
        }
        assert_as_prost(&raw::join(&envelope));
    }
}

/// How to rearrange the fields of a message: at which depth, and what.
#[derive(Clone, Debug)]
enum Step {
    Duplicate(Vec<Index>, Index),
    Swap(Vec<Index>, Index, Index),
    Remove(Vec<Index>, Index),
    Renumber(Vec<Index>, Index, u32),
}

fn path() -> impl Strategy<Value = Vec<Index>> {
    prop::collection::vec(any::<Index>(), 0..8)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (path(), any::<Index>()).prop_map(|(path, at)| Step::Duplicate(path, at)),
        2 => (path(), any::<Index>(), any::<Index>()).prop_map(|(path, a, b)| Step::Swap(path, a, b)),
        1 => (path(), any::<Index>()).prop_map(|(path, at)| Step::Remove(path, at)),
        2 => (path(), any::<Index>(), 1_u32..12).prop_map(|(path, at, number)| Step::Renumber(path, at, number)),
    ]
}

fn rearrange(fields: &mut Vec<RawField>, step: &Step) {
    let (Step::Duplicate(path, _) | Step::Swap(path, ..) | Step::Remove(path, _) | Step::Renumber(path, ..)) =
        step;
    descend(fields, path, &mut |fields| {
        if fields.is_empty() {
            return;
        }
        match step {
            Step::Duplicate(_, at) => fields.push(fields[at.index(fields.len())].clone()),
            Step::Swap(_, a, b) => {
                let (a, b) = (a.index(fields.len()), b.index(fields.len()));
                fields.swap(a, b);
            }
            Step::Remove(_, at) => {
                fields.remove(at.index(fields.len()));
            }
            Step::Renumber(_, at, number) => {
                let at = at.index(fields.len());
                fields[at].number = *number;
            }
        }
    });
}

/// Changes the fields of a message somewhere below. Texts that look like messages are changed like messages: the
/// reference has to make the same of them.
fn descend(fields: &mut Vec<RawField>, path: &[Index], change: &mut dyn FnMut(&mut Vec<RawField>)) {
    if let Some((at, path)) = path.split_first()
        && !fields.is_empty()
    {
        let at = at.index(fields.len());
        let field = &mut fields[at];
        if field.wire_type == 2
            && !field.value.is_empty()
            && let Some(mut inner) = raw::split(&field.value)
        {
            descend(&mut inner, path, change);
            field.value = raw::join(&inner);
            return;
        }
    }
    change(fields);
}

/// Fields that no schema has yet, of every wire type. Each is long enough not to occur by chance.
fn unknown_field() -> impl Strategy<Value = RawField> {
    let number = prop_oneof![100_u32..300, Just(0x1fff_ffff_u32)];
    let leaf = (number.clone(), 0_u8..4, any::<u64>()).prop_map(|(number, kind, value)| match kind {
        0 => RawField::varint(number, value | 1 << 63),
        1 => RawField {
            number,
            wire_type: 1,
            value: value.to_le_bytes().to_vec(),
        },
        2 => RawField {
            number,
            wire_type: 5,
            value: value.to_le_bytes()[..4].to_vec(),
        },
        _ => RawField::bytes(number, format!("unknown {value}").as_bytes()),
    });
    leaf.prop_recursive(3, 6, 2, move |inner| {
        (number.clone(), prop::collection::vec(inner, 1..3))
            .prop_map(|(number, fields)| RawField::group(number, &fields))
    })
}

#[test]
fn messages_without_fields_are_rows() {
    for variant in 1..=9 {
        assert_as_prost(&RawField::bytes(variant, &[]).encoded()).unwrap();
    }
}

#[test]
fn a_member_of_the_oneof_that_a_later_one_replaces_must_still_be_well_formed() {
    let good = DashStreamMessage {
        message: Some(Message::Event(Event::default())),
    }
    .encode_to_vec();
    let bad_text = RawField::bytes(2, &RawField::bytes(2, b"\xff").encoded()).encoded();
    // state_diff.base_checkpoint_id is bytes: not bad at all.
    assert!(assert_as_prost(&[bad_text.clone(), good.clone()].concat()).is_some());
    let bad_text = RawField::bytes(3, &RawField::bytes(2, b"\xff").encoded()).encoded();
    assert!(assert_as_prost(&[bad_text, good].concat()).is_none());
}

#[test]
fn a_batch_that_another_message_interrupts_starts_anew() {
    let event = |node: &str, unknown: u64| {
        let fields = [
            RawField::bytes(3, node.as_bytes()),
            RawField::varint(200, unknown),
        ];
        RawField::bytes(2, &raw::join(&fields))
    };
    let batch = |events: &[RawField]| RawField::bytes(8, &raw::join(events));
    let protobuf = raw::join(&[
        batch(&[event("lost 1", 1), event("lost 2", 2)]),
        RawField::bytes(1, &RawField::bytes(3, b"lost 3").encoded()),
        batch(&[event("kept 4", 4)]),
        batch(&[event("kept 5", 5)]),
    ]);
    let rows = assert_as_prost(&protobuf).unwrap();
    let events = rows.of(quipu_proto::Table::Events);
    let kept = |index: usize| events[index].bytes("unknown_fields").unwrap();
    assert_eq!(
        kept(0),
        RawField::bytes(1, &RawField::varint(200, 4).encoded()).encoded()
    );
    assert_eq!(
        kept(1),
        RawField::bytes(1, &RawField::varint(200, 5).encoded()).encoded()
    );
}
