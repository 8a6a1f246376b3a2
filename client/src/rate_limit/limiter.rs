//! The limiter itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::bucket::Taken;
use super::counts::Counts;
use super::decision::{Decision, RateLimited, Reason};
use super::error::RateLimitError;
use super::key::{Keys, TenantKey};
use super::limit::RateLimit;
use super::memory::{Memory, MemoryOptions};
use super::metrics::RateLimitMetrics;
use super::policy::{OnOutage, RedisOptions};
use super::redis::Redis;

/// Longest sleep of a call that waits for Redis to come back before it asks again.
const OUTAGE_SLEEP: Duration = Duration::from_millis(50);

/// Keeps tenants to their limits. Clones share everything.
#[derive(Clone, Debug)]
pub struct RateLimiter {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    keys: Keys,
    default: RateLimit,
    /// All buckets; over Redis, those for outages.
    memory: Memory,
    redis: Option<Redis>,
    /// Whether Redis ever named an override: until then there are none to forget.
    overrides_seen: AtomicBool,
    counts: Counts,
}

/// What became of a wish for tokens, of either side.
enum Outcome {
    Taken(Taken),
    Unavailable,
}

impl RateLimiter {
    /// A limiter over Redis where a URL is given, else in memory, all options being as they are unless said otherwise.
    ///
    /// # Errors
    /// As [`redis`](Self::redis).
    pub async fn new(default: RateLimit, redis_url: Option<&str>) -> Result<Self, RateLimitError> {
        match redis_url {
            Some(url) => Self::redis(url, default, RedisOptions::default()).await,
            None => Ok(Self::memory(default)),
        }
    }

    /// A limiter of this process alone. `default` is the limit of every tenant without one of its own.
    #[must_use]
    pub fn memory(default: RateLimit) -> Self {
        Self::memory_with(default, MemoryOptions::default())
    }

    /// A limiter of this process alone, with a bound for its memory.
    #[must_use]
    pub fn memory_with(default: RateLimit, options: MemoryOptions) -> Self {
        Self::build(default, Memory::new(default, 1.0, options), None)
    }

    /// A limiter that shares its quotas with all others at the same Redis that have the same key prefix. They should have
    /// the same default, since each brings its own along.
    ///
    /// Redis being away is no error, unless the outage policy is [`OnOutage::Closed`]: the limiter then starts in an
    /// outage. It belongs to the tokio runtime that this is called on, and is to be used there: its connection and its
    /// probes run on it.
    ///
    /// # Errors
    /// The URL is none, an option is out of its range, Redis wants another password, or it is away and the policy is
    /// `Closed`. Takes at most the options' `connect_timeout` and `call_timeout`.
    pub async fn redis(url: &str, default: RateLimit, options: RedisOptions) -> Result<Self, RateLimitError> {
        options.check()?;
        let memory = Memory::new(default, options.share(), options.memory);
        let redis = Redis::open(url, default.normalised(), options).await?;
        Ok(Self::build(default, memory, Some(redis)))
    }

    fn build(default: RateLimit, memory: Memory, redis: Option<Redis>) -> Self {
        Self {
            inner: Arc::new(Inner {
                keys: Keys::default(),
                default: default.normalised(),
                memory,
                redis,
                overrides_seen: AtomicBool::new(false),
                counts: Counts::new(),
            }),
        }
    }

    /// May `cost` messages of a tenant be sent now? Takes their tokens if so; see [`cost_of`](super::cost_of). A cost of 0
    /// is always allowed.
    ///
    /// Over Redis this is one round trip, of the options' `call_timeout` at most. A call that is dropped before it ends
    /// may have taken its tokens.
    pub async fn check(&self, tenant: &str, cost: u32) -> Decision {
        let key = self.inner.keys.of(tenant);
        let outcome = self.inner.take(key, tenant, cost, Duration::ZERO).await;
        self.inner.decision(key, tenant, cost, outcome)
    }

    /// As [`check`](Self::check), without waiting for anything: None where Redis would have to be asked. A limiter in
    /// memory always answers.
    #[must_use]
    pub fn try_check(&self, tenant: &str, cost: u32) -> Option<Decision> {
        let key = self.inner.keys.of(tenant);
        let outcome = match &self.inner.redis {
            None => Outcome::Taken(self.inner.memory.take(key, cost, 0)),
            Some(redis) if redis.is_outage() => self.inner.by_policy(redis, key, cost, 0),
            Some(_) => return None,
        };
        Some(self.inner.decision(key, tenant, cost, outcome))
    }

    /// As [`check`](Self::check), decided at once by this process alone, for code that cannot wait. Over Redis that is by
    /// the process's share of the limit ([`OnOutage::LocalShare`]; the whole limit under the other policies), of which
    /// Redis hears nothing: what is sent so comes on top of what it allows.
    pub fn check_now(&self, tenant: &str, cost: u32) -> Decision {
        self.try_check(tenant, cost).unwrap_or_else(|| {
            let key = self.inner.keys.of(tenant);
            let taken = match self.inner.memory.take(key, cost, 0) {
                Taken::Never => Outcome::Unavailable,
                taken => Outcome::Taken(taken),
            };
            self.inner.decision(key, tenant, cost, taken)
        })
    }

    /// As [`check`](Self::check), with an error where the messages may not be sent.
    ///
    /// # Errors
    /// They may not be sent now.
    pub async fn limit(&self, tenant: &str, cost: u32) -> Result<(), RateLimited> {
        let reason = match self.check(tenant, cost).await {
            Decision::Allowed => return Ok(()),
            Decision::Limited {
                retry_after: Some(retry_after),
            } => Reason::Spent { retry_after },
            Decision::Limited { retry_after: None } => Reason::Never,
            Decision::Unavailable => Reason::Unavailable,
        };
        Err(refused(tenant, cost, reason))
    }

    /// Waits until `cost` messages of a tenant may be sent, until `deadline` at most.
    ///
    /// The tokens are taken ahead when the call is made, so calls of one tenant are served in that order, over Redis those
    /// of all producers, and before calls that do not wait. It is known at once whether the deadline can be met. A call
    /// that is dropped while it waits has spent its tokens. In an outage that lets nothing pass it waits for the end of
    /// the outage. Over Redis it may end a round trip after the deadline.
    ///
    /// # Errors
    /// At once: the tokens are due after the deadline, or can never be had. At the deadline: Redis was away, and the
    /// outage policy lets nothing pass.
    pub async fn wait(&self, tenant: &str, cost: u32, deadline: Instant) -> Result<(), RateLimited> {
        let key = self.inner.keys.of(tenant);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let reason = match self.inner.take(key, tenant, cost, left).await {
                Outcome::Taken(Taken::After(wait_us)) => {
                    if wait_us > 0 {
                        tokio::time::sleep(Duration::from_micros(wait_us)).await;
                    }
                    self.inner.counts.count(key, tenant, cost, true);
                    return Ok(());
                }
                Outcome::Taken(Taken::Limited(wait_us)) => Reason::Deadline {
                    needed: Duration::from_micros(wait_us),
                    left,
                },
                Outcome::Taken(Taken::Never) => Reason::Never,
                Outcome::Unavailable if left.is_zero() => Reason::Unavailable,
                Outcome::Unavailable => {
                    tokio::time::sleep(OUTAGE_SLEEP.min(left)).await;
                    continue;
                }
            };
            self.inner.counts.count(key, tenant, cost, false);
            return Err(refused(tenant, cost, reason));
        }
    }

    /// Gives a tenant a limit of its own, from the next call on. Over Redis it holds for all producers, and for as long as
    /// Redis keeps it. Tokens that the tenant has stay, as far as the new burst holds them.
    ///
    /// # Errors
    /// Redis failed: the old limit holds. Where it did not answer in time, either may.
    pub async fn set_tenant_limit(&self, tenant: &str, limit: RateLimit) -> Result<(), RateLimitError> {
        let limit = limit.normalised();
        if let Some(redis) = &self.inner.redis {
            redis.set_limit(tenant, limit).await?;
        }
        self.inner.learn_override(self.inner.keys.of(tenant), Some(limit));
        Ok(())
    }

    /// Takes a tenant's own limit away: the default holds from the next call on.
    ///
    /// # Errors
    /// As [`set_tenant_limit`](Self::set_tenant_limit).
    pub async fn remove_tenant_limit(&self, tenant: &str) -> Result<(), RateLimitError> {
        if let Some(redis) = &self.inner.redis {
            redis.remove_limit(tenant).await?;
        }
        self.inner.learn_override(self.inner.keys.of(tenant), None);
        Ok(())
    }

    /// The limit that holds for a tenant: its own, or the default.
    ///
    /// # Errors
    /// Redis failed, or what stands there is not a limit.
    pub async fn tenant_limit(&self, tenant: &str) -> Result<RateLimit, RateLimitError> {
        let own = match &self.inner.redis {
            Some(redis) => redis.limit(tenant).await?,
            None => self.inner.memory.own_limit(self.inner.keys.of(tenant)),
        };
        Ok(own.unwrap_or(self.inner.default))
    }

    /// What the limiter has done so far.
    #[must_use]
    pub fn metrics(&self) -> RateLimitMetrics {
        RateLimitMetrics {
            tenants: self.inner.counts.snapshot(),
            tenants_in_memory: self.inner.memory.tenants(),
            evicted_full: self.inner.memory.evicted_full(),
            evicted_before_full: self.inner.memory.evicted_before_full(),
            redis: self.inner.redis.as_ref().map(Redis::metrics),
        }
    }
}

impl Inner {
    async fn take(&self, key: TenantKey, tenant: &str, cost: u32, longest_wait: Duration) -> Outcome {
        let longest_wait_us = u64::try_from(longest_wait.as_micros()).unwrap_or(u64::MAX);
        let Some(redis) = &self.redis else {
            return Outcome::Taken(self.memory.take(key, cost, longest_wait_us));
        };
        match redis.take(tenant, cost, longest_wait_us).await {
            Some(answer) => {
                self.learn_override(key, answer.limit);
                Outcome::Taken(answer.taken)
            }
            None => self.by_policy(redis, key, cost, longest_wait_us),
        }
    }

    fn by_policy(&self, redis: &Redis, key: TenantKey, cost: u32, longest_wait_us: u64) -> Outcome {
        redis.decided_by_policy();
        match redis.on_outage() {
            OnOutage::Open => Outcome::Taken(Taken::After(0)),
            OnOutage::Closed => Outcome::Unavailable,
            OnOutage::LocalShare { .. } => match self.memory.take(key, cost, longest_wait_us) {
                // More than a share holds may be within the burst that Redis keeps.
                Taken::Never => Outcome::Unavailable,
                taken => Outcome::Taken(taken),
            },
        }
    }

    /// Keeps in mind what limit holds for a tenant; over Redis for outages.
    fn learn_override(&self, key: TenantKey, limit: Option<RateLimit>) {
        if limit.is_some() && !self.overrides_seen.load(Ordering::Relaxed) {
            self.overrides_seen.store(true, Ordering::Relaxed);
        }
        if self.overrides_seen.load(Ordering::Relaxed) {
            self.memory.set_override(key, limit);
        }
    }

    fn decision(&self, key: TenantKey, tenant: &str, cost: u32, outcome: Outcome) -> Decision {
        let decision = match outcome {
            Outcome::Taken(Taken::After(_)) => Decision::Allowed,
            Outcome::Taken(Taken::Limited(wait_us)) => Decision::Limited {
                retry_after: Some(Duration::from_micros(wait_us)),
            },
            Outcome::Taken(Taken::Never) => Decision::Limited { retry_after: None },
            Outcome::Unavailable => Decision::Unavailable,
        };
        self.counts
            .count(key, tenant, cost, decision == Decision::Allowed);
        decision
    }
}

fn refused(tenant: &str, cost: u32, reason: Reason) -> RateLimited {
    RateLimited {
        tenant: tenant.to_owned(),
        cost,
        reason,
    }
}
