//! The bucket of one tenant: the arithmetic that `script.lua` does in Redis, for this process alone.

use super::limit::{MICRO, Quota};

/// How deep tokens may be taken ahead: both sides count this far exactly, Redis in doubles.
const DEBT_MAX: i64 = 1 << 52;

/// Tokens at a time. Less than none means that calls that wait have taken them ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bucket {
    /// Micro-tokens at `last_us`.
    tokens: i64,
    /// Microseconds of the clock that the caller keeps.
    last_us: u64,
}

/// What became of a wish for tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// They are taken, and are due in so many microseconds: 0 unless the caller was ready to wait.
    After(u64),
    /// They are not, and would be due in so many microseconds.
    Limited(u64),
    /// They cannot be had under this limit: more than the burst, or more than is left at a rate of 0.
    Never,
}

impl Bucket {
    /// A bucket that nothing was taken from.
    pub(super) fn full(quota: Quota, now_us: u64) -> Self {
        Self {
            tokens: quota.capacity,
            last_us: now_us,
        }
    }

    /// Micro-tokens that are missing now; a bucket that misses none need not be kept.
    pub(super) fn missing(self, quota: Quota, now_us: u64) -> i64 {
        quota.capacity - self.tokens_at(quota, now_us)
    }

    /// Takes tokens for `cost` messages, if they are due in `longest_wait_us` at most.
    ///
    /// What is refused changes nothing, so no fraction of a token is ever rounded away by asking often. What is taken
    /// rounds less than a micro-token down.
    pub(super) fn take(&mut self, quota: Quota, cost: u32, longest_wait_us: u64, now_us: u64) -> Taken {
        if cost == 0 {
            return Taken::After(0);
        }
        let cost = i64::from(cost) * MICRO;
        if cost > quota.capacity {
            return Taken::Never;
        }
        let tokens = self.tokens_at(quota, now_us);
        let wait_us = match cost - tokens {
            ..=0 => 0,
            _ if quota.rate <= 0.0 => return Taken::Never,
            // A cast that is too large for an integer is the largest one.
            lacking => (lacking as f64 / quota.rate).ceil() as u64,
        };
        if wait_us > longest_wait_us || tokens - cost < -DEBT_MAX {
            return Taken::Limited(wait_us);
        }
        self.tokens = tokens - cost;
        self.last_us = self.last_us.max(now_us);
        Taken::After(wait_us)
    }

    fn tokens_at(self, quota: Quota, now_us: u64) -> i64 {
        // Threads read the clock before they get the lock, so one may come with an older time.
        let elapsed_us = now_us.saturating_sub(self.last_us);
        let flowed = (elapsed_us as f64 * quota.rate) as i64;
        self.tokens.saturating_add(flowed).min(quota.capacity)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rate_limit::RateLimit;

    fn quota(rate: f64, burst: u32) -> Quota {
        let limit = RateLimit {
            messages_per_second: rate,
            burst_capacity: burst,
        };
        limit.quota(1.0)
    }

    #[test]
    fn a_bucket_starts_full_and_fills_at_the_rate() {
        let quota = quota(10.0, 3);
        let mut bucket = Bucket::full(quota, 5);
        for _ in 0..3 {
            assert_eq!(bucket.take(quota, 1, 0, 5), Taken::After(0));
        }
        assert_eq!(bucket.take(quota, 1, 0, 5), Taken::Limited(100_000));
        assert_eq!(bucket.take(quota, 2, 0, 5), Taken::Limited(200_000));
        assert_eq!(bucket.take(quota, 1, 0, 100_004), Taken::Limited(1));
        assert_eq!(bucket.take(quota, 1, 0, 100_005), Taken::After(0));
        assert_eq!(bucket.take(quota, 4, u64::MAX, 100_005), Taken::Never);
        assert_eq!(bucket.missing(quota, 100_005), 3 * MICRO);
        assert_eq!(bucket.missing(quota, u64::MAX), 0);
    }

    #[test]
    fn a_rate_of_nothing_allows_the_burst_and_no_more() {
        let quota = quota(0.0, 2);
        let mut bucket = Bucket::full(quota, 0);
        assert_eq!(bucket.take(quota, 2, 0, 0), Taken::After(0));
        assert_eq!(bucket.take(quota, 1, u64::MAX, u64::MAX), Taken::Never);
    }

    #[test]
    fn who_waits_is_served_in_the_order_of_the_calls() {
        let quota = quota(10.0, 1);
        let mut bucket = Bucket::full(quota, 0);
        let minute = 60_000_000;
        assert_eq!(bucket.take(quota, 1, minute, 0), Taken::After(0));
        assert_eq!(bucket.take(quota, 1, minute, 0), Taken::After(100_000));
        assert_eq!(bucket.take(quota, 1, minute, 0), Taken::After(200_000));
        // Who does not wait comes after those who do, and who cannot wait so long takes nothing.
        assert_eq!(bucket.take(quota, 1, 0, 100_000), Taken::Limited(200_000));
        assert_eq!(bucket.take(quota, 1, 199_999, 100_000), Taken::Limited(200_000));
        assert_eq!(
            bucket.take(quota, 0, 0, 100_000),
            Taken::After(0),
            "nothing is always to be had"
        );
        assert_eq!(bucket.take(quota, 1, 200_000, 100_000), Taken::After(200_000));
    }

    #[test]
    fn extreme_limits_neither_overflow_nor_divide_by_nothing() {
        let fast = quota(f64::MAX, u32::MAX);
        let mut bucket = Bucket::full(fast, 0);
        assert_eq!(bucket.take(fast, u32::MAX, 0, 0), Taken::After(0));
        assert_eq!(bucket.take(fast, u32::MAX, 0, 0), Taken::Limited(1));
        assert_eq!(bucket.take(fast, u32::MAX, 0, u64::MAX), Taken::After(0));
        let slow = quota(f64::MIN_POSITIVE, 1);
        let mut bucket = Bucket::full(slow, 0);
        assert_eq!(bucket.take(slow, 1, 0, 0), Taken::After(0));
        assert_eq!(bucket.take(slow, 1, 0, 9), Taken::Limited(u64::MAX));
        let deep = quota(1e9, u32::MAX);
        let mut bucket = Bucket::full(deep, 0);
        while let Taken::After(_) = bucket.take(deep, u32::MAX, u64::MAX, 0) {}
        assert!(bucket.tokens >= -DEBT_MAX, "{bucket:?}");
    }

    proptest! {
        /// In any stretch of time no more is sent than the burst and what flows in, whatever is asked for and whoever
        /// waits; and a caller that keeps asking gets what flows in.
        #[test]
        fn no_pattern_of_calls_gets_more_than_the_quota(
            rate in prop_oneof![Just(0.0), 0.01f64..5.0, 5.0f64..20_000.0],
            burst in 0u32..50,
            calls in prop::collection::vec((0u64..300_000, 0u32..8, prop_oneof![Just(0u64), 0u64..2_000_000]), 1..200),
        ) {
            let quota = quota(rate, burst);
            let mut bucket = Bucket::full(quota, 0);
            let mut now = 0;
            let mut sent: Vec<(u64, i64)> = Vec::new();
            for (pause, cost, longest) in calls {
                now += pause;
                if let Taken::After(wait) = bucket.take(quota, cost, longest, now) {
                    prop_assert!(wait <= longest);
                    if cost > 0 {
                        sent.push((now + wait, i64::from(cost) * MICRO));
                    }
                }
            }
            prop_assert!(sent.is_sorted_by_key(|(at, _)| *at), "someone was overtaken: {sent:?}");
            for (first, (from, _)) in sent.iter().enumerate() {
                let mut sum = 0;
                for (until, cost) in &sent[first..] {
                    sum += cost;
                    let most = quota.capacity as f64 + rate * (until - from) as f64;
                    // Times are whole microseconds: a stretch may be one shorter than it was. And doubles round here.
                    prop_assert!(sum as f64 <= most + rate + 1.0, "{sum} of {most} from {from} to {until}");
                }
            }
        }

        /// Asking often takes nothing away: at least the rate gets through, less a message that is on its way.
        #[test]
        fn asking_often_gets_the_whole_quota(rate in 0.5f64..3_000.0, step in 1u64..2_000) {
            let quota = quota(rate, 100);
            let mut bucket = Bucket::full(quota, 0);
            let mut allowed = 0u32;
            let mut now = 0;
            for _ in 0..5_000 {
                now += step;
                while let Taken::After(_) = bucket.take(quota, 1, 0, now) {
                    allowed += 1;
                }
            }
            // It was full until the first call, so what flowed before that was over the brim.
            let due = 100.0 + rate * (now - step) as f64 / 1e6;
            prop_assert!(f64::from(allowed) >= due - 1.1, "{allowed} of {due}");
            prop_assert!(f64::from(allowed) <= due + 1e-6, "{allowed} of {due}");
        }
    }
}
