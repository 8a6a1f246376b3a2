//! Records to be decoded.

use quipu::ingest::kafka::Fetched;

/// Work for one worker.
#[derive(Debug)]
pub(super) enum Job {
    /// Whole frames of a file.
    Frames {
        /// Their bytes.
        bytes: Vec<u8>,
        /// Number of the first of them, from 0.
        first: u64,
    },
    /// What one fetch brought of a partition.
    Fetched(Fetched),
}
