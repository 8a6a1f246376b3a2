#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use crate::batch::{BatchSpan, BatchVisitor, BatchWalker, CorruptBatch, OnCorrupt};
use crate::hole::{HoleCause, OffsetHole};

use super::*;

const CODECS: [BatchCompression; 5] = [
    BatchCompression::None,
    BatchCompression::Gzip,
    BatchCompression::Snappy,
    BatchCompression::Lz4,
    BatchCompression::Zstd { level: 3 },
];

type Owned = (Option<Vec<u8>>, Option<Vec<u8>>, i64);

#[derive(Default)]
struct Seen(Vec<Owned>);

impl BatchVisitor for Seen {
    type Error = String;

    fn record(&mut self, record: &RawRecord<'_>) -> Result<(), String> {
        let owned = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec);
        assert_eq!(record.offset, self.0.len() as i64);
        self.0
            .push((owned(record.key), owned(record.value), record.timestamp_ms));
        Ok(())
    }

    fn hole(&mut self, hole: OffsetHole) -> Result<(), String> {
        Err(format!("{hole:?}"))
    }

    fn corrupt(&mut self, batch: CorruptBatch<'_>) -> Result<(), String> {
        Err(format!("{batch:?}"))
    }
}

/// Reads a sealed batch with the walker of the source, checksum included.
fn read(bytes: &[u8]) -> Vec<Owned> {
    let mut seen = Seen::default();
    let span = BatchSpan {
        bytes,
        position: 0,
        end: i64::MAX,
        high_watermark: i64::MAX,
        aborted: &[],
        gap_cause: HoleCause::Unexplained,
    };
    BatchWalker::new(OnCorrupt::Stop).walk(&span, &mut seen).unwrap();
    seen.0
}

fn batch_of(records: &[Owned]) -> Batch<usize> {
    let mut batch = Batch::open(Vec::new(), Instant::now());
    for (index, (key, value, timestamp_ms)) in records.iter().enumerate() {
        let record = ProduceRecord {
            key: key.as_deref(),
            value: value.as_deref(),
            headers: &[("a", b"1")],
            timestamp_ms: *timestamp_ms,
        };
        batch.push(&record, index, usize::MAX).unwrap();
    }
    batch
}

fn bytes_or_none() -> impl Strategy<Value = Option<Vec<u8>>> {
    prop::option::of(prop::collection::vec(any::<u8>(), 0..100))
}

proptest! {
    #[test]
    fn what_is_written_the_source_reads(
        records in prop::collection::vec((bytes_or_none(), bytes_or_none(), 0..2_000_000_000_000_i64), 1..40),
        codec in 0..CODECS.len(),
    ) {
        let mut batch = batch_of(&records);
        batch.set_stamp(Some(Stamp { producer_id: 7, epoch: 1, base_sequence: 9 }));
        let sealed = batch.seal(CODECS[codec]).unwrap();
        prop_assert_eq!(read(&sealed), records.clone());
        // A batch that was sent can still be taken apart.
        let again: Vec<Owned> = batch
            .records(records.len())
            .map(|raw| (raw.key.map(<[u8]>::to_vec), raw.value.map(<[u8]>::to_vec), raw.timestamp_ms))
            .collect();
        prop_assert_eq!(again, records);
    }

    #[test]
    fn halves_hold_all_records_in_order(
        records in prop::collection::vec((bytes_or_none(), bytes_or_none(), 0..2_000_000_000_000_i64), 2..40),
        codec in 0..CODECS.len(),
    ) {
        let mut batch = batch_of(&records);
        batch.seal(CODECS[codec]).unwrap();
        let (mut first, mut second) = batch.split();
        let mut read_back = read(&first.seal(BatchCompression::None).unwrap());
        read_back.extend(read(&second.seal(BatchCompression::None).unwrap()));
        prop_assert_eq!(read_back, records.clone());
        let tags: Vec<usize> = first.take_tags().into_iter().chain(second.take_tags()).collect();
        prop_assert_eq!(tags, (0..records.len()).collect::<Vec<_>>());
    }
}

#[test]
fn a_batch_is_full_at_its_limit_and_takes_one_record_of_any_size() {
    let value = [7; 100];
    let record = ProduceRecord {
        value: Some(&value),
        ..ProduceRecord::default()
    };
    let mut batch = Batch::open(Vec::new(), Instant::now());
    batch.push(&record, 0, 10).unwrap();
    assert_eq!(batch.push(&record, 1, 10), Err(1));
    let sealed = batch.seal(BatchCompression::None).unwrap();
    assert_eq!(sealed.len(), record.batch_bytes(), "as told before");
}

#[test]
fn another_stamp_is_written_without_other_changes() {
    let mut batch = batch_of(&[(None, Some(b"x".to_vec()), 5)]);
    let stamp = |producer_id| {
        Some(Stamp {
            producer_id,
            epoch: 0,
            base_sequence: 3,
        })
    };
    batch.set_stamp(stamp(1));
    let first = batch.seal(BatchCompression::None).unwrap();
    batch.set_stamp(stamp(2));
    let second = batch.seal(BatchCompression::None).unwrap();
    assert_eq!(i64::from_be_bytes(first[43..51].try_into().unwrap()), 1);
    assert_eq!(i64::from_be_bytes(second[43..51].try_into().unwrap()), 2);
    assert_eq!(first[..17], second[..17]);
    assert_eq!(read(&first), read(&second));
}
