//! What all connections and the in-process interface share.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use kafka_protocol::protocol::StrBytes;
use tokio::sync::watch;

use crate::faults::{DueFault, FaultScript};
use crate::options::BrokerOptions;
use crate::topic::Topics;

/// The state of a broker; it outlives a stop and a restart.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) options: BrokerOptions,
    /// Where it listens, also while stopped.
    pub(crate) address: SocketAddr,
    topics: RwLock<Topics>,
    pub(crate) faults: Mutex<FaultScript>,
    producer_ids: AtomicI64,
    /// Counts changes that a waiting Fetch has to look at.
    changes: watch::Sender<u64>,
}

impl State {
    pub(crate) fn new(options: BrokerOptions, address: SocketAddr) -> Self {
        Self {
            faults: Mutex::new(options.faults.clone()),
            options,
            address,
            topics: RwLock::default(),
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

    /// The host that clients are told to connect to.
    pub(crate) fn host(&self) -> StrBytes {
        StrBytes::from_string(self.address.ip().to_string())
    }
}

/// What a handler knows of the request besides its body.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) state: Arc<State>,
    pub(crate) version: i16,
    /// The fault that was due, if any.
    pub(crate) fault: Option<DueFault>,
}
