//! When buffered rows become segments.

use std::time::{Duration, Instant};

use quipu_proto::BUFFERED_BYTES_MAX;

/// Rows are committed when the first of these is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlushPolicy {
    /// Buffered rows. Default 500,000.
    pub rows_max: usize,
    /// About how many bytes of memory the buffered rows take. Default 256 MiB, at most 1 GiB.
    pub bytes_max: usize,
    /// Age of the oldest buffered row. Default 5 s.
    pub age_max: Duration,
}

impl Default for FlushPolicy {
    fn default() -> Self {
        Self {
            rows_max: 500_000,
            bytes_max: 256 << 20,
            age_max: Duration::from_secs(5),
        }
    }
}

impl FlushPolicy {
    /// Whether rows of that number, size and birth are due. `since` is `None` while nothing is buffered.
    pub(crate) fn is_due(&self, rows: usize, bytes: usize, since: Option<Instant>) -> bool {
        rows >= self.rows_max
            || bytes >= self.bytes_max.min(BUFFERED_BYTES_MAX)
            || since.is_some_and(|since| since.elapsed() >= self.age_max)
    }

    /// How long until buffered rows are due by age.
    pub(crate) fn wait(&self, since: Option<Instant>) -> Option<Duration> {
        since.map(|since| self.age_max.saturating_sub(since.elapsed()))
    }
}
