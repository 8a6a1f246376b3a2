//! The walk over the batches of a fetch.

use crate::hole::HoleCause;

use super::aborted::AbortedFilter;
use super::decompress::Decompressor;
use super::error::{BatchError, BatchFault};
use super::header::{BatchHeader, Entries, Entry, HEADER_BYTES, checksum};
use super::records::{self, Marker, Records, marker};
use super::visitor::{BatchSpan, BatchVisitor, Checksums, OnCorrupt, WalkError};

mod account;

use account::Account;

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
        self.walk_checking(span, visitor, self.checksums)
    }

    /// As [`Self::walk`], with a choice of its own about checksums: they may have been compared already.
    ///
    /// # Errors
    /// As [`Self::walk`].
    pub(crate) fn walk_checking<V: BatchVisitor>(
        &mut self,
        span: &BatchSpan<'_>,
        visitor: &mut V,
        checksums: Checksums,
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
                Entry::Batch { header, bytes } => self.batch(
                    &header,
                    bytes,
                    &entries,
                    (span, checksums),
                    &mut aborted,
                    &mut out,
                )?,
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
        (span, checksums): (&BatchSpan<'_>, Checksums),
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

        let computed = match checksums {
            Checksums::Verify => checksum(bytes),
            Checksums::Ignore => header.checksum,
        };
        if computed != header.checksum {
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
        let lookahead = out.visitor.lookahead();
        let is_long = usize::try_from(header.record_count).is_ok_and(|records| records > lookahead);
        let mut coming = (lookahead > 0 && is_long).then(|| Records::new(*header, body));
        if let Some(coming) = &mut coming {
            for record in coming.take(lookahead) {
                out.visitor.coming(record.key);
            }
        }
        for record in Records::new(*header, body) {
            if let Some(record) = coming.as_mut().and_then(Iterator::next) {
                out.visitor.coming(record.key);
            }
            out.record(&record, span.gap_cause)?;
        }
        out.skip_to(last + 1, span.gap_cause)
    }
}
