//! How far each partition has been read, and whether it has come to a stop.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Where a partition stands. The source writes it, anyone may read it. Numbers are -1 while unknown.
#[derive(Debug)]
pub struct PartitionProgress {
    next_offset: AtomicI64,
    high_watermark: AtomicI64,
    last_stable_offset: AtomicI64,
    log_start_offset: AtomicI64,
    /// Answers of the leader so far.
    answers: AtomicU64,
    /// The source waits for the pipeline to take what it has.
    handing_over: AtomicBool,
    /// The pipeline cannot take what comes.
    abandoned: AtomicBool,
    closed: AtomicBool,
}

impl Default for PartitionProgress {
    fn default() -> Self {
        Self {
            next_offset: AtomicI64::new(-1),
            high_watermark: AtomicI64::new(-1),
            last_stable_offset: AtomicI64::new(-1),
            log_start_offset: AtomicI64::new(-1),
            answers: AtomicU64::new(0),
            handing_over: AtomicBool::new(false),
            abandoned: AtomicBool::new(false),
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

    /// Tells the source that what it reads of this partition cannot be taken in: it is to read on with the others alone.
    pub fn abandon(&self) {
        self.abandoned.store(true, Ordering::Relaxed);
    }

    /// Whether [`Self::abandon`] was called.
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Relaxed)
    }

    pub(super) fn told(&self, high_watermark: i64, last_stable_offset: i64, log_start_offset: i64) {
        self.answers.fetch_add(1, Ordering::Relaxed);
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

/// How a partition stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stall {
    /// There are records to read, and the position does not move.
    Standing,
    /// Its leader has not answered: whether there is something to read is not known.
    Silent,
}

/// A partition that should move and does not, or of which nothing is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StallReport {
    /// How it stands still.
    pub stall: Stall,
    /// Next offset to read, -1 = not known yet.
    pub position: i64,
    /// Last stable offset as far as known, -1 = not known yet.
    pub last_stable_offset: i64,
    /// For how long it has been so.
    pub standing: Duration,
}

impl fmt::Display for StallReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            position,
            last_stable_offset,
            ..
        } = self;
        let seconds = self.standing.as_secs();
        match self.stall {
            Stall::Standing => write!(
                f,
                "it stands at offset {position} for {seconds} s although records up to {last_stable_offset} are there"
            ),
            Stall::Silent if *position < 0 => write!(f, "its leader has not answered for {seconds} s"),
            Stall::Silent => write!(
                f,
                "its leader has not answered for {seconds} s; offset {position} is the next to read"
            ),
        }
    }
}

/// Watches one partition. A stall is to stand below the last stable offset without progress for `limit`, or to hear
/// nothing from the leader for so long. A partition at its last stable offset is idle as long as its leader says so, and
/// one that waits for the pipeline is held up by us: neither is a stall.
#[derive(Debug)]
pub struct StallDetector {
    limit: Duration,
    position: Option<i64>,
    answers: u64,
    /// When the position moved last, or had no need to.
    moved: Instant,
    /// When the leader answered last.
    heard: Instant,
    told: bool,
}

impl StallDetector {
    /// A detector that speaks after `limit` without progress.
    #[must_use]
    pub fn new(limit: Duration, now: Instant) -> Self {
        Self {
            limit,
            position: None,
            answers: 0,
            moved: now,
            heard: now,
            told: false,
        }
    }

    /// Begins to count anew: the source is held up by the pipeline.
    pub fn hold(&mut self, now: Instant) {
        self.moved = now;
        self.heard = now;
        self.told = false;
    }

    /// Takes a look; a report comes once in each stall.
    pub fn look(&mut self, progress: &PartitionProgress, now: Instant) -> Option<StallReport> {
        let position = progress.next_offset();
        let stable = progress.last_stable_offset();
        let answers = progress.answers.load(Ordering::Relaxed);
        if self.position != position || progress.is_handing_over() {
            self.position = position;
            self.hold(now);
        }
        if position >= stable {
            self.moved = now;
        }
        if self.answers != answers {
            self.answers = answers;
            self.heard = now;
        }
        let since = |then| now.saturating_duration_since(then);
        let (stall, standing) = if since(self.moved) >= self.limit {
            (Stall::Standing, since(self.moved))
        } else {
            (Stall::Silent, since(self.heard))
        };
        if standing < self.limit {
            self.told = false;
            return None;
        }
        if self.told {
            return None;
        }
        self.told = true;
        Some(StallReport {
            stall,
            position: position.unwrap_or(-1),
            last_stable_offset: stable.unwrap_or(-1),
            standing,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

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
            stall: Stall::Standing,
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
        for seconds in 0..100 {
            progress.told(25, 20, 0);
            assert_eq!(
                detector.look(&progress, start + Duration::from_secs(seconds)),
                None
            );
        }
        assert_eq!(progress.lag(), Some(5));
    }

    #[test]
    fn an_idle_partition_of_which_nothing_is_heard_is_told_once() {
        let start = Instant::now();
        let progress = at(20, 20);
        let mut detector = StallDetector::new(LIMIT, start);
        assert_eq!(detector.look(&progress, start), None);
        let report = detector.look(&progress, start + LIMIT).unwrap();
        assert_eq!((report.stall, report.position), (Stall::Silent, 20));
        assert_eq!(detector.look(&progress, start + LIMIT * 2), None);
        progress.told(20, 20, 0);
        assert_eq!(detector.look(&progress, start + LIMIT * 3), None);
        assert!(detector.look(&progress, start + LIMIT * 4).is_some());
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
    fn a_leader_that_never_answered_is_told() {
        let start = Instant::now();
        let progress = PartitionProgress::default();
        let mut detector = StallDetector::new(LIMIT, start);
        assert_eq!(detector.look(&progress, start + LIMIT / 2), None);
        let report = detector.look(&progress, start + LIMIT).unwrap();
        assert_eq!(report.to_string(), "its leader has not answered for 30 s");
        assert_eq!(progress.lag(), None);
    }
}
