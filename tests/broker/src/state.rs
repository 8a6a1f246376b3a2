//! What all connections and the in-process interface share.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tokio::sync::watch;

use crate::faults::{DueFault, FaultScript};
use crate::options::BrokerOptions;
use crate::session::Session;
use crate::topic::Topics;

/// The state of a broker; it outlives a stop and a restart.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) options: BrokerOptions,
    /// Where each node listens, also while stopped, with its id.
    pub(crate) nodes: Vec<(i32, SocketAddr)>,
    topics: RwLock<Topics>,
    pub(crate) faults: Mutex<FaultScript>,
    /// Requests that came, by API key.
    pub(crate) requests: Mutex<BTreeMap<i16, u64>>,
    producer_ids: AtomicI64,
    /// Counts changes that a waiting Fetch has to look at.
    changes: watch::Sender<u64>,
}

impl State {
    /// The state of a broker whose nodes, one at least, listen there.
    pub(crate) fn new(options: BrokerOptions, nodes: Vec<(i32, SocketAddr)>) -> Self {
        Self {
            faults: Mutex::new(options.faults.clone()),
            nodes,
            requests: Mutex::default(),
            topics: RwLock::new(Topics::new(options.node_id)),
            options,
            producer_ids: AtomicI64::new(1000),
            changes: watch::Sender::new(0),
        }
    }

    pub(crate) fn topics(&self) -> RwLockReadGuard<'_, Topics> {
        self.topics.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn topics_mut(&self) -> RwLockWriteGuard<'_, Topics> {
        self.topics.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// A producer id that nobody has yet.
    pub(crate) fn new_producer_id(&self) -> i64 {
        self.producer_ids.fetch_add(1, Ordering::Relaxed)
    }

    /// Wakes every waiting Fetch.
    pub(crate) fn changed(&self) {
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Changes from now on.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Where the first node listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.nodes
            .first()
            .map_or(self.options.listen, |(_, address)| *address)
    }
}

/// What a handler knows of the request besides its body.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) state: Arc<State>,
    /// The node that was asked.
    pub(crate) node: i32,
    pub(crate) version: i16,
    /// The connection that asks.
    pub(crate) session: Arc<Session>,
    /// The fault that was due, if any.
    pub(crate) fault: Option<DueFault>,
}
