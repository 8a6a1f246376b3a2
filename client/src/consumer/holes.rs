//! Offsets without a record for us.

use std::fmt;

use quipu_kafka::{HoleCause, OffsetHole};

use super::received::RecordPlace;

/// Which offset holes are told as [`super::ConsumerError::Hole`]. All are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TellHoles {
    /// None.
    None,
    /// Those in which records may have been: removed by retention before they were read, or for no known reason.
    #[default]
    Losses,
    /// All, also the markers of transactions, aborted records, and what compaction removed.
    All,
}

impl TellHoles {
    pub(super) fn includes(self, cause: HoleCause) -> bool {
        match self {
            Self::None => false,
            Self::Losses => matches!(cause, HoleCause::Retention | HoleCause::Unexplained),
            Self::All => true,
        }
    }
}

/// A range of offsets without a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hole {
    /// Its first offset.
    pub first: RecordPlace,
    /// Its last offset, inclusive.
    pub last: i64,
    /// Why there is no record.
    pub cause: HoleCause,
}

impl fmt::Display for Hole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} to {} hold no record to read: {}",
            self.first, self.last, self.cause
        )
    }
}

/// How many offsets without a record were passed, by their causes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HoleCounts {
    /// Markers of transactions.
    pub control: u64,
    /// Records of aborted transactions.
    pub aborted: u64,
    /// Records that compaction removed.
    pub compacted: u64,
    /// Records that retention removed before they were read.
    pub retention: u64,
    /// Offsets that the log skips without a reason that can be told.
    pub unexplained: u64,
}

impl HoleCounts {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.control + self.aborted + self.compacted + self.retention + self.unexplained
    }

    pub(super) fn add(&mut self, hole: OffsetHole) {
        let count = match hole.cause {
            HoleCause::Control => &mut self.control,
            HoleCause::Aborted => &mut self.aborted,
            HoleCause::Compacted => &mut self.compacted,
            HoleCause::Retention => &mut self.retention,
            HoleCause::Unexplained => &mut self.unexplained,
        };
        let offsets = hole.last.saturating_sub(hole.first).saturating_add(1);
        *count = count.saturating_add(u64::try_from(offsets).unwrap_or(0));
    }
}
