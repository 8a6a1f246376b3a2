//! Reading telemetry in a program.
//!
//! | file | noun |
//! |---|---|
//! | `options.rs` | what can be chosen |
//! | `received.rs` | a record with its message; the place of a record; a record that does not decode |
//! | `holes.rs` | offsets without a record, counted |
//! | `error.rs` | what can go wrong |
//! | `reading.rs` | from record batches to messages |
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use quipu_client::Consumer;
//!
//! # async fn read() -> Result<(), Box<dyn std::error::Error>> {
//! let mut consumer = Consumer::for_topic("localhost:9092", "dashstream-events").await?;
//! loop {
//!     match consumer.next_timeout(Duration::from_secs(30)).await {
//!         Some(Ok(received)) => println!("{}: {:?}", received.place(), received.message),
//!         Some(Err(error)) => eprintln!("{error}"),
//!         None => continue, // nothing yet
//!     }
//! }
//! # }
//! ```

mod error;
mod holes;
mod options;
mod reading;
mod received;

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use quipu_kafka::address::BrokerAddress;
use quipu_kafka::{KafkaEnv, KafkaError, KafkaSource, SourceEvent};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

pub use crate::dashflow::consumer::DashStreamConsumer;
pub use error::ConsumerError;
pub use holes::{Hole, HoleCounts, TellHoles};
pub use options::{ConsumerOptions, Start};
pub use received::{RawReceived, Received, RecordPlace, StoredBytes};

use reading::Reading;

/// Fetches that may wait for the program; each holds at most what one fetch may bring.
const EVENTS_MAX: usize = 4;

/// Reads a partition of a topic, or all of them as one stream.
///
/// Nothing is left out in silence. A record that does not decode is an error with its place and its bytes, offsets
/// without a record are counted and told (see [`TellHoles`]), and reading goes on behind both. Leaders that move, brokers
/// that go and topics that are created anew are followed. Records of aborted transactions are not delivered.
///
/// The consumer keeps no position: a program that wants to go on later notes the [`RecordPlace`] of what it has handled
/// and begins at the next offset. Records of one partition come in their order, those of several as they come.
///
/// It reads in tasks of the tokio runtime on which it was made. Dropping it ends them.
#[derive(Debug)]
pub struct Consumer {
    events: mpsc::Receiver<SourceEvent>,
    source: JoinHandle<Result<(), KafkaError>>,
    reading: Reading,
    ready: VecDeque<Result<Received, ConsumerError>>,
    /// Why nothing comes any more, once that is so.
    closed: Option<String>,
    /// Raises the flag that stops the source, when it is dropped or on request.
    stop: watch::Sender<bool>,
}

impl Consumer {
    /// Reads one partition from its first record on. `brokers` is a list of `host:port` with commas. It returns when the
    /// partition is being read.
    ///
    /// # Errors
    /// No broker is reached, or there is no such topic or partition.
    pub async fn for_partition(brokers: &str, topic: &str, partition: i32) -> Result<Self, ConsumerError> {
        let mut options = ConsumerOptions::new(BrokerAddress::parse_list(brokers)?, topic);
        options.partitions = vec![partition];
        Self::with_options(options).await
    }

    /// Reads all partitions of a topic as one stream, each from its first record on.
    ///
    /// # Errors
    /// No broker is reached, or there is no such topic.
    pub async fn for_topic(brokers: &str, topic: &str) -> Result<Self, ConsumerError> {
        Self::with_options(ConsumerOptions::new(BrokerAddress::parse_list(brokers)?, topic)).await
    }

    /// Reads what the environment says: partition KAFKA_PARTITION of KAFKA_TOPIC at KAFKA_BROKERS, from
    /// KAFKA_AUTO_OFFSET_RESET on, over a connection as KAFKA_SECURITY_PROTOCOL and the others want it.
    ///
    /// # Errors
    /// A variable that cannot be used; else as [`Consumer::for_partition`].
    pub async fn from_env() -> Result<Self, ConsumerError> {
        Self::with_options(ConsumerOptions::from_env(&KafkaEnv::from_process()?)).await
    }

    /// Reads as the options say. It returns when the first partition is being read.
    ///
    /// # Errors
    /// Options that make no sense, no broker is reached in the time that they give, or there is no such topic or
    /// partition.
    pub async fn with_options(options: ConsumerOptions) -> Result<Self, ConsumerError> {
        let limit = options.startup_timeout;
        let brokers = options.brokers_text();
        let named = options.partitions.len();
        let reading = Reading::new(options.policy, options.tell_holes);
        let source = KafkaSource::new(options.into_source())?;
        let (sender, events) = mpsc::channel(EVENTS_MAX);
        let (stop, stopped) = watch::channel(false);
        let source = tokio::spawn(source.run(HashMap::new(), sender, stopped));
        let mut consumer = Self {
            events,
            source,
            reading,
            ready: VecDeque::new(),
            closed: None,
            stop,
        };
        let opened = timeout(limit, consumer.wait_for_partition(named)).await;
        opened.unwrap_or_else(|_| {
            // A partition that failed says more than that time is over.
            Err(consumer.ready.drain(..).find_map(Result::err).unwrap_or_else(|| {
                ConsumerError::Kafka(KafkaError::Timeout {
                    broker: brokers,
                    api: "the request for a partition to read",
                    limit,
                })
            }))
        })?;
        Ok(consumer)
    }

    /// The next message; waits for it.
    pub async fn next(&mut self) -> Result<Received, ConsumerError> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return item;
            }
            if let Some(reason) = &self.closed {
                return Err(ConsumerError::Closed {
                    reason: reason.clone(),
                });
            }
            self.take_event().await?;
        }
    }

    /// The next message, or `None` where none comes within `time`: there is nothing yet, which is not the end.
    ///
    /// After the source has failed for good each call waits for `time` and says so again, so that a loop that goes on
    /// after errors does not spin.
    pub async fn next_timeout(&mut self, time: Duration) -> Option<Result<Received, ConsumerError>> {
        let now = Instant::now();
        let deadline = now.checked_add(time);
        if let (Some(_), true, Some(deadline)) = (&self.closed, self.ready.is_empty(), deadline) {
            sleep_until(deadline).await;
        }
        match deadline {
            None => Some(self.next().await),
            Some(deadline) => timeout_at(deadline, self.next()).await.ok(),
        }
    }

    /// Offsets without a record so far, by their causes.
    #[must_use]
    pub fn holes(&self) -> &HoleCounts {
        self.reading.counts()
    }

    /// Stops reading and waits until nothing of it runs any more. Dropping the consumer stops it as well, without waiting.
    ///
    /// # Errors
    /// The source had failed before.
    pub async fn close(mut self) -> Result<(), ConsumerError> {
        let _ = self.stop.send(true);
        self.events.close();
        if self.closed.is_some() {
            return Ok(());
        }
        match (&mut self.source).await {
            Ok(result) => result.map_err(ConsumerError::Kafka),
            Err(_) => Ok(()),
        }
    }

    /// Takes events until a partition is being read, or each of those that were `named` has failed.
    async fn wait_for_partition(&mut self, named: usize) -> Result<(), ConsumerError> {
        let mut failures = 0;
        loop {
            match self.events.recv().await {
                Some(SourceEvent::PartitionOpened { .. }) => return Ok(()),
                Some(SourceEvent::PartitionFailed { partition, error }) => {
                    failures += 1;
                    let failed = reading::failed(&partition, error);
                    if failures == named {
                        return Err(failed);
                    }
                    self.ready.push_back(Err(failed));
                }
                Some(event) => self.reading.event(event, &mut self.ready),
                None => self.end().await?,
            }
        }
    }

    /// Takes one event. Dropping this future in the middle loses nothing: an event is either still in the channel, or its
    /// messages are ready.
    async fn take_event(&mut self) -> Result<(), ConsumerError> {
        match self.events.recv().await {
            Some(event) => {
                self.reading.event(event, &mut self.ready);
                Ok(())
            }
            None => self.end().await,
        }
    }

    /// The source has ended: why.
    async fn end(&mut self) -> Result<(), ConsumerError> {
        let error = match (&mut self.source).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error),
            Err(panic) if panic.is_panic() => std::panic::resume_unwind(panic.into_panic()),
            Err(_) => None,
        };
        match error {
            None => {
                let reason = "it was stopped".to_owned();
                self.closed = Some(reason.clone());
                Err(ConsumerError::Closed { reason })
            }
            Some(error) => {
                self.closed = Some(error.to_string());
                Err(ConsumerError::Kafka(error))
            }
        }
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        self.source.abort();
    }
}
