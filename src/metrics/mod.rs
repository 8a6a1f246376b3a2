//! Watching a run: its counters for Prometheus, and whether it lives, over HTTP.
//!
//! | path | answers |
//! |---|---|
//! | `/metrics` | the counters, in the text format of OpenMetrics 1.0, which Prometheus reads |
//! | `/healthz` | 200 while the run goes on, 503 once it has ended |
//! | `/readyz` | 200 once the store is open and a first partition or file was found, 503 before |
//!
//! Names that begin with `dashstream_` are those that existing dashboards of DashStream consumers know, and mean the
//! same; all others begin with `quipu_`. What only SQL can tell (open gaps) is asked now and then by a task of its own,
//! so that a scrape never waits for a query.
//!
//! | file | holds |
//! |---|---|
//! | `collector.rs` | counters as metrics |
//! | `ledger.rs` | what SQL tells, asked now and then |
//! | `server.rs` | the HTTP server |

mod collector;
mod ledger;
mod server;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use quipu_ingest::Progress;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use collector::RunCollector;
use ledger::Ledger;

/// A server of the metrics of one run. Dropping it ends it.
#[derive(Debug)]
pub struct MetricsServer {
    address: SocketAddr,
    tasks: Vec<JoinHandle<()>>,
}

impl MetricsServer {
    /// Begins to serve the metrics of a run into a store at an address, where port 0 means any that is free. Must be
    /// called within a tokio runtime.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub async fn start(
        address: SocketAddr,
        store: PathBuf,
        progress: Arc<Progress>,
    ) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let ledger = Arc::new(Ledger::default());
        let collector = RunCollector::new(Arc::clone(&progress), Arc::clone(&ledger));
        let tasks = vec![
            tokio::spawn(ledger::keep_asking(store, ledger)),
            tokio::spawn(server::serve(listener, collector, progress)),
        ];
        Ok(Self { address, tasks })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for MetricsServer {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}
