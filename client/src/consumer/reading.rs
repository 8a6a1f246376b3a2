//! From record batches to messages.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use prost::Message as _;
use quipu_kafka::batch::{BatchVisitor, BatchWalker, CorruptBatch, OnCorrupt, WalkError};
use quipu_kafka::raw::RawRecord;
use quipu_kafka::{Fetched, OffsetHole, PartitionHandle, SourceEvent};
use quipu_proto::message::DashStreamMessage;
use quipu_proto::{Decoder, Policy, Reason, Rejection, framing};

use super::error::ConsumerError;
use super::holes::{Hole, HoleCounts, TellHoles};
use super::received::{RawReceived, Received, RecordPlace, StoredBytes};

type Ready = VecDeque<Result<Received, ConsumerError>>;

/// Turns what the source tells into what the program gets; keeps its buffers.
pub(super) struct Reading {
    walker: BatchWalker,
    messages: Messages,
}

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reading").finish_non_exhaustive()
    }
}

/// What records are decoded with, and what was passed so far.
struct Messages {
    policy: Policy,
    /// Says which payloads are messages, in the same words as the store.
    judge: Decoder,
    expanded: Vec<u8>,
    tell_holes: TellHoles,
    counts: HoleCounts,
}

impl Reading {
    pub(super) fn new(policy: Policy, tell_holes: TellHoles) -> Self {
        Self {
            walker: BatchWalker::new(OnCorrupt::DeadLetter),
            messages: Messages {
                policy,
                judge: Decoder::new(policy),
                expanded: Vec::new(),
                tell_holes,
                counts: HoleCounts::default(),
            },
        }
    }

    pub(super) fn counts(&self) -> &HoleCounts {
        &self.messages.counts
    }

    /// Puts what an event holds to what is ready.
    pub(super) fn event(&mut self, event: SourceEvent, ready: &mut Ready) {
        match event {
            SourceEvent::Fetched(fetched) => self.fetched(&fetched, ready),
            SourceEvent::Hole { partition, hole } => self.messages.hole(&partition, hole, ready),
            SourceEvent::PartitionFailed { partition, error } => {
                ready.push_back(Err(failed(&partition, error)));
            }
            SourceEvent::NewIncarnation { current, .. } => {
                tracing::warn!(topic = %current.topic, incarnation = %current.incarnation,
                    "the topic was created anew and is read from its start");
            }
            SourceEvent::LogChanged {
                previous, current, ..
            } => {
                tracing::warn!(topic = %current.log.topic, partition = current.partition.0,
                    previous = %previous.log.incarnation, current = %current.log.incarnation,
                    "the log is not the one that was read so far");
            }
            SourceEvent::Stalled { partition, report } => {
                tracing::warn!(partition = %partition.place(), ?report, "the partition does not move");
            }
            SourceEvent::Warning(warning) => tracing::warn!("{warning}"),
            _ => {}
        }
    }

    fn fetched(&mut self, fetched: &Fetched, ready: &mut Ready) {
        let mut visit = Visit {
            partition: &fetched.partition,
            messages: &mut self.messages,
            ready,
        };
        match fetched.walk(&mut self.walker, &mut visit) {
            Ok(_) => {}
            Err(WalkError::Batch(error)) => {
                let error = fetched.batch_error(error);
                ready.push_back(Err(failed(&fetched.partition, error)));
            }
            Err(WalkError::Visitor(never)) => match never {},
        }
    }
}

pub(super) fn failed(partition: &PartitionHandle, source: quipu_kafka::KafkaError) -> ConsumerError {
    ConsumerError::Partition {
        topic: partition.log.log.topic.to_string(),
        partition: partition.log.partition.0,
        source,
    }
}

fn place(partition: &PartitionHandle, offset: i64) -> RecordPlace {
    RecordPlace {
        topic: Arc::clone(&partition.log.log.topic),
        incarnation: Arc::clone(&partition.log.log.incarnation),
        partition: partition.log.partition.0,
        offset,
    }
}

impl Messages {
    fn hole(&mut self, partition: &PartitionHandle, hole: OffsetHole, ready: &mut Ready) {
        self.counts.add(hole);
        if self.tell_holes.includes(hole.cause) {
            ready.push_back(Err(ConsumerError::Hole(Hole {
                first: place(partition, hole.first),
                last: hole.last,
                cause: hole.cause,
            })));
        }
    }

    fn decode(&mut self, value: Option<&[u8]>) -> Result<DashStreamMessage, Rejection> {
        self.judge.decode(value)?;
        let bytes = framing::unframe(value.unwrap_or_default(), self.policy, &mut self.expanded)?;
        DashStreamMessage::decode(bytes).map_err(|error| Rejection::new(Reason::Protobuf, error.to_string()))
    }
}

struct Visit<'a> {
    partition: &'a PartitionHandle,
    messages: &'a mut Messages,
    ready: &'a mut Ready,
}

impl BatchVisitor for Visit<'_> {
    type Error = Infallible;

    fn record(&mut self, record: &RawRecord<'_>) -> Result<(), Infallible> {
        let place = place(self.partition, record.offset);
        let key = record.key.map(Bytes::copy_from_slice);
        let timestamp_ms = (record.timestamp_ms >= 0).then_some(record.timestamp_ms);
        let item = match self.messages.decode(record.value) {
            Ok(message) => Ok(Received {
                message,
                topic: place.topic,
                incarnation: place.incarnation,
                partition: place.partition,
                offset: place.offset,
                timestamp_ms,
                key,
                headers: record
                    .headers
                    .iter()
                    .map(|header| {
                        let name = String::from_utf8_lossy(header.key).into_owned();
                        (name, header.value.map(Bytes::copy_from_slice))
                    })
                    .collect(),
            }),
            Err(rejection) => Err(ConsumerError::Undecodable {
                record: Box::new(RawReceived {
                    place,
                    timestamp_ms,
                    key,
                    value: record.value.map(Bytes::copy_from_slice),
                }),
                reason: rejection.reason,
                detail: rejection.detail.clone(),
            }),
        };
        self.ready.push_back(item);
        Ok(())
    }

    fn hole(&mut self, hole: OffsetHole) -> Result<(), Infallible> {
        self.messages.hole(self.partition, hole, self.ready);
        Ok(())
    }

    fn corrupt(&mut self, batch: CorruptBatch<'_>) -> Result<(), Infallible> {
        self.ready.push_back(Err(ConsumerError::CorruptBatch {
            first: place(self.partition, batch.first),
            last: batch.last,
            bytes: StoredBytes(Bytes::copy_from_slice(batch.bytes)),
            reason: batch.error.to_string(),
        }));
        Ok(())
    }
}
