//! What callers hold: records go in, outcomes come out.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::address::BrokerAddress;
use crate::backoff::after;
use crate::error::KafkaError;

use super::error::{ProduceError, PutError};
use super::lane::Pushed;
use super::options::{BatchCompression, ProduceOptions};
use super::queue::Queue;
use super::record::ProduceRecord;
use super::sender::Sender;

/// How long a client that was dropped, not closed, goes on sending.
const DROP_TIMEOUT: Duration = Duration::from_secs(10);

/// Hears what became of records. Each tag that was put comes back exactly once.
///
/// Both methods are called by the sender, which waits meanwhile: hand over what takes long.
pub trait Outcomes<T>: Send + Sync + 'static {
    /// Records were stored, in the order of the tags, from this offset on; `None` where the broker knows only that it
    /// has them.
    fn delivered(&self, partition: i32, base_offset: Option<i64>, tags: Vec<T>);

    /// A record was given up.
    fn undelivered(&self, record: &UndeliveredRecord<'_>, tag: T, error: &ProduceError);
}

/// A record that was given up.
#[derive(Clone, Copy, Debug)]
pub struct UndeliveredRecord<'a> {
    /// The partition it was meant for; `None` if the topic's partitions were never known.
    pub partition: Option<i32>,
    /// Its key.
    pub key: Option<&'a [u8]>,
    /// Its value.
    pub value: Option<&'a [u8]>,
    /// Its time, milliseconds since the Unix epoch.
    pub timestamp_ms: i64,
}

/// What a client has done, as numbers since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProduceStats {
    /// Records acknowledged.
    pub delivered: u64,
    /// Records sent again, counted each time.
    pub retried: u64,
    /// Records given up.
    pub undelivered: u64,
    /// Produce requests sent.
    pub requests: u64,
    /// Bytes of batches sent, compressed where they are.
    pub bytes: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) delivered: AtomicU64,
    pub(super) retried: AtomicU64,
    pub(super) undelivered: AtomicU64,
    pub(super) requests: AtomicU64,
    pub(super) bytes: AtomicU64,
}

/// What the client and its sender share.
pub(super) struct Shared<T> {
    pub(super) topic: Arc<str>,
    pub(super) options: ProduceOptions,
    pub(super) outcomes: Arc<dyn Outcomes<T>>,
    pub(super) wake: Notify,
    pub(super) counters: Counters,
    pub(super) idempotent: AtomicBool,
    queue: Mutex<Queue<T>>,
    /// Largest batch that the topic takes; 0 while that is not known.
    topic_bytes_max: AtomicUsize,
    /// Bytes at which a batch is full.
    batch_bytes: AtomicUsize,
    close_by: Mutex<Option<Instant>>,
}

impl<T> Shared<T> {
    pub(super) fn queue(&self) -> MutexGuard<'_, Queue<T>> {
        // A panic while the lock was held left no record half way: it was pushed or not.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn batch_bytes(&self) -> usize {
        self.batch_bytes.load(Ordering::Relaxed)
    }

    /// Makes the next batches no larger than that.
    pub(super) fn shrink_batches(&self, bytes: usize) {
        self.batch_bytes.fetch_min(bytes.max(1), Ordering::Relaxed);
    }

    pub(super) fn topic_bytes_max(&self) -> Option<usize> {
        Some(self.topic_bytes_max.load(Ordering::Relaxed)).filter(|bytes| *bytes > 0)
    }

    pub(super) fn set_topic_bytes_max(&self, bytes: usize) {
        self.topic_bytes_max.store(bytes, Ordering::Relaxed);
        self.shrink_batches(bytes);
    }

    /// Takes no more records, and lets the sender end by then.
    fn close(&self, by: Instant) {
        // Before the sender may end: a record that came behind it would have no outcome.
        let mut queue = self.queue();
        queue.closed = true;
        queue.hurry();
        drop(queue);
        let mut close_by = self.close_by.lock().unwrap_or_else(PoisonError::into_inner);
        *close_by = Some(close_by.map_or(by, |earlier| earlier.min(by)));
        drop(close_by);
        self.wake.notify_one();
    }

    pub(super) fn close_by(&self) -> Option<Instant> {
        *self.close_by.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends records to one topic, in batches, to the leaders of its partitions.
///
/// It sets no bound to what may wait: its caller does that by what it puts before it hears of outcomes.
pub struct ProduceClient<T> {
    shared: Arc<Shared<T>>,
}

impl<T> fmt::Debug for ProduceClient<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProduceClient")
            .field("topic", &self.shared.topic)
            .finish_non_exhaustive()
    }
}

impl<T: Send + 'static> ProduceClient<T> {
    /// A client for a topic of the cluster of these brokers, and the future that does its work: spawn it on a runtime
    /// with time and input/output. It ends when the client was closed or dropped. Where it is dropped before, it gives up what
    /// waits.
    ///
    /// # Errors
    /// Settings that make no sense. Whether brokers can be reached shows later: records wait for them.
    pub fn new(
        brokers: Vec<BrokerAddress>,
        topic: &str,
        options: ProduceOptions,
        outcomes: Arc<dyn Outcomes<T>>,
    ) -> Result<(Self, impl Future<Output = ()> + Send + use<T>), KafkaError> {
        options.check()?;
        if brokers.is_empty() {
            return Err(KafkaError::Setting {
                setting: "brokers",
                value: String::new(),
                reason: "name at least one broker",
            });
        }
        if topic.trim().is_empty() {
            return Err(KafkaError::Setting {
                setting: "topic",
                value: topic.to_owned(),
                reason: "name a topic",
            });
        }
        let shared = Arc::new(Shared {
            topic: Arc::from(topic),
            outcomes,
            wake: Notify::new(),
            counters: Counters::default(),
            idempotent: AtomicBool::new(options.idempotent),
            queue: Mutex::new(Queue::new(options.partitioner)),
            topic_bytes_max: AtomicUsize::new(0),
            batch_bytes: AtomicUsize::new(options.batch_bytes),
            close_by: Mutex::new(None),
            options,
        });
        if let Some(bytes) = shared.options.message_bytes_max {
            shared.set_topic_bytes_max(bytes);
        }
        let sender = Sender::new(brokers, Arc::clone(&shared));
        Ok((Self { shared }, sender.run()))
    }

    /// Puts a record behind those of its partition. Never waits. What becomes of it comes with its tag to the
    /// [`Outcomes`].
    ///
    /// # Errors
    /// The record was not taken, and why; the tag comes back.
    pub fn put(&self, record: &ProduceRecord<'_>, tag: T) -> Result<(), (PutError, T)> {
        let shared = &self.shared;
        if let Some(limit) = self.record_bytes_max() {
            let bytes = record.batch_bytes();
            if bytes > limit {
                return Err((PutError::TooLarge { bytes, limit }, tag));
            }
        }
        let limit = shared.batch_bytes();
        let mut queue = shared.queue();
        if queue.closed {
            return Err((PutError::Closed, tag));
        }
        let pushed = queue.put(record, tag, limit);
        drop(queue);
        if pushed == Pushed::Noteworthy {
            shared.wake.notify_one();
        }
        Ok(())
    }

    /// Largest record that can be put, as [`ProduceRecord::batch_bytes`] counts it. `None` where only sending can show
    /// it: the topic has not told its limit, or batches are compressed.
    #[must_use]
    pub fn record_bytes_max(&self) -> Option<usize> {
        match self.shared.options.compression {
            BatchCompression::None => self.shared.topic_bytes_max(),
            _ => None,
        }
    }

    /// Sends what waits for the partition of a key without letting it linger, because somebody waits for it. Records still
    /// join it while another batch of the partition is on its way.
    pub fn send_soon(&self, key: &[u8]) {
        self.shared.queue().send_soon(key);
        self.shared.wake.notify_one();
    }

    /// Sends what waits without letting it linger.
    pub fn hurry(&self) {
        self.shared.queue().hurry();
        self.shared.wake.notify_one();
    }

    /// Takes no more records, sends what waits, and gives up what is left after that time. The future of the client
    /// ends then.
    pub fn close(&self, within: Duration) {
        self.shared.close(after(Instant::now(), within));
    }
}

impl<T> ProduceClient<T> {
    /// Whether batches are numbered so that brokers know those they have. False by choice, or since the brokers refused
    /// it.
    #[must_use]
    pub fn is_idempotent(&self) -> bool {
        self.shared.idempotent.load(Ordering::Relaxed)
    }

    /// What was done so far.
    #[must_use]
    pub fn stats(&self) -> ProduceStats {
        let counters = &self.shared.counters;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ProduceStats {
            delivered: read(&counters.delivered),
            retried: read(&counters.retried),
            undelivered: read(&counters.undelivered),
            requests: read(&counters.requests),
            bytes: read(&counters.bytes),
        }
    }
}

impl<T> Drop for ProduceClient<T> {
    fn drop(&mut self) {
        if self.shared.close_by().is_none() {
            self.shared.close(Instant::now() + DROP_TIMEOUT);
        }
    }
}
