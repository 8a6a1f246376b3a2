//! Rate limits as an application meets them: in memory, over a real Redis, and without it.
//!
//! The tests with Redis start a `redis-server` of their own on a free port. Where there is none they say so and pass,
//! unless `QUIPU_REQUIRE_REDIS` is set. `QUIPU_LONG_TESTS` has the quota measured over 20 s in place of 5.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on fails by panicking, and says what it measured"
)]

mod memory;
mod millions;
mod outage;
mod quota;
mod readme;
mod redis;
mod server;

use quipu_client::rate_limit::{Decision, RateLimit, RateLimiter};

fn limit(messages_per_second: f64, burst_capacity: u32) -> RateLimit {
    RateLimit {
        messages_per_second,
        burst_capacity,
    }
}

/// How many single messages in a row are allowed.
async fn allowed(limiter: &RateLimiter, tenant: &str) -> u32 {
    let mut allowed = 0;
    while limiter.check(tenant, 1).await == Decision::Allowed {
        allowed += 1;
        assert!(allowed < 100_000, "the limit does not hold");
    }
    allowed
}
