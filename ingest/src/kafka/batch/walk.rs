//! The walk over the batches of a fetch.

use std::convert::Infallible;

use thiserror::Error;

use crate::kafka::hole::{HoleCause, OffsetHole};
use crate::raw::RawRecord;

use super::aborted::{AbortedFilter, AbortedTransaction};
use super::decompress::Decompressor;
use super::error::{BatchError, BatchFault};
use super::header::{BatchHeader, Entries, Entry, HEADER_BYTES, checksum};
use super::records::{self, Marker, Records, marker};

/// The batches of one partition in one fetch response, and where the partition stands.
#[derive(Clone, Copy, Debug)]
pub struct BatchSpan<'a> {
    /// The batches one after the other; the last may be cut short.
    pub bytes: &'a [u8],
    /// Next offset to read: records before it are left out, offsets from it on are accounted for.
    pub position: i64,
    /// Offset to stop at, exclusive: records from it on are left out. `i64::MAX` = none.
    pub end: i64,
    /// High watermark of the response: no batch may reach it. `i64::MAX` = not known.
    pub high_watermark: i64,
    /// The aborted transactions of the response, in any order.
    pub aborted: &'a [AbortedTransaction],
    /// What offsets that the log skips are put down to.
    pub gap_cause: HoleCause,
}

/// A batch that cannot be read although its place in the log is certain.
#[derive(Clone, Debug)]
pub struct CorruptBatch<'a> {
    /// First offset that is lost with it.
    pub first: i64,
    /// Last offset that is lost with it, inclusive.
    pub last: i64,
    /// The batch as stored, header included.
    pub bytes: &'a [u8],
    /// What is wrong with it.
    pub error: BatchError,
}

/// What a walk hands on, in the order of offsets.
pub trait BatchVisitor {
    /// Error that ends the walk.
    type Error;

    /// One record. It borrows from buffers of the walker.
    fn record(&mut self, record: &RawRecord<'_>) -> Result<(), Self::Error>;

    /// A range of offsets without a record.
    fn hole(&mut self, hole: OffsetHole) -> Result<(), Self::Error>;

    /// A batch that cannot be read; only under [`OnCorrupt::DeadLetter`].
    fn corrupt(&mut self, batch: CorruptBatch<'_>) -> Result<(), Self::Error>;
}

/// What becomes of a batch that cannot be read although its place in the log is certain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnCorrupt {
    /// The visitor gets it whole, as a dead letter, and the walk goes on behind it.
    #[default]
    DeadLetter,
    /// The walk ends with an error.
    Stop,
}

/// Whether checksums are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Checksums {
    /// Each batch must have the checksum of its header.
    #[default]
    Verify,
    /// Checksums are not looked at: for salvage and for fuzzing, which would not come past them.
    Ignore,
}

/// Why a walk ended early.
#[derive(Debug, Error)]
pub enum WalkError<E> {
    /// A batch that cannot be read, and behind which nothing may be read.
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// The visitor's error.
    #[error(transparent)]
    Visitor(E),
}

/// Walks over batches; keeps its buffers between walks.
#[derive(Debug)]
pub struct BatchWalker {
    decompressor: Decompressor,
    on_corrupt: OnCorrupt,
    checksums: Checksums,
}

impl BatchWalker {
    /// A walker that treats corrupt batches as said and verifies checksums.
    #[must_use]
    pub fn new(on_corrupt: OnCorrupt) -> Self {
        Self {
            decompressor: Decompressor::new(),
            on_corrupt,
            checksums: Checksums::Verify,
        }
    }

    /// Sets whether checksums are compared.
    #[must_use]
    pub fn with_checksums(mut self, checksums: Checksums) -> Self {
        self.checksums = checksums;
        self
    }

    /// Hands on all that the span holds from its position to its end, and gives the next offset to read.
    ///
    /// Each offset from the position to the one returned is handed on exactly once: as a record, in a hole, or in a
    /// corrupt batch. A batch that is cut short at the end of the bytes is left for the next fetch.
    ///
    /// # Errors
    /// A batch whose place in the log is uncertain, a corrupt batch under [`OnCorrupt::Stop`], or the visitor's error.
    /// What lies before it has been handed on by then.
    pub fn walk<V: BatchVisitor>(
        &mut self,
        span: &BatchSpan<'_>,
        visitor: &mut V,
    ) -> Result<i64, WalkError<V::Error>> {
        let mut entries = Entries::new(span.bytes, span.position, span.high_watermark);
        let mut aborted = AbortedFilter::new(span.aborted);
        let mut out = Account {
            position: span.position,
            end: span.end,
            hole: None,
            visitor,
        };
        loop {
            if out.position >= span.end {
                break;
            }
            let entry = match entries.next_entry() {
                Ok(Some(entry)) => entry,
                Ok(None) => break,
                Err(error) => {
                    out.flush()?;
                    return Err(error.into());
                }
            };
            match entry {
                Entry::Batch { header, bytes } => {
                    self.batch(&header, bytes, &entries, span, &mut aborted, &mut out)?
                }
                Entry::Old {
                    magic,
                    last_offset,
                    bytes,
                } => {
                    // A wrapper of compressed messages names its last inner offset, so all up to there is lost with it.
                    let first = out.position;
                    let error = BatchError {
                        base_offset: first,
                        last_offset: Some(last_offset),
                        fault: BatchFault::OldFormat { magic },
                    };
                    out.corrupt(self.on_corrupt, first, last_offset, bytes, error)?;
                }
            }
        }
        out.flush()?;
        Ok(out.position)
    }

    fn batch<V: BatchVisitor>(
        &mut self,
        header: &BatchHeader,
        bytes: &[u8],
        entries: &Entries<'_>,
        span: &BatchSpan<'_>,
        aborted: &mut AbortedFilter,
        out: &mut Account<'_, V>,
    ) -> Result<(), WalkError<V::Error>> {
        let (base_offset, last) = (header.base_offset, header.last_offset());
        out.skip_to(base_offset, span.gap_cause)?;
        if out.position >= span.end {
            return Ok(());
        }
        let error = |fault| BatchError {
            base_offset,
            last_offset: Some(last),
            fault,
        };
        let corrupt = |out: &mut Account<'_, V>, on_corrupt, fault| {
            let first = out.position.max(base_offset);
            out.corrupt(on_corrupt, first, last, bytes, error(fault))
        };

        let computed = checksum(bytes);
        if self.checksums == Checksums::Verify && computed != header.checksum {
            let fault = BatchFault::Checksum {
                stored: header.checksum,
                computed,
            };
            // The last offset lies under the broken checksum. It is believed if a second witness agrees with it.
            let count_agrees = i64::from(header.record_count) == last - base_offset + 1;
            let next_agrees = Entries::new(entries.rest(), last + 1, span.high_watermark)
                .next_entry()
                .is_ok_and(|next| matches!(next, Some(Entry::Batch { header, .. }) if header.base_offset == last + 1));
            if !count_agrees && !next_agrees {
                out.flush()?;
                return Err(BatchError {
                    base_offset,
                    last_offset: None,
                    fault,
                }
                .into());
            }
            return corrupt(out, self.on_corrupt, fault);
        }

        aborted.reach(last);
        if header.is_transactional() && !header.is_control() && aborted.contains(header.producer_id) {
            return out.hole_to(last, HoleCause::Aborted);
        }
        let codec = match header.codec() {
            Ok(codec) => codec,
            Err(codec) => return corrupt(out, self.on_corrupt, BatchFault::UnknownCodec { codec }),
        };
        let body = match self.decompressor.run(codec, &bytes[HEADER_BYTES..]) {
            Ok(body) => body,
            Err(fault) => return corrupt(out, self.on_corrupt, fault),
        };
        if let Err(fault) = records::check(header, body) {
            return corrupt(out, self.on_corrupt, fault);
        }
        if header.is_control() {
            for (index, record) in (0_i32..).zip(Records::new(*header, body)) {
                match marker(&record) {
                    Ok(Marker::Abort) => aborted.close(header.producer_id),
                    Ok(Marker::Commit | Marker::Other) => {}
                    Err(malformed) => {
                        let fault = BatchFault::Record {
                            index,
                            count: header.record_count,
                            reason: malformed.0,
                        };
                        return corrupt(out, self.on_corrupt, fault);
                    }
                }
            }
            return out.hole_to(last, HoleCause::Control);
        }
        for record in Records::new(*header, body) {
            out.record(&record, span.gap_cause)?;
        }
        out.skip_to(last + 1, span.gap_cause)
    }
}

/// The account of offsets: everything goes to the visitor through here, so that each offset is told once.
struct Account<'v, V> {
    /// Next offset that has not been told yet.
    position: i64,
    /// Offset to stop at, exclusive.
    end: i64,
    /// A hole that may still grow.
    hole: Option<OffsetHole>,
    visitor: &'v mut V,
}

impl<V: BatchVisitor> Account<'_, V> {
    fn record(&mut self, record: &RawRecord<'_>, gap_cause: HoleCause) -> Result<(), WalkError<V::Error>> {
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
    fn skip_to(&mut self, next: i64, cause: HoleCause) -> Result<(), WalkError<V::Error>> {
        if next > self.position {
            self.hole_to(next - 1, cause)
        } else {
            Ok(())
        }
    }

    fn hole_to(&mut self, last: i64, cause: HoleCause) -> Result<(), WalkError<V::Error>> {
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

    fn corrupt(
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

    fn flush(&mut self) -> Result<(), WalkError<V::Error>> {
        match self.hole.take() {
            Some(hole) => self.visitor.hole(hole).map_err(WalkError::Visitor),
            None => Ok(()),
        }
    }
}

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
