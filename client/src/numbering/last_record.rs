//! The last numbers that a topic holds: read from the newest records of a partition.

use std::collections::HashMap;
use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;

use async_trait::async_trait;
use prost::Message as _;
use quipu_kafka::address::BrokerAddress;
use quipu_kafka::batch::{BatchSpan, BatchVisitor, BatchWalker, CorruptBatch, OnCorrupt};
use quipu_kafka::fetch::{FetchBounds, FetchPosition, fetch};
use quipu_kafka::metadata::MetadataClient;
use quipu_kafka::offsets::{OffsetAt, PartitionRef, list_offsets};
use quipu_kafka::produce::Partitioner;
use quipu_kafka::raw::RawRecord;
use quipu_kafka::{ConnectOptions, Connection, HoleCause, Isolation, OffsetHole};
use quipu_proto::Policy;
use quipu_proto::framing::unframe;
use quipu_proto::message::dash_stream_message::Message;
use quipu_proto::message::{DashStreamMessage, Header};
use thiserror::Error;
use tokio::sync::Mutex;

use super::start::{LastRecordBounds, LastSequence};
use crate::producer::header_of;

/// Most bytes of one fetch.
const FETCH_BYTES_MAX: i32 = 4 << 20;

/// Reads the ends of the partitions of one topic. Each record is read once at most, whoever asks.
#[derive(Debug)]
pub struct LastRecordReader {
    topic: Arc<str>,
    connect: Arc<ConnectOptions>,
    partitioner: Partitioner,
    bounds: LastRecordBounds,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    metadata: MetadataClient,
    partitions: HashMap<i32, ReadPart>,
}

/// What was read of one partition.
#[derive(Debug, Default)]
struct ReadPart {
    next_offset: i64,
    /// The greatest number of each thread, by tenant and name.
    last: HashMap<(String, String), Last>,
}

/// The greatest number of a thread.
#[derive(Clone, Copy, Debug, Default)]
struct Last {
    sequence: u64,
    /// Where the newest record of the thread is.
    offset: i64,
}

/// Why the last number of a thread cannot be told.
#[derive(Debug, Error)]
enum ReadError {
    #[error("topic {topic} has no partition {partition} with a leader")]
    NoLeader { topic: Arc<str>, partition: i32 },
    #[error("the last {records} records of topic {topic} partition {partition} have more than {bytes} bytes")]
    TooMuch {
        topic: Arc<str>,
        partition: i32,
        records: u32,
        bytes: u64,
    },
    #[error("topic {topic} partition {partition} cannot be read: {reason}")]
    Unreadable {
        topic: Arc<str>,
        partition: i32,
        reason: String,
    },
}

impl LastRecordReader {
    /// A reader of a topic whose producers choose partitions so.
    #[must_use]
    pub fn new(
        brokers: Vec<BrokerAddress>,
        topic: &str,
        connect: ConnectOptions,
        partitioner: Partitioner,
        bounds: LastRecordBounds,
    ) -> Self {
        let connect = Arc::new(connect);
        Self {
            topic: Arc::from(topic),
            state: Mutex::new(State {
                metadata: MetadataClient::new(brokers, Arc::clone(&connect)),
                partitions: HashMap::new(),
            }),
            connect,
            partitioner,
            bounds,
        }
    }

    async fn read(&self, tenant: &str, thread: &str) -> Result<Option<u64>, Box<dyn Error + Send + Sync>> {
        let mut state = self.state.lock().await;
        let view = state.metadata.view(std::slice::from_ref(&self.topic)).await?;
        let topic = view.topics.first();
        let count = topic.map_or(0, |topic| topic.partitions.len());
        let number = self.partitioner.partition(thread.as_bytes(), count);
        let partition = i32::try_from(number)?;
        let found = topic
            .and_then(|topic| topic.partitions.iter().find(|found| found.partition == partition))
            .and_then(|found| Some((found.leader_epoch, view.brokers.get(&found.leader?)?)));
        let Some((leader_epoch, leader)) = found else {
            return Err(ReadError::NoLeader {
                topic: Arc::clone(&self.topic),
                partition,
            }
            .into());
        };
        let mut connection = Connection::open(leader, Arc::clone(&self.connect)).await?;
        let place = PartitionRef {
            topic: Arc::clone(&self.topic),
            topic_id: topic.and_then(|topic| topic.id),
            partition,
            leader_epoch,
        };
        let part = state.partitions.entry(partition).or_default();
        self.read_on(&mut connection, &place, part).await?;
        let last = part.last.get(&(tenant.to_owned(), thread.to_owned()));
        Ok(last.map(|last| last.sequence))
    }

    /// Reads the partition from where it was read before, or from its newest records, to its end.
    async fn read_on(
        &self,
        connection: &mut Connection,
        place: &PartitionRef,
        part: &mut ReadPart,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        let unreadable = |reason: String| ReadError::Unreadable {
            topic: Arc::clone(&self.topic),
            partition: place.partition,
            reason,
        };
        let asked = [place.clone()];
        let mut bounds = [0; 2];
        for (bound, at) in bounds.iter_mut().zip([OffsetAt::Earliest, OffsetAt::Latest]) {
            let answers = list_offsets(connection, &asked, at, Isolation::ReadUncommitted).await?;
            let answer = answers.into_values().next();
            *bound = answer
                .ok_or_else(|| unreadable("its leader does not say where it ends".to_owned()))?
                .map_err(|error| unreadable(error.to_string()))?;
        }
        let [earliest, end] = bounds;
        let newest = end.saturating_sub(i64::from(self.bounds.records));
        if part.next_offset > end {
            // Another life of the log: the topic was created anew, or lost its newest part.
            *part = ReadPart::default();
        }
        if part.last.len() > 2 * self.bounds.records as usize {
            // What was read long ago is forgotten, or a process that lives long would remember every thread.
            part.last.retain(|_, last| last.offset >= newest);
        }
        let mut position = part.next_offset.max(newest).max(earliest);
        let mut bytes = 0;
        let mut walker = BatchWalker::new(OnCorrupt::DeadLetter);
        while position < end {
            let positions = [FetchPosition {
                partition: place.clone(),
                offset: position,
                last_epoch: -1,
                bytes_max: FETCH_BYTES_MAX,
            }];
            let fetch_bounds = FetchBounds {
                wait: self.bounds.time.min(std::time::Duration::from_millis(500)),
                bytes_max: FETCH_BYTES_MAX,
                isolation: Isolation::ReadUncommitted,
            };
            let answer = fetch(connection, &positions, &fetch_bounds).await?;
            let Some((_, fetched)) = answer.partitions.into_iter().next() else {
                return Err(unreadable("its leader does not answer for it".to_owned()).into());
            };
            if let Some(error) = fetched.error {
                return Err(unreadable(error.to_string()).into());
            }
            bytes += fetched.records.len() as u64;
            let span = BatchSpan {
                bytes: &fetched.records,
                position,
                end: i64::MAX,
                high_watermark: i64::MAX,
                aborted: &[],
                gap_cause: HoleCause::Unexplained,
            };
            let mut visitor = Numbers {
                last: &mut part.last,
                expanded: Vec::new(),
            };
            let next = walker
                .walk(&span, &mut visitor)
                .map_err(|error| unreadable(error.to_string()))?;
            if next <= position && fetched.records.is_empty() {
                // Compacted away up to the end.
                break;
            }
            if next <= position {
                return Err(unreadable(format!("offset {position} does not come")).into());
            }
            position = next;
            if bytes > self.bounds.bytes && position < end {
                return Err(ReadError::TooMuch {
                    topic: Arc::clone(&self.topic),
                    partition: place.partition,
                    records: self.bounds.records,
                    bytes: self.bounds.bytes,
                }
                .into());
            }
        }
        part.next_offset = position.max(end);
        Ok(())
    }
}

#[async_trait]
impl LastSequence for LastRecordReader {
    async fn last_sequence(
        &self,
        tenant: &str,
        thread: &str,
    ) -> Result<Option<u64>, Box<dyn Error + Send + Sync>> {
        self.read(tenant, thread).await
    }
}

/// Notes the numbers of records. What cannot be decoded has none.
struct Numbers<'a> {
    last: &'a mut HashMap<(String, String), Last>,
    expanded: Vec<u8>,
}

impl Numbers<'_> {
    fn note(&mut self, header: Option<&Header>, offset: i64) {
        let Some(header) = header.filter(|header| header.sequence > 0) else {
            return;
        };
        let key = (header.tenant_id.clone(), header.thread_id.clone());
        let last = self.last.entry(key).or_default();
        last.sequence = last.sequence.max(header.sequence);
        last.offset = last.offset.max(offset);
    }
}

impl BatchVisitor for Numbers<'_> {
    type Error = Infallible;

    fn record(&mut self, record: &RawRecord<'_>) -> Result<(), Infallible> {
        let mut expanded = std::mem::take(&mut self.expanded);
        let message = record
            .value
            .and_then(|value| unframe(value, Policy::Compatible, &mut expanded).ok())
            .and_then(|bytes| DashStreamMessage::decode(bytes).ok());
        self.expanded = expanded;
        if let Some(message) = message {
            if let Some(Message::EventBatch(batch)) = &message.message {
                for event in &batch.events {
                    self.note(event.header.as_ref(), record.offset);
                }
            }
            self.note(header_of(&message), record.offset);
        }
        Ok(())
    }

    fn hole(&mut self, _: OffsetHole) -> Result<(), Infallible> {
        Ok(())
    }

    fn corrupt(&mut self, _: CorruptBatch<'_>) -> Result<(), Infallible> {
        Ok(())
    }
}
