//! Errors of the in-process interface, and the Kafka error code that each one is on the wire.

use std::io;
use std::net::SocketAddr;

use kafka_protocol::ResponseError;

use crate::codec::Compression;

/// What can go wrong when the broker is started or used in process.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BrokerError {
    /// The listening socket could not be had.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Certificates or keys that cannot be used.
    #[error("no TLS can be had with these certificates: {reason}")]
    Tls {
        /// What is wrong with them.
        reason: String,
    },
    /// The thread or runtime of a [`BrokerThread`](crate::BrokerThread) could not be started, or has gone.
    #[error("the runtime of the broker is not available: {reason}")]
    Runtime {
        /// What is known about it.
        reason: String,
    },
    /// [`restart`](crate::Broker::restart) was called while the broker runs.
    #[error("the broker on {address} is running already; stop it before starting it again")]
    Running {
        /// Where it listens.
        address: SocketAddr,
    },
    /// A topic of this name exists.
    #[error("topic {topic:?} exists already")]
    TopicExists {
        /// The name.
        topic: String,
    },
    /// No topic of this name exists.
    #[error("topic {topic:?} does not exist; create it first")]
    UnknownTopic {
        /// The name.
        topic: String,
    },
    /// The topic has fewer partitions.
    #[error("topic {topic:?} has no partition {partition}: its partitions are 0 to {partition_last}")]
    UnknownPartition {
        /// The name.
        topic: String,
        /// The partition asked for.
        partition: i32,
        /// The highest partition there is.
        partition_last: i32,
    },
    /// Kafka does not allow this name.
    #[error(
        "topic name {topic:?} is not valid: 1 to 249 letters, digits, '.', '_' or '-', and not '.' or '..'"
    )]
    InvalidTopicName {
        /// The name.
        topic: String,
    },
    /// A topic needs at least one partition, and this broker bounds their number.
    #[error("a topic of {partitions} partitions is not possible: 1 to {limit} are")]
    InvalidPartitionCount {
        /// The number asked for.
        partitions: i32,
        /// The most this broker gives one topic.
        limit: i32,
    },
    /// A record batch is not one.
    #[error("malformed record batch: {reason}")]
    MalformedBatch {
        /// The field and the values that disagree.
        reason: String,
    },
    /// The checksum of a record batch does not fit its bytes.
    #[error("record batch says its CRC-32C is {stated:#010x} but its bytes give {actual:#010x}")]
    CorruptBatch {
        /// The checksum in the header.
        stated: u32,
        /// The checksum of the bytes.
        actual: u32,
    },
    /// A record batch is larger than the broker takes.
    #[error(
        "record batch of {bytes} bytes exceeds the limit of {limit}; send less at once or raise batch_bytes_max"
    )]
    BatchTooLarge {
        /// Size of the batch.
        bytes: usize,
        /// The limit in force.
        limit: usize,
    },
    /// Compressing or decompressing failed.
    #[error("{compression} data of a record batch: {reason}")]
    Codec {
        /// The codec in use.
        compression: Compression,
        /// What the codec said.
        reason: String,
    },
    /// An offset outside of the log.
    #[error("offset {offset} is outside of the log, which holds {log_start} to {log_end}")]
    OffsetOutOfRange {
        /// The offset asked for.
        offset: i64,
        /// The first offset of the log.
        log_start: i64,
        /// The offset after the last.
        log_end: i64,
    },
    /// The broker has no such node.
    #[error("node {node} does not exist: the nodes are {first} to {last}; see BrokerOptions::nodes")]
    UnknownNode {
        /// The node asked for.
        node: i32,
        /// The first node.
        first: i32,
        /// The last node.
        last: i32,
    },
    /// A broker needs at least one node, and their number is bounded.
    #[error("a broker of {nodes} nodes is not possible: 1 to {limit} are")]
    InvalidNodeCount {
        /// The number asked for.
        nodes: i32,
        /// The most that are possible.
        limit: i32,
    },
    /// The producer has no open transaction in this partition.
    #[error("producer {producer_id} has no open transaction here; append to one before ending it")]
    NoOpenTransaction {
        /// The producer.
        producer_id: i64,
    },
}

impl BrokerError {
    /// The error code that a client is told.
    pub fn response_error(&self) -> ResponseError {
        match self {
            Self::TopicExists { .. } => ResponseError::TopicAlreadyExists,
            Self::UnknownTopic { .. } | Self::UnknownPartition { .. } => {
                ResponseError::UnknownTopicOrPartition
            }
            Self::InvalidTopicName { .. } => ResponseError::InvalidTopicException,
            Self::InvalidPartitionCount { .. } => ResponseError::InvalidPartitions,
            Self::MalformedBatch { .. } => ResponseError::InvalidRecord,
            Self::CorruptBatch { .. } | Self::Codec { .. } => ResponseError::CorruptMessage,
            Self::BatchTooLarge { .. } => ResponseError::MessageTooLarge,
            Self::OffsetOutOfRange { .. } => ResponseError::OffsetOutOfRange,
            Self::NoOpenTransaction { .. } => ResponseError::InvalidTxnState,
            Self::UnknownNode { .. } => ResponseError::ReplicaNotAvailable,
            Self::InvalidNodeCount { .. }
            | Self::Listen { .. }
            | Self::Tls { .. }
            | Self::Runtime { .. }
            | Self::Running { .. } => ResponseError::UnknownServerError,
        }
    }
}
