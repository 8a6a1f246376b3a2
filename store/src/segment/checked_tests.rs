#![allow(clippy::unwrap_used)]

use quipu_proto::Table;

use super::*;
use crate::manifest::ManifestId;
use crate::segment::{SegmentId, SegmentStats};

const FOOTER: &[u8] = b"what Parquet writes at the end";

/// A file of that many bytes before its tail, and what a manifest knows of it.
fn written(covered: u64) -> (Segment, Bytes) {
    let mut file: Vec<u8> = (0..covered).map(|at| (at * 31 % 251) as u8).collect();
    let mut summer = BlockSummer::new();
    // In odd pieces, as a writer does.
    for piece in file.chunks(10_007) {
        summer.update(piece);
    }
    file.extend(summer.finish());
    file.extend(FOOTER);
    let segment = Segment {
        id: SegmentId(1),
        table: Table::Events,
        path: "segments/events/0000000000000001.parquet".to_owned(),
        rows: 1,
        bytes: file.len() as u64,
        checksum: xxh3_64(&file),
        tail: Some(SegmentTail {
            offset: covered,
            checksum: xxh3_64(&file[covered as usize..]),
        }),
        first_commit: ManifestId(1),
        last_commit: ManifestId(1),
        added_by: ManifestId(1),
        schema_fingerprint: 1,
        stats: SegmentStats::default(),
    };
    (segment, file.into())
}

fn part(file: &Bytes, range: Range<u64>) -> Bytes {
    file.slice(range.start as usize..range.end as usize)
}

fn tail(segment: &Segment, file: &Bytes) -> CheckedTail {
    CheckedTail::new(segment, part(file, segment.tail_range().unwrap()))
        .unwrap()
        .unwrap()
}

#[test]
fn whatever_range_is_read_comes_out_as_it_was_written() {
    for covered in [
        0,
        1,
        BLOCK_BYTES - 1,
        BLOCK_BYTES,
        BLOCK_BYTES + 1,
        3 * BLOCK_BYTES + 17,
    ] {
        let (segment, file) = written(covered);
        let tail = tail(&segment, &file);
        let sums = tail.sums();
        let edges = [0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, covered];
        for start in edges {
            for end in edges.into_iter().filter(|end| (start..=covered).contains(end)) {
                let aligned = sums.aligned(start..end);
                assert!(aligned.is_empty() || (aligned.start <= start && aligned.end >= end));
                let cut = sums.cut(start..end, part(&file, aligned)).unwrap();
                assert_eq!(cut, part(&file, start..end));
            }
        }
    }
}

#[test]
fn the_footer_is_in_the_tail_and_nothing_else_is() {
    let (segment, file) = written(BLOCK_BYTES);
    let tail = tail(&segment, &file);
    let footer = segment.bytes - FOOTER.len() as u64..segment.bytes;
    assert_eq!(tail.get(footer.clone()).unwrap(), FOOTER);
    assert_eq!(tail.get(0..1), None);
    assert_eq!(tail.get(BLOCK_BYTES - 1..BLOCK_BYTES + 1), None);
    assert_eq!(tail.get(footer.start..footer.end + 1), None);
}

#[test]
fn every_flipped_bit_is_noticed_wherever_it_is() {
    let (segment, file) = written(BLOCK_BYTES + 100);
    let tail_range = segment.tail_range().unwrap();
    let sums = tail(&segment, &file).sums().clone();
    for at in (0..segment.bytes).step_by(97).chain(tail_range.clone()) {
        let mut bytes = file.to_vec();
        bytes[at as usize] ^= 1 << (at % 8);
        let bytes = Bytes::from(bytes);
        if tail_range.contains(&at) {
            let damaged = CheckedTail::new(&segment, part(&bytes, tail_range.clone()));
            assert!(matches!(damaged, Err(SegmentDamage::Tail { .. })), "byte {at}");
        } else {
            let aligned = sums.aligned(at..at + 1);
            let damaged = sums.cut(at..at + 1, part(&bytes, aligned.clone()));
            let Err(SegmentDamage::Block { at: block, .. }) = damaged else {
                panic!("byte {at} gave {damaged:?}");
            };
            assert_eq!(block, aligned.start);
        }
    }
}

#[test]
fn only_whole_blocks_and_all_of_them_can_be_checked() {
    let (segment, file) = written(2 * BLOCK_BYTES);
    let sums = tail(&segment, &file).sums().clone();
    assert!(sums.check(1, &file[1..10]).is_err());
    assert!(sums.check(0, &file[..10]).is_err());
    assert!(sums.check(0, &file).is_err(), "the tail has no sums in the list");
    assert!(sums.cut(0..10, part(&file, 0..10)).is_err());
    assert!(
        sums.cut(0..2 * BLOCK_BYTES + 1, part(&file, 0..2 * BLOCK_BYTES))
            .is_err()
    );
    assert_eq!(sums.check(2 * BLOCK_BYTES, &[]), Ok(()));
}

#[test]
fn a_tail_that_cannot_hold_the_sums_is_refused() {
    let (mut segment, file) = written(BLOCK_BYTES);
    let short = part(&file, segment.bytes - 4..segment.bytes);
    assert!(matches!(
        CheckedTail::new(&segment, short.clone()),
        Err(SegmentDamage::Length { .. })
    ));
    segment.tail = Some(SegmentTail {
        offset: segment.bytes - 4,
        checksum: xxh3_64(&short),
    });
    assert!(matches!(
        CheckedTail::new(&segment, short),
        Err(SegmentDamage::Sums { .. })
    ));
}

#[test]
fn a_segment_of_an_older_store_has_nothing_to_check() {
    let (mut segment, _) = written(10);
    segment.tail = None;
    assert_eq!(segment.tail_range(), None);
    assert!(CheckedTail::new(&segment, Bytes::new()).unwrap().is_none());
}
