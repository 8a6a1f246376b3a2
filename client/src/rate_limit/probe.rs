//! Connecting to Redis, and looking whether it is back.

use std::sync::{Arc, Weak};

use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::{AsyncConnectionConfig, Client, IntoConnectionInfo, cmd};
use tokio::sync::Notify;

use super::ask::{Unanswered, ask};
use super::metrics::{Meter, Operation};
use super::policy::RedisOptions;
use super::redis::Shared;
use super::script::TakeScript;

/// Seconds after which the key of the probes goes.
const PROBE_EXPIRY_S: u64 = 60;
/// Reads a URL.
pub(super) fn client(url: &str) -> redis::RedisResult<Client> {
    // Questions are small and many: without this one waits until the answer to the one before was acknowledged.
    let settings = TcpSettings::default().set_nodelay(true);
    Client::open(url.into_connection_info()?.set_tcp_settings(settings))
}

pub(super) async fn connect(
    client: &Client,
    options: &RedisOptions,
) -> redis::RedisResult<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(options.connect_timeout))
        // Each question has its own.
        .set_response_timeout(None);
    client.get_multiplexed_async_connection_with_config(&config).await
}

/// Looks whether Redis is there: it must take a write as fast as sends need it. Connects where there is no connection
/// yet.
pub(super) async fn probe(
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
pub(super) async fn watch(shared: Weak<Shared>, wake: Arc<Notify>) {
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
                (Some(broken), None) if circuit.open(broken) => {
                    tracing::warn!(address = %shared.address, policy = ?options.on_outage,
                        "the rate limiter's Redis is away: the outage policy decides");
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
