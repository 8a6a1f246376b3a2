//! Counting what lies in bytes of any origin.

use std::convert::Infallible;

use crate::hole::{HoleCause, OffsetHole};
use crate::raw::RawRecord;

use super::error::BatchError;
use super::visitor::{BatchSpan, BatchVisitor, Checksums, CorruptBatch, OnCorrupt, WalkError};
use super::walk::BatchWalker;

/// What a walk over some bytes finds, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BatchTally {
    /// Records.
    pub records: u64,
    /// Bytes of keys, values and headers.
    pub bytes: u64,
    /// Offsets in holes.
    pub hole_offsets: u64,
    /// Corrupt batches.
    pub corrupt_batches: u64,
}

impl BatchVisitor for BatchTally {
    type Error = Infallible;

    fn record(&mut self, record: &RawRecord<'_>) -> Result<(), Infallible> {
        let headers: usize = record
            .headers
            .iter()
            .map(|header| header.key.len() + header.value.map_or(0, <[u8]>::len))
            .sum();
        self.records += 1;
        self.bytes +=
            (record.key.map_or(0, <[u8]>::len) + record.value.map_or(0, <[u8]>::len) + headers) as u64;
        Ok(())
    }

    fn hole(&mut self, hole: OffsetHole) -> Result<(), Infallible> {
        self.hole_offsets += hole.last.abs_diff(hole.first) + 1;
        Ok(())
    }

    fn corrupt(&mut self, _batch: CorruptBatch<'_>) -> Result<(), Infallible> {
        self.corrupt_batches += 1;
        Ok(())
    }
}

/// Counts what lies in bytes of any origin, from offset 0 on: the entrance for fuzzing and for `inspect`.
///
/// # Errors
/// A batch behind which nothing can be found.
pub fn tally(bytes: &[u8], checksums: Checksums) -> Result<BatchTally, BatchError> {
    let mut tally = BatchTally::default();
    let span = BatchSpan {
        bytes,
        position: 0,
        end: i64::MAX,
        high_watermark: i64::MAX,
        aborted: &[],
        gap_cause: HoleCause::Unexplained,
    };
    match BatchWalker::new(OnCorrupt::DeadLetter)
        .with_checksums(checksums)
        .walk(&span, &mut tally)
    {
        Ok(_) => Ok(tally),
        Err(WalkError::Batch(error)) => Err(error),
        Err(WalkError::Visitor(never)) => match never {},
    }
}
