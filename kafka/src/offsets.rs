//! Offsets that a partition's leader knows: first, last, by time, and the end of an epoch.

use std::collections::HashMap;
use std::sync::Arc;

use kafka_protocol::error::{ParseResponseErrorCode, ResponseError};
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::offset_for_leader_epoch_request::{
    OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use kafka_protocol::messages::{BrokerId, ListOffsetsRequest, OffsetForLeaderEpochRequest};
use uuid::Uuid;

use crate::connect::Connection;
use crate::error::KafkaError;
use crate::metadata::topic_name;

/// A partition as requests to its leader name it.
#[derive(Clone, Debug)]
pub struct PartitionRef {
    /// Name of the topic.
    pub topic: Arc<str>,
    /// Id of the topic, where the cluster has one.
    pub topic_id: Option<Uuid>,
    /// Number of the partition.
    pub partition: i32,
    /// Epoch of the leader as the metadata told it, -1 = unknown.
    pub leader_epoch: i32,
}

/// Which records of transactions count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Isolation {
    /// Those of committed transactions; reading ends at the first transaction that is still open.
    #[default]
    ReadCommitted,
    /// All, also of aborted and open transactions.
    ReadUncommitted,
}

impl Isolation {
    pub(super) fn level(self) -> i8 {
        match self {
            Self::ReadUncommitted => 0,
            Self::ReadCommitted => 1,
        }
    }
}

/// Which offset is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetAt {
    /// The first that is still there.
    Earliest,
    /// The one after the last: the high watermark, or the last stable offset when reading committed records.
    Latest,
    /// The first whose time is at or after this one, in milliseconds since the Unix epoch.
    Time(i64),
}

/// Answers by topic and partition.
pub type ByPartition<T> = HashMap<(Arc<str>, i32), Result<T, ResponseError>>;

/// Asks a leader for one offset of each partition; -1 = there is none (no record is that young).
///
/// # Errors
/// The request failed as a whole. Partitions without an answer are not in the map.
pub async fn list_offsets(
    connection: &mut Connection,
    partitions: &[PartitionRef],
    at: OffsetAt,
    isolation: Isolation,
) -> Result<ByPartition<i64>, KafkaError> {
    let version = connection.version::<ListOffsetsRequest>(2..=7)?;
    let timestamp = match at {
        OffsetAt::Earliest => -2,
        OffsetAt::Latest => -1,
        OffsetAt::Time(milliseconds) => milliseconds.max(0),
    };
    let topics = by_topic(partitions)
        .into_iter()
        .map(|(topic, partitions)| {
            let partitions = partitions
                .into_iter()
                .map(|partition| {
                    ListOffsetsPartition::default()
                        .with_partition_index(partition.partition)
                        .with_current_leader_epoch(if version >= 4 { partition.leader_epoch } else { -1 })
                        .with_timestamp(timestamp)
                })
                .collect();
            ListOffsetsTopic::default()
                .with_name(topic_name(&topic))
                .with_partitions(partitions)
        })
        .collect();
    let request = ListOffsetsRequest::default()
        .with_replica_id(BrokerId(-1))
        .with_isolation_level(isolation.level())
        .with_topics(topics);
    let response = connection.request(&request, version).await?;
    let mut answers = HashMap::new();
    for topic in &response.topics {
        let Some(name) = known(partitions, &topic.name) else {
            continue;
        };
        for partition in &topic.partitions {
            let answer = partition.error_code.err().map_or(Ok(partition.offset), Err);
            answers.insert((Arc::clone(name), partition.partition_index), answer);
        }
    }
    Ok(answers)
}

/// Where the log of an epoch ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochEnd {
    /// Largest epoch of the log that is not above the one asked for, -1 = cannot be told.
    pub leader_epoch: i32,
    /// Offset after its last record, -1 = cannot be told.
    pub end_offset: i64,
}

/// Asks a leader where, in its log, the epoch of each partition ends. A log that was truncated ends it before the
/// position of a reader that had read further.
///
/// # Errors
/// The request failed as a whole. Partitions without an answer are not in the map.
pub async fn epoch_ends(
    connection: &mut Connection,
    partitions: &[(PartitionRef, i32)],
) -> Result<ByPartition<EpochEnd>, KafkaError> {
    let version = connection.version::<OffsetForLeaderEpochRequest>(2..=4)?;
    let refs: Vec<PartitionRef> = partitions
        .iter()
        .map(|(partition, _)| partition.clone())
        .collect();
    let epochs: HashMap<(&str, i32), i32> = partitions
        .iter()
        .map(|(partition, epoch)| ((&*partition.topic, partition.partition), *epoch))
        .collect();
    let topics = by_topic(&refs)
        .into_iter()
        .map(|(topic, partitions)| {
            let partitions = partitions
                .into_iter()
                .map(|partition| {
                    let epoch = epochs
                        .get(&(&*partition.topic, partition.partition))
                        .copied()
                        .unwrap_or(-1);
                    OffsetForLeaderPartition::default()
                        .with_partition(partition.partition)
                        .with_current_leader_epoch(partition.leader_epoch)
                        .with_leader_epoch(epoch)
                })
                .collect();
            OffsetForLeaderTopic::default()
                .with_topic(topic_name(&topic))
                .with_partitions(partitions)
        })
        .collect();
    let mut request = OffsetForLeaderEpochRequest::default().with_topics(topics);
    if version >= 3 {
        request = request.with_replica_id(BrokerId(-1));
    }
    let response = connection.request(&request, version).await?;
    let mut answers = HashMap::new();
    for topic in &response.topics {
        let Some(name) = known(&refs, &topic.topic) else {
            continue;
        };
        for partition in &topic.partitions {
            let end = EpochEnd {
                leader_epoch: partition.leader_epoch,
                end_offset: partition.end_offset,
            };
            let answer = partition.error_code.err().map_or(Ok(end), Err);
            answers.insert((Arc::clone(name), partition.partition), answer);
        }
    }
    Ok(answers)
}

/// The partitions under their topics, both in the order given.
fn by_topic(partitions: &[PartitionRef]) -> Vec<(Arc<str>, Vec<&PartitionRef>)> {
    let mut topics: Vec<(Arc<str>, Vec<&PartitionRef>)> = Vec::new();
    for partition in partitions {
        match topics.iter_mut().find(|(topic, _)| *topic == partition.topic) {
            Some((_, partitions)) => partitions.push(partition),
            None => topics.push((Arc::clone(&partition.topic), vec![partition])),
        }
    }
    topics
}

/// The name of ours that a response names; `None` for a topic that was not asked for.
fn known<'a>(partitions: &'a [PartitionRef], name: &str) -> Option<&'a Arc<str>> {
    partitions
        .iter()
        .map(|partition| &partition.topic)
        .find(|topic| &***topic == name)
}
