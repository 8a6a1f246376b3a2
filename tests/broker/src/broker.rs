//! The broker as a Rust program sees it: starting, stopping, starting again.

use std::fmt;
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::{Arc, Mutex};

use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::error::BrokerError;
use crate::handle::BrokerHandle;
use crate::options::{BrokerOptions, NODES_MAX};
use crate::server::Server;
use crate::state::State;
use crate::topic::locked;

/// A running broker. Dropping it stops it; its logs go with the last [`BrokerHandle`].
///
/// Everything that needs no runtime (topics, appending, faults) is on [`BrokerHandle`], to which this
/// dereferences.
pub struct Broker {
    handle: BrokerHandle,
    tls: Option<TlsAcceptor>,
    /// One for each node; none while it is stopped.
    servers: Mutex<Vec<Server>>,
}

impl Broker {
    /// Starts a broker on the current Tokio runtime. It listens when this returns.
    ///
    /// # Errors
    /// [`BrokerError::Listen`] if an address cannot be had; [`BrokerError::InvalidNodeCount`]; [`BrokerError::Tls`].
    pub async fn start(options: BrokerOptions) -> Result<Self, BrokerError> {
        if !(1..=NODES_MAX).contains(&options.nodes) {
            return Err(BrokerError::InvalidNodeCount {
                nodes: options.nodes,
                limit: NODES_MAX,
            });
        }
        let tls = match &options.security.tls {
            Some(tls) => Some(tls.acceptor()?),
            None => None,
        };
        let mut wanted = options.listen;
        let mut nodes = Vec::new();
        let mut listeners = Vec::new();
        for node in options.node_ids() {
            let (listener, address) = listen(wanted).await?;
            nodes.push((node, address));
            listeners.push(listener);
            // Only the first one can have a port that was asked for.
            wanted.set_port(0);
        }
        let state = Arc::new(State::new(options, nodes));
        let servers = listeners
            .into_iter()
            .zip(&state.nodes)
            .map(|(listener, (node, _))| Server::start(listener, *node, Arc::clone(&state), tls.clone()))
            .collect();
        Ok(Self {
            handle: BrokerHandle::new(state),
            tls,
            servers: Mutex::new(servers),
        })
    }

    /// A handle for other threads and tasks. It works also while the broker is stopped.
    pub fn handle(&self) -> BrokerHandle {
        self.handle.clone()
    }

    /// Closes the ports and every connection, wherever they are in a request. Topics, logs and faults stay.
    /// Does nothing if the broker is stopped already.
    pub async fn stop(&self) {
        let servers = std::mem::take(&mut *locked(&self.servers));
        for server in servers {
            server.stop().await;
        }
    }

    /// Listens again on the same ports, with the logs of before.
    ///
    /// # Errors
    /// [`BrokerError::Running`] unless it was stopped; [`BrokerError::Listen`] if the port is taken.
    pub async fn restart(&self) -> Result<(), BrokerError> {
        if !locked(&self.servers).is_empty() {
            let address = self.handle.socket_address();
            return Err(BrokerError::Running { address });
        }
        let mut servers = Vec::new();
        for (node, address) in self.handle.nodes() {
            let (listener, _) = listen(*address).await?;
            servers.push(Server::start(
                listener,
                *node,
                self.handle.state(),
                self.tls.clone(),
            ));
        }
        *locked(&self.servers) = servers;
        Ok(())
    }

    /// Stops for good and waits until every connection is closed.
    pub async fn shutdown(self) {
        self.stop().await;
    }
}

/// A listener, and where it listens.
async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), BrokerError> {
    let failed = |source| BrokerError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker")
            .field("handle", &self.handle)
            .finish_non_exhaustive()
    }
}

impl Deref for Broker {
    type Target = BrokerHandle;

    fn deref(&self) -> &BrokerHandle {
        &self.handle
    }
}
