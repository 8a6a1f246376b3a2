//! The rules of one thread on their own, and what the book remembers of it, for whoever recomputes what the book has
//! said.

use super::thread::{NO_TIME, Observation, ThreadState, id_hash};

/// What the book remembers of a thread, laid open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ThreadMemory {
    /// Highest number seen, 0 when none was.
    pub newest_sequence: u64,
    /// Latest time of any message, in microseconds since the Unix epoch.
    pub newest_time_us: Option<i64>,
    /// Whether a message without a number was seen.
    pub has_unsequenced: bool,
    /// What is kept of the newest ids, the oldest first: 8 bytes each, little endian.
    pub recent_ids: Vec<u8>,
}

impl ThreadMemory {
    pub(super) fn of(state: &ThreadState) -> Self {
        let mut recent_ids = Vec::new();
        state.recent_ids(&mut recent_ids);
        Self {
            newest_sequence: state.newest_sequence(),
            newest_time_us: Some(state.newest_time()).filter(|time| *time != NO_TIME),
            has_unsequenced: state.has_unsequenced(),
            recent_ids,
        }
    }
}

/// Judges the messages of one thread of one partition, in their order, as the book does.
#[derive(Clone, Copy, Debug, Default)]
pub struct ThreadJudge {
    state: ThreadState,
}

impl ThreadJudge {
    /// What the book keeps of the id of a message; 0 for none.
    #[must_use]
    pub fn id_hash(message_id: &[u8]) -> u64 {
        id_hash(message_id)
    }

    /// Takes the next message. `sequence` is 0 for one that stands outside any numbering: without a number, or without
    /// a thread.
    pub fn arrive(&mut self, sequence: u64, id_hash: u64, time_us: Option<i64>) -> Observation {
        self.state.arrive(sequence, id_hash, time_us.unwrap_or(NO_TIME))
    }

    /// What the book remembers of the thread now.
    #[must_use]
    pub fn memory(&self) -> ThreadMemory {
        ThreadMemory::of(&self.state)
    }
}
