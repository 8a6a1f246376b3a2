//! One partition on its way between supervisor and leader tasks: whoever holds it owns its position.

use std::sync::Arc;

use quipu_proto::RecordFingerprint;
use uuid::Uuid;

use crate::epochs::ReadEpochs;
use crate::event::PartitionHandle;
use crate::offsets::PartitionRef;

/// A position that the store has: what a commit recorded for a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredPosition {
    /// Next offset to read.
    pub next_offset: i64,
    /// Leader epoch of the batch read last, -1 = not recorded. It lets a truncated log be told from a whole one.
    pub leader_epoch: i32,
    /// The record read last, if recorded. It lets a log be known again where nothing else does.
    pub last_record: Option<RecordFingerprint>,
}

impl From<i64> for StoredPosition {
    /// A position of which nothing else is recorded.
    fn from(next_offset: i64) -> Self {
        Self {
            next_offset,
            leader_epoch: -1,
            last_record: None,
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
    BeforeEnd(u64),
    Stored(StoredPosition),
    /// Where a log was cut: what lies below was read in the life before.
    Cut(i64),
}

/// What has to be done next with a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Find where it begins and ends.
    Opening(Start),
    /// Reading was interrupted, or the position is out of range: find out whether the log is still the same.
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
    /// Leader epochs of what was read.
    pub(super) epochs: ReadEpochs,
    /// What the store has of this life of the log.
    pub(super) stored: Option<StoredPosition>,
    /// Lives of the log that this run has seen end.
    pub(super) changes: u32,
    /// Fetches in a row that brought a part of a batch and no whole one.
    pub(super) cuts: usize,
    /// Fetches in a row that brought damaged batches.
    pub(super) damages: u32,
    /// Failures since the last success.
    pub(super) failures: u32,
}

impl PartitionFetch {
    pub(super) fn new(
        handle: Arc<PartitionHandle>,
        topic_id: Option<Uuid>,
        start: Start,
        stored: Option<StoredPosition>,
    ) -> Self {
        let epochs = stored.map_or_else(ReadEpochs::default, |stored| {
            ReadEpochs::stored(stored.leader_epoch, stored.next_offset)
        });
        Self {
            handle,
            topic_id,
            leader_epoch: -1,
            state: State::Opening(start),
            position: -1,
            end: i64::MAX,
            epochs,
            stored,
            changes: 0,
            damages: 0,
            cuts: 0,
            failures: 0,
        }
    }

    /// Offset up to which the log was read, in this run or by the store; none where it never was.
    pub(super) fn read_up_to(&self) -> Option<i64> {
        match self.state {
            State::Opening(_) => self.stored.map(|stored| stored.next_offset),
            State::Rechecking | State::Fetching => Some(self.position),
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
