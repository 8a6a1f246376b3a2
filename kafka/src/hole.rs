//! Offsets without a record for us.

use std::fmt;

/// Why a range of offsets holds no record for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HoleCause {
    /// Markers of transactions.
    Control,
    /// Records of transactions that were aborted.
    Aborted,
    /// Records that compaction removed: told from the topic's `cleanup.policy`.
    Compacted,
    /// Records that retention (or a delete request) removed before they were read.
    Retention,
    /// Offsets that the log skips without a reason that can be told.
    Unexplained,
}

impl HoleCause {
    /// The cause as `system.offset_holes` shows it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::Aborted => "aborted",
            Self::Compacted => "compacted",
            Self::Retention => "retention",
            Self::Unexplained => "unexplained",
        }
    }
}

impl fmt::Display for HoleCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A range of offsets that holds no record for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OffsetHole {
    /// First offset of the range.
    pub first: i64,
    /// Last offset of the range, inclusive.
    pub last: i64,
    /// Why there is no record.
    pub cause: HoleCause,
}
