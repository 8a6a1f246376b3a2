//! How fast recorded telemetry is sent again.

use std::time::Duration;

use tokio::time::Instant;

/// How fast recorded telemetry is sent again.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Pace {
    /// As fast as the brokers take it.
    #[default]
    Full,
    /// As it was made, so many times faster: 1 = at its original speed. A record without a time, or of an earlier time
    /// than one before it, is sent at once.
    Original(f64),
    /// So many records a second.
    PerSecond(f64),
}

impl Pace {
    /// Whether the times of records are asked for.
    pub(super) fn needs_times(self) -> bool {
        matches!(self, Self::Original(_))
    }
}

/// When the next record is due.
#[derive(Debug)]
pub(super) struct Schedule {
    pace: Pace,
    began: Instant,
    first_us: Option<i64>,
    sent: u64,
}

impl Schedule {
    pub(super) fn new(pace: Pace, now: Instant) -> Self {
        Self {
            pace,
            began: now,
            first_us: None,
            sent: 0,
        }
    }

    /// When a record of this time is due; `None` = now.
    pub(super) fn due(&mut self, time_us: Option<i64>) -> Option<Instant> {
        let seconds = match self.pace {
            Pace::Full => return None,
            Pace::PerSecond(rate) => self.sent as f64 / rate,
            Pace::Original(times) => {
                let time_us = time_us?;
                let first_us = *self.first_us.get_or_insert(time_us);
                time_us.saturating_sub(first_us) as f64 / 1e6 / times
            }
        };
        self.sent += 1;
        let after = Duration::try_from_secs_f64(seconds.max(0.0)).ok()?;
        self.began.checked_add(after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_due_as_they_were_made() {
        let now = Instant::now();
        let due = |pace, times: &[Option<i64>]| -> Vec<Option<u128>> {
            let mut schedule = Schedule::new(pace, now);
            let due = times.iter().map(|time| schedule.due(*time));
            due.map(|due| due.map(|due| (due - now).as_millis())).collect()
        };
        let times = [
            Some(5_000_000),
            Some(6_000_000),
            None,
            Some(4_000_000),
            Some(9_000_000),
        ];
        assert_eq!(due(Pace::Full, &times), [None; 5]);
        assert_eq!(
            due(Pace::Original(1.0), &times),
            [Some(0), Some(1_000), None, Some(0), Some(4_000)]
        );
        assert_eq!(due(Pace::Original(4.0), &times)[4], Some(1_000));
        assert_eq!(due(Pace::PerSecond(10.0), &times)[4], Some(400));
        // A time that no clock can reach does not stop the rest.
        assert_eq!(
            due(Pace::Original(1e-300), &[Some(0), Some(i64::MAX)]),
            [Some(0), None]
        );
    }
}
