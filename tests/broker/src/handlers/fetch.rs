//! Fetch: whole batches from each partition asked for, waiting until there are some.
//!
//! Fetch sessions are not kept: every response says session 0, so that clients name all their partitions each
//! time.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::fetch_request::FetchPartition;
use kafka_protocol::messages::fetch_response::{
    AbortedTransaction, EpochEndOffset, FetchableTopicResponse, PartitionData,
};
use kafka_protocol::messages::{ApiKey, FetchRequest, FetchResponse, ProducerId};
use kafka_protocol::protocol::VersionRange;
use tokio::time::{Instant, timeout_at};

use super::{Answer, Handler, check_leader, code};
use crate::faults::Place;
use crate::log::{Isolation, ReadRequest};
use crate::shape::{Shape, fixed, fixeds, structs, text};
use crate::state::{Context, State};
use crate::topic::Topic;

/// The first version whose clients know Zstandard.
const ZSTD_FROM: i16 = 10;
/// The first version that tells a client where its log parts from this one.
const DIVERGENCE_FROM: i16 = 12;

impl Handler for FetchRequest {
    const API: ApiKey = ApiKey::Fetch;
    const SERVED: VersionRange = VersionRange { min: 4, max: 17 };
    const SHAPE: Shape = Shape {
        flexible_from: 12,
        fields: &[
            fixed(4).until(14),
            fixed(4),
            fixed(4),
            fixed(4),
            fixed(1),
            fixed(4).since(7),
            fixed(4).since(7),
            structs(&[
                text().until(12),
                fixed(16).since(13),
                structs(&[
                    fixed(4),
                    fixed(4).since(9),
                    fixed(8),
                    fixed(4).since(12),
                    fixed(8).since(5),
                    fixed(4),
                ]),
            ]),
            structs(&[text().until(12), fixed(16).since(13), fixeds(4)]).since(7),
            text().since(11),
        ],
    };

    fn places(&self, state: &State) -> Vec<Place> {
        let mut places = Vec::new();
        for asked in &self.topics {
            let Ok(topic) = state.topics().meant(&asked.topic, asked.topic_id) else {
                continue;
            };
            places.extend(asked.partitions.iter().map(|partition| Place {
                topic: topic.name.clone(),
                partition: Some(partition.partition),
                offset: Some(partition.fetch_offset),
            }));
        }
        places
    }

    async fn handle(self, context: &Context) -> Answer<FetchResponse> {
        if self.session_id != 0 {
            let error = code(Some(ResponseError::FetchSessionIdNotFound));
            return Answer::Respond(FetchResponse::default().with_error_code(error));
        }
        let wait = Duration::from_millis(u64::try_from(self.max_wait_ms).unwrap_or(0));
        let deadline = Instant::now() + wait;
        let bytes_min = usize::try_from(self.min_bytes).unwrap_or(0);
        let mut changes = context.state.changes();
        loop {
            changes.mark_unchanged();
            let read = read_all(context, &self);
            if read.bytes >= bytes_min || read.at_once || self.topics.is_empty() {
                return Answer::Respond(read.response);
            }
            // Either way the partitions are read once more; at the deadline what there is, is answered.
            if !matches!(timeout_at(deadline, changes.changed()).await, Ok(Ok(()))) {
                return Answer::Respond(read_all(context, &self).response);
            }
        }
    }
}

/// The response as of now.
struct ReadAll {
    response: FetchResponse,
    bytes: usize,
    /// Something is in it that a client should learn of without waiting: an error, or a log that parted from its own.
    at_once: bool,
}

fn read_all(context: &Context, request: &FetchRequest) -> ReadAll {
    let isolation = Isolation::of_wire(request.isolation_level);
    let bytes_max = usize::try_from(request.max_bytes).unwrap_or(0);
    let mut bytes = 0;
    let mut at_once = false;
    let mut responses = Vec::with_capacity(request.topics.len());
    for asked in &request.topics {
        let topic = context.state.topics().meant(&asked.topic, asked.topic_id);
        let mut partitions = Vec::with_capacity(asked.partitions.len());
        for partition in &asked.partitions {
            let bytes_left = bytes_max.saturating_sub(bytes);
            let read = topic.as_ref().map_err(|error| *error).and_then(|topic| {
                // Only the first batch of the whole response may exceed the limits.
                read_one(context, topic, partition, isolation, bytes_left, bytes == 0)
            });
            partitions.push(match read {
                Ok(data) => {
                    at_once |= data.diverging_epoch.end_offset >= 0;
                    bytes += data.records.as_ref().map_or(0, Bytes::len);
                    data
                }
                Err(error) => {
                    at_once = true;
                    PartitionData::default()
                        .with_partition_index(partition.partition)
                        .with_error_code(error.code())
                        .with_high_watermark(-1)
                        .with_last_stable_offset(-1)
                        .with_log_start_offset(-1)
                        .with_records(Some(Bytes::new()))
                }
            });
        }
        let response = FetchableTopicResponse::default()
            .with_topic(asked.topic.clone())
            .with_topic_id(asked.topic_id);
        responses.push(response.with_partitions(partitions));
    }
    ReadAll {
        response: FetchResponse::default().with_responses(responses),
        bytes,
        at_once,
    }
}

fn read_one(
    context: &Context,
    topic: &Arc<Topic>,
    asked: &FetchPartition,
    isolation: Isolation,
    bytes_left: usize,
    one_batch_at_least: bool,
) -> Result<PartitionData, ResponseError> {
    if let Some(error) = context.scripted_error(&topic.name, Some(asked.partition)) {
        return Err(error);
    }
    let log = topic
        .log(asked.partition)
        .map_err(|error| error.response_error())?;
    check_leader(context, &log, asked.current_leader_epoch)?;
    if context.version >= DIVERGENCE_FROM
        && let Some((epoch, end)) = log.divergence(asked.last_fetched_epoch, asked.fetch_offset)?
    {
        // As Kafka does: no records, so that the client looks where it stands first.
        return Ok(PartitionData::default()
            .with_partition_index(asked.partition)
            .with_high_watermark(log.high_watermark())
            .with_last_stable_offset(log.last_stable_offset())
            .with_log_start_offset(log.log_start())
            .with_diverging_epoch(EpochEndOffset::default().with_epoch(epoch).with_end_offset(end))
            .with_records(Some(Bytes::new())));
    }
    let partition_max = usize::try_from(asked.partition_max_bytes).unwrap_or(0);
    let read = log
        .read(ReadRequest {
            offset: asked.fetch_offset,
            isolation,
            bytes_max: partition_max.min(bytes_left),
            one_batch_at_least,
        })
        .map_err(|error| error.response_error())?;
    if read.contains_zstd && context.version < ZSTD_FROM {
        return Err(ResponseError::UnsupportedCompressionType);
    }
    let records = match &context.fault {
        Some(due) => due.damaged(&topic.name, asked.partition, read.records),
        None => read.records,
    };
    let aborted = read.aborted.map(|list| {
        let on_wire = |transaction: crate::log::AbortedTransaction| {
            AbortedTransaction::default()
                .with_producer_id(ProducerId(transaction.producer_id))
                .with_first_offset(transaction.first_offset)
        };
        list.into_iter().map(on_wire).collect()
    });
    Ok(PartitionData::default()
        .with_partition_index(asked.partition)
        .with_high_watermark(log.high_watermark())
        .with_last_stable_offset(log.last_stable_offset())
        .with_log_start_offset(log.log_start())
        .with_aborted_transactions(aborted)
        .with_records(Some(records)))
}
