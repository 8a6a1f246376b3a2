//! The record-batch walker: from the bytes of a fetch to borrowed records, offset holes and corrupt batches.
//!
//! | file | noun |
//! |---|---|
//! | `header.rs` | the fixed head of a batch, and where batches begin and end |
//! | `decompress.rs` | the four codecs, with limits on what they may put out |
//! | `records.rs` | the records inside one batch |
//! | `aborted.rs` | which batches belong to aborted transactions |
//! | `walk.rs` | the walk itself, with its account of offsets |
//! | `visitor.rs` | what goes into a walk and what comes out of it |
//! | `tally.rs` | a walk that only counts |
//! | `error.rs` | what can be wrong with a batch |
//!
//! Layout of a batch (magic 2), big-endian:
//!
//! ```text
//! 0   base offset           i64   \
//! 8   length after here     i32    | not under the checksum: the broker fills them in
//! 12  leader epoch          i32    |
//! 16  magic                 i8    /
//! 17  CRC-32C of the rest   u32
//! 21  attributes            i16   bits 0-2 codec, 3 append time, 4 transactional, 5 control, 6 delete horizon
//! 23  last offset delta     i32
//! 27  base timestamp (ms)   i64
//! 35  max timestamp (ms)    i64
//! 43  producer id           i64
//! 51  producer epoch        i16
//! 53  base sequence         i32
//! 57  record count          i32
//! 61  records, compressed as one block if the attributes name a codec
//! ```
//!
//! The walk accounts for each offset from its position on exactly once: as a record, in a hole, or in a corrupt batch.

mod aborted;
mod decompress;
mod error;
mod header;
mod records;
mod tally;
#[cfg(test)]
mod tests;
mod visitor;
mod walk;

pub use aborted::AbortedTransaction;
pub use error::{BatchError, BatchFault};
pub use header::{BatchHeader, Codec};
pub use tally::{BatchTally, tally};
pub use visitor::{BatchSpan, BatchVisitor, Checksums, CorruptBatch, OnCorrupt, WalkError};
pub use walk::BatchWalker;

pub(crate) use header::{Scan, scan};
pub(crate) use records::Records;
