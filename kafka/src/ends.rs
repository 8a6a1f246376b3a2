//! Where the logs end now: what a store at rest needs to tell its lag.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use quipu_proto::LogPartition;

use crate::connect::Connection;
use crate::error::KafkaError;
use crate::metadata::{ClusterView, MetadataClient};
use crate::offsets::{Isolation, OffsetAt, PartitionRef, list_offsets};
use crate::options::KafkaOptions;

/// Asks the brokers for the high watermarks of these partitions, for at most `timeout`. Partitions whose topic is gone,
/// has another incarnation by now, or whose leader does not answer are not in the map.
///
/// # Errors
/// No broker answers in time.
pub fn end_offsets(
    options: &KafkaOptions,
    partitions: &[LogPartition],
    timeout: Duration,
) -> Result<HashMap<LogPartition, i64>, KafkaError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(KafkaError::Runtime)?;
    let asked = ask(options, partitions);
    let ends = runtime.block_on(async { tokio::time::timeout(timeout, asked).await });
    ends.unwrap_or_else(|_| {
        Err(KafkaError::Timeout {
            broker: list(options),
            api: "Metadata",
            limit: timeout,
        })
    })
}

fn list(options: &KafkaOptions) -> String {
    options
        .brokers
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(",")
}

async fn ask(
    options: &KafkaOptions,
    partitions: &[LogPartition],
) -> Result<HashMap<LogPartition, i64>, KafkaError> {
    let connect = Arc::new(options.connect.clone());
    let mut topics: Vec<Arc<str>> = partitions
        .iter()
        .map(|partition| Arc::clone(&partition.log.topic))
        .collect();
    topics.sort_unstable();
    topics.dedup();
    let view = MetadataClient::new(options.brokers.clone(), Arc::clone(&connect))
        .view(&topics)
        .await?;
    let mut ends = HashMap::new();
    for (leader, asked) in by_leader(&view, partitions) {
        let Some(address) = view.brokers.get(&leader) else {
            continue;
        };
        // One leader that is away does not hide the ends that others know.
        let Ok(mut connection) = Connection::open(address, Arc::clone(&connect)).await else {
            continue;
        };
        let refs: Vec<PartitionRef> = asked.iter().map(|(_, partition)| partition.clone()).collect();
        let Ok(found) = list_offsets(
            &mut connection,
            &refs,
            OffsetAt::Latest,
            Isolation::ReadUncommitted,
        )
        .await
        else {
            continue;
        };
        for (log, partition) in asked {
            if let Some(Ok(end)) = found.get(&(partition.topic, partition.partition)) {
                ends.insert(log, *end);
            }
        }
    }
    Ok(ends)
}

/// The partitions that still are of the life that is meant, by the node id of their leader.
fn by_leader(
    view: &ClusterView,
    partitions: &[LogPartition],
) -> HashMap<i32, Vec<(LogPartition, PartitionRef)>> {
    let mut by_leader: HashMap<i32, Vec<(LogPartition, PartitionRef)>> = HashMap::new();
    for log in partitions {
        let topic = view.topics.iter().find(|topic| topic.name == log.log.topic);
        let Some(topic) = topic.filter(|topic| {
            topic
                .id
                .is_none_or(|id| log.log.incarnation.starts_with(&id.to_string()))
        }) else {
            continue;
        };
        let number = log.partition.0;
        let partition = topic
            .partitions
            .iter()
            .find(|partition| partition.partition == number);
        if let Some(partition) = partition
            && let Some(leader) = partition.leader
        {
            let named = PartitionRef {
                topic: Arc::clone(&topic.name),
                topic_id: topic.id,
                partition: number,
                leader_epoch: partition.leader_epoch,
            };
            by_leader.entry(leader).or_default().push((log.clone(), named));
        }
    }
    by_leader
}
