//! The buckets in Redis, which all producers share.

use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::{AsyncConnectionConfig, Client, ErrorKind, IntoConnectionInfo, RedisError, cmd};
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::circuit::{Circuit, Failure};
use super::error::RateLimitError;
use super::limit::RateLimit;
use super::metrics::{Meter, Operation, RedisMetrics};
use super::policy::{OnOutage, RedisOptions};
use super::script::{Answer, TakeScript};

/// Longest time to read or write a limit, which no send waits for.
const LIMIT_TIMEOUT: Duration = Duration::from_secs(2);
/// Time to read an answer that came while this process did not run.
const UNREAD: Duration = Duration::from_millis(5);
/// One in so many failures is logged, and the first.
const LOGGED_PART: u64 = 100;
/// Seconds after which the key of the probes goes.
const PROBE_EXPIRY_S: u64 = 60;
/// What Redis begins an error with that no waiting mends.
const REFUSALS: [&str; 3] = ["NOAUTH", "WRONGPASS", "NOPERM"];

/// Redis, and the probes that look whether it is back. They end with it.
#[derive(Debug)]
pub(super) struct Redis {
    shared: Arc<Shared>,
    probes: AbortHandle,
}

struct Shared {
    client: Client,
    address: String,
    options: RedisOptions,
    default: RateLimit,
    script: TakeScript,
    circuit: Circuit<MultiplexedConnection>,
    meter: Meter,
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
        let (failure, reason) = match shared
            .ask(Operation::Take, shared.options.call_timeout, call)
            .await
        {
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

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
enum Unanswered {
    #[error("no answer within {} ms", .0.as_millis())]
    TimedOut(Duration),
    #[error("{0}")]
    Broken(String),
    #[error("{0}")]
    Refused(String),
    #[error("{0}")]
    Failed(String),
}

impl From<RedisError> for Unanswered {
    fn from(error: RedisError) -> Self {
        let reason = error.to_string();
        if error.kind() == ErrorKind::AuthenticationFailed
            || error.code().is_some_and(|code| REFUSALS.contains(&code))
        {
            Self::Refused(reason)
        } else if error.is_unrecoverable_error() || error.is_io_error() {
            Self::Broken(reason)
        } else {
            Self::Failed(reason)
        }
    }
}

impl Shared {
    /// Asks within a time limit, and counts.
    async fn ask<T>(
        &self,
        operation: Operation,
        limit: Duration,
        call: impl Future<Output = redis::RedisResult<T>>,
    ) -> Result<T, Unanswered> {
        ask(&self.meter, operation, limit, call).await
    }

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
        self.ask(operation, LIMIT_TIMEOUT, call)
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
        if self.damaged_overrides.fetch_add(1, Ordering::Relaxed) % LOGGED_PART == 0 {
            tracing::warn!(
                tenant,
                value,
                hash = self.script.limits_key(),
                "the limit of a tenant is not \"<messages a second> <burst>\": the default holds"
            );
        }
    }
}

fn client(url: &str) -> redis::RedisResult<Client> {
    // Questions are small and many: without this one waits until the answer to the one before was acknowledged.
    let settings = TcpSettings::default().set_nodelay(true);
    Client::open(url.into_connection_info()?.set_tcp_settings(settings))
}

async fn ask<T>(
    meter: &Meter,
    operation: Operation,
    limit: Duration,
    call: impl Future<Output = redis::RedisResult<T>>,
) -> Result<T, Unanswered> {
    let began = Instant::now();
    let mut call = std::pin::pin!(call);
    let answer = match timeout(limit, &mut call).await {
        Ok(answer) => Ok(answer),
        // Where this process did not run for a while, the answer may be here and only be unread.
        Err(_) => timeout(UNREAD, call).await,
    };
    let answer = match answer {
        Ok(answer) => answer.map_err(Unanswered::from),
        Err(_) => Err(Unanswered::TimedOut(limit)),
    };
    let failed = meter.count(operation, began.elapsed(), answer.is_err());
    if let Err(reason) = &answer
        && failed % LOGGED_PART == 1
    {
        tracing::warn!(operation = operation.name(), %reason, failed, "the rate limiter's Redis failed");
    }
    answer
}

async fn connect(client: &Client, options: &RedisOptions) -> redis::RedisResult<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(options.connect_timeout))
        // Each question has its own.
        .set_response_timeout(None);
    client.get_multiplexed_async_connection_with_config(&config).await
}

/// Looks whether Redis is there: it must take a write as fast as sends need it. Connects where there is no connection
/// yet.
async fn probe(
    client: &Client,
    connection: Option<MultiplexedConnection>,
    options: &RedisOptions,
    script: &TakeScript,
    meter: &Meter,
) -> Result<MultiplexedConnection, Unanswered> {
    let mut connection = match connection {
        Some(connection) => connection,
        None => {
            let connecting = connect(client, options);
            ask(meter, Operation::Probe, options.connect_timeout, connecting).await?
        }
    };
    let mut write = cmd("SET");
    write.arg(script.probe_key()).arg(1).arg("EX").arg(PROBE_EXPIRY_S);
    let writing = write.query_async::<()>(&mut connection);
    ask(meter, Operation::Probe, options.call_timeout, writing).await?;
    Ok(connection)
}

/// Sleeps until a connection is broken or an outage begins, then makes a new connection and probes until it is good.
async fn watch(shared: Weak<Shared>, wake: Arc<Notify>) {
    loop {
        wake.notified().await;
        let mut found = None;
        let mut good = 0;
        loop {
            let Some(shared) = shared.upgrade() else {
                return;
            };
            let Shared {
                client,
                options,
                script,
                meter,
                circuit,
                ..
            } = &*shared;
            let broken = circuit.connection();
            found = probe(client, found, options, script, meter).await.ok();
            good = if found.is_some() { good + 1 } else { 0 };
            match (&broken, &found) {
                // A connection broke, and the server is there: no outage, unless so many sends failed meanwhile.
                (Some(_), Some(_)) if !circuit.is_outage() => good = options.probes_to_close,
                (Some(broken), None) => {
                    if circuit.open(broken) {
                        tracing::warn!(address = %shared.address, policy = ?options.on_outage,
                            "the rate limiter's Redis is away: the outage policy decides");
                    }
                }
                _ => {}
            }
            if good >= options.probes_to_close
                && let Some(connection) = found.take()
            {
                if circuit.is_outage() {
                    tracing::info!(address = %shared.address, "the rate limiter's Redis is back");
                }
                circuit.close(connection);
                break;
            }
            let interval = options.probe_interval;
            drop(shared);
            tokio::time::sleep(interval).await;
        }
    }
}
