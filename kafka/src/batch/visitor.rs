//! What goes into a walk and what comes out of it.

use thiserror::Error;

use crate::hole::{HoleCause, OffsetHole};
use crate::raw::RawRecord;

use super::aborted::AbortedTransaction;
use super::error::BatchError;

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

    /// How many records ahead of [`Self::record`] the visitor wants to hear of [`Self::coming`] ones. Asked at each batch.
    fn lookahead(&self) -> usize {
        0
    }

    /// The key of a record that comes soon, within the same batch. A hint: batches of no more records than the lookahead
    /// are left out, and the record itself may be, as one that lies before the position.
    fn coming(&mut self, _key: Option<&[u8]>) {}

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
