//! How far each partition has been read, and whether it has come to a stop.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

/// Where a partition stands. The source writes it, anyone may read it. Numbers are -1 while unknown.
#[derive(Debug)]
pub struct PartitionProgress {
    next_offset: AtomicI64,
    high_watermark: AtomicI64,
    last_stable_offset: AtomicI64,
    log_start_offset: AtomicI64,
    /// The source waits for the pipeline to take what it has.
    handing_over: AtomicBool,
    closed: AtomicBool,
}

impl Default for PartitionProgress {
    fn default() -> Self {
        Self {
            next_offset: AtomicI64::new(-1),
            high_watermark: AtomicI64::new(-1),
            last_stable_offset: AtomicI64::new(-1),
            log_start_offset: AtomicI64::new(-1),
            handing_over: AtomicBool::new(false),
            closed: AtomicBool::new(false),
        }
    }
}

fn known(value: &AtomicI64) -> Option<i64> {
    Some(value.load(Ordering::Relaxed)).filter(|value| *value >= 0)
}

impl PartitionProgress {
    /// Next offset that the source will fetch.
    #[must_use]
    pub fn next_offset(&self) -> Option<i64> {
        known(&self.next_offset)
    }

    /// Offset after the last record on all replicas in sync.
    #[must_use]
    pub fn high_watermark(&self) -> Option<i64> {
        known(&self.high_watermark)
    }

    /// Offset up to which all transactions are decided.
    #[must_use]
    pub fn last_stable_offset(&self) -> Option<i64> {
        known(&self.last_stable_offset)
    }

    /// First offset of the log.
    #[must_use]
    pub fn log_start_offset(&self) -> Option<i64> {
        known(&self.log_start_offset)
    }

    /// Offsets between what was fetched and the high watermark.
    #[must_use]
    pub fn lag(&self) -> Option<i64> {
        Some((self.high_watermark()? - self.next_offset()?).max(0))
    }

    /// Whether the source has finished with the partition.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    pub(super) fn moved_to(&self, next_offset: i64) {
        self.next_offset.store(next_offset, Ordering::Relaxed);
    }

    pub(super) fn told(&self, high_watermark: i64, last_stable_offset: i64, log_start_offset: i64) {
        self.high_watermark.store(high_watermark, Ordering::Relaxed);
        self.last_stable_offset
            .store(last_stable_offset, Ordering::Relaxed);
        if log_start_offset >= 0 {
            self.log_start_offset.store(log_start_offset, Ordering::Relaxed);
        }
    }

    pub(super) fn set_handing_over(&self, handing_over: bool) {
        self.handing_over.store(handing_over, Ordering::Relaxed);
    }

    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_handing_over(&self) -> bool {
        self.handing_over.load(Ordering::Relaxed)
    }
}

/// A partition that should move and does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StallReport {
    /// Next offset to read.
    pub position: i64,
    /// Last stable offset: there is something to read up to it.
    pub last_stable_offset: i64,
    /// For how long the position has not moved.
    pub standing: Duration,
}

impl fmt::Display for StallReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.standing.as_secs();
        write!(
            f,
            "it stands at offset {} for {seconds} s although records up to {} are there",
            self.position, self.last_stable_offset
        )
    }
}

/// Watches one partition: below its last stable offset without progress for `limit` is a stall. A partition at its last
/// stable offset is idle, and one that waits for the pipeline is held up by us: neither is a stall.
#[derive(Debug)]
pub struct StallDetector {
    limit: Duration,
    position: Option<i64>,
    since: Instant,
    told: bool,
}

impl StallDetector {
    /// A detector that speaks after `limit` without progress.
    #[must_use]
    pub fn new(limit: Duration, now: Instant) -> Self {
        Self {
            limit,
            position: None,
            since: now,
            told: false,
        }
    }

    /// Takes a look; a report comes once in each stall.
    pub fn look(&mut self, progress: &PartitionProgress, now: Instant) -> Option<StallReport> {
        let position = progress.next_offset()?;
        let stable = progress.last_stable_offset()?;
        if self.position != Some(position) || position >= stable || progress.is_handing_over() {
            self.position = Some(position);
            self.since = now;
            self.told = false;
            return None;
        }
        let standing = now.saturating_duration_since(self.since);
        if self.told || standing < self.limit {
            return None;
        }
        self.told = true;
        Some(StallReport {
            position,
            last_stable_offset: stable,
            standing,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    fn at(next: i64, stable: i64) -> PartitionProgress {
        let progress = PartitionProgress::default();
        progress.moved_to(next);
        progress.told(stable + 5, stable, 0);
        progress
    }

    #[test]
    fn standing_below_the_last_stable_offset_is_told_once() {
        let start = Instant::now();
        let progress = at(10, 20);
        let mut detector = StallDetector::new(LIMIT, start);
        assert_eq!(detector.look(&progress, start), None);
        assert_eq!(
            detector.look(&progress, start + LIMIT - Duration::from_secs(1)),
            None
        );
        let report = StallReport {
            position: 10,
            last_stable_offset: 20,
            standing: LIMIT,
        };
        assert_eq!(detector.look(&progress, start + LIMIT), Some(report));
        assert_eq!(detector.look(&progress, start + LIMIT * 2), None);
    }

    #[test]
    fn progress_arms_the_detector_again() {
        let start = Instant::now();
        let progress = at(10, 20);
        let mut detector = StallDetector::new(LIMIT, start);
        detector.look(&progress, start);
        assert!(detector.look(&progress, start + LIMIT).is_some());
        progress.moved_to(11);
        assert_eq!(detector.look(&progress, start + LIMIT * 2), None);
        assert!(detector.look(&progress, start + LIMIT * 3).is_some());
    }

    #[test]
    fn an_idle_partition_is_no_stall_even_below_an_open_transaction() {
        let start = Instant::now();
        let progress = at(20, 20);
        let mut detector = StallDetector::new(LIMIT, start);
        detector.look(&progress, start);
        assert_eq!(detector.look(&progress, start + LIMIT * 10), None);
        assert_eq!(progress.lag(), Some(5));
    }

    #[test]
    fn waiting_for_the_pipeline_is_no_stall() {
        let start = Instant::now();
        let progress = at(10, 20);
        progress.set_handing_over(true);
        let mut detector = StallDetector::new(LIMIT, start);
        detector.look(&progress, start);
        assert_eq!(detector.look(&progress, start + LIMIT * 2), None);
        progress.set_handing_over(false);
        assert_eq!(detector.look(&progress, start + LIMIT * 2), None);
        assert!(detector.look(&progress, start + LIMIT * 3).is_some());
    }

    #[test]
    fn what_is_not_known_yet_is_no_stall() {
        let start = Instant::now();
        let progress = PartitionProgress::default();
        let mut detector = StallDetector::new(LIMIT, start);
        assert_eq!(detector.look(&progress, start + LIMIT * 2), None);
        assert_eq!(progress.lag(), None);
    }
}
