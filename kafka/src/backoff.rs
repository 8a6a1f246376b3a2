//! Waiting longer after each failure.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use tokio::time::Instant;

/// Wait after the first failure.
const FIRST: Duration = Duration::from_millis(100);
/// Longest wait.
const LONGEST: Duration = Duration::from_secs(5);
/// Failures after which the wait does not double any more.
const DOUBLINGS_MAX: u32 = 6;

/// As good as never, and not beyond what clocks can tell.
const NEVER: Duration = Duration::from_secs(30 * 365 * 24 * 3_600);

/// That much later: a time that callers set may be endless.
pub(super) fn after(from: Instant, wait: Duration) -> Instant {
    from + wait.min(NEVER)
}

/// Time to wait after so many failures in a row: 100 ms, doubling to 5 s, less up to a quarter, so that many readers of
/// a broken broker do not come back all at once.
pub(super) fn delay(failures: u32) -> Duration {
    let full = full(failures);
    full - full.mul_f64(up_to_a_quarter())
}

/// The same for producers, with up to a quarter more instead of less, as theirs always had.
pub(super) fn delay_and_more(failures: u32) -> Duration {
    let full = full(failures);
    full + full.mul_f64(up_to_a_quarter())
}

fn full(failures: u32) -> Duration {
    FIRST
        .saturating_mul(1 << failures.saturating_sub(1).min(DOUBLINGS_MAX))
        .min(LONGEST)
}

fn up_to_a_quarter() -> f64 {
    // A fresh hasher of the standard library is keyed at random: enough for jitter, without a library for it.
    let random = RandomState::new().build_hasher().finish() % 250;
    random as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_to_the_longest_and_stay_within_a_quarter() {
        for (failures, full_ms) in [
            (0, 100),
            (1, 100),
            (2, 200),
            (3, 400),
            (6, 3_200),
            (7, 5_000),
            (u32::MAX, 5_000),
        ] {
            let waited = delay(failures);
            assert!(waited <= Duration::from_millis(full_ms), "{failures}: {waited:?}");
            assert!(
                waited >= Duration::from_millis(full_ms * 3 / 4),
                "{failures}: {waited:?}"
            );
            let waited = delay_and_more(failures);
            assert!(waited >= Duration::from_millis(full_ms), "{failures}: {waited:?}");
            assert!(
                waited <= Duration::from_millis(full_ms * 5 / 4),
                "{failures}: {waited:?}"
            );
        }
    }
}
