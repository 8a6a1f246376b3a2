//! Whether Redis is asked: the connection, and the way it is given up and found again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use arc_swap::ArcSwapOption;
use tokio::sync::Notify;

/// Whether Redis is asked. Generic over the connection, so that the rules can be tested without one.
#[derive(Debug)]
pub(super) struct Circuit<C> {
    /// None in an outage.
    connection: ArcSwapOption<C>,
    failures: AtomicU32,
    failures_to_open: u32,
    outages: AtomicU64,
    /// Wakes the probes.
    pub(super) wake: Arc<Notify>,
}

/// How a call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// No answer in time.
    TimedOut,
    /// The connection is broken.
    Broken,
    /// Redis answered with an error.
    Answer,
}

impl<C> Circuit<C> {
    /// Without a connection it starts in an outage.
    pub(super) fn new(connection: Option<C>, failures_to_open: u32) -> Self {
        let outage = connection.is_none();
        let wake = Arc::new(Notify::new());
        if outage {
            wake.notify_one();
        }
        Self {
            connection: ArcSwapOption::from(connection.map(Arc::new)),
            failures: AtomicU32::new(0),
            failures_to_open,
            outages: AtomicU64::new(u64::from(outage)),
            wake,
        }
    }

    /// The connection to ask by, or none in an outage.
    pub(super) fn connection(&self) -> Option<Arc<C>> {
        self.connection.load_full()
    }

    pub(super) fn is_outage(&self) -> bool {
        self.connection.load().is_none()
    }

    pub(super) fn outages(&self) -> u64 {
        self.outages.load(Ordering::Relaxed)
    }

    /// A call was answered: failures before it are forgotten.
    pub(super) fn answered(&self) {
        // Looked at first: all calls share this number, and almost always it is 0.
        if self.failures.load(Ordering::Relaxed) != 0 {
            self.failures.store(0, Ordering::Relaxed);
        }
    }

    /// A call over `connection` failed. Says whether an outage begins with it.
    pub(super) fn failed(&self, connection: &Arc<C>, failure: Failure) -> bool {
        // Calls that were under way when the circuit opened say nothing about the connection after it.
        if !self.connection().is_some_and(|now| Arc::ptr_eq(&now, connection)) {
            return false;
        }
        let failures = self.failures.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        if failure == Failure::TimedOut || failures >= self.failures_to_open {
            return self.open(connection);
        }
        if failure == Failure::Broken {
            // The server may have closed an idle connection: it is made anew before that counts as an outage.
            self.wake.notify_one();
        }
        false
    }

    /// Begins an outage, unless `connection` was replaced already.
    pub(super) fn open(&self, connection: &Arc<C>) -> bool {
        let held = self.connection.compare_and_swap(connection, None);
        let opened = held.as_ref().is_some_and(|held| Arc::ptr_eq(held, connection));
        if opened {
            self.outages.fetch_add(1, Ordering::Relaxed);
            self.wake.notify_one();
        }
        opened
    }

    /// Asks by this connection from now on.
    pub(super) fn close(&self, connection: C) {
        self.failures.store(0, Ordering::Relaxed);
        self.connection.store(Some(Arc::new(connection)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_in_a_row_open_and_an_answer_between_them_does_not() {
        let circuit = Circuit::new(Some("one"), 3);
        let one = circuit.connection().unwrap();
        for _ in 0..10 {
            assert!(!circuit.failed(&one, Failure::Answer));
            assert!(!circuit.failed(&one, Failure::Broken));
            circuit.answered();
        }
        assert!(!circuit.failed(&one, Failure::Answer));
        assert!(!circuit.failed(&one, Failure::Answer));
        assert!(!circuit.is_outage());
        assert!(circuit.failed(&one, Failure::Answer));
        assert!(circuit.is_outage());
        assert_eq!(circuit.outages(), 1);
    }

    #[test]
    fn one_call_without_answer_opens_once() {
        let circuit = Circuit::new(Some("one"), 3);
        let one = circuit.connection().unwrap();
        assert!(circuit.failed(&one, Failure::TimedOut));
        assert!(!circuit.failed(&one, Failure::TimedOut), "it is open already");
        circuit.close("two");
        assert!(
            !circuit.failed(&one, Failure::TimedOut),
            "late news of the old one"
        );
        assert!(!circuit.is_outage());
        assert_eq!(circuit.outages(), 1);
        let two = circuit.connection().unwrap();
        assert!(!circuit.failed(&two, Failure::Answer), "counts from 0 again");
    }

    #[test]
    fn without_a_connection_it_starts_in_an_outage() {
        let circuit = Circuit::<()>::new(None, 3);
        assert!(circuit.is_outage());
        assert_eq!(circuit.outages(), 1);
    }
}
