#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::Write;

use bytes::{Bytes, BytesMut};
use kafka_protocol::indexmap::IndexMap;
use kafka_protocol::protocol::StrBytes;
use kafka_protocol::records::{Compression, Record, RecordBatchEncoder, RecordEncodeOptions, TimestampType};
use proptest::prelude::*;

use super::*;
use crate::hole::{HoleCause, OffsetHole};
use crate::raw::RawRecord;

/// What a walk told, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Told {
    Record {
        offset: i64,
        time: i64,
        key: Option<Vec<u8>>,
        value: Option<Vec<u8>>,
        headers: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    },
    Hole(i64, i64, HoleCause),
    Corrupt {
        first: i64,
        last: i64,
        bytes: usize,
        fault: BatchFault,
    },
}

#[derive(Default)]
struct Teller(Vec<Told>);

impl BatchVisitor for Teller {
    type Error = std::convert::Infallible;

    fn record(&mut self, record: &RawRecord<'_>) -> Result<(), Self::Error> {
        self.0.push(Told::Record {
            offset: record.offset,
            time: record.timestamp_ms,
            key: record.key.map(<[u8]>::to_vec),
            value: record.value.map(<[u8]>::to_vec),
            headers: record
                .headers
                .iter()
                .map(|header| (header.key.to_vec(), header.value.map(<[u8]>::to_vec)))
                .collect(),
        });
        Ok(())
    }

    fn hole(&mut self, hole: OffsetHole) -> Result<(), Self::Error> {
        self.0.push(Told::Hole(hole.first, hole.last, hole.cause));
        Ok(())
    }

    fn corrupt(&mut self, batch: CorruptBatch<'_>) -> Result<(), Self::Error> {
        let CorruptBatch {
            first,
            last,
            bytes,
            error,
        } = batch;
        self.0.push(Told::Corrupt {
            first,
            last,
            bytes: bytes.len(),
            fault: error.fault,
        });
        Ok(())
    }
}

/// A batch put together by hand, so that every field can be wrong.
#[derive(Clone)]
struct Build {
    base: i64,
    last_delta: i32,
    attributes: i16,
    producer: i64,
    base_time: i64,
    max_time: i64,
    count: i32,
    body: Vec<u8>,
}

fn varint(out: &mut Vec<u8>, value: i64) {
    let mut rest = (value << 1 ^ value >> 63) as u64;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

fn field(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    varint(out, bytes.map_or(-1, |bytes| bytes.len() as i64));
    out.extend_from_slice(bytes.unwrap_or_default());
}

fn record(delta: i32, key: Option<&[u8]>, value: Option<&[u8]>) -> Vec<u8> {
    let mut inner = vec![0];
    varint(&mut inner, i64::from(delta) * 10);
    varint(&mut inner, delta.into());
    field(&mut inner, key);
    field(&mut inner, value);
    varint(&mut inner, 0);
    let mut out = Vec::new();
    varint(&mut out, inner.len() as i64);
    out.extend(inner);
    out
}

/// A batch of records at these deltas, each with its delta as value.
fn build(base: i64, deltas: &[i32], last_delta: i32) -> Build {
    let body = deltas
        .iter()
        .flat_map(|delta| record(*delta, Some(b"k"), Some(delta.to_string().as_bytes())))
        .collect();
    Build {
        base,
        last_delta,
        attributes: 0,
        producer: -1,
        base_time: 1_000,
        max_time: 2_000,
        count: deltas.len() as i32,
        body,
    }
}

fn marker(base: i64, producer: i64, kind: i16) -> Vec<u8> {
    let key = [0_i16.to_be_bytes(), kind.to_be_bytes()].concat();
    let mut build = build(base, &[], 0);
    build.body = record(0, Some(&key), Some(&[0; 6]));
    build.count = 1;
    build.attributes = 0x30;
    build.producer = producer;
    build.bytes()
}

impl Build {
    fn transactional(mut self, producer: i64) -> Self {
        self.attributes |= 0x10;
        self.producer = producer;
        self
    }

    fn compressed(mut self, codec: i16, compress: impl Fn(&[u8]) -> Vec<u8>) -> Self {
        self.attributes |= codec;
        self.body = compress(&self.body);
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let mut checked = Vec::new();
        checked.extend(self.attributes.to_be_bytes());
        checked.extend(self.last_delta.to_be_bytes());
        checked.extend(self.base_time.to_be_bytes());
        checked.extend(self.max_time.to_be_bytes());
        checked.extend(self.producer.to_be_bytes());
        checked.extend(0_i16.to_be_bytes());
        checked.extend((-1_i32).to_be_bytes());
        checked.extend(self.count.to_be_bytes());
        checked.extend(&self.body);
        let mut out = Vec::new();
        out.extend(self.base.to_be_bytes());
        out.extend((checked.len() as i32 + 9).to_be_bytes());
        out.extend(7_i32.to_be_bytes());
        out.push(2);
        out.extend(crc32c::crc32c(&checked).to_be_bytes());
        out.extend(checked);
        out
    }
}

fn span(bytes: &[u8], position: i64) -> BatchSpan<'_> {
    BatchSpan {
        bytes,
        position,
        end: i64::MAX,
        high_watermark: i64::MAX,
        aborted: &[],
        gap_cause: HoleCause::Compacted,
    }
}

fn walk(span: &BatchSpan<'_>) -> (Vec<Told>, Result<i64, BatchError>) {
    let mut teller = Teller::default();
    let next = match BatchWalker::new(OnCorrupt::DeadLetter).walk(span, &mut teller) {
        Ok(next) => Ok(next),
        Err(WalkError::Batch(error)) => Err(error),
        Err(WalkError::Visitor(never)) => match never {},
    };
    (teller.0, next)
}

fn offsets(told: &[Told]) -> Vec<i64> {
    told.iter()
        .filter_map(|told| match told {
            Told::Record { offset, .. } => Some(*offset),
            _ => None,
        })
        .collect()
}

fn holes(told: &[Told]) -> Vec<(i64, i64, HoleCause)> {
    told.iter()
        .filter_map(|told| match told {
            Told::Hole(first, last, cause) => Some((*first, *last, *cause)),
            _ => None,
        })
        .collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn lz4(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(bytes, 3).unwrap()
}

fn snappy_raw(bytes: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(bytes).unwrap()
}

/// Two blocks at least, as the Java library writes for more than 32 KiB.
fn snappy_xerial(bytes: &[u8]) -> Vec<u8> {
    let mut out = b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01".to_vec();
    for block in bytes.chunks(bytes.len() / 2 + 1) {
        let block = snappy_raw(block);
        out.extend((block.len() as i32).to_be_bytes());
        out.extend(block);
    }
    out
}

fn reference(offset: i64, value: &'static [u8], headers: &[(&'static str, Option<&'static [u8]>)]) -> Record {
    Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: 3,
        producer_id: -1,
        producer_epoch: -1,
        timestamp_type: TimestampType::Creation,
        offset,
        sequence: offset as i32,
        timestamp: 1_700_000_000_000 + offset,
        key: (offset % 2 == 0).then(|| Bytes::from_static(b"thread")),
        value: Some(Bytes::from_static(value)),
        headers: headers
            .iter()
            .map(|(key, value)| (StrBytes::from_static_str(key), value.map(Bytes::from_static)))
            .collect::<IndexMap<_, _>>(),
    }
}

#[test]
fn all_codecs_of_the_reference_encoder_give_the_same_records() {
    let records: Vec<Record> = (5..25)
        .map(|offset| {
            reference(
                offset,
                b"some value some value some value",
                &[("traceparent", Some(b"00-1")), ("null", None)],
            )
        })
        .collect();
    for compression in [
        Compression::None,
        Compression::Gzip,
        Compression::Snappy,
        Compression::Lz4,
        Compression::Zstd,
    ] {
        let mut bytes = BytesMut::new();
        RecordBatchEncoder::encode(
            &mut bytes,
            &records,
            &RecordEncodeOptions {
                version: 2,
                compression,
            },
        )
        .unwrap();
        let (told, next) = walk(&span(&bytes, 5));
        assert_eq!(next, Ok(25), "{compression:?}");
        let expected: Vec<Told> = records
            .iter()
            .map(|record| Told::Record {
                offset: record.offset,
                time: record.timestamp,
                key: record.key.as_ref().map(|key| key.to_vec()),
                value: record.value.as_ref().map(|value| value.to_vec()),
                headers: vec![
                    (b"traceparent".to_vec(), Some(b"00-1".to_vec())),
                    (b"null".to_vec(), None),
                ],
            })
            .collect();
        assert_eq!(told, expected, "{compression:?}");
    }
}

#[test]
fn both_framings_of_snappy_are_read() {
    for compress in [snappy_raw as fn(&[u8]) -> Vec<u8>, snappy_xerial] {
        let bytes = build(0, &[0, 1, 2], 2).compressed(2, compress).bytes();
        let (told, next) = walk(&span(&bytes, 0));
        assert_eq!((offsets(&told), next), (vec![0, 1, 2], Ok(3)));
    }
}

#[test]
fn batches_of_different_codecs_one_after_the_other_are_read() {
    let mut bytes = build(0, &[0, 1], 1).compressed(1, gzip).bytes();
    bytes.extend(build(2, &[0], 0).compressed(3, lz4).bytes());
    bytes.extend(build(3, &[0, 1], 1).compressed(4, zstd).bytes());
    bytes.extend(
        build(5, &[0], 0)
            .compressed(4, |body| [zstd(&body[..4]), zstd(&body[4..])].concat())
            .bytes(),
    );
    bytes.extend(build(6, &[0], 0).bytes());
    let (told, next) = walk(&span(&bytes, 0));
    assert_eq!(
        (offsets(&told), holes(&told), next),
        ((0..7).collect(), vec![], Ok(7))
    );
}

#[test]
fn a_truncated_last_batch_is_left_for_the_next_fetch_wherever_it_is_cut() {
    let first = build(0, &[0, 1], 1).bytes();
    let whole = [first.clone(), build(2, &[0, 1], 1).bytes()].concat();
    for cut in first.len()..whole.len() {
        let (told, next) = walk(&span(&whole[..cut], 0));
        assert_eq!((offsets(&told), next), (vec![0, 1], Ok(2)), "cut at {cut}");
        assert_eq!(scan(&whole[..cut], 0, 4, -1).whole_bytes, first.len());
    }
}

#[test]
fn records_before_the_position_and_from_the_end_on_are_left_out() {
    let bytes = build(10, &[0, 1, 2, 3, 4], 4).bytes();
    let (told, next) = walk(&BatchSpan {
        end: 14,
        ..span(&bytes, 12)
    });
    assert_eq!(
        (offsets(&told), holes(&told), next),
        (vec![12, 13], vec![], Ok(14))
    );
}

/// Tells of coming records and of records by their keys, in order.
struct Announced {
    lookahead: usize,
    told: Vec<(&'static str, Vec<u8>)>,
}

impl BatchVisitor for Announced {
    type Error = std::convert::Infallible;

    fn lookahead(&self) -> usize {
        self.lookahead
    }

    fn coming(&mut self, key: Option<&[u8]>) {
        self.told.push(("coming", key.unwrap_or_default().to_vec()));
    }

    fn record(&mut self, record: &RawRecord<'_>) -> Result<(), Self::Error> {
        self.told
            .push(("record", record.key.unwrap_or_default().to_vec()));
        Ok(())
    }

    fn hole(&mut self, _: OffsetHole) -> Result<(), Self::Error> {
        Ok(())
    }

    fn corrupt(&mut self, _: CorruptBatch<'_>) -> Result<(), Self::Error> {
        Ok(())
    }
}

#[test]
fn each_key_is_announced_as_many_records_ahead_as_the_visitor_wants() {
    let mut batch = build(0, &[], 4);
    batch.body = (0..5)
        .flat_map(|delta| record(delta, Some(&[b'a' + delta as u8]), None))
        .collect();
    batch.count = 5;
    let bytes = batch.bytes();
    for (lookahead, expected) in [
        (0, "A B C D E"),
        (2, "a b c A d B e C D E"),
        (4, "a b c d e A B C D E"),
        (5, "A B C D E"),
        (9, "A B C D E"),
    ] {
        let mut visitor = Announced {
            lookahead,
            told: Vec::new(),
        };
        let next = BatchWalker::new(OnCorrupt::Stop)
            .walk(&span(&bytes, 0), &mut visitor)
            .unwrap();
        assert_eq!(next, 5);
        let told: Vec<String> = visitor
            .told
            .iter()
            .map(|(what, key)| {
                let key = String::from_utf8_lossy(key);
                if *what == "record" {
                    key.to_uppercase()
                } else {
                    key.into_owned()
                }
            })
            .collect();
        assert_eq!(told.join(" "), expected);
    }
}

#[test]
fn an_end_inside_a_gap_closes_the_hole_there() {
    let bytes = build(10, &[0, 9], 9).bytes();
    let (told, next) = walk(&BatchSpan {
        end: 15,
        ..span(&bytes, 10)
    });
    assert_eq!(holes(&told), vec![(11, 14, HoleCause::Compacted)]);
    assert_eq!((offsets(&told), next), (vec![10], Ok(15)));
}

#[test]
fn the_times_are_those_of_the_producer_or_of_the_append() {
    let mut build = build(0, &[0, 3], 3);
    let times = |bytes: &[u8]| {
        walk(&span(bytes, 0))
            .0
            .iter()
            .filter_map(|told| match told {
                Told::Record { time, .. } => Some(*time),
                _ => None,
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(times(&build.bytes()), vec![1_000, 1_030]);
    build.attributes |= 0x08;
    assert_eq!(times(&build.bytes()), vec![2_000, 2_000]);
}

#[test]
fn what_compaction_removed_is_a_hole_before_inside_behind_and_between_batches() {
    let mut bytes = build(5, &[2, 4], 6).bytes();
    bytes.extend(build(20, &[], 3).bytes());
    bytes.extend(build(24, &[0], 0).bytes());
    let (told, next) = walk(&span(&bytes, 3));
    assert_eq!(offsets(&told), vec![7, 9, 24]);
    let compacted = |first, last| (first, last, HoleCause::Compacted);
    assert_eq!(
        holes(&told),
        vec![compacted(3, 6), compacted(8, 8), compacted(10, 23)]
    );
    assert_eq!(next, Ok(25));
}

#[test]
fn control_batches_are_holes() {
    let mut bytes = build(0, &[0], 0).transactional(9).bytes();
    bytes.extend(marker(1, 9, 1));
    bytes.extend(marker(2, 8, 0));
    bytes.extend(build(3, &[0], 0).bytes());
    let (told, next) = walk(&span(&bytes, 0));
    assert_eq!((offsets(&told), next), (vec![0, 3], Ok(4)));
    assert_eq!(holes(&told), vec![(1, 2, HoleCause::Control)]);
}

#[test]
fn trailing_control_batches_move_the_position() {
    let (told, next) = walk(&span(&marker(7, 1, 1), 7));
    assert_eq!((holes(&told), next), (vec![(7, 7, HoleCause::Control)], Ok(8)));
    assert_eq!(scan(&marker(7, 1, 1), 7, 8, -1).next_offset, 8);
}

#[test]
fn aborted_transactions_of_interleaved_producers_are_left_out() {
    let batches = [
        build(0, &[0, 1], 1).transactional(1).bytes(), // producer 1, aborted
        build(2, &[0], 0).transactional(2).bytes(),    // producer 2, committed
        build(3, &[0], 0).bytes(),                     // no transaction
        build(4, &[0], 0).transactional(1).bytes(),    // producer 1, still the aborted one
        marker(5, 1, 0),                               // abort of producer 1
        build(6, &[0], 0).transactional(1).bytes(),    // producer 1, a new transaction, committed
        marker(7, 2, 1),
        marker(8, 1, 1),
        build(9, &[0], 0).transactional(2).bytes(), // producer 2, aborted
        build(10, &[0], 0).transactional(1).bytes(), // producer 1, aborted again
        marker(11, 2, 0),
        marker(12, 1, 0),
        build(13, &[0], 0).transactional(2).bytes(), // producer 2, committed
    ];
    let aborted = [(10, 1), (0, 1), (9, 2)].map(|(first_offset, producer_id)| AbortedTransaction {
        producer_id,
        first_offset,
    });
    let bytes = batches.concat();
    let (told, next) = walk(&BatchSpan {
        aborted: &aborted,
        ..span(&bytes, 0)
    });
    assert_eq!((offsets(&told), next), (vec![2, 3, 6, 13], Ok(14)));
    let (aborted, control) = (HoleCause::Aborted, HoleCause::Control);
    assert_eq!(
        holes(&told),
        vec![
            (0, 1, aborted),
            (4, 4, aborted),
            (5, 5, control),
            (7, 8, control),
            (9, 10, aborted),
            (11, 12, control)
        ]
    );
}

#[test]
fn an_aborted_batch_is_skipped_without_being_decompressed() {
    let bytes = build(0, &[0], 0)
        .transactional(1)
        .compressed(4, |_| b"not zstd".to_vec())
        .bytes();
    let aborted = [AbortedTransaction {
        producer_id: 1,
        first_offset: 0,
    }];
    let (told, _) = walk(&BatchSpan {
        aborted: &aborted,
        ..span(&bytes, 0)
    });
    assert_eq!(told, vec![Told::Hole(0, 0, HoleCause::Aborted)]);
}

#[test]
fn a_corrupt_batch_is_handed_on_whole_and_the_walk_goes_on_behind_it() {
    let mut bad = build(2, &[0, 1], 1).bytes();
    let last = bad.len() - 1;
    bad[last] ^= 1;
    let bytes = [
        build(0, &[0, 1], 1).bytes(),
        bad.clone(),
        build(4, &[0], 0).bytes(),
    ]
    .concat();
    let (told, next) = walk(&span(&bytes, 0));
    assert_eq!((offsets(&told), next), (vec![0, 1, 4], Ok(5)));
    assert!(told.iter().any(|told| matches!(told, Told::Corrupt { first: 2, last: 3, bytes, fault: BatchFault::Checksum { .. } } if *bytes == bad.len())));
    let stop = BatchWalker::new(OnCorrupt::Stop)
        .walk(&span(&bytes, 0), &mut Teller::default())
        .unwrap_err();
    let WalkError::Batch(error) = stop;
    assert_eq!((error.base_offset, error.last_offset), (2, Some(3)));
}

#[test]
fn faults_under_a_right_checksum_are_corrupt_batches_with_a_reason() {
    let sound = build(0, &[0, 1], 1);
    let with = |change: &dyn Fn(&mut Build)| {
        let mut build = sound.clone();
        change(&mut build);
        let (told, next) = walk(&span(&build.bytes(), 0));
        assert_eq!(next, Ok(build.last_delta as i64 + 1));
        match &told[..] {
            [Told::Corrupt { first: 0, fault, .. }] => fault.clone(),
            other => panic!("{other:?}"),
        }
    };
    assert!(matches!(
        with(&|b| b.attributes = 5),
        BatchFault::UnknownCodec { codec: 5 }
    ));
    assert!(matches!(
        with(&|b| b.attributes = 1),
        BatchFault::Decompression {
            codec: Codec::Gzip,
            ..
        }
    ));
    assert!(matches!(
        with(&|b| b.attributes = 2),
        BatchFault::Decompression {
            codec: Codec::Snappy,
            ..
        }
    ));
    assert!(matches!(
        with(&|b| b.attributes = 3),
        BatchFault::Decompression {
            codec: Codec::Lz4,
            ..
        }
    ));
    assert!(matches!(
        with(&|b| b.attributes = 4),
        BatchFault::Decompression {
            codec: Codec::Zstd,
            ..
        }
    ));
    assert!(matches!(
        with(&|b| b.count = 3),
        BatchFault::RecordCount { count: 3, offsets: 2 }
    ));
    assert!(matches!(
        with(&|b| b.count = -1),
        BatchFault::RecordCount { count: -1, .. }
    ));
    assert!(matches!(with(&|b| b.count = 1), BatchFault::TrailingBytes { .. }));
    assert!(matches!(
        with(&|b| b.body.truncate(b.body.len() - 1)),
        BatchFault::Record {
            index: 1,
            count: 2,
            ..
        }
    ));
    assert!(matches!(
        with(&|b| b.body.push(0)),
        BatchFault::TrailingBytes { bytes: 1 }
    ));
    assert!(matches!(
        with(&|b| b.last_delta = 0),
        BatchFault::RecordCount { count: 2, offsets: 1 }
    ));
    let twice = |b: &mut Build| b.body = [record(0, None, None), record(0, None, None)].concat();
    assert!(matches!(with(&twice), BatchFault::Record { index: 1, .. }));
    let above = |b: &mut Build| b.body = [record(0, None, None), record(2, None, None)].concat();
    assert!(matches!(with(&above), BatchFault::Record { index: 1, .. }));
    let short_marker = |b: &mut Build| {
        b.attributes = 0x20;
        b.body = [record(0, Some(b"abc"), None), record(1, None, None)].concat();
    };
    assert!(matches!(with(&short_marker), BatchFault::Record { index: 0, .. }));
}

#[test]
fn a_compressed_batch_cut_inside_its_codec_is_corrupt() {
    for (codec, compress) in [
        (1, gzip as fn(&[u8]) -> Vec<u8>),
        (2, snappy_raw),
        (2, snappy_xerial),
        (3, lz4),
        (4, zstd),
    ] {
        let whole = build(0, &[0, 1, 2], 2).compressed(codec, compress);
        for cut in 0..whole.body.len() {
            let mut short = whole.clone();
            short.body.truncate(cut);
            let (told, next) = walk(&span(&short.bytes(), 0));
            assert_eq!(next, Ok(3));
            match &told[..] {
                [
                    Told::Corrupt {
                        first: 0, last: 2, ..
                    },
                ] => {}
                // LZ4 may end without its end mark when all blocks are there.
                told => assert_eq!(
                    (codec, offsets(told)),
                    (3, vec![0, 1, 2]),
                    "cut at {cut}: {told:?}"
                ),
            }
        }
    }
}

#[test]
fn old_formats_are_refused_by_name() {
    for magic in [0_u8, 1] {
        let mut rest = vec![magic, 0];
        if magic == 1 {
            rest.extend(5_i64.to_be_bytes());
        }
        rest.extend((-1_i32).to_be_bytes());
        rest.extend(3_i32.to_be_bytes());
        rest.extend(b"abc");
        let mut crc = flate2::Crc::new();
        crc.update(&rest);
        let mut old = 4_i64.to_be_bytes().to_vec();
        old.extend((rest.len() as i32 + 4).to_be_bytes());
        old.extend(crc.sum().to_be_bytes());
        old.extend(&rest);
        let bytes = [old.clone(), build(5, &[0], 0).bytes()].concat();
        let (told, next) = walk(&span(&bytes, 3));
        assert_eq!((offsets(&told), next), (vec![5], Ok(6)));
        let fault = BatchFault::OldFormat { magic: magic as i8 };
        assert_eq!(
            told[0],
            Told::Corrupt {
                first: 3,
                last: 4,
                bytes: old.len(),
                fault
            }
        );
    }
}

/// Every byte of the middle one of three batches is damaged in every bit. Whatever comes of it, no record of the other
/// batches is told wrong, no offset is told twice, and nothing is passed over without a word.
#[test]
fn no_damaged_byte_goes_unnoticed() {
    let before = build(0, &[0, 1], 1).bytes();
    let after = build(5, &[0], 0).bytes();
    for compress in [None, Some(zstd as fn(&[u8]) -> Vec<u8>)] {
        let mut middle = build(2, &[0, 1, 2], 2);
        if let Some(compress) = compress {
            middle = middle.compressed(4, compress);
        }
        let middle = middle.bytes();
        let sound = walk(&span(&[&before[..], &middle, &after].concat(), 0)).0;
        for at in 0..middle.len() {
            for bit in 0..8 {
                let mut damaged = middle.clone();
                damaged[at] ^= 1 << bit;
                let bytes = [&before[..], &damaged, &after].concat();
                let (told, next) = walk(&BatchSpan {
                    high_watermark: 6,
                    ..span(&bytes, 0)
                });
                let place = format!("byte {at} bit {bit}: {told:?} {next:?}");
                match at {
                    // Leader epoch: not under the checksum, of no meaning for the records.
                    12..16 => assert_eq!((&told, &next), (&sound, &Ok(6)), "{place}"),
                    // Base offset, length, magic: not under the checksum. The walk stops with an error, or leaves the
                    // rest for the next fetch (a length beyond the bytes, or into the batch that follows).
                    0..17 => match &next {
                        Err(error) => assert_eq!(error.last_offset, None, "{place}"),
                        Ok(2) => assert_eq!(offsets(&told), vec![0, 1], "{place}"),
                        Ok(5) => {
                            assert_eq!(offsets(&told), vec![0, 1], "{place}");
                            assert!(
                                matches!(
                                    told.last(),
                                    Some(Told::Corrupt {
                                        first: 2,
                                        last: 4,
                                        ..
                                    })
                                ),
                                "{place}"
                            );
                        }
                        Ok(next) => panic!("went on to {next}, {place}"),
                    },
                    _ => match &next {
                        Err(error) => assert!(
                            offsets(&told) == vec![0, 1] && error.last_offset.is_none(),
                            "{place}"
                        ),
                        Ok(next) => {
                            assert_eq!((offsets(&told), *next), (vec![0, 1, 5], 6), "{place}");
                            let corrupt = told.iter().filter(|told| {
                                matches!(
                                    told,
                                    Told::Corrupt {
                                        first: 2,
                                        last: 4,
                                        ..
                                    }
                                )
                            });
                            assert_eq!(corrupt.count(), 1, "{place}");
                        }
                    },
                }
                // The source, which looks at headers only, must come to the same next offset wherever the walk goes on.
                if let Ok(next) = next {
                    assert_eq!(scan(&bytes, 0, 6, -1).next_offset, next, "{place}");
                }
            }
        }
    }
}

#[test]
fn a_wrong_last_offset_under_a_broken_checksum_is_not_believed() {
    let mut bad = build(0, &[0, 1], 1).bytes();
    bad[26] = 40;
    let (told, next) = walk(&BatchSpan {
        high_watermark: 100,
        ..span(&bad, 0)
    });
    assert_eq!((told, next.unwrap_err().last_offset), (vec![], None));
}

#[test]
fn batches_that_go_backwards_overlap_or_lie_above_the_high_watermark_stop_the_walk() {
    let two = [build(0, &[0, 1], 1).bytes(), build(1, &[0, 1], 1).bytes()].concat();
    assert!(matches!(
        walk(&span(&two, 0)).1.unwrap_err().fault,
        BatchFault::Backwards { position: 2 }
    ));
    let old = build(0, &[0, 1], 1).bytes();
    assert!(matches!(
        walk(&span(&old, 2)).1.unwrap_err().fault,
        BatchFault::Backwards { position: 2 }
    ));
    let high = BatchSpan {
        high_watermark: 1,
        ..span(&old, 0)
    };
    assert!(matches!(
        walk(&high).1.unwrap_err().fault,
        BatchFault::AboveHighWatermark { high_watermark: 1 }
    ));
    let mut negative = build(0, &[0], 0);
    negative.last_delta = -1;
    assert!(matches!(
        walk(&span(&negative.bytes(), 0)).1.unwrap_err().fault,
        BatchFault::Offsets { .. }
    ));
    negative.base = i64::MAX;
    negative.last_delta = i32::MAX;
    assert!(matches!(
        walk(&span(&negative.bytes(), 0)).1.unwrap_err().fault,
        BatchFault::Offsets { .. }
    ));
}

#[test]
fn decompression_bombs_are_refused_without_their_memory() {
    let bomb = vec![0_u8; 40 << 20];
    for (codec, compress) in [(1, gzip as fn(&[u8]) -> Vec<u8>), (4, zstd)] {
        let bytes = build(0, &[0], 0).compressed(codec, |_| compress(&bomb)).bytes();
        assert!(bytes.len() < 100_000);
        let (told, next) = walk(&span(&bytes, 0));
        assert_eq!(next, Ok(1));
        let [
            Told::Corrupt {
                fault: BatchFault::ExpansionLimit { limit, .. },
                ..
            },
        ] = &told[..]
        else {
            panic!("{told:?}")
        };
        assert!(*limit < bomb.len());
    }
    // A block of Snappy that claims 4 GiB, raw and framed.
    let claim = vec![0xff, 0xff, 0xff, 0xff, 0x0f, 0];
    let framed = [&b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01\0\0\0\x06"[..], &claim].concat();
    for body in [claim, framed] {
        let bytes = build(0, &[0], 0).compressed(2, |_| body.clone()).bytes();
        let (told, _) = walk(&span(&bytes, 0));
        assert!(
            matches!(
                &told[..],
                [Told::Corrupt {
                    fault: BatchFault::Decompression { .. },
                    ..
                }]
            ),
            "{told:?}"
        );
    }
}

#[test]
fn buffers_are_sound_after_a_refused_batch() {
    let bad = build(0, &[0], 0)
        .compressed(4, |body| zstd(body)[..8].to_vec())
        .bytes();
    let bytes = [bad, build(1, &[0, 1], 1).compressed(4, zstd).bytes()].concat();
    let (told, next) = walk(&span(&bytes, 0));
    assert_eq!((offsets(&told), next), (vec![1, 2], Ok(3)));
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = tally(&bytes, Checksums::Ignore);
    }

    /// Random records in a sound frame: deep into lengths and varints.
    #[test]
    fn random_bodies_never_panic(
        body in proptest::collection::vec(prop_oneof![any::<u8>(), 0..8_u8], 0..200),
        attributes in 0..64_i16,
        count in 0..5_i32,
        last_delta in 0..9_i32,
    ) {
        let batch = Build { body, attributes, count, last_delta, ..build(3, &[], 0) };
        let (told, next) = walk(&span(&batch.bytes(), 0));
        prop_assert_eq!(next, Ok(4 + i64::from(last_delta)));
        prop_assert!(!told.is_empty());
    }

    /// Whatever batches there are, each offset is told exactly once.
    #[test]
    fn each_offset_is_told_once(
        batches in proptest::collection::vec((0..4_i64, proptest::collection::btree_set(0..8_i32, 0..6), 0..3_i32, 0..4_u8), 1..6),
        position in 0..10_i64,
    ) {
        let mut bytes = Vec::new();
        let mut base = position;
        for (gap, deltas, tail, kind) in batches {
            base += gap;
            let deltas: Vec<i32> = deltas.into_iter().collect();
            let last_delta = deltas.last().copied().unwrap_or(0) + tail;
            let batch = build(base, &deltas, last_delta);
            bytes.extend(match kind {
                0 => batch.bytes(),
                1 => batch.compressed(3, lz4).bytes(),
                2 => batch.transactional(1).bytes(),
                _ => batch.compressed(1, |_| vec![1, 2, 3]).bytes(),
            });
            base += i64::from(last_delta) + 1;
        }
        let aborted = [AbortedTransaction { producer_id: 1, first_offset: 0 }];
        let (told, next) = walk(&BatchSpan { aborted: &aborted, ..span(&bytes, position) });
        prop_assert_eq!(&next, &Ok(base));
        let mut at = position;
        for told in told {
            let (first, last) = match told {
                Told::Record { offset, .. } => (offset, offset),
                Told::Hole(first, last, _) | Told::Corrupt { first, last, .. } => (first, last),
            };
            prop_assert_eq!(first, at);
            prop_assert!(last >= first);
            at = last + 1;
        }
        prop_assert_eq!(at, base);
        prop_assert_eq!(scan(&bytes, position, i64::MAX, -1).next_offset, base);
    }
}
