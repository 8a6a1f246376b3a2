//! The clock of the producer.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Microseconds since the Unix epoch.
pub(super) fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    in_us(since)
}

/// Microseconds that passed since then.
pub(super) fn since_us(then: Instant) -> i64 {
    in_us(then.elapsed())
}

fn in_us(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
