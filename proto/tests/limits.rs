//! What is beyond a limit or not a message becomes a dead letter with its reason, whole; nothing panics, stalls or
//! takes memory that the bytes at hand do not justify.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::time::{Duration, Instant};

use common::raw::{self, RawField};
use common::{NUMBERED, Store, decode};
use prost::Message as _;
use quipu_proto::limits::{
    COMPOSED_BYTES_MAX, EXPANDED_BYTES_FREE, EXPANDED_BYTES_MAX, PARTS_MAX, RECORD_BYTES_MAX,
    RECORD_ROWS_MAX, expanded_bytes_max,
};
use quipu_proto::message::dash_stream_message::Message;
use quipu_proto::message::{DashStreamMessage, Event, EventBatch, Header};
use quipu_proto::{Decoder, Place, Policy, Reason, Table, TableBuilders, TopicIncarnation};
use sha2::{Digest, Sha256};

/// A message that every policy accepts, framed.
fn good() -> Vec<u8> {
    let header = Header {
        thread_id: "t".into(),
        sequence: 1,
        ..Header::default()
    };
    let event = Event {
        header: Some(header),
        event_type: 1,
        ..Event::default()
    };
    plain(
        &DashStreamMessage {
            message: Some(Message::Event(event)),
        }
        .encode_to_vec(),
    )
}

fn plain(protobuf: &[u8]) -> Vec<u8> {
    [&[0], protobuf].concat()
}

fn zstd(body: &[u8]) -> Vec<u8> {
    [&[1], &*zstd::bulk::compress(body, 3).unwrap()].concat()
}

fn lz4(body: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = lz4_flex::frame::FrameEncoder::new(vec![2]);
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

/// A zstd frame whose header says nothing of its content's size.
fn zstd_without_size(body: &[u8]) -> Vec<u8> {
    zstd::stream::encode_all(body, 3).unwrap()
}

fn event(fields: &[RawField]) -> Vec<u8> {
    plain(&RawField::bytes(1, &raw::join(fields)).encoded())
}

/// Bytes that do not compress.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    std::iter::repeat_with(next).take(len).collect()
}

/// Compressed, and with enough noise in an unknown field that a thousandfold is no limit.
fn zstd_below_the_ratio(body: &[u8]) -> Vec<u8> {
    let value = zstd(&[body, &RawField::bytes(100, &noise(70_000)).encoded()].concat());
    assert!(value.len() < 1 << 20, "{} bytes", value.len());
    value
}

/// The reason under the policy that accepts most.
fn reason(value: &[u8]) -> Option<Reason> {
    decode(Policy::Forward, value)
        .err()
        .map(|rejection| rejection.reason)
}

fn nested_arrays(levels: usize) -> Vec<u8> {
    // Event, map entry and value are three levels; each array of a value adds two.
    let mut value = Vec::new();
    for _ in 0..(levels - 3) / 2 {
        value = RawField::bytes(6, &RawField::bytes(1, &value).encoded()).encoded();
    }
    if (levels - 3) % 2 == 1 {
        value = RawField::bytes(6, &value).encoded();
    }
    // Innermost messages are empty, so that the depth is exact.
    event(&[RawField::bytes(4, &RawField::bytes(2, &value).encoded())])
}

#[test]
fn each_bad_value_is_a_dead_letter_for_its_reason_kept_whole() {
    let body = &good()[1..];
    let framed = zstd(body);
    let missing_header = event(&[RawField::varint(2, 1)]);
    let batch_event_without_header = {
        let batch = EventBatch {
            header: Some(Header::default()),
            events: vec![Event::default()],
        };
        plain(
            &DashStreamMessage {
                message: Some(Message::EventBatch(batch)),
            }
            .encode_to_vec(),
        )
    };
    let newer = event(&[RawField::bytes(1, &RawField::varint(9, 2).encoded())]);
    let bad_text = event(&[RawField::bytes(1, &[]), RawField::bytes(3, b"\xff")]);
    let cases: Vec<(&str, Option<Vec<u8>>, Reason)> = vec![
        ("tombstone", None, Reason::Tombstone),
        ("no bytes", Some(vec![]), Reason::Empty),
        (
            "longer than the limit",
            Some([good(), vec![0; RECORD_BYTES_MAX]].concat()),
            Reason::TooLarge,
        ),
        (
            "JSON text",
            Some(b"{\"type\":\"Event\"}".to_vec()),
            Reason::UnknownMarker,
        ),
        ("unframed protobuf", Some(body.to_vec()), Reason::UnknownMarker),
        ("bare zstd", Some(framed[1..].to_vec()), Reason::UnknownMarker),
        ("marker 03", Some([&[3], body].concat()), Reason::UnknownMarker),
        ("00 alone", Some(vec![0]), Reason::NoKnownMessage),
        ("01 alone", Some(vec![1]), Reason::NoKnownMessage),
        ("02 alone", Some(vec![2]), Reason::NoKnownMessage),
        (
            "a future message type",
            Some(plain(&RawField::bytes(12, body).encoded())),
            Reason::NoKnownMessage,
        ),
        (
            "01 and no zstd",
            Some([&[1], body].concat()),
            Reason::Decompression,
        ),
        (
            "01 and another 01",
            Some([&[1], &*framed].concat()),
            Reason::Decompression,
        ),
        (
            "zstd cut short",
            Some(framed[..framed.len() - 1].to_vec()),
            Reason::Decompression,
        ),
        (
            "bytes after zstd",
            Some([&*framed, &[0]].concat()),
            Reason::Decompression,
        ),
        (
            "zstd magic alone",
            Some(vec![1, 0x28, 0xb5, 0x2f, 0xfd]),
            Reason::Decompression,
        ),
        (
            "zstd of version 0.7",
            Some([&[1, 0x27, 0xb5, 0x2f, 0xfd], &framed[5..]].concat()),
            Reason::Decompression,
        ),
        (
            "zstd of version 0.1",
            Some([&[1, 0x1e, 0xb5, 0x2f, 0xfd], &framed[5..]].concat()),
            Reason::Decompression,
        ),
        (
            "02 and no lz4",
            Some([&[2], body].concat()),
            Reason::Decompression,
        ),
        (
            "lz4 cut short",
            Some(lz4(body)[..10].to_vec()),
            Reason::Decompression,
        ),
        (
            "protobuf cut short",
            Some(good()[..good().len() - 1].to_vec()),
            Reason::Protobuf,
        ),
        ("text that is not UTF-8", Some(bad_text), Reason::Protobuf),
        ("no header", Some(missing_header), Reason::MissingHeader),
        (
            "an event of a batch without header",
            Some(batch_event_without_header),
            Reason::MissingHeader,
        ),
        ("schema version 2", Some(newer), Reason::SchemaVersion),
        ("101 levels", Some(nested_arrays(101)), Reason::Nesting),
    ];
    for (name, value, expected) in &cases {
        let mut store = Store::new(Policy::Strict);
        let rejection = store.add(value.as_deref()).expect_err(name);
        assert_eq!(rejection.reason, *expected, "{name}: {rejection}");
        let row = store.finish().one(Table::DeadLetters);
        assert_eq!(row.text("reason").as_deref(), Some(expected.as_str()), "{name}");
        assert_eq!(row.text("error"), Some(rejection.detail.clone()), "{name}");
        assert_eq!(row.text("policy").as_deref(), Some("strict"));
        assert_eq!(row.bytes("payload"), *value, "{name}");
        assert_eq!(
            row.int("payload_bytes"),
            Some(
                value
                    .as_ref()
                    .map_or(0, |value| i64::try_from(value.len()).unwrap())
            )
        );
        assert_eq!(
            row.bytes("payload_sha256"),
            value.as_ref().map(|value| Sha256::digest(value).to_vec()),
            "{name}"
        );
        assert_eq!(row.bytes("key").as_deref(), Some(&b"key"[..]));
        assert_eq!(row.int("offset"), Some(0));
        assert_eq!(row.time("kafka_time"), Some(1_000));
    }
    // Every reason but one with tests of its own below, and those that no decoder gives: one is of the walk of Kafka's
    // batches, two are of letters that other programs wrote.
    let seen: std::collections::BTreeSet<_> = cases.iter().map(|(_, _, reason)| *reason).collect();
    let elsewhere = [
        Reason::ExpansionLimit,
        Reason::CorruptBatch,
        Reason::Forwarded,
        Reason::ForwardedPart,
    ];
    assert!(
        Reason::ALL
            .iter()
            .all(|reason| seen.contains(reason) != elsewhere.contains(reason))
    );
}

#[test]
fn a_dead_letter_does_not_disturb_the_records_around_it() {
    let mut store = Store::new(Policy::Strict);
    store.add(Some(&good())).unwrap();
    store.add(Some(&[1, 2, 3])).unwrap_err();
    store.add(None).unwrap_err();
    store.add(Some(&good())).unwrap();
    let rows = store.finish();
    let offsets = |table| {
        rows.of(table)
            .iter()
            .map(|row| row.int("offset").unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(offsets(Table::Events), [0, 3]);
    assert_eq!(offsets(Table::DeadLetters), [1, 2]);
}

#[test]
fn a_value_of_exactly_the_limit_is_read() {
    let empty = event(&[RawField::bytes(1, &[]), RawField::bytes(3, &[b'a'; 1 << 24])]).len() - (1 << 24);
    let value = event(&[
        RawField::bytes(1, &[]),
        RawField::bytes(3, &vec![b'a'; RECORD_BYTES_MAX - empty]),
    ]);
    assert_eq!(value.len(), RECORD_BYTES_MAX);
    assert_eq!(reason(&value), None);
}

#[test]
fn one_hundred_levels_are_read_and_101_are_not() {
    assert_eq!(reason(&nested_arrays(100)), None);
    assert_eq!(reason(&nested_arrays(101)), Some(Reason::Nesting));
    // A thousand levels end as quickly: nothing recurses further than the limit.
    assert_eq!(reason(&nested_arrays(3_001)), Some(Reason::Nesting));
    let mut group = RawField::varint(1, 1);
    for _ in 0..3_000 {
        group = RawField::group(100, &[group]);
    }
    assert_eq!(reason(&plain(&group.encoded())), Some(Reason::Nesting));
}

#[test]
fn many_zstd_frames_are_joined_and_skippable_ones_are_passed_over() {
    let body = &good()[1..];
    let (first, second) = body.split_at(body.len() / 2);
    let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"abc"].concat();
    let mut value = vec![1];
    value.extend(&skippable);
    value.extend(zstd_without_size(first));
    value.extend(zstd::bulk::compress(&[], 3).unwrap());
    value.extend(&skippable);
    value.extend(zstd::bulk::compress(second, 3).unwrap());
    assert_eq!(reason(&value), None);
    // Under the laxer policies without the marker, too, if the first frame is no skippable one.
    assert_eq!(reason(&zstd_without_size(body)), None);
    assert_eq!(
        reason(&[&[1], &*skippable].concat()),
        Some(Reason::NoKnownMessage)
    );
}

#[test]
fn a_window_above_64_mib_is_refused_before_anything_is_decompressed() {
    // Magic, descriptor without single segment, window byte, then garbage.
    let frame = |window_log: u8| vec![1, 0x28, 0xb5, 0x2f, 0xfd, 0, (window_log - 10) << 3, 1, 0, 0];
    let refusal = |log| decode(Policy::Strict, &frame(log)).unwrap_err();
    assert_eq!(refusal(27).reason, Reason::Decompression);
    assert!(refusal(27).detail.contains("window"), "{}", refusal(27));
    // The frame of window log 26 is a whole one: an empty last block.
    assert_eq!(refusal(26).reason, Reason::NoKnownMessage);
}

#[test]
fn expansion_beyond_64_mib_or_a_thousandfold_above_1_mib_is_refused() {
    assert_eq!(expanded_bytes_max(10), EXPANDED_BYTES_FREE);
    assert_eq!(expanded_bytes_max(2_000), 2_000_000);
    assert_eq!(expanded_bytes_max(RECORD_BYTES_MAX), EXPANDED_BYTES_MAX);
    let message = |len: usize| RawField::bytes(1, &RawField::bytes(3, &vec![b'a'; len]).encoded()).encoded();
    for (frame, name) in [
        (zstd as fn(&[u8]) -> Vec<u8>, "zstd"),
        (
            |body| [&[1], &*zstd_without_size(body)].concat(),
            "zstd without size",
        ),
    ] {
        assert_eq!(reason(&frame(&message(1_000_000))), None, "{name}");
        assert_eq!(
            reason(&frame(&message(3_000_000))),
            Some(Reason::ExpansionLimit),
            "{name}"
        );
    }
    // LZ4 cannot expand a thousandfold; 65 MiB are too much all the same.
    assert_eq!(reason(&lz4(&message(3_000_000))), None);
    assert_eq!(reason(&lz4(&message(65 << 20))), Some(Reason::ExpansionLimit));
}

#[test]
fn a_frame_that_claims_more_than_it_holds_is_refused_without_room_being_made_for_it() {
    // Single segment, content size of eight bytes: 1 GiB, then one raw block of one byte.
    let mut claim = vec![1, 0x28, 0xb5, 0x2f, 0xfd, 0xe0];
    claim.extend((1_u64 << 30).to_le_bytes());
    claim.extend([9, 0, 0, b'a']);
    assert_eq!(reason(&claim), Some(Reason::ExpansionLimit));
    claim[6..14].copy_from_slice(&(u64::MAX >> 1).to_le_bytes());
    assert_eq!(reason(&claim), Some(Reason::ExpansionLimit));
    // A claim within the limits is a lie all the same.
    claim[6..14].copy_from_slice(&500_000_u64.to_le_bytes());
    assert_eq!(reason(&claim), Some(Reason::Decompression));
    // A protobuf length is only a claim as well.
    assert_eq!(
        reason(&[0, 0x0a, 0xff, 0xff, 0xff, 0xff, 0x07]),
        Some(Reason::Protobuf)
    );
}

#[test]
fn an_lz4_frame_must_be_whole_and_alone() {
    // Two blocks, so that the frame can be cut between them; the first ends between two fields.
    let first = RawField::bytes(1, &RawField::bytes(3, &vec![b'a'; 65_528]).encoded()).encoded();
    assert_eq!(first.len(), 65_536);
    let body = [
        first,
        RawField::bytes(1, &RawField::varint(2, 1).encoded()).encoded(),
    ]
    .concat();
    let mut settings = lz4_flex::frame::FrameInfo::new();
    settings.block_size = lz4_flex::frame::BlockSize::Max64KB;
    let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(settings, vec![2]);
    std::io::Write::write_all(&mut encoder, &body).unwrap();
    let whole = encoder.finish().unwrap();
    assert_eq!(reason(&whole), None);
    for len in 2..whole.len() {
        assert_eq!(
            reason(&whole[..len]),
            Some(Reason::Decompression),
            "{len} of {} bytes",
            whole.len()
        );
    }
    assert_eq!(reason(&[&*whole, &[0]].concat()), Some(Reason::Decompression));
    assert_eq!(
        reason(&[&*whole, &whole[1..]].concat()),
        Some(Reason::Decompression)
    );
}

#[test]
fn no_prefix_and_no_single_changed_byte_of_a_compressed_value_panics() {
    let body = DashStreamMessage::decode(&good()[1..]).unwrap().encode_to_vec();
    for value in [
        zstd(&body),
        [&[1], &*zstd_without_size(&body)].concat(),
        lz4(&body),
    ] {
        for len in 0..value.len() {
            assert!(decode(Policy::Forward, &value[..len]).is_err());
            for byte in [0, 1, 0x7f, 0x80, 0xff] {
                let mut changed = value.clone();
                changed[len] = byte;
                let _ = decode(Policy::Forward, &changed);
            }
        }
    }
}

#[test]
fn a_record_becomes_at_most_100_000_rows() {
    let batch = |events: usize| {
        plain(&RawField::bytes(8, &RawField::bytes(2, &[]).encoded().repeat(events)).encoded())
    };
    assert_eq!(
        decode(Policy::Forward, &batch(RECORD_ROWS_MAX))
            .unwrap()
            .of(Table::Events)
            .len(),
        RECORD_ROWS_MAX
    );
    assert_eq!(reason(&batch(RECORD_ROWS_MAX + 1)), Some(Reason::ExpansionLimit));
    let metrics = |entries: usize| {
        let entries: Vec<_> = (0..entries)
            .map(|n| RawField::bytes(4, &RawField::bytes(1, n.to_string().as_bytes()).encoded()))
            .collect();
        plain(&RawField::bytes(6, &raw::join(&entries)).encoded())
    };
    assert_eq!(
        decode(Policy::Forward, &metrics(RECORD_ROWS_MAX))
            .unwrap()
            .of(Table::Metrics)
            .len(),
        RECORD_ROWS_MAX
    );
    assert_eq!(
        reason(&metrics(RECORD_ROWS_MAX + 1)),
        Some(Reason::ExpansionLimit)
    );
}

#[test]
fn text_that_all_rows_repeat_is_limited() {
    // 50,000 rows of 20,000 bytes of tags would be a gigabyte, from less than one mebibyte.
    let entries = RawField::bytes(4, &[]);
    let names: Vec<_> = (0..50_000_u32)
        .map(|n| RawField::bytes(4, &RawField::bytes(1, n.to_string().as_bytes()).encoded()))
        .collect();
    let tag = RawField::bytes(5, &RawField::bytes(2, &[b'a'; 20_000]).encoded());
    let message = [raw::join(&names), tag.encoded(), entries.encoded()].concat();
    assert_eq!(
        reason(&plain(&RawField::bytes(6, &message).encoded())),
        Some(Reason::ExpansionLimit)
    );
    let id = RawField::bytes(1, &RawField::bytes(1, &[7; 20_000]).encoded());
    let message = [id.encoded(), RawField::bytes(2, &[]).encoded().repeat(50_000)].concat();
    assert_eq!(
        reason(&plain(&RawField::bytes(8, &message).encoded())),
        Some(Reason::ExpansionLimit)
    );
}

#[test]
fn a_long_key_stands_in_the_first_row_only_of_a_record_with_many_rows() {
    let key = vec![b'k'; 1 << 20];
    let place = |log| Place {
        log,
        partition: 0,
        offset: 0,
        kafka_time_us: None,
        key: Some(&key),
        headers: Some("{}"),
    };
    let batch = plain(&RawField::bytes(8, &RawField::bytes(2, &[]).encoded().repeat(50_000)).encoded());
    let mut decoder = Decoder::new(Policy::Forward);
    let mut tables = TableBuilders::new();
    let log = tables.log_index(&TopicIncarnation::new("topic", TopicIncarnation::UNKNOWN));
    tables.append(&place(log), &decoder.decode(Some(&batch)).unwrap(), NUMBERED, &[]);
    assert!(tables.bytes() < 64 << 20, "{} bytes", tables.bytes());
    let batches = tables.finish().unwrap();
    for (table, batch) in batches {
        let keys = batch.column_by_name("key").unwrap();
        let nulls = if table == Table::Events { 50_000 } else { 0 };
        assert_eq!(keys.null_count(), nulls, "{table}");
    }
}

#[test]
fn two_bytes_of_a_producer_do_not_become_gigabytes() {
    // What costs two bytes on the wire and much more as text or in memory.
    let cases = [
        ("operations", 2, 3),
        ("nodes of a trace", 9, 4),
        ("errors of a trace", 9, 7),
        ("map entries", 1, 4),
        ("suggestions", 7, 8),
        ("details of a tool call", 4, 8),
    ];
    let refusal = |body: &[u8]| decode(Policy::Forward, &zstd_below_the_ratio(body)).unwrap_err();
    let limits = [COMPOSED_BYTES_MAX.to_string(), PARTS_MAX.to_string()];
    for (name, variant, number) in cases {
        let refusal = refusal(
            &RawField::bytes(variant, &RawField::bytes(number, &[]).encoded().repeat(30 << 20)).encoded(),
        );
        assert_eq!(refusal.reason, Reason::ExpansionLimit, "{name}");
        assert!(
            limits.iter().any(|limit| refusal.detail.contains(limit)),
            "{name}: {refusal}"
        );
    }
    // Repeated encodings of the message itself, of an attribute's value, of arrays.
    let many = 1 + PARTS_MAX;
    let values = RawField::bytes(4, &RawField::bytes(2, &[]).encoded().repeat(many));
    let arrays = RawField::bytes(
        4,
        &RawField::bytes(2, &RawField::bytes(6, &[]).encoded().repeat(2 * many)).encoded(),
    );
    for body in [
        RawField::bytes(1, &[]).encoded().repeat(2 * many),
        RawField::bytes(1, &values.encoded()).encoded(),
        RawField::bytes(1, &arrays.encoded()).encoded(),
    ] {
        let refusal = refusal(&body);
        assert_eq!(refusal.reason, Reason::ExpansionLimit);
        assert!(refusal.detail.contains(&limits[1]), "{refusal}");
    }
}

#[test]
fn states_that_a_later_message_replaces_are_not_decompressed() {
    // A thousand checkpoints whose states expand to 20 MiB each, each replaced by an event: 20 GiB of work if done.
    let state = zstd::bulk::compress(&[vec![b' '; 20 << 20], noise(22_000)].concat(), 3).unwrap();
    let info = RawField::bytes(7, &RawField::varint(1, 1).encoded());
    let checkpoint = RawField::bytes(5, &raw::join(&[RawField::bytes(3, &state), info]));
    let row = decode(Policy::Forward, &plain(&checkpoint.encoded()))
        .unwrap()
        .one(Table::Checkpoints);
    assert!(row.is_null("checksum_ok") && !row.is_null("state_bytes"));
    let one = raw::join(&[checkpoint, RawField::bytes(1, &[])]);
    let started = Instant::now();
    assert_eq!(reason(&zstd_below_the_ratio(&one.repeat(1_000))), None);
    // A bound on hanging, not on speed: done in full this takes a minute.
    assert!(
        started.elapsed() < Duration::from_secs(20),
        "{:?}",
        started.elapsed()
    );
}

#[test]
fn a_checkpoint_whose_state_is_a_bomb_is_kept_with_the_state_as_sent() {
    let bomb = zstd::bulk::compress(&vec![b' '; 20 << 20], 3).unwrap();
    let info = RawField::bytes(7, &RawField::varint(1, 1).encoded());
    let value = plain(&RawField::bytes(5, &raw::join(&[RawField::bytes(3, &bomb), info])).encoded());
    let row = decode(Policy::Forward, &value).unwrap().one(Table::Checkpoints);
    assert!(row.is_null("state"));
    assert_eq!(row.bytes("state_bytes"), Some(bomb));
    assert!(row.is_null("checksum_ok"));
}

#[test]
fn many_empty_zstd_frames_end_in_time() {
    // A frame of nine bytes without content: 1.8 million of them in one record.
    let empty = [0x28, 0xb5, 0x2f, 0xfd, 0, 0x58, 1, 0, 0];
    let mut value = vec![1];
    value.extend(empty.repeat((RECORD_BYTES_MAX - 1) / empty.len()));
    let started = Instant::now();
    assert_eq!(reason(&value), Some(Reason::NoKnownMessage));
    assert!(
        started.elapsed() < Duration::from_secs(20),
        "{:?}",
        started.elapsed()
    );
}
