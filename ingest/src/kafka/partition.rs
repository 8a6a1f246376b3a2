//! One partition on its way between supervisor and leader tasks: whoever holds it owns its position.

use std::sync::Arc;

use uuid::Uuid;

use super::event::PartitionHandle;
use super::offsets::PartitionRef;

/// A position that the store has: what a commit recorded for a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredPosition {
    /// Next offset to read.
    pub next_offset: i64,
    /// Leader epoch of the batch read last, -1 = not recorded. It lets a truncated log be told from a whole one.
    pub leader_epoch: i32,
}

impl From<i64> for StoredPosition {
    /// A position without a leader epoch.
    fn from(next_offset: i64) -> Self {
        Self {
            next_offset,
            leader_epoch: -1,
        }
    }
}

/// Where a partition that was not read yet begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    Earliest,
    Latest,
    Offset(i64),
    Timestamp(i64),
    Stored(StoredPosition),
}

/// What has to be done next with a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Find where it begins and ends.
    Opening(Start),
    /// The broker said that the position is out of range: find out how.
    Rechecking,
    /// Fetch from the position.
    Fetching,
}

/// A partition being read.
#[derive(Debug)]
pub(super) struct PartitionFetch {
    pub(super) handle: Arc<PartitionHandle>,
    pub(super) topic_id: Option<Uuid>,
    /// Epoch of the leader as the metadata told it.
    pub(super) leader_epoch: i32,
    pub(super) state: State,
    /// Next offset to fetch.
    pub(super) position: i64,
    /// Offset to stop at, exclusive.
    pub(super) end: i64,
    /// Leader epoch of the batch read last.
    pub(super) last_epoch: i32,
    /// Fetches in a row that brought a part of a batch and no whole one.
    pub(super) cuts: usize,
    /// Failures since the last success.
    pub(super) failures: u32,
}

impl PartitionFetch {
    pub(super) fn new(handle: Arc<PartitionHandle>, topic_id: Option<Uuid>, start: Start) -> Self {
        Self {
            handle,
            topic_id,
            leader_epoch: -1,
            state: State::Opening(start),
            position: -1,
            end: i64::MAX,
            last_epoch: -1,
            cuts: 0,
            failures: 0,
        }
    }

    pub(super) fn reference(&self) -> PartitionRef {
        PartitionRef {
            topic: Arc::clone(&self.handle.log.log.topic),
            topic_id: self.topic_id,
            partition: self.handle.log.partition.0,
            leader_epoch: self.leader_epoch,
        }
    }

    pub(super) fn move_to(&mut self, position: i64) {
        self.position = position;
        self.handle.progress.moved_to(position);
    }
}
