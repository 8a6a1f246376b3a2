//! Reading parts of a segment so that damage is an error and never a wrong value, without reading all of it.
//!
//! ```text
//! 0             64 KiB         128 KiB              tail offset                                  end of the file
//! | block 0     | block 1      | block 2 ...        | "QUIPUSUM", sum of block 0, 1, 2 ... | indexes, footer |
//!   row groups: headers and pages of all columns    '----------- the tail: one checksum in the manifest ------'
//! ```
//!
//! Parquet's own checksums cover pages alone, not their headers, and not the footer, whose statistics decide what a
//! query skips. Here everything is covered: the manifest has a checksum of the tail, and the tail has one of every
//! block before it. All of them are XXH3-64; a sum stands in the file as 8 bytes, little endian. Other readers of
//! Parquet know places by the footer alone and never look at the sums.
//!
//! Nothing here reads a file. A reader asks what to read, reads it in its own way, and asks for the verdict:
//!
//! 1. [`Segment::tail_range`] says where the tail is; none for a segment of an older store, which has no sums.
//! 2. [`CheckedTail::new`] checks it. Footer and indexes lie in it: [`CheckedTail::get`].
//! 3. [`BlockSums::aligned`] widens a range of the rest to whole blocks, and [`BlockSums::cut`] checks what was read
//!    there and cuts out what was wanted.

use std::ops::Range;
use std::sync::Arc;

use prost::bytes::Bytes;
use xxhash_rust::xxh3::{Xxh3Default, xxh3_64};

use crate::segment::Segment;

/// Bytes that one sum covers. Smaller ones would be more to keep, larger ones more to read for a small page.
pub const BLOCK_BYTES: u64 = 64 * 1024;

/// Begins the list of sums, for whoever looks at the bytes of a file.
const MAGIC: [u8; 8] = *b"QUIPUSUM";

const SUM_BYTES: usize = 8;

/// Where the tail of a segment begins, and what it must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentTail {
    /// The first byte behind the last row group, where the sums begin.
    pub offset: u64,
    /// XXH3-64 of everything from there to the end of the file.
    pub checksum: u64,
}

/// How a segment is not what was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SegmentDamage {
    /// There are fewer or more bytes than there should be.
    #[error("bytes {at} to {} of it were to be read, but there are {found}", at + expected)]
    Length {
        /// The first byte that was wanted.
        at: u64,
        /// How many were.
        expected: u64,
        /// How many there are.
        found: u64,
    },
    /// The tail is not what was written.
    #[error("its footer, from byte {offset} on, has checksum {found:016x} instead of {expected:016x}")]
    Tail {
        /// Where the tail begins.
        offset: u64,
        /// Its checksum in the manifest.
        expected: u64,
        /// Its checksum now.
        found: u64,
    },
    /// The tail is what was written, but does not hold the sums that the manifest promises.
    #[error("its tail of {found} bytes does not begin with the sums of the {offset} bytes before it")]
    Sums {
        /// Where the tail begins.
        offset: u64,
        /// Bytes of the tail.
        found: u64,
    },
    /// A block is not what was written.
    #[error("its bytes {at} to {} have checksum {found:016x} instead of {expected:016x}", at + bytes)]
    Block {
        /// Where the block begins.
        at: u64,
        /// Its length.
        bytes: u64,
        /// Its sum in the tail.
        expected: u64,
        /// Its sum now.
        found: u64,
    },
    /// A caller has asked for a check of something else than whole blocks.
    #[error("bytes {at} to {end} are not whole blocks of the {limit} bytes before the tail")]
    Unaligned {
        /// The first byte.
        at: u64,
        /// One behind the last.
        end: u64,
        /// Where the tail begins.
        limit: u64,
    },
}

impl Segment {
    /// Which bytes of the file are its tail; none for a segment that was written before there were tails, and which
    /// can therefore be checked as a whole only.
    #[must_use]
    pub fn tail_range(&self) -> Option<Range<u64>> {
        self.tail.map(|tail| tail.offset..self.bytes)
    }
}

/// The tail of a segment, known to be what was written: sums, Parquet's indexes and footer.
#[derive(Clone, Debug)]
pub struct CheckedTail {
    offset: u64,
    bytes: Bytes,
    sums: BlockSums,
}

impl CheckedTail {
    /// Checks the bytes that lie at [`Segment::tail_range`]. None if the segment has no tail to check.
    ///
    /// # Errors
    /// Bytes that are not what was written.
    pub fn new(segment: &Segment, bytes: Bytes) -> Result<Option<Self>, SegmentDamage> {
        let Some(tail) = segment.tail else { return Ok(None) };
        let expected = segment.bytes.saturating_sub(tail.offset);
        if bytes.len() as u64 != expected {
            return Err(SegmentDamage::Length {
                at: tail.offset,
                expected,
                found: bytes.len() as u64,
            });
        }
        let found = xxh3_64(&bytes);
        if found != tail.checksum {
            return Err(SegmentDamage::Tail {
                offset: tail.offset,
                expected: tail.checksum,
                found,
            });
        }
        let end = usize::try_from(tail.offset.div_ceil(BLOCK_BYTES))
            .ok()
            .and_then(|blocks| blocks.checked_mul(SUM_BYTES)?.checked_add(MAGIC.len()));
        let Some(end) = end.filter(|end| *end <= bytes.len() && bytes.starts_with(&MAGIC)) else {
            return Err(SegmentDamage::Sums {
                offset: tail.offset,
                found: bytes.len() as u64,
            });
        };
        let sums = bytes[MAGIC.len()..end].chunks_exact(SUM_BYTES).map(|sum| {
            let mut number = [0; SUM_BYTES];
            number.copy_from_slice(sum);
            u64::from_le_bytes(number)
        });
        Ok(Some(Self {
            offset: tail.offset,
            sums: BlockSums {
                covered: tail.offset,
                sums: sums.collect(),
            },
            bytes,
        }))
    }

    /// The bytes of a range that lies in the tail; none for one that does not. Copies nothing.
    #[must_use]
    pub fn get(&self, range: Range<u64>) -> Option<Bytes> {
        let start = range.start.checked_sub(self.offset)?;
        let end = range.end.checked_sub(self.offset)?;
        if start > end || end > self.bytes.len() as u64 {
            return None;
        }
        Some(self.bytes.slice(start as usize..end as usize))
    }

    /// The sums of what lies before the tail. They can be kept without the tail: 8 bytes for each 64 KiB.
    #[must_use]
    pub fn sums(&self) -> &BlockSums {
        &self.sums
    }
}

/// The sums of all blocks before the tail of a segment. Clones are cheap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockSums {
    covered: u64,
    sums: Arc<[u64]>,
}

impl BlockSums {
    /// How many bytes they cover: where the tail begins.
    #[must_use]
    pub fn covered_bytes(&self) -> u64 {
        self.covered
    }

    /// The whole blocks that hold a range, at most up to the tail: what has to be read to check it. An empty range
    /// needs nothing.
    #[must_use]
    pub fn aligned(&self, range: Range<u64>) -> Range<u64> {
        if range.is_empty() {
            return range;
        }
        let start = range.start / BLOCK_BYTES * BLOCK_BYTES;
        let end = range.end.div_ceil(BLOCK_BYTES).saturating_mul(BLOCK_BYTES);
        start.min(self.covered)..end.min(self.covered)
    }

    /// Checks bytes that were read at `offset`. They must be whole blocks, as [`Self::aligned`] gives them.
    ///
    /// # Errors
    /// The first block that is not what was written; bytes that are not whole blocks.
    pub fn check(&self, offset: u64, bytes: &[u8]) -> Result<(), SegmentDamage> {
        let end = offset.saturating_add(bytes.len() as u64);
        let unaligned = SegmentDamage::Unaligned {
            at: offset,
            end,
            limit: self.covered,
        };
        let is_whole = |at: u64| at.is_multiple_of(BLOCK_BYTES) || at == self.covered;
        if end > self.covered || !is_whole(offset) || !is_whole(end) {
            return Err(unaligned);
        }
        let first = (offset / BLOCK_BYTES) as usize;
        for (index, block) in bytes.chunks(BLOCK_BYTES as usize).enumerate() {
            let expected = *self.sums.get(first + index).ok_or_else(|| unaligned.clone())?;
            let found = xxh3_64(block);
            if found != expected {
                return Err(SegmentDamage::Block {
                    at: offset + index as u64 * BLOCK_BYTES,
                    bytes: block.len() as u64,
                    expected,
                    found,
                });
            }
        }
        Ok(())
    }

    /// Checks what was read at [`Self::aligned`] of a range, and gives the bytes of the range itself. Copies nothing.
    ///
    /// # Errors
    /// As [`Self::check`]; other bytes than those of the aligned range; a range that reaches into the tail.
    pub fn cut(&self, range: Range<u64>, aligned_bytes: Bytes) -> Result<Bytes, SegmentDamage> {
        let aligned = self.aligned(range.clone());
        let expected = aligned.end.saturating_sub(aligned.start);
        if aligned_bytes.len() as u64 != expected {
            return Err(SegmentDamage::Length {
                at: aligned.start,
                expected,
                found: aligned_bytes.len() as u64,
            });
        }
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        if range.end > self.covered {
            return Err(SegmentDamage::Unaligned {
                at: range.start,
                end: range.end,
                limit: self.covered,
            });
        }
        self.check(aligned.start, &aligned_bytes)?;
        let start = (range.start - aligned.start) as usize;
        Ok(aligned_bytes.slice(start..start + (range.end - range.start) as usize))
    }
}

/// Sums the blocks of a file as it is written.
pub(super) struct BlockSummer {
    block: Xxh3Default,
    in_block: usize,
    /// As they will stand in the file.
    list: Vec<u8>,
}

impl BlockSummer {
    pub(super) fn new() -> Self {
        Self {
            block: Xxh3Default::new(),
            in_block: 0,
            list: MAGIC.to_vec(),
        }
    }

    pub(super) fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = BLOCK_BYTES as usize - self.in_block;
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.block.update(now);
            self.in_block += now.len();
            if self.in_block == BLOCK_BYTES as usize {
                self.end_block();
            }
            bytes = later;
        }
    }

    fn end_block(&mut self) {
        self.list.extend_from_slice(&self.block.digest().to_le_bytes());
        self.block.reset();
        self.in_block = 0;
    }

    /// The beginning of the tail.
    pub(super) fn finish(mut self) -> Vec<u8> {
        if self.in_block > 0 {
            self.end_block();
        }
        self.list
    }
}

#[cfg(test)]
#[path = "checked_tests.rs"]
mod tests;
