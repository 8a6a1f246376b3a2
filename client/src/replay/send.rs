//! From a recording to a topic.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use quipu_kafka::KafkaError;
use quipu_kafka::address::BrokerAddress;
use quipu_kafka::produce::{
    Outcomes, ProduceClient, ProduceError, ProduceOptions, ProduceRecord, PutError, UndeliveredRecord,
};
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};

use super::pace::{Pace, Schedule};
use super::recorded::{Recorded, RecordingError};

/// Settings of [`replay`].
#[derive(Clone, Debug)]
pub struct ReplayOptions {
    /// How fast. Default [`Pace::Full`].
    pub pace: Pace,
    /// Whether records get the time that was recorded as their time in Kafka. Default false: the time of sending.
    pub keep_times: bool,
    /// Most bytes of records that wait or are on their way. Default 64 MiB.
    pub queue_bytes: usize,
    /// How records are sent: batches, retries, time limits, connections.
    pub produce: ProduceOptions,
}

impl Default for ReplayOptions {
    fn default() -> Self {
        Self {
            pace: Pace::default(),
            keep_times: false,
            queue_bytes: 64 << 20,
            produce: ProduceOptions::default(),
        }
    }
}

/// How far a replay is; may be read from another thread while it runs.
#[derive(Debug, Default)]
pub struct ReplayProgress {
    read: AtomicU64,
    delivered: AtomicU64,
    failed: AtomicU64,
    bytes: AtomicU64,
    first_failure: Mutex<Option<String>>,
}

/// Numbers of a replay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReplayCounts {
    /// Records read from the recording and handed over to be sent.
    pub read: u64,
    /// Records that the brokers acknowledged.
    pub delivered: u64,
    /// Records that they did not.
    pub failed: u64,
    /// Bytes of keys and values of the acknowledged ones.
    pub bytes: u64,
}

impl ReplayProgress {
    /// The numbers by now.
    #[must_use]
    pub fn counts(&self) -> ReplayCounts {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ReplayCounts {
            read: of(&self.read),
            delivered: of(&self.delivered),
            failed: of(&self.failed),
            bytes: of(&self.bytes),
        }
    }

    /// Why the first record failed that did.
    #[must_use]
    pub fn first_failure(&self) -> Option<String> {
        self.first_failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn fail(&self, why: impl FnOnce() -> String) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        let mut first = self.first_failure.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert_with(why);
    }
}

/// Why a replay ended before its recording.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The recording cannot be read on. What was read before is sent.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// Settings that cannot be used.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
}

/// What comes back with the outcome of a record: its bytes, and the room that it took up.
struct Tag {
    bytes: u64,
    _room: OwnedSemaphorePermit,
}

struct Hearing(Arc<ReplayProgress>);

impl Outcomes<Tag> for Hearing {
    fn delivered(&self, _partition: i32, _base_offset: Option<i64>, tags: Vec<Tag>) {
        let bytes = tags.iter().map(|tag| tag.bytes).sum();
        self.0.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.0.delivered.fetch_add(tags.len() as u64, Ordering::Relaxed);
    }

    fn undelivered(&self, _record: &UndeliveredRecord<'_>, _tag: Tag, error: &ProduceError) {
        self.0.fail(|| error.to_string());
    }
}

/// Sends the records of a recording to a topic, and returns when each has its outcome, which `progress` counts. `stop` ends
/// the reading early; what was counted as read by then is sent. Dropping the future gives up what waits after some seconds.
///
/// # Errors
/// The recording cannot be read on, or settings that cannot be used. Records that brokers refuse, or that cannot be
/// delivered in time, are counted.
pub async fn replay(
    brokers: Vec<BrokerAddress>,
    topic: &str,
    records: impl IntoIterator<Item = Result<Recorded, RecordingError>>,
    options: ReplayOptions,
    progress: &Arc<ReplayProgress>,
    stop: impl Future<Output = ()>,
) -> Result<(), ReplayError> {
    let queue_bytes = options.queue_bytes.clamp(1, u32::MAX as usize);
    let delivery_timeout = options.produce.delivery_timeout;
    let room = Arc::new(Semaphore::new(queue_bytes));
    let hearing = Arc::new(Hearing(Arc::clone(progress)));
    let (client, sender) = ProduceClient::new(brokers, topic, options.produce, hearing)?;
    let sender = tokio::spawn(sender);
    let reading = async {
        let mut schedule = Schedule::new(options.pace, Instant::now());
        for record in records {
            let record = record?;
            let needs_time = options.keep_times || options.pace.needs_times();
            let time_us = needs_time.then(|| record.time_us()).flatten();
            if let Some(due) = schedule.due(time_us) {
                sleep_until(due).await;
            }
            let bytes = record.value.len() + record.key.as_ref().map_or(0, Vec::len);
            let permits = u32::try_from(bytes.clamp(1, queue_bytes)).unwrap_or(u32::MAX);
            // Never closed.
            let Ok(permit) = Arc::clone(&room).acquire_many_owned(permits).await else {
                break;
            };
            let tag = Tag {
                bytes: bytes as u64,
                _room: permit,
            };
            let record = ProduceRecord {
                key: record.key.as_deref(),
                value: Some(&record.value),
                headers: &[],
                timestamp_ms: kept_ms(time_us.filter(|_| options.keep_times)),
            };
            // Not before: what `stop` keeps from being sent does not count.
            progress.read.fetch_add(1, Ordering::Relaxed);
            match client.put(&record, tag) {
                Ok(()) => {}
                Err((error @ PutError::TooLarge { .. }, _)) => progress.fail(|| error.to_string()),
                Err((error, _)) => {
                    progress.fail(|| error.to_string());
                    break;
                }
            }
        }
        Ok(())
    };
    let read = tokio::select! {
        read = reading => read,
        () = stop => Ok(()),
    };
    // Each record has its own deadline; this is for the last of them.
    client.close(delivery_timeout.saturating_add(Duration::from_secs(5)));
    // It panics if the sender does, which is a mistake of ours.
    if let Err(error) = sender.await
        && let Ok(panic) = error.try_into_panic()
    {
        std::panic::resume_unwind(panic);
    }
    read
}

/// That time in milliseconds, or now.
fn kept_ms(time_us: Option<i64>) -> i64 {
    time_us.map_or_else(
        || {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
        },
        |time_us| time_us.div_euclid(1_000),
    )
}
