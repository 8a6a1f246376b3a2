//! When rows are encoded, and when they become visible.

use std::time::Duration;

use quipu_proto::BUFFERED_BYTES_MAX;

/// Rows are committed when the first of these is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlushPolicy {
    /// Rows since the last commit. Default 500,000.
    pub rows_max: usize,
    /// About how many bytes those rows take before they are encoded. Default 256 MiB, at most 1 GiB.
    pub bytes_max: usize,
    /// Age of the oldest row. Default 5 s.
    pub age_max: Duration,
    /// Rows of one table that are encoded ahead of their commit, as a row group: while they are still near, and so
    /// that the memory of a few serves for all. Default 65,536.
    pub pressed_rows: usize,
    /// About how many bytes of one table are encoded ahead of their commit. Default 16 MiB.
    pub pressed_bytes: usize,
}

impl Default for FlushPolicy {
    fn default() -> Self {
        Self {
            rows_max: 500_000,
            bytes_max: 256 << 20,
            age_max: Duration::from_secs(5),
            pressed_rows: 65_536,
            pressed_bytes: 16 << 20,
        }
    }
}

impl FlushPolicy {
    /// Whether rows of that number, size and age are due. The age is `None` while nothing is buffered.
    pub(crate) fn is_due(&self, rows: usize, bytes: usize, age: Option<Duration>) -> bool {
        rows >= self.rows_max
            || bytes >= self.bytes_max.min(BUFFERED_BYTES_MAX)
            || age.is_some_and(|age| age >= self.age_max)
    }

    /// Whether that many rows and bytes of one table are to be encoded now.
    pub(crate) fn is_press_due(&self, rows: usize, bytes: usize) -> bool {
        rows >= self.pressed_rows || bytes >= self.pressed_bytes
    }

    /// How long until buffered rows of that age are due.
    pub(crate) fn wait(&self, age: Option<Duration>) -> Option<Duration> {
        age.map(|age| self.age_max.saturating_sub(age))
    }
}
