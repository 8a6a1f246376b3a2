//! The account of offsets: each is told once.

use crate::hole::{HoleCause, OffsetHole};
use crate::raw::RawRecord;

use crate::batch::error::BatchError;
use crate::batch::visitor::{BatchVisitor, CorruptBatch, OnCorrupt, WalkError};

/// The account of offsets: everything goes to the visitor through here, so that each offset is told once.
pub(super) struct Account<'v, V> {
    /// Next offset that has not been told yet.
    pub(super) position: i64,
    /// Offset to stop at, exclusive.
    pub(super) end: i64,
    /// A hole that may still grow.
    pub(super) hole: Option<OffsetHole>,
    pub(super) visitor: &'v mut V,
}

impl<V: BatchVisitor> Account<'_, V> {
    pub(super) fn record(
        &mut self,
        record: &RawRecord<'_>,
        gap_cause: HoleCause,
    ) -> Result<(), WalkError<V::Error>> {
        if record.offset < self.position {
            return Ok(());
        }
        self.skip_to(record.offset, gap_cause)?;
        if record.offset >= self.end {
            return Ok(());
        }
        self.flush()?;
        self.position = record.offset + 1;
        self.visitor.record(record).map_err(WalkError::Visitor)
    }

    /// All offsets below `next` that were not told yet are a hole.
    pub(super) fn skip_to(&mut self, next: i64, cause: HoleCause) -> Result<(), WalkError<V::Error>> {
        if next > self.position {
            self.hole_to(next - 1, cause)
        } else {
            Ok(())
        }
    }

    pub(super) fn hole_to(&mut self, last: i64, cause: HoleCause) -> Result<(), WalkError<V::Error>> {
        let (first, last) = (self.position, last.min(self.end - 1));
        if last < first {
            return Ok(());
        }
        self.position = last + 1;
        match &mut self.hole {
            Some(hole) if hole.cause == cause && hole.last + 1 == first => hole.last = last,
            _ => {
                self.flush()?;
                self.hole = Some(OffsetHole { first, last, cause });
            }
        }
        Ok(())
    }

    pub(super) fn corrupt(
        &mut self,
        on_corrupt: OnCorrupt,
        first: i64,
        last: i64,
        bytes: &[u8],
        error: BatchError,
    ) -> Result<(), WalkError<V::Error>> {
        self.flush()?;
        match on_corrupt {
            OnCorrupt::Stop => Err(error.into()),
            OnCorrupt::DeadLetter => {
                self.position = last + 1;
                self.visitor
                    .corrupt(CorruptBatch {
                        first,
                        last,
                        bytes,
                        error,
                    })
                    .map_err(WalkError::Visitor)
            }
        }
    }

    pub(super) fn flush(&mut self) -> Result<(), WalkError<V::Error>> {
        match self.hole.take() {
            Some(hole) => self.visitor.hole(hole).map_err(WalkError::Visitor),
            None => Ok(()),
        }
    }
}
