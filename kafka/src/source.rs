//! The Kafka source as its user sees it.

use std::collections::HashMap;
use std::sync::Arc;

use quipu_proto::LogPartition;
use tokio::sync::{mpsc, watch};

use crate::error::KafkaError;
use crate::event::SourceEvent;
use crate::options::KafkaOptions;
use crate::partition::StoredPosition;
use crate::supervisor::Supervisor;

/// Follows the partitions of Kafka topics.
///
/// The source runs in tasks of a tokio runtime, one for each broker that leads partitions, and tells what it reads over
/// a bounded channel; a full channel holds the fetching back. It fetches ahead of the store: its own positions advance
/// with what it hands on, while the positions that count after a restart are those that the store has committed. It
/// keeps no state of its own.
#[derive(Debug)]
pub struct KafkaSource {
    options: Arc<KafkaOptions>,
}

impl KafkaSource {
    /// A source with these settings. Nothing is connected yet.
    ///
    /// # Errors
    /// A setting that makes no sense.
    pub fn new(options: KafkaOptions) -> Result<Self, KafkaError> {
        let refused = |setting, value: String, reason| {
            Err(KafkaError::Setting {
                setting,
                value,
                reason,
            })
        };
        if options.brokers.is_empty() {
            return refused("brokers", String::new(), "name at least one broker");
        }
        if let Some(topic) = options.topics.iter().find(|topic| topic.trim().is_empty()) {
            return refused("topic", topic.clone(), "a topic needs a name");
        }
        if options.fetch_bytes_max as usize > options.connect.response_bytes_max {
            let value = options.fetch_bytes_max.to_string();
            return refused(
                "fetch_bytes_max",
                value,
                "it must not be above response_bytes_max",
            );
        }
        Ok(Self {
            options: Arc::new(options),
        })
    }

    /// Reads until the end that was asked for, until `stop` becomes true, or until nobody receives the events any more.
    ///
    /// `positions` are those of the store, of all incarnations it knows. Dropping this future stops everything at once,
    /// also in the middle of a fetch.
    ///
    /// # Errors
    /// The cluster cannot be reached at the start, or a topic cannot be read. Errors of single partitions come as
    /// [`SourceEvent::PartitionFailed`]; what may mend itself is tried again for ever, with warnings.
    pub async fn run(
        self,
        positions: HashMap<LogPartition, StoredPosition>,
        events: mpsc::Sender<SourceEvent>,
        mut stop: watch::Receiver<bool>,
    ) -> Result<(), KafkaError> {
        let listener = events.clone();
        let supervisor = Supervisor::new(self.options, positions, events);
        tokio::select! {
            biased;
            () = stopped(&mut stop) => Ok(()),
            () = listener.closed() => Ok(()),
            result = supervisor.run() => result,
        }
    }
}

/// Waits until the flag is true. A sender that is gone can raise it no more.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}
