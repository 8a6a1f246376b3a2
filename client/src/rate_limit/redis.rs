//! The buckets in Redis, which all producers share.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Client, cmd};
use tokio::task::AbortHandle;

use super::ask::{LOGGED_PART, Unanswered, ask};
use super::circuit::{Circuit, Failure};
use super::error::RateLimitError;
use super::limit::RateLimit;
use super::metrics::{Meter, Operation, RedisMetrics};
use super::policy::{OnOutage, RedisOptions};
use super::probe::{client, connect, probe, watch};
use super::script::{Answer, TakeScript};

/// Longest time to read or write a limit, which no send waits for.
const LIMIT_TIMEOUT: Duration = Duration::from_secs(2);
/// Redis, and the probes that look whether it is back. They end with it.
#[derive(Debug)]
pub(super) struct Redis {
    shared: Arc<Shared>,
    probes: AbortHandle,
}

/// What sends and probes have in common.
pub(super) struct Shared {
    pub(super) client: Client,
    pub(super) address: String,
    pub(super) options: RedisOptions,
    default: RateLimit,
    pub(super) script: TakeScript,
    pub(super) circuit: Circuit<MultiplexedConnection>,
    pub(super) meter: Meter,
    decided_by_policy: AtomicU64,
    damaged_overrides: AtomicU64,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The client holds the password.
        f.debug_struct("Shared")
            .field("address", &self.address)
            .field("options", &self.options)
            .field("outage", &self.circuit.is_outage())
            .finish_non_exhaustive()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.probes.abort();
    }
}

impl Redis {
    /// `options` were checked.
    pub(super) async fn open(
        url: &str,
        default: RateLimit,
        options: RedisOptions,
    ) -> Result<Self, RateLimitError> {
        let client = client(url).map_err(|error| RateLimitError::Url {
            reason: error.to_string(),
        })?;
        let address = client.get_connection_info().addr().to_string();
        let script = TakeScript::new(&options.key_prefix);
        let meter = Meter::default();
        let connection = match probe(&client, None, &options, &script, &meter).await {
            Ok(connection) => Some(connection),
            Err(Unanswered::Refused(reason)) => return Err(RateLimitError::Refused { address, reason }),
            Err(unanswered) if options.on_outage == OnOutage::Closed => {
                return Err(RateLimitError::Unreachable {
                    address,
                    reason: unanswered.to_string(),
                });
            }
            Err(unanswered) => {
                tracing::warn!(%address, reason = %unanswered, policy = ?options.on_outage,
                    "the rate limiter starts without Redis");
                None
            }
        };
        let shared = Arc::new(Shared {
            circuit: Circuit::new(connection, options.failures_to_open),
            client,
            address,
            options,
            default,
            script,
            meter,
            decided_by_policy: AtomicU64::new(0),
            damaged_overrides: AtomicU64::new(0),
        });
        let wake = Arc::clone(&shared.circuit.wake);
        let probes = tokio::spawn(watch(Arc::downgrade(&shared), wake)).abort_handle();
        Ok(Self { shared, probes })
    }

    /// What decides while Redis is away.
    pub(super) fn on_outage(&self) -> OnOutage {
        self.shared.options.on_outage
    }

    pub(super) fn is_outage(&self) -> bool {
        self.shared.circuit.is_outage()
    }

    /// Counts a call that the outage policy decided.
    pub(super) fn decided_by_policy(&self) {
        self.shared.decided_by_policy.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes tokens of a tenant. None where Redis is away or fails: then the outage policy decides.
    pub(super) async fn take(&self, tenant: &str, cost: u32, longest_wait_us: u64) -> Option<Answer> {
        let shared = &*self.shared;
        let connection = shared.circuit.connection()?;
        let mut through = (*connection).clone();
        let call = shared
            .script
            .take(&mut through, tenant, cost, shared.default, longest_wait_us);
        let limit = shared.options.call_timeout;
        let (failure, reason) = match ask(&shared.meter, Operation::Take, limit, call).await {
            Ok(answer) => {
                shared.circuit.answered();
                if let Some(value) = &answer.damaged {
                    shared.damaged(tenant, value);
                }
                return Some(answer);
            }
            Err(Unanswered::TimedOut(limit)) => (Failure::TimedOut, Unanswered::TimedOut(limit)),
            Err(Unanswered::Broken(reason)) => (Failure::Broken, Unanswered::Broken(reason)),
            Err(other) => (Failure::Answer, other),
        };
        if shared.circuit.failed(&connection, failure) {
            tracing::warn!(address = %shared.address, %reason, policy = ?shared.options.on_outage,
                "the rate limiter's Redis is away: the outage policy decides");
        }
        None
    }

    pub(super) async fn set_limit(&self, tenant: &str, limit: RateLimit) -> Result<(), RateLimitError> {
        let mut set = cmd("HSET");
        set.arg(self.shared.script.limits_key())
            .arg(tenant)
            .arg(limit.to_string());
        self.shared.control(Operation::SetLimit, &set).await
    }

    pub(super) async fn remove_limit(&self, tenant: &str) -> Result<(), RateLimitError> {
        let mut remove = cmd("HDEL");
        remove.arg(self.shared.script.limits_key()).arg(tenant);
        self.shared.control(Operation::RemoveLimit, &remove).await
    }

    pub(super) async fn limit(&self, tenant: &str) -> Result<Option<RateLimit>, RateLimitError> {
        let hash = self.shared.script.limits_key();
        let mut read = cmd("HGET");
        read.arg(&hash).arg(tenant);
        let found: Option<Vec<u8>> = self.shared.control(Operation::ReadLimit, &read).await?;
        let Some(value) = found.map(|text| String::from_utf8_lossy(&text).into_owned()) else {
            return Ok(None);
        };
        match value.parse::<RateLimit>() {
            Ok(limit) => Ok(Some(limit.normalised())),
            Err(()) => Err(RateLimitError::Damaged {
                tenant: tenant.to_owned(),
                hash,
                value,
            }),
        }
    }

    pub(super) fn metrics(&self) -> RedisMetrics {
        let shared = &*self.shared;
        RedisMetrics {
            outage: shared.circuit.is_outage(),
            outages: shared.circuit.outages(),
            decided_by_policy: shared.decided_by_policy.load(Ordering::Relaxed),
            damaged_overrides: shared.damaged_overrides.load(Ordering::Relaxed),
            operations: shared.meter.snapshot(),
        }
    }
}

impl Shared {
    /// Reads or writes a limit, also in an outage if the server is there by then.
    async fn control<T: redis::FromRedisValue>(
        &self,
        operation: Operation,
        command: &redis::Cmd,
    ) -> Result<T, RateLimitError> {
        let call = async {
            let mut connection = match self.circuit.connection() {
                Some(connection) => (*connection).clone(),
                None => connect(&self.client, &self.options).await?,
            };
            command.query_async(&mut connection).await
        };
        let operation_name = operation.name();
        ask(&self.meter, operation, LIMIT_TIMEOUT, call)
            .await
            .map_err(|unanswered| match unanswered {
                Unanswered::TimedOut(limit) => RateLimitError::TimedOut {
                    operation: operation_name,
                    limit,
                },
                Unanswered::Refused(reason) => RateLimitError::Refused {
                    address: self.address.clone(),
                    reason,
                },
                Unanswered::Broken(reason) | Unanswered::Failed(reason) => RateLimitError::Failed {
                    operation: operation_name,
                    reason,
                },
            })
    }

    fn damaged(&self, tenant: &str, value: &str) {
        if self
            .damaged_overrides
            .fetch_add(1, Ordering::Relaxed)
            .is_multiple_of(LOGGED_PART)
        {
            tracing::warn!(
                tenant,
                value,
                hash = self.script.limits_key(),
                "the limit of a tenant is not \"<messages a second> <burst>\": the default holds"
            );
        }
    }
}
