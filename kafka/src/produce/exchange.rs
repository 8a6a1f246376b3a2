//! One Produce request: batches of several partitions to one leader.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::error::{ParseResponseErrorCode as _, ResponseError};
use kafka_protocol::messages::ProduceRequest;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use tokio::time::timeout;

use crate::address::BrokerAddress;
use crate::connect::{ConnectOptions, Connection};
use crate::error::KafkaError;
use crate::metadata::topic_name;

/// All replicas in sync acknowledge.
const ACKS_ALL: i16 = -1;

/// What is to be sent.
#[derive(Debug)]
pub(super) struct Cargo {
    pub(super) broker: BrokerAddress,
    pub(super) connection: Option<Connection>,
    pub(super) connect: Arc<ConnectOptions>,
    pub(super) topic: Arc<str>,
    /// Partitions, each with one batch.
    pub(super) batches: Vec<(i32, Bytes)>,
    /// Time for all of it.
    pub(super) limit: Duration,
}

/// What became of it.
#[derive(Debug)]
pub(super) struct Landing {
    pub(super) broker: BrokerAddress,
    /// The connection, if it is of more use.
    pub(super) connection: Option<Connection>,
    /// Whether bytes were sent, so that the batches may be stored although there is no answer.
    pub(super) was_sent: bool,
    pub(super) answers: Result<Answers, KafkaError>,
}

/// What a leader says.
#[derive(Debug)]
pub(super) struct Answers {
    /// How long the broker asks us to wait before the next request.
    pub(super) throttle: Duration,
    /// Partitions, each with the offset of its first record or the reason why it was not stored.
    pub(super) partitions: Vec<(i32, Result<i64, ResponseError>)>,
}

/// Sends the batches and waits for the answer.
pub(super) async fn exchange(mut cargo: Cargo) -> Landing {
    let mut was_sent = false;
    let mut connection = cargo.connection.take().filter(Connection::is_usable);
    let limit = cargo.limit;
    let answers = timeout(limit, send(&cargo, &mut connection, &mut was_sent))
        .await
        .unwrap_or_else(|_| {
            Err(KafkaError::Timeout {
                broker: cargo.broker.to_string(),
                api: "Produce",
                limit,
            })
        });
    Landing {
        broker: cargo.broker,
        connection: connection.filter(|connection| answers.is_ok() && connection.is_usable()),
        was_sent,
        answers,
    }
}

async fn send(
    cargo: &Cargo,
    connection: &mut Option<Connection>,
    was_sent: &mut bool,
) -> Result<Answers, KafkaError> {
    let connection = match connection {
        Some(connection) => connection,
        None => connection.insert(Connection::open(&cargo.broker, Arc::clone(&cargo.connect)).await?),
    };
    // Up to 9 topics have names in Produce; 3 brought the record batches of today, 7 knows Zstandard.
    let version = connection.version::<ProduceRequest>(3..=9)?;
    let partitions = cargo
        .batches
        .iter()
        .map(|(partition, batch)| {
            PartitionProduceData::default()
                .with_index(*partition)
                .with_records(Some(batch.clone()))
        })
        .collect();
    let topic = TopicProduceData::default()
        .with_name(topic_name(&cargo.topic))
        .with_partition_data(partitions);
    let request = ProduceRequest::default()
        .with_acks(ACKS_ALL)
        .with_timeout_ms(i32::try_from(cargo.limit.as_millis()).unwrap_or(i32::MAX))
        .with_topic_data(vec![topic]);
    *was_sent = true;
    let response = connection.request(&request, version).await?;
    let partitions = response
        .responses
        .iter()
        .filter(|topic| topic.name.as_str() == &*cargo.topic)
        .flat_map(|topic| &topic.partition_responses)
        .map(|answer| {
            let stored = answer.error_code.err().map_or(Ok(answer.base_offset), Err);
            (answer.index, stored)
        })
        .collect();
    Ok(Answers {
        throttle: Duration::from_millis(u64::try_from(response.throttle_time_ms).unwrap_or(0)),
        partitions,
    })
}
