//! How far taking in has come: counters that another thread may read at any time.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use quipu_proto::{LogPartition, Reason};

const REASONS: usize = Reason::ALL.len();

/// Upper bounds of the buckets in which the sizes of gaps are counted; above the last there is one more.
pub const GAP_SIZES: [u64; 9] = [1, 2, 5, 10, 20, 50, 100, 500, 1_000];

/// Counters of one run. All but `lag` only grow.
#[derive(Debug, Default)]
pub struct Progress {
    records: AtomicU64,
    messages: AtomicU64,
    duplicates: AtomicU64,
    reorders: AtomicU64,
    gaps: AtomicU64,
    gap_missing: AtomicU64,
    gap_sizes: [AtomicU64; GAP_SIZES.len() + 1],
    dead_letters: [AtomicU64; REASONS],
    commits: AtomicU64,
    rows: AtomicU64,
    bytes: AtomicU64,
    lag: AtomicI64,
    /// Microseconds since the Unix epoch, 0 before the first.
    committed_us: AtomicI64,
    ready: AtomicBool,
    ended: AtomicBool,
    partitions: Mutex<Vec<PartitionLag>>,
    forward_sends: AtomicU64,
    forward_failures: AtomicU64,
    forward_retries: AtomicU64,
    forward_dropped: AtomicU64,
}

/// How far one partition has been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionLag {
    /// The partition.
    pub log: LogPartition,
    /// Next offset to read.
    pub next_offset: i64,
    /// Records known to be in Kafka and not read yet.
    pub lag: i64,
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

/// What was said of the numbers of messages as they arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SequenceCounts {
    /// Messages with the newest number of their thread once more.
    pub duplicates: u64,
    /// Messages with an older number.
    pub reorders: u64,
    /// Jumps, not missing messages.
    pub gaps: u64,
    /// Messages that the jumps left out, together.
    pub gap_missing: u64,
    /// Jumps by size: up to each of [`GAP_SIZES`] and above the one before, then those above the last.
    pub gap_sizes: [u64; GAP_SIZES.len() + 1],
}

impl Progress {
    /// The counters now.
    #[must_use]
    pub fn counts(&self) -> ProgressCounts {
        ProgressCounts {
            records: of(&self.records),
            messages: of(&self.messages),
            dead_letters: self.dead_letters.iter().map(of).sum(),
            gaps: of(&self.gaps),
            commits: of(&self.commits),
            rows: of(&self.rows),
            bytes: of(&self.bytes),
            lag: u64::try_from(self.lag.load(Ordering::Relaxed)).unwrap_or(0),
        }
    }

    /// What was said of numbers so far.
    #[must_use]
    pub fn sequence_counts(&self) -> SequenceCounts {
        SequenceCounts {
            duplicates: of(&self.duplicates),
            reorders: of(&self.reorders),
            gaps: of(&self.gaps),
            gap_missing: of(&self.gap_missing),
            gap_sizes: std::array::from_fn(|bucket| of(&self.gap_sizes[bucket])),
        }
    }

    /// Records that became dead letters, by reason.
    pub fn dead_letters(&self) -> impl Iterator<Item = (Reason, u64)> {
        Reason::ALL.into_iter().zip(self.dead_letters.iter().map(of))
    }

    /// When the last commit of the run was, in microseconds since the Unix epoch.
    #[must_use]
    pub fn committed_us(&self) -> Option<i64> {
        Some(self.committed_us.load(Ordering::Relaxed)).filter(|at| *at > 0)
    }

    /// Whether the store is open and the source has told of a first partition or file.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed)
    }

    /// Whether the run has ended, well or not.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// The partitions that are followed.
    #[must_use]
    pub fn partitions(&self) -> Vec<PartitionLag> {
        self.partitions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// What became of letters that were to be forwarded, up to now.
    #[must_use]
    pub fn forwarded(&self) -> ForwardCounts {
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
        let add = |counter: &AtomicU64, count: u64| {
            if count > 0 {
                counter.fetch_add(count, Ordering::Relaxed);
            }
        };
        add(&self.records, arrivals.records);
        add(&self.messages, arrivals.messages);
        add(&self.duplicates, arrivals.duplicates);
        add(&self.reorders, arrivals.reorders);
        add(&self.gaps, arrivals.gap_sizes.iter().sum());
        add(&self.gap_missing, arrivals.gap_missing);
        for (counter, count) in self.gap_sizes.iter().zip(arrivals.gap_sizes) {
            add(counter, count);
        }
        for (counter, count) in self.dead_letters.iter().zip(arrivals.dead_letters) {
            add(counter, count);
        }
    }

    pub(crate) fn committed(&self, rows: u64, bytes: u64) {
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.rows.fetch_add(rows, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let now = i64::try_from(now.as_micros()).unwrap_or(i64::MAX);
        self.committed_us.store(now, Ordering::Relaxed);
    }

    pub(crate) fn set_ready(&self) {
        self.ready.store(true, Ordering::Relaxed);
    }

    /// Says that the run has ended.
    pub fn set_ended(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    pub(crate) fn set_lag(&self, lag: i64) {
        self.lag.store(lag, Ordering::Relaxed);
    }

    pub(crate) fn set_partitions(&self, partitions: Vec<PartitionLag>) {
        self.set_lag(partitions.iter().map(|partition| partition.lag).sum());
        *self.partitions.lock().unwrap_or_else(PoisonError::into_inner) = partitions;
    }
}

fn of(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

/// What arrived since it was last told.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Arrivals {
    pub(crate) records: u64,
    pub(crate) messages: u64,
    pub(crate) duplicates: u64,
    pub(crate) reorders: u64,
    gap_missing: u64,
    gap_sizes: [u64; GAP_SIZES.len() + 1],
    dead_letters: [u64; REASONS],
}

impl Arrivals {
    /// Counts a jump that left out so many numbers.
    pub(crate) fn gap(&mut self, missing: u64) {
        self.gap_missing = self.gap_missing.saturating_add(missing);
        self.gap_sizes[GAP_SIZES.partition_point(|bound| *bound < missing)] += 1;
    }

    pub(crate) fn dead_letter(&mut self, reason: Reason) {
        self.dead_letters[reason as usize] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jumps_are_counted_by_size() {
        let mut arrivals = Arrivals::default();
        for missing in [1, 2, 3, 5, 1_000, 1_001, u64::MAX] {
            arrivals.gap(missing);
        }
        let progress = Progress::default();
        progress.arrived(&arrivals);
        let counts = progress.sequence_counts();
        assert_eq!(counts.gap_sizes, [1, 1, 2, 0, 0, 0, 0, 0, 1, 2]);
        assert_eq!((counts.gaps, counts.gap_missing), (7, u64::MAX));
        assert_eq!(progress.counts().gaps, 7);
    }

    #[test]
    fn dead_letters_are_counted_by_reason() {
        let mut arrivals = Arrivals::default();
        arrivals.dead_letter(Reason::Tombstone);
        let progress = Progress::default();
        progress.arrived(&arrivals);
        progress.arrived(&arrivals);
        assert!(
            progress
                .dead_letters()
                .any(|found| found == (Reason::Tombstone, 2))
        );
        assert_eq!(progress.counts().dead_letters, 2);
    }
}
