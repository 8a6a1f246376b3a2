//! The partitions the book knows, by small numbers.

use quipu_proto::LogPartition;

use super::cold_entry;
use super::hot::Slot;
use crate::manifest::Head;

/// A partition that was opened in a book, as a number. It means nothing to another book, or to the same one opened
/// again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionKey(pub(super) u32);

/// One partition in the book.
#[derive(Debug)]
pub(super) struct Partition {
    pub(super) name: LogPartition,
    pub(super) head: Head,
    /// What the keys of its cold threads begin with; none when its name is too long for a key.
    pub(super) key_prefix: Option<Vec<u8>>,
    /// The thread of its newest message: messages of a thread come in bursts.
    pub(super) newest_thread: Slot,
}

impl Partition {
    pub(super) fn new(name: LogPartition) -> Self {
        let key_prefix = cold_entry::key_prefix(&name);
        Self {
            name,
            head: Head::Unknown,
            key_prefix,
            newest_thread: Slot::MAX,
        }
    }
}
