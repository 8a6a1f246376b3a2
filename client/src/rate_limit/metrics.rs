//! What a limiter has done, as numbers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What a limiter has done since it was made. The counters are read one by one, so they may differ by what happened in
/// between.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RateLimitMetrics {
    /// Messages allowed and refused, per label, in the order of the labels. A tenant's label is its name where that is
    /// 1 to 64 of `A-Z a-z 0-9 . _ -`, else `tenant_` and 12 hex digits of its SHA-256; tenants after the thousandth
    /// share the label `overflow`.
    pub tenants: Vec<TenantCounts>,
    /// Tenants whose buckets this process keeps.
    pub tenants_in_memory: usize,
    /// Buckets that went to make room and were full, so that nothing was lost.
    pub evicted_full: u64,
    /// Buckets that went before they were full: their tenants got the tokens that were missing.
    pub evicted_before_full: u64,
    /// Of a limiter over Redis.
    pub redis: Option<RedisMetrics>,
}

/// Messages of the tenants of one label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantCounts {
    /// The label.
    pub label: String,
    /// Messages that were allowed; a batch counts its events.
    pub allowed: u64,
    /// Messages that were refused.
    pub exceeded: u64,
}

/// How Redis did.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RedisMetrics {
    /// Whether Redis is away and the outage policy decides.
    pub outage: bool,
    /// Outages so far, with the one that goes on.
    pub outages: u64,
    /// Calls that the outage policy decided.
    pub decided_by_policy: u64,
    /// Overrides found in Redis that could not be read, so that the default held.
    pub damaged_overrides: u64,
    /// What was asked of Redis.
    pub operations: Vec<OperationMetrics>,
}

/// One kind of question to Redis.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct OperationMetrics {
    /// `take` (a send asks for tokens), `probe`, `set_limit`, `remove_limit` or `read_limit`.
    pub operation: &'static str,
    /// Those that failed or were not answered in time.
    pub errors: u64,
    /// How long they took, failures too.
    pub latency: Latency,
}

/// A histogram of times.
#[derive(Clone, Debug, PartialEq)]
pub struct Latency {
    /// How many took no longer than each of [`Latency::BOUNDS_MS`] and longer than the one before; the last number is of
    /// those that took longer than all.
    pub counts: [u64; Latency::BOUNDS_MS.len() + 1],
    /// Sum of all times.
    pub sum: Duration,
}

impl Latency {
    /// Upper bounds in milliseconds.
    pub const BOUNDS_MS: [f64; 12] = [
        0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0,
    ];
}

/// A question to Redis, for counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Take,
    Probe,
    SetLimit,
    RemoveLimit,
    ReadLimit,
}

impl Operation {
    const ALL: [Self; 5] = [
        Self::Take,
        Self::Probe,
        Self::SetLimit,
        Self::RemoveLimit,
        Self::ReadLimit,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Take => "take",
            Self::Probe => "probe",
            Self::SetLimit => "set_limit",
            Self::RemoveLimit => "remove_limit",
            Self::ReadLimit => "read_limit",
        }
    }
}

/// Counts questions without a lock.
#[derive(Debug, Default)]
pub(super) struct Meter([Counter; Operation::ALL.len()]);

#[derive(Debug, Default)]
struct Counter {
    errors: AtomicU64,
    counts: [AtomicU64; Latency::BOUNDS_MS.len() + 1],
    sum_ns: AtomicU64,
}

impl Meter {
    /// Counts a question, and says how many of its kind have failed.
    pub(super) fn count(&self, operation: Operation, took: Duration, failed: bool) -> u64 {
        let counter = &self.0[operation as usize];
        let took_ms = took.as_secs_f64() * 1e3;
        let bin = Latency::BOUNDS_MS.partition_point(|bound| *bound < took_ms);
        counter.counts[bin].fetch_add(1, Ordering::Relaxed);
        let ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        counter.sum_ns.fetch_add(ns, Ordering::Relaxed);
        let failed = u64::from(failed);
        counter.errors.fetch_add(failed, Ordering::Relaxed) + failed
    }

    pub(super) fn snapshot(&self) -> Vec<OperationMetrics> {
        let of = |operation: Operation| {
            let counter = &self.0[operation as usize];
            OperationMetrics {
                operation: operation.name(),
                errors: counter.errors.load(Ordering::Relaxed),
                latency: Latency {
                    counts: std::array::from_fn(|bin| counter.counts[bin].load(Ordering::Relaxed)),
                    sum: Duration::from_nanos(counter.sum_ns.load(Ordering::Relaxed)),
                },
            }
        };
        Operation::ALL.map(of).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_counted_below_their_bound() {
        let meter = Meter::default();
        let us = Duration::from_micros;
        assert_eq!(meter.count(Operation::Probe, us(100), false), 0);
        assert_eq!(meter.count(Operation::Probe, us(101), true), 1);
        assert_eq!(meter.count(Operation::Probe, us(500_000), true), 2);
        assert_eq!(meter.count(Operation::Probe, us(500_001), false), 2);
        assert_eq!(meter.count(Operation::Take, us(7), true), 1);
        let all = meter.snapshot();
        let names: Vec<_> = all.iter().map(|one| one.operation).collect();
        assert_eq!(
            names,
            ["take", "probe", "set_limit", "remove_limit", "read_limit"]
        );
        assert_eq!((all[0].errors, all[1].errors, all[2].errors), (1, 2, 0));
        assert_eq!(all[1].latency.counts, [1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
        assert_eq!(all[1].latency.sum, us(1_000_202));
    }
}
