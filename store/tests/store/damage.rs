//! Damaged segments, as the readers inside the product meet them.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{BinaryArray, RecordBatch};
use quipu_proto::Table;
use quipu_store::{Commit, Reader, Segment, StoreErrorKind, read_segment};

use crate::common::{open, position, rows};

fn values(path: &Path, segment: &Segment, projection: &[&str]) -> quipu_store::Result<Vec<RecordBatch>> {
    read_segment(path, segment, projection)?.collect()
}

/// With ids that cannot be compressed.
fn with_ids(batch: &RecordBatch) -> RecordBatch {
    let mut columns = batch.columns().to_vec();
    let index = batch.schema().index_of("message_id").unwrap();
    let ids = (0..batch.num_rows() as u128).map(|row| {
        (row + 1)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
            .to_le_bytes()
    });
    columns[index] = Arc::new(BinaryArray::from_iter_values(ids));
    RecordBatch::try_new(batch.schema(), columns).unwrap()
}

#[test]
fn a_damaged_segment_is_an_error_or_reads_as_it_was_and_is_never_something_else() {
    let folder = tempfile::tempdir().unwrap();
    // Large enough for several blocks, so that a column may lie beside the damage.
    let batch = with_ids(&rows(Table::Events, 0, 60_000));
    let commit = Commit {
        batches: vec![(Table::Events, vec![batch])],
        partitions: vec![position(0, 60_000)],
        remove_segments: Vec::new(),
    };
    open(folder.path()).commit(commit).unwrap();
    let snapshot = Reader::open(folder.path()).unwrap().snapshot().unwrap();
    let segment = &snapshot.manifest().segments[0];
    let path = snapshot.path_of(segment);
    let tail = segment.tail_range().unwrap();
    assert!(
        tail.start > 4 * quipu_store::BLOCK_BYTES,
        "{} bytes are too few",
        tail.start
    );

    let whole = values(&path, segment, &[]).unwrap();
    let one = values(&path, segment, &["sequence"]).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let (mut errors, mut beside) = (0, 0);
    for at in (0..bytes.len()).step_by(bytes.len() / 200) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        std::fs::write(&path, damaged).unwrap();
        match values(&path, segment, &["sequence"]) {
            Ok(found) => {
                assert!(!tail.contains(&(at as u64)), "byte {at} of the tail");
                assert_eq!(found, one, "byte {at}");
                beside += 1;
            }
            Err(error) => {
                assert_eq!(error.kind(), StoreErrorKind::Damaged, "byte {at}: {error}");
                assert!(error.to_string().contains(".parquet is damaged: its "), "{error}");
                errors += 1;
            }
        }
        let error = values(&path, segment, &[]).map(drop).unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Damaged, "byte {at}: {error}");
    }
    assert!(errors > 0 && beside > 0, "{errors} errors, {beside} beside");
    std::fs::write(&path, &bytes).unwrap();
    assert_eq!(values(&path, segment, &[]).unwrap(), whole);
}

#[test]
fn a_cut_segment_is_told_by_its_length() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).commit(crate::common::ten(0)).unwrap();
    let snapshot = Reader::open(folder.path()).unwrap().snapshot().unwrap();
    let segment = &snapshot.manifest().segments[0];
    let path = snapshot.path_of(segment);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    let error = values(&path, segment, &[]).map(drop).unwrap_err();
    assert!(error.to_string().contains("bytes instead of"), "{error}");
}
