//! How far taking in has come: counters that another thread may read at any time.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// Counters of one run. All but `lag` only grow.
#[derive(Debug, Default)]
pub struct Progress {
    records: AtomicU64,
    messages: AtomicU64,
    dead_letters: AtomicU64,
    gaps: AtomicU64,
    commits: AtomicU64,
    rows: AtomicU64,
    bytes: AtomicU64,
    lag: AtomicI64,
    forward_sends: AtomicU64,
    forward_failures: AtomicU64,
    forward_retries: AtomicU64,
    forward_dropped: AtomicU64,
}

/// What became of letters that were to be forwarded. All only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ForwardCounts {
    /// Letters on the topic.
    pub sends: u64,
    /// Letters whose every attempt failed.
    pub send_failures: u64,
    /// Attempts that failed, the last of each letter included.
    pub send_retries: u64,
    /// Letters that were not tried, as too many waited or the run ended.
    pub dropped: u64,
}

impl ForwardCounts {
    /// The counters under the names that existing dashboards have for them.
    #[must_use]
    pub fn metrics(&self) -> [(&'static str, u64); 4] {
        [
            ("dashstream_dlq_sends_total", self.sends),
            ("dashstream_dlq_send_failures_total", self.send_failures),
            ("dashstream_dlq_send_retries_total", self.send_retries),
            ("dashstream_dlq_dropped_total", self.dropped),
        ]
    }
}

/// The counters at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProgressCounts {
    /// Records read, dead letters included.
    pub records: u64,
    /// Messages decoded; an event of a batch counts as one.
    pub messages: u64,
    /// Records that became dead letters.
    pub dead_letters: u64,
    /// Jumps in the numbering of threads, seen on arrival. A late message may close one again.
    pub gaps: u64,
    /// Commits.
    pub commits: u64,
    /// Rows committed.
    pub rows: u64,
    /// Bytes of the segments committed.
    pub bytes: u64,
    /// Records known to be in Kafka and not read yet; for a file, bytes not read yet.
    pub lag: u64,
}

impl Progress {
    /// The counters now.
    #[must_use]
    pub fn counts(&self) -> ProgressCounts {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ProgressCounts {
            records: of(&self.records),
            messages: of(&self.messages),
            dead_letters: of(&self.dead_letters),
            gaps: of(&self.gaps),
            commits: of(&self.commits),
            rows: of(&self.rows),
            bytes: of(&self.bytes),
            lag: u64::try_from(self.lag.load(Ordering::Relaxed)).unwrap_or(0),
        }
    }

    /// What became of letters that were to be forwarded, up to now.
    #[must_use]
    pub fn forwarded(&self) -> ForwardCounts {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ForwardCounts {
            sends: of(&self.forward_sends),
            send_failures: of(&self.forward_failures),
            send_retries: of(&self.forward_retries),
            dropped: of(&self.forward_dropped),
        }
    }

    pub(crate) fn forward_sent(&self) {
        self.forward_sends.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn forward_attempt_failed(&self) {
        self.forward_retries.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn forward_failed(&self) {
        self.forward_failures.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn forward_dropped(&self, letters: u64) {
        self.forward_dropped.fetch_add(letters, Ordering::Relaxed);
    }

    pub(crate) fn arrived(&self, arrivals: &Arrivals) {
        self.records.fetch_add(arrivals.records, Ordering::Relaxed);
        self.messages.fetch_add(arrivals.messages, Ordering::Relaxed);
        self.dead_letters
            .fetch_add(arrivals.dead_letters, Ordering::Relaxed);
        self.gaps.fetch_add(arrivals.gaps, Ordering::Relaxed);
    }

    pub(crate) fn committed(&self, rows: u64, bytes: u64) {
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.rows.fetch_add(rows, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn set_lag(&self, lag: i64) {
        self.lag.store(lag, Ordering::Relaxed);
    }
}

/// What arrived since it was last told.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Arrivals {
    pub(crate) records: u64,
    pub(crate) messages: u64,
    pub(crate) dead_letters: u64,
    pub(crate) gaps: u64,
}
