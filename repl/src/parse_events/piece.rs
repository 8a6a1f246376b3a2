//! What became of a job.

/// Documents and what there is to tell of the records of one job, in their order.
#[derive(Debug, Default)]
pub(super) struct Piece {
    /// Documents, one a line.
    pub(super) documents: Vec<u8>,
    /// How many.
    pub(super) count: u64,
    /// The time of each document's record in milliseconds, where it is asked for.
    pub(super) times: Vec<i64>,
    /// Records that are no message.
    pub(super) rejected: Vec<Rejected>,
    /// Sequence numbers.
    pub(super) numbers: Vec<Number>,
    /// Why nothing behind this piece can be read.
    pub(super) failed: Option<String>,
}

/// A record that is no message.
#[derive(Debug)]
pub(super) struct Rejected {
    /// Documents of the piece before it.
    pub(super) after: u64,
    /// Where it lies, and why it was rejected.
    pub(super) text: String,
}

/// The sequence number of a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Number {
    /// Documents of the piece before its own.
    pub(super) after: u64,
    /// Names the thread, within its partition and tenant: a hash, as names are long and compared with few others.
    pub(super) thread: u64,
    /// The number, from 1.
    pub(super) sequence: u64,
    /// The message's id as a hash, 0 for none.
    pub(super) id: u64,
    /// The message's time in microseconds.
    pub(super) time_us: i64,
}
