//! Whatever a producer or a broker sends ends as rows, as a dead letter with its reason and its whole payload, or as an
//! error that names the partition; and the ingester goes on. Each way is taken from the log of a broker into the store.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails by panicking")]

use std::path::Path;
use std::sync::Arc;

use quipu_broker::{
    BatchBuilder, BrokerOptions, BrokerThread, Compression, RawBaseOffset, Record, TopicOptions,
};
use quipu_ingest::{IngestError, Notice, Progress, ProgressCounts, Stop, ingest_kafka};
use quipu_proto::{Policy, Table};
use quipu_tests::ingest::Ingest;
use quipu_tests::ledger::holes;
use quipu_tests::rows::{Rows, assert_accounted, snapshot};

const TOPIC: &str = "dashstream-events";

/// What a payload becomes under the policies strict, compatible and forward: the reason of its dead letter, or rows.
type Fate = [Option<&'static str>; 3];

const ROWS: Fate = [None; 3];

fn letter(reason: &'static str) -> Fate {
    [Some(reason); 3]
}

/// A field of protobuf: its number and a message, text or bytes.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2];
    let mut length = content.len();
    while length >= 0x80 {
        bytes.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
    bytes.extend_from_slice(content);
    bytes
}

/// A field of protobuf: its number and a number below 128.
fn number(number: u8, value: u8) -> Vec<u8> {
    vec![number << 3, value]
}

fn join(parts: &[Vec<u8>]) -> Vec<u8> {
    parts.concat()
}

/// A header with thread, schema version and what else is given.
fn header(more: &[u8]) -> Vec<u8> {
    field(
        1,
        &join(&[
            field(1, &[7; 16]),
            field(4, b"thread"),
            number(5, 1),
            more.to_vec(),
        ]),
    )
}

fn version_one() -> Vec<u8> {
    number(9, 1)
}

/// The envelope around an event with these fields.
fn event(fields: &[u8]) -> Vec<u8> {
    field(1, fields)
}

fn good() -> Vec<u8> {
    event(&join(&[header(&version_one()), number(2, 1)]))
}

fn framed(marker: u8, body: &[u8]) -> Option<Vec<u8>> {
    Some(join(&[vec![marker], body.to_vec()]))
}

fn plain(body: &[u8]) -> Option<Vec<u8>> {
    framed(0, body)
}

/// The content as a zstd frame of raw blocks (RFC 8878): a window byte, no size, no checksum.
fn zstd(window: u8, content: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, window];
    let mut chunks = content.chunks(100_000).peekable();
    while let Some(chunk) = chunks.next() {
        let last = usize::from(chunks.peek().is_none());
        frame.extend_from_slice(&(chunk.len() << 3 | last).to_le_bytes()[..3]);
        frame.extend_from_slice(chunk);
    }
    frame
}

/// A zstd frame that expands to so many times 128 KiB of zeros: blocks that repeat one byte.
fn zstd_of_zeros(blocks: usize) -> Vec<u8> {
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x48];
    for block in 0..blocks {
        let last = usize::from(block + 1 == blocks);
        frame.extend_from_slice(&(131_072_usize << 3 | 1 << 1 | last).to_le_bytes()[..3]);
        frame.push(0);
    }
    frame
}

/// Ordinary window: 2^19 bytes.
const WINDOW: u8 = 9 << 3;

/// An event whose attribute holds lists within lists, so many deep.
fn nested(depth: usize) -> Vec<u8> {
    // AttributeValue.array_value = 6 holds values = 1; both are messages.
    let mut value = field(1, b"deep");
    for _ in 0..depth / 2 {
        value = field(6, &field(1, &value));
    }
    event(&join(&[
        header(&version_one()),
        field(4, &join(&[field(1, b"name"), field(2, &value)])),
    ]))
}

/// Every bad input of the protocol and of the limits, and some that look bad and are not.
fn payloads() -> Vec<(&'static str, Option<Vec<u8>>, Fate)> {
    let unframed = |fate: Fate| [Some("unknown_marker"), fate[1], fate[2]];
    let no_header = event(&number(2, 1));
    let batch = |events: &[Vec<u8>]| field(8, &join(&[header(&version_one()), join(events)]));
    let headed_event = field(2, &join(&[header(&version_one()), number(2, 1)]));
    vec![
        ("a good one", plain(&good()), ROWS),
        ("a tombstone", None, letter("tombstone")),
        ("no bytes", Some(Vec::new()), letter("empty")),
        (
            "16 MiB and a byte",
            Some(vec![0; (16 << 20) + 1]),
            letter("too_large"),
        ),
        ("20 MiB", Some(vec![1; 20 << 20]), letter("too_large")),
        (
            "JSON",
            Some(br#"{"event":"start"}"#.to_vec()),
            unframed(letter("protobuf")),
        ),
        ("unframed protobuf", Some(good()), unframed(ROWS)),
        ("unframed zstd", Some(zstd(WINDOW, &good())), unframed(ROWS)),
        (
            "unframed zstd, cut",
            Some(zstd(WINDOW, &good())[..12].to_vec()),
            unframed(letter("decompression")),
        ),
        ("marker ff", framed(0xff, &good()), unframed(letter("protobuf"))),
        ("00 alone", Some(vec![0]), letter("no_known_message")),
        ("01 alone", Some(vec![1]), letter("no_known_message")),
        (
            "a message of the future",
            plain(&field(15, b"\x0a\x00")),
            letter("no_known_message"),
        ),
        ("01 and no zstd", framed(1, &good()), letter("decompression")),
        (
            "01 and zstd cut short",
            framed(1, &zstd(WINDOW, &good())[..20]),
            letter("decompression"),
        ),
        (
            "01 and bytes after the frame",
            framed(1, &join(&[zstd(WINDOW, &good()), b"more".to_vec()])),
            letter("decompression"),
        ),
        (
            "01 and two frames",
            framed(
                1,
                &join(&[zstd(WINDOW, &good()[..9]), zstd(WINDOW, &good()[9..])]),
            ),
            ROWS,
        ),
        (
            "a window of 2^27",
            framed(1, &zstd(17 << 3, &good())),
            letter("decompression"),
        ),
        ("a window of 2^26", framed(1, &zstd(16 << 3, &good())), ROWS),
        (
            "zstd that expands 32,000 times",
            framed(1, &zstd_of_zeros(64)),
            letter("expansion_limit"),
        ),
        (
            "zstd that expands beyond 64 MiB",
            framed(1, &zstd_of_zeros(1_000)),
            letter("expansion_limit"),
        ),
        ("02 and no LZ4", framed(2, &good()), letter("decompression")),
        (
            "protobuf cut short",
            plain(&good()[..good().len() - 1]),
            letter("protobuf"),
        ),
        (
            "bad UTF-8",
            plain(&event(&join(&[header(&version_one()), field(3, b"\xff\xfe")]))),
            letter("protobuf"),
        ),
        (
            "a field number of zero",
            plain(&event(&[0x02, 0x00])),
            letter("protobuf"),
        ),
        (
            "a varint of eleven bytes",
            plain(&join(&[vec![0x08], vec![0xff; 11]])),
            letter("protobuf"),
        ),
        (
            "a length beyond the end",
            plain(&[0x0a, 0xff, 0xff, 0xff, 0xff, 0x07]),
            letter("protobuf"),
        ),
        ("nesting of 300", plain(&nested(300)), letter("nesting")),
        ("nesting of 40", plain(&nested(40)), ROWS),
        (
            "no header",
            plain(&no_header),
            [Some("missing_header"), None, None],
        ),
        (
            "a batch with an event without header",
            plain(&batch(&[headed_event.clone(), field(2, &number(2, 1))])),
            [Some("missing_header"), None, None],
        ),
        (
            "a batch of 100,001 empty events",
            plain(&batch(&vec![field(2, b""); 100_001])),
            letter("expansion_limit"),
        ),
        ("a batch without events", plain(&batch(&[])), ROWS),
        (
            "schema version 2",
            plain(&event(&join(&[header(&number(9, 2)), number(2, 1)]))),
            [Some("schema_version"), Some("schema_version"), None],
        ),
        (
            "schema version 0",
            plain(&event(&join(&[header(b""), number(2, 1)]))),
            ROWS,
        ),
        (
            "a header type that lies",
            plain(&event(&join(&[
                header(&join(&[number(6, 99), version_one()])),
                number(2, 1),
            ]))),
            ROWS,
        ),
        (
            "unknown numbers and fields",
            plain(&event(&join(&[
                header(&version_one()),
                number(2, 120),
                field(15, b"new"),
            ]))),
            ROWS,
        ),
        (
            "no thread and a short id",
            plain(&event(&join(&[
                field(1, &join(&[field(1, b"id"), version_one()])),
                number(2, 1),
            ]))),
            ROWS,
        ),
    ]
}

/// The records with keys and headers of every kind. The log is the same for all policies.
fn records(payloads: &[(&'static str, Option<Vec<u8>>, Fate)]) -> Vec<Record> {
    let keys: [Option<&[u8]>; 4] = [Some(b"thread"), None, Some(b""), Some(b"\xff\x00\xfe")];
    let dress = |(index, (_, value, _)): (usize, &(&str, Option<Vec<u8>>, Fate))| {
        let record = Record {
            key: keys[index % keys.len()].map(|key| key.to_vec().into()),
            value: value.clone().map(Into::into),
            headers: Vec::new(),
            timestamp_ms: [-1, 0, 1_768_467_600_000, i64::MAX / 1_000, -5][index % 5],
        };
        match index % 4 {
            0 => record,
            1 => record
                .header("name", "value")
                .header("name", "again")
                .header("none", b"\xff\xfe".to_vec()),
            2 => record.header("large", vec![b'x'; 1 << 20]),
            _ => (0..2_000).fold(record, |record, header| {
                record.header(format!("header-{header}"), "x")
            }),
        }
    };
    payloads.iter().enumerate().map(dress).collect()
}

fn broker(partitions: i32) -> BrokerThread {
    let broker = BrokerThread::start(BrokerOptions::default()).unwrap();
    broker
        .create_topic(TOPIC, TopicOptions::partitions(partitions))
        .unwrap();
    broker
}

fn taken_in(
    broker: &BrokerThread,
    store: &Path,
    policy: Policy,
) -> (Result<ProgressCounts, IngestError>, Vec<String>) {
    let mut options = Ingest::to_end(&broker.address(), TOPIC).options();
    options.pipeline.policy = policy;
    let mut warnings = Vec::new();
    let result = ingest_kafka(
        store,
        options,
        &Stop::default(),
        &Arc::new(Progress::default()),
        |notice| {
            if let Notice::Warning(text) = notice {
                warnings.push(text);
            }
        },
    );
    (result, warnings)
}

#[test]
fn every_bad_payload_is_a_dead_letter_with_its_reason_byte_for_byte() {
    let payloads = payloads();
    let broker = broker(1);
    for (index, record) in records(&payloads).into_iter().enumerate() {
        let codec = Compression::ALL[index % Compression::ALL.len()];
        broker
            .append_batch(TOPIC, 0, BatchBuilder::new().compression(codec).record(record))
            .unwrap();
    }
    for (index, policy) in Policy::ALL.into_iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        let (counts, warnings) = taken_in(&broker, folder.path(), policy);
        let counts = counts.unwrap();
        assert_eq!(counts.records, payloads.len() as u64, "{warnings:?}");
        let snapshot = snapshot(folder.path());
        assert_accounted(&snapshot);
        assert_eq!(
            snapshot.manifest().partitions[0].next_offset.0,
            payloads.len() as i64
        );
        let letters = Rows::read(&snapshot, Table::DeadLetters);
        let (reasons, errors) = (letters.texts("reason"), letters.texts("error"));
        let (values, keys, headers) = (
            letters.bytes("payload"),
            letters.bytes("key"),
            letters.bytes("headers"),
        );
        let mut row = 0;
        for (offset, ((name, value, fate), record)) in payloads.iter().zip(records(&payloads)).enumerate() {
            let found = letters
                .identities
                .get(row)
                .is_some_and(|letter| letter.offset == offset as i64);
            assert_eq!(
                found.then(|| reasons[row].as_str()),
                fate[index],
                "{name} under {policy}"
            );
            if found {
                assert!(!errors[row].is_empty(), "{name}");
                assert_eq!(&values[row], value, "payload of {name}");
                assert_eq!(keys[row].as_deref(), record.key.as_deref(), "key of {name}");
                assert_eq!(
                    headers[row].is_some(),
                    !record.headers.is_empty(),
                    "headers of {name}"
                );
                row += 1;
            }
        }
        assert_eq!(row, reasons.len());
        assert_eq!(counts.dead_letters, row as u64);
    }
}

#[test]
fn a_batch_that_is_damaged_is_one_dead_letter_and_a_hole_and_what_follows_is_read() {
    let broker = broker(2);
    let batch = |codec| {
        let records = (0..5).map(|_| Record::new(plain(&good()).unwrap()).key("thread"));
        BatchBuilder::new().compression(codec).records(records)
    };
    let mut damaged = Vec::new();
    for codec in Compression::ALL {
        broker.append_batch(TOPIC, 0, batch(codec)).unwrap();
        let mut bytes = batch(codec).build().unwrap().to_vec();
        *bytes.last_mut().unwrap() ^= 0x10;
        let place = RawBaseOffset::Assigned;
        let offset = broker
            .append_raw_batch(TOPIC, 0, bytes.clone().into(), 5, place)
            .unwrap();
        // Kafka fills in base offset and leader epoch.
        damaged.push((offset, bytes[16..].to_vec()));
    }
    broker.append_batch(TOPIC, 0, batch(Compression::None)).unwrap();
    broker.append_batch(TOPIC, 1, batch(Compression::None)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (counts, _) = taken_in(&broker, folder.path(), Policy::default());
    assert_eq!(counts.unwrap().dead_letters, 5);
    let snapshot = snapshot(folder.path());
    assert_accounted(&snapshot);
    let letters = Rows::read(&snapshot, Table::DeadLetters);
    assert!(
        letters
            .texts("reason")
            .iter()
            .all(|reason| reason == "corrupt_batch")
    );
    let payloads = letters.bytes("payload");
    for ((letter, payload), (offset, bytes)) in letters.identities.iter().zip(&payloads).zip(&damaged) {
        assert_eq!(letter.offset, *offset);
        assert_eq!(&payload.as_ref().unwrap()[16..], bytes);
    }
    let holes: Vec<(i64, i64, String)> = holes(&snapshot)
        .into_iter()
        .map(|hole| (hole.first, hole.last, hole.cause))
        .collect();
    let expected: Vec<_> = damaged
        .iter()
        .map(|(offset, _)| (offset + 1, offset + 4, "corrupt".to_owned()))
        .collect();
    assert_eq!(holes, expected);
    assert_eq!(Rows::read(&snapshot, Table::Events).identities.len(), 6 * 5 + 5);
}

#[test]
fn bytes_that_are_no_batch_end_their_partition_with_a_clear_error_and_the_others_are_read() {
    let broker = broker(3);
    let good_batch = || BatchBuilder::new().records((0..5).map(|_| Record::new(plain(&good()).unwrap())));
    for partition in 0..3 {
        broker.append_batch(TOPIC, partition, good_batch()).unwrap();
    }
    let garbage: Vec<u8> = (0..300_u32).map(|index| (index * 37 % 251) as u8).collect();
    broker
        .append_raw_batch(TOPIC, 1, garbage.into(), 3, RawBaseOffset::AsGiven)
        .unwrap();
    for partition in 0..3 {
        broker.append_batch(TOPIC, partition, good_batch()).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let (result, warnings) = taken_in(&broker, folder.path(), Policy::default());
    let error = result.unwrap_err().to_string();
    assert!(
        error.contains(TOPIC) && error.contains('1') && error.contains("batch"),
        "{error}"
    );
    assert!(
        warnings
            .iter()
            .any(|warning| warning.contains("cannot be read on")),
        "{warnings:?}"
    );
    let snapshot = snapshot(folder.path());
    assert_accounted(&snapshot);
    let next: Vec<i64> = snapshot
        .manifest()
        .partitions
        .iter()
        .map(|state| state.next_offset.0)
        .collect();
    assert_eq!(
        next,
        [10, 5, 10],
        "what lies before the damage is kept, and the other partitions are read whole"
    );
}
