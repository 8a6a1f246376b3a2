//! What can go wrong while reading. Reading goes on after every one of these but the last two.

use quipu_kafka::KafkaError;
use quipu_proto::Reason;
use thiserror::Error;

use super::holes::Hole;
use super::received::{RawReceived, RecordPlace, StoredBytes};

/// Why there is no message to hand out.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConsumerError {
    /// A record that holds no message of the kind that the policy takes.
    #[error("{}: {detail}", record.place)]
    Undecodable {
        /// The record as it was stored.
        record: Box<RawReceived>,
        /// Which of the closed list of reasons.
        reason: Reason,
        /// What exactly is wrong with it.
        detail: String,
    },
    /// A batch of the log that is damaged.
    #[error("{first} to {last} are lost: {reason}")]
    CorruptBatch {
        /// The first offset that is lost with it.
        first: RecordPlace,
        /// The last offset that is lost with it, inclusive.
        last: i64,
        /// The batch as it was stored, header included.
        bytes: StoredBytes,
        /// What is wrong with it.
        reason: String,
    },
    /// Offsets without a record, where they are to be told.
    #[error("{0}")]
    Hole(Hole),
    /// One partition cannot be read on. The others are.
    #[error("no more is read of topic {topic} partition {partition}: {source}")]
    Partition {
        /// Name of the topic.
        topic: String,
        /// Number of the partition.
        partition: i32,
        /// Why.
        source: KafkaError,
    },
    /// Nothing can be read, or no more.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    /// The consumer has ended before.
    #[error("the consumer is closed: {reason}")]
    Closed {
        /// Why it ended.
        reason: String,
    },
}
