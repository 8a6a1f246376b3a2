//! One fetch from one leader, for all of its partitions that we read.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::error::{ParseResponseErrorCode, ResponseError};
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::fetch_response::PartitionData;
use kafka_protocol::messages::{FetchRequest, FetchResponse};
use uuid::Uuid;

use crate::batch::AbortedTransaction;
use crate::connect::Connection;
use crate::error::KafkaError;
use crate::metadata::topic_name;
use crate::offsets::{EpochEnd, Isolation, PartitionRef};

/// Fetch without a session: each request names all of its partitions.
const NO_SESSION: i32 = -1;
/// First version that names topics by id, so that a recreated topic cannot answer for the old one.
const VERSION_OF_TOPIC_IDS: i16 = 13;
/// First version that tells where a log diverges from the epoch that was read last.
const VERSION_OF_DIVERGENCE: i16 = 12;

/// Where to read one partition.
#[derive(Clone, Debug)]
pub struct FetchPosition {
    /// The partition.
    pub partition: PartitionRef,
    /// Next offset to read.
    pub offset: i64,
    /// Leader epoch of the batch read last, -1 = unknown.
    pub last_epoch: i32,
    /// Most bytes to send for it; one whole batch comes in any case.
    pub bytes_max: i32,
}

/// Bounds of one fetch.
#[derive(Clone, Copy, Debug)]
pub struct FetchBounds {
    /// How long the broker may wait for a record to come.
    pub wait: Duration,
    /// Most bytes of the response; one whole batch comes in any case.
    pub bytes_max: i32,
    /// Which records count.
    pub isolation: Isolation,
}

/// What a fetch brought.
#[derive(Debug)]
pub struct FetchAnswer {
    /// How long the broker asks us to wait before the next request.
    pub throttle: Duration,
    /// The partitions answered, each with its index in the positions asked for.
    pub partitions: Vec<(usize, FetchedPartition)>,
}

/// What a fetch brought for one partition.
#[derive(Debug)]
pub struct FetchedPartition {
    /// Why there is nothing.
    pub error: Option<ResponseError>,
    /// Offset after the last record that is on all replicas in sync.
    pub high_watermark: i64,
    /// Offset up to which all transactions are decided; the high watermark where the broker does not tell.
    pub last_stable_offset: i64,
    /// First offset of the log, -1 = not told.
    pub log_start_offset: i64,
    /// The largest epoch up to the one read last that the leader has, and where it ends, if our log goes further.
    pub diverging: Option<EpochEnd>,
    /// Transactions among the records that were aborted.
    pub aborted: Vec<AbortedTransaction>,
    /// Record batches, not copied out of the response.
    pub records: Bytes,
}

/// Reads the partitions from their positions on.
///
/// # Errors
/// The request failed as a whole; errors of single partitions are part of the answer.
pub async fn fetch(
    connection: &mut Connection,
    positions: &[FetchPosition],
    bounds: &FetchBounds,
) -> Result<FetchAnswer, KafkaError> {
    let has_ids = positions
        .iter()
        .all(|position| position.partition.topic_id.is_some());
    let newest = if has_ids {
        VERSION_OF_TOPIC_IDS
    } else {
        VERSION_OF_TOPIC_IDS - 1
    };
    let version = connection.version::<FetchRequest>(10..=newest)?;
    let request = request(positions, bounds, version);
    let response = connection.request_waiting(&request, version, bounds.wait).await?;
    if let Some(error) = response.error_code.err() {
        return Err(KafkaError::Refused {
            broker: connection.broker().to_string(),
            api: "Fetch",
            error,
        });
    }
    Ok(answer(response, positions, version))
}

fn request(positions: &[FetchPosition], bounds: &FetchBounds, version: i16) -> FetchRequest {
    let mut topics: Vec<(&PartitionRef, Vec<FetchPartition>)> = Vec::new();
    for position in positions {
        let partition = FetchPartition::default()
            .with_partition(position.partition.partition)
            .with_current_leader_epoch(position.partition.leader_epoch)
            .with_fetch_offset(position.offset)
            .with_last_fetched_epoch(if version >= VERSION_OF_DIVERGENCE {
                position.last_epoch
            } else {
                -1
            })
            .with_partition_max_bytes(position.bytes_max);
        match topics
            .iter_mut()
            .find(|(topic, _)| topic.topic == position.partition.topic)
        {
            Some((_, partitions)) => partitions.push(partition),
            None => topics.push((&position.partition, vec![partition])),
        }
    }
    let topics = topics
        .into_iter()
        .map(|(topic, partitions)| {
            let named = FetchTopic::default().with_partitions(partitions);
            if version >= VERSION_OF_TOPIC_IDS {
                named.with_topic_id(topic.topic_id.unwrap_or_default())
            } else {
                named.with_topic(topic_name(&topic.topic))
            }
        })
        .collect();
    FetchRequest::default()
        .with_max_wait_ms(i32::try_from(bounds.wait.as_millis()).unwrap_or(i32::MAX))
        .with_min_bytes(1)
        .with_max_bytes(bounds.bytes_max)
        .with_isolation_level(bounds.isolation.level())
        .with_session_epoch(NO_SESSION)
        .with_topics(topics)
}

pub(super) fn answer(response: FetchResponse, positions: &[FetchPosition], version: i16) -> FetchAnswer {
    let by_id: HashMap<(Option<Uuid>, &str, i32), usize> = positions
        .iter()
        .enumerate()
        .map(|(index, position)| {
            let partition = &position.partition;
            let key = if version >= VERSION_OF_TOPIC_IDS {
                (partition.topic_id, "", partition.partition)
            } else {
                (None, &*partition.topic, partition.partition)
            };
            (key, index)
        })
        .collect();
    let mut partitions = Vec::with_capacity(positions.len());
    for topic in response.responses {
        for data in topic.partitions {
            let key = if version >= VERSION_OF_TOPIC_IDS {
                (Some(topic.topic_id), "", data.partition_index)
            } else {
                (None, topic.topic.as_str(), data.partition_index)
            };
            // What was not asked for is no answer.
            if let Some(index) = by_id.get(&key) {
                partitions.push((*index, read(data)));
            }
        }
    }
    let throttle = Duration::from_millis(u64::try_from(response.throttle_time_ms).unwrap_or(0));
    FetchAnswer { throttle, partitions }
}

fn read(data: PartitionData) -> FetchedPartition {
    let diverging = &data.diverging_epoch;
    FetchedPartition {
        error: data.error_code.err(),
        high_watermark: data.high_watermark,
        last_stable_offset: if data.last_stable_offset >= 0 {
            data.last_stable_offset
        } else {
            data.high_watermark
        },
        log_start_offset: data.log_start_offset,
        diverging: (diverging.epoch >= 0 && diverging.end_offset >= 0).then_some(EpochEnd {
            leader_epoch: diverging.epoch,
            end_offset: diverging.end_offset,
        }),
        aborted: data
            .aborted_transactions
            .unwrap_or_default()
            .iter()
            .map(|aborted| AbortedTransaction {
                producer_id: aborted.producer_id.0,
                first_offset: aborted.first_offset,
            })
            .collect(),
        records: data.records.unwrap_or_default(),
    }
}
