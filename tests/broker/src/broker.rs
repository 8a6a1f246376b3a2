//! The broker as a Rust program sees it: starting, stopping, starting again.

use std::ops::Deref;
use std::sync::{Arc, Mutex};

use tokio::net::TcpListener;

use crate::error::BrokerError;
use crate::handle::BrokerHandle;
use crate::options::BrokerOptions;
use crate::server::Server;
use crate::state::State;
use crate::topic::locked;

/// A running broker. Dropping it stops it; its logs go with the last [`BrokerHandle`].
///
/// Everything that needs no runtime (topics, appending, faults) is on [`BrokerHandle`], to which this
/// dereferences.
#[derive(Debug)]
pub struct Broker {
    handle: BrokerHandle,
    server: Mutex<Option<Server>>,
}

impl Broker {
    /// Starts a broker on the current Tokio runtime. It listens when this returns.
    ///
    /// # Errors
    /// [`BrokerError::Listen`] if the address cannot be had.
    pub async fn start(options: BrokerOptions) -> Result<Self, BrokerError> {
        let wanted = options.listen;
        let failed = |source| BrokerError::Listen {
            address: wanted,
            source,
        };
        let listener = TcpListener::bind(wanted).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let state = Arc::new(State::new(options, address));
        let server = Server::start(listener, Arc::clone(&state));
        Ok(Self {
            handle: BrokerHandle::new(state),
            server: Mutex::new(Some(server)),
        })
    }

    /// A handle for other threads and tasks. It works also while the broker is stopped.
    pub fn handle(&self) -> BrokerHandle {
        self.handle.clone()
    }

    /// Closes the port and every connection, wherever they are in a request. Topics, logs and faults stay.
    /// Does nothing if the broker is stopped already.
    pub async fn stop(&self) {
        let server = locked(&self.server).take();
        if let Some(server) = server {
            server.stop().await;
        }
    }

    /// Listens again on the same port, with the logs of before.
    ///
    /// # Errors
    /// [`BrokerError::Running`] unless it was stopped; [`BrokerError::Listen`] if the port is taken.
    pub async fn restart(&self) -> Result<(), BrokerError> {
        let address = self.handle.socket_address();
        if locked(&self.server).is_some() {
            return Err(BrokerError::Running { address });
        }
        let listener = TcpListener::bind(address).await;
        let listener = listener.map_err(|source| BrokerError::Listen { address, source })?;
        *locked(&self.server) = Some(Server::start(listener, self.handle.state()));
        Ok(())
    }

    /// Stops for good and waits until every connection is closed.
    pub async fn shutdown(self) {
        self.stop().await;
    }
}

impl Deref for Broker {
    type Target = BrokerHandle;

    fn deref(&self) -> &BrokerHandle {
        &self.handle
    }
}
