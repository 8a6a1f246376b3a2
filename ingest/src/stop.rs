//! Asking an ingester to stop.

use std::sync::Arc;

use tokio::sync::watch;

/// A flag that ends taking in: what has arrived is committed, then the run returns. Clones share the flag.
#[derive(Clone, Debug)]
pub struct Stop(Arc<watch::Sender<bool>>);

impl Default for Stop {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl Stop {
    /// Raises the flag.
    pub fn raise(&self) {
        self.0.send_replace(true);
    }

    /// Whether the flag is raised.
    #[must_use]
    pub fn is_raised(&self) -> bool {
        *self.0.borrow()
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<bool> {
        self.0.subscribe()
    }
}
