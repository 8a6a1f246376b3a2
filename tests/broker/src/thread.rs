//! A broker for programs without an async runtime.

use std::future::Future;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use tokio::runtime::{Builder, Runtime};

use crate::broker::Broker;
use crate::error::BrokerError;
use crate::handle::BrokerHandle;
use crate::options::BrokerOptions;

/// A [`Broker`] on a thread of its own. Its calls block, and may be made from anywhere. Dropping it stops the
/// broker.
#[derive(Debug)]
pub struct BrokerThread {
    broker: Arc<Broker>,
    runtime: Option<Runtime>,
}

impl BrokerThread {
    /// Starts a broker. It listens when this returns.
    ///
    /// # Errors
    /// [`BrokerError::Runtime`] if the thread cannot be had, [`BrokerError::Listen`] if the address cannot.
    pub fn start(options: BrokerOptions) -> Result<Self, BrokerError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("broker")
            .enable_all()
            .build();
        let runtime = runtime.map_err(|source| BrokerError::Runtime {
            reason: source.to_string(),
        })?;
        let broker = wait(&runtime, Broker::start(options))??;
        Ok(Self {
            broker: Arc::new(broker),
            runtime: Some(runtime),
        })
    }

    /// As [`Broker::stop`].
    ///
    /// # Errors
    /// [`BrokerError::Runtime`] if the thread has gone.
    pub fn stop(&self) -> Result<(), BrokerError> {
        let broker = Arc::clone(&self.broker);
        self.wait(async move { broker.stop().await })
    }

    /// As [`Broker::restart`].
    ///
    /// # Errors
    /// Those of [`Broker::restart`], and [`BrokerError::Runtime`] if the thread has gone.
    pub fn restart(&self) -> Result<(), BrokerError> {
        let broker = Arc::clone(&self.broker);
        self.wait(async move { broker.restart().await })?
    }

    fn wait<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, BrokerError> {
        match &self.runtime {
            Some(runtime) => wait(runtime, work),
            None => Err(BrokerError::Runtime {
                reason: "it has been shut down".to_owned(),
            }),
        }
    }
}

/// Runs `work` on the runtime and blocks for its result. `Runtime::block_on` would panic inside of another
/// runtime.
fn wait<T: Send + 'static>(
    runtime: &Runtime,
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, BrokerError> {
    let (result, results) = sync_channel(1);
    runtime.spawn(async move { result.send(work.await) });
    results.recv().map_err(|_| BrokerError::Runtime {
        reason: "its task ended without a result".to_owned(),
    })
}

impl Deref for BrokerThread {
    type Target = BrokerHandle;

    fn deref(&self) -> &BrokerHandle {
        &self.broker
    }
}

impl Drop for BrokerThread {
    fn drop(&mut self) {
        // An error means that the thread is gone, and the broker with it.
        let _ = self.stop();
        if let Some(runtime) = self.runtime.take() {
            // Waiting for the thread would panic inside of another runtime; nothing is left on it.
            runtime.shutdown_background();
        }
    }
}
