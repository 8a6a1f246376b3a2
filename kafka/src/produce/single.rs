//! Writing single records to a topic, each acknowledged by all replicas in sync before the next.
//!
//! It is for what is sent now and then: letters of a reader or a producer. An attempt that fails may have been
//! stored all the same, so a record that is sent again may come twice.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kafka_protocol::error::{ParseResponseErrorCode as _, ResponseError};
use kafka_protocol::messages::ProduceRequest;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::records::{
    Compression, NO_PARTITION_LEADER_EPOCH, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE, Record,
    RecordBatchEncoder, RecordEncodeOptions, TimestampType,
};

use crate::address::BrokerAddress;
use crate::connect::{ConnectOptions, Connection};
use crate::error::{KafkaError, Place};
use crate::metadata::{MetadataClient, topic_name};

use super::partitioner::Partitioner;

/// All replicas in sync acknowledge.
const ACKS_ALL: i16 = -1;

/// A producer for one topic.
#[derive(Debug)]
pub struct Producer {
    topic: Arc<str>,
    options: Arc<ConnectOptions>,
    metadata: MetadataClient,
    /// The leader of each partition; empty while they are not known.
    leaders: Vec<Option<BrokerAddress>>,
    connections: HashMap<BrokerAddress, Connection>,
    attempt_timeout: Duration,
}

impl Producer {
    /// A producer for a topic of the cluster of these brokers. Nothing is connected yet. An attempt to send ends after
    /// `attempt_timeout`, whatever it is waiting for.
    #[must_use]
    pub fn new(
        brokers: Vec<BrokerAddress>,
        topic: &str,
        options: ConnectOptions,
        attempt_timeout: Duration,
    ) -> Self {
        let options = Arc::new(options);
        Self {
            topic: Arc::from(topic),
            metadata: MetadataClient::new(brokers, Arc::clone(&options)),
            options,
            leaders: Vec::new(),
            connections: HashMap::new(),
            attempt_timeout,
        }
    }

    /// Sends a record to the partition that its key chooses, as librdkafka does, and waits until it is stored.
    /// `time_ms` is its create time, milliseconds since the Unix epoch.
    ///
    /// # Errors
    /// No broker or leader was reached, there is no such topic, the record was refused, or it took too long. The next
    /// attempt asks for the leaders anew.
    pub async fn send(&mut self, key: &str, value: String, time_ms: i64) -> Result<(), KafkaError> {
        let limit = self.attempt_timeout;
        let sent = tokio::time::timeout(limit, self.attempt(key, value, time_ms))
            .await
            .unwrap_or_else(|_| {
                Err(KafkaError::Timeout {
                    broker: self.metadata.bootstrap_text(),
                    api: "Produce",
                    limit,
                })
            });
        if sent.is_err() {
            self.leaders.clear();
        }
        sent
    }

    async fn attempt(&mut self, key: &str, value: String, time_ms: i64) -> Result<(), KafkaError> {
        if self.leaders.is_empty() {
            self.leaders = self.ask_for_leaders().await?;
        }
        let number = Partitioner::Crc32.partition(key.as_bytes(), self.leaders.len());
        let partition = i32::try_from(number).unwrap_or(i32::MAX);
        let Some(leader) = self.leaders.get(number).cloned().flatten() else {
            return Err(self.refused(
                self.metadata.bootstrap_text(),
                partition,
                ResponseError::LeaderNotAvailable,
            ));
        };
        let mut connection = match self.connections.remove(&leader).filter(Connection::is_usable) {
            Some(connection) => connection,
            None => Connection::open(&leader, Arc::clone(&self.options)).await?,
        };
        // Up to 9 topics have names in Produce; 3 brought the record batches of today.
        let version = connection.version::<ProduceRequest>(3..=9)?;
        let data = PartitionProduceData::default()
            .with_index(partition)
            .with_records(Some(self.batch(key, value, time_ms)?));
        let topic = TopicProduceData::default()
            .with_name(topic_name(&self.topic))
            .with_partition_data(vec![data]);
        let request = ProduceRequest::default()
            .with_acks(ACKS_ALL)
            .with_timeout_ms(i32::try_from(self.attempt_timeout.as_millis()).unwrap_or(i32::MAX))
            .with_topic_data(vec![topic]);
        let response = connection.request(&request, version).await?;
        let answer = response
            .responses
            .iter()
            .flat_map(|topic| &topic.partition_responses)
            .find(|answer| answer.index == partition);
        let stored = match answer.map(|answer| answer.error_code.err()) {
            Some(None) => Ok(()),
            Some(Some(error)) => Err(self.refused(leader.to_string(), partition, error)),
            None => Err(KafkaError::Malformed {
                broker: leader.to_string(),
                api: "Produce",
                reason: format!("it does not say what became of partition {partition}"),
            }),
        };
        self.connections.insert(leader, connection);
        stored
    }

    fn refused(&self, broker: String, partition: i32, error: ResponseError) -> KafkaError {
        let place = Place {
            topic: Arc::clone(&self.topic),
            partition,
        };
        KafkaError::RefusedPartition {
            broker,
            api: "Produce",
            place,
            error,
        }
    }

    async fn ask_for_leaders(&mut self) -> Result<Vec<Option<BrokerAddress>>, KafkaError> {
        let view = self.metadata.view(std::slice::from_ref(&self.topic)).await?;
        let unknown = || KafkaError::UnknownTopic {
            topic: Arc::clone(&self.topic),
            brokers: self.metadata.bootstrap_text(),
        };
        let topic = view.topics.first().ok_or_else(unknown)?;
        match topic.error {
            Some(_) if topic.is_unknown() => return Err(unknown()),
            Some(error) => {
                return Err(KafkaError::Topic {
                    topic: Arc::clone(&self.topic),
                    error,
                });
            }
            None => {}
        }
        let mut partitions = topic.partitions.clone();
        partitions.sort_by_key(|partition| partition.partition);
        if partitions.is_empty() {
            return Err(unknown());
        }
        Ok(partitions
            .iter()
            .map(|partition| {
                partition
                    .leader
                    .and_then(|leader| view.brokers.get(&leader))
                    .cloned()
            })
            .collect())
    }

    /// A batch of one record, not compressed: a topic that wants it otherwise has its broker do it.
    fn batch(&self, key: &str, value: String, time_ms: i64) -> Result<Bytes, KafkaError> {
        let record = Record {
            transactional: false,
            control: false,
            delete_horizon: false,
            partition_leader_epoch: NO_PARTITION_LEADER_EPOCH,
            producer_id: NO_PRODUCER_ID,
            producer_epoch: NO_PRODUCER_EPOCH,
            timestamp_type: TimestampType::Creation,
            offset: 0,
            sequence: NO_SEQUENCE,
            timestamp: time_ms,
            key: Some(Bytes::copy_from_slice(key.as_bytes())),
            value: Some(Bytes::from(value)),
            headers: Default::default(),
        };
        let options = RecordEncodeOptions {
            version: 2,
            compression: Compression::None,
        };
        let mut encoded = BytesMut::new();
        RecordBatchEncoder::encode(&mut encoded, [&record], &options).map_err(|error| {
            KafkaError::Malformed {
                broker: self.metadata.bootstrap_text(),
                api: "Produce",
                reason: format!("the record cannot be encoded: {error}"),
            }
        })?;
        Ok(encoded.freeze())
    }
}
