//! What can go wrong between us and a Kafka cluster.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use kafka_protocol::error::ResponseError;
use thiserror::Error;

use crate::batch::BatchError;

/// A place in a log, for messages: topic and partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Name of the topic.
    pub topic: Arc<str>,
    /// Number of the partition.
    pub partition: i32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "topic {} partition {}", self.topic, self.partition)
    }
}

/// Why a Kafka cluster cannot be read. No variant carries a secret.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KafkaError {
    /// A setting that makes no sense.
    #[error("{setting} is {value:?}: {reason}")]
    Setting {
        /// Name of the environment variable or option.
        setting: &'static str,
        /// Its value.
        value: String,
        /// What is wrong and what to do.
        reason: &'static str,
    },
    /// A file of certificates or keys that cannot be used.
    #[error("{setting} is {path:?}: {reason}")]
    SecurityFile {
        /// Name of the environment variable.
        setting: &'static str,
        /// Path of the file, empty where none was named.
        path: String,
        /// What is wrong with it and what to do.
        reason: String,
    },
    /// No encrypted connection that both sides trust.
    #[error("TLS with broker {broker} failed: {reason}")]
    Tls {
        /// Host and port.
        broker: String,
        /// What is wrong, and what to do where that can be told.
        reason: String,
    },
    /// A login that the broker does not take, or a broker that cannot prove itself.
    #[error(
        "broker {broker} refused user {user:?} by {mechanism}: {reason}; check KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD \
         and KAFKA_SASL_MECHANISM"
    )]
    Login {
        /// Host and port.
        broker: String,
        /// The SASL mechanism.
        mechanism: &'static str,
        /// The user.
        user: String,
        /// What is wrong; never the password.
        reason: String,
    },
    /// Nothing could be begun: the process is out of threads or file handles.
    #[error("no runtime for connections to Kafka")]
    Runtime(#[source] io::Error),
    /// The name of a broker has no address (of the family asked for).
    #[error("broker {broker} has no address{family}: check the name, or KAFKA_BROKER_ADDRESS_FAMILY")]
    NoAddress {
        /// Host and port as configured or advertised.
        broker: String,
        /// " of family v4", " of family v6" or nothing.
        family: &'static str,
    },
    /// A broker cannot be reached.
    #[error("cannot connect to broker {broker}: {source}")]
    Connect {
        /// Host and port.
        broker: String,
        /// What the system says.
        source: io::Error,
    },
    /// A broker did not answer in time.
    #[error("broker {broker} did not answer {api} within {} ms", limit.as_millis())]
    Timeout {
        /// Host and port.
        broker: String,
        /// What was asked for.
        api: &'static str,
        /// The time it had.
        limit: Duration,
    },
    /// A connection broke.
    #[error("connection to broker {broker} broke during {api}: {source}")]
    Connection {
        /// Host and port.
        broker: String,
        /// What was asked for.
        api: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// A connection whose last request was given up half way.
    #[error("connection to broker {broker} was given up in the middle of a request; open a new one")]
    Abandoned {
        /// Host and port.
        broker: String,
    },
    /// A response of impossible or forbidden size.
    #[error("broker {broker} announced a response of {size} bytes to {api}, the limit is {limit} bytes")]
    ResponseSize {
        /// Host and port.
        broker: String,
        /// What was asked for.
        api: &'static str,
        /// Announced size.
        size: i64,
        /// Limit in bytes.
        limit: usize,
    },
    /// A response that breaks the protocol.
    #[error("broker {broker} answered {api} with bytes that break the protocol: {reason}")]
    Malformed {
        /// Host and port.
        broker: String,
        /// What was asked for.
        api: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// No version of a request that both sides know.
    #[error("broker {broker} has versions {theirs} of {api}, this program has {ours}")]
    NoCommonVersion {
        /// Host and port.
        broker: String,
        /// The request.
        api: &'static str,
        /// Range of the broker, or "none".
        theirs: String,
        /// Range of ours.
        ours: String,
    },
    /// A request refused as a whole.
    #[error("broker {broker} refused {api}: {error}")]
    Refused {
        /// Host and port.
        broker: String,
        /// The request.
        api: &'static str,
        /// The broker's error.
        error: ResponseError,
    },
    /// A request refused for one partition.
    #[error("broker {broker} refused {api} for {place}: {error}")]
    RefusedPartition {
        /// Host and port.
        broker: String,
        /// The request.
        api: &'static str,
        /// The partition.
        place: Place,
        /// The broker's error.
        error: ResponseError,
    },
    /// A topic that is not created or deleted.
    #[error("broker {broker} refused {api} for topic {topic}: {error}{message}")]
    TopicRefused {
        /// Host and port.
        broker: String,
        /// The request.
        api: &'static str,
        /// Name of the topic.
        topic: String,
        /// The broker's error.
        error: ResponseError,
        /// ": " and what the broker says beside it, or nothing.
        message: String,
    },
    /// A topic the broker refuses to tell about.
    #[error("topic {topic} cannot be read: {error}")]
    Topic {
        /// Name of the topic.
        topic: Arc<str>,
        /// The broker's error.
        error: ResponseError,
    },
    /// None of the topics asked for exists.
    #[error("none of these topics exists: {}; name one with --topic or KAFKA_TOPIC", topics.join(", "))]
    NoTopic {
        /// The topics.
        topics: Vec<String>,
    },
    /// A topic that was asked for by name does not exist.
    #[error("topic {topic} does not exist at {brokers}")]
    UnknownTopic {
        /// Name of the topic.
        topic: Arc<str>,
        /// The brokers asked.
        brokers: String,
    },
    /// A partition that was asked for by number does not exist.
    #[error("{place} does not exist: the topic has {partitions} partitions, counted from 0")]
    UnknownPartition {
        /// The partition.
        place: Place,
        /// How many the topic has.
        partitions: usize,
    },
    /// No broker of the list answers.
    #[error("no broker of {brokers} answers: {last}")]
    NoBroker {
        /// The list.
        brokers: String,
        /// The last broker's error.
        last: Box<KafkaError>,
    },
    /// Offsets that retention removed, where the caller asked to stop at that.
    #[error("{place}: offsets {position} to {} were removed before they were read (the log begins at {log_start})", log_start - 1)]
    OutOfRange {
        /// The partition.
        place: Place,
        /// The offset to read.
        position: i64,
        /// First offset of the log.
        log_start: i64,
    },
    /// The leader says that its log is not the one that was read. How it differs is found out next.
    #[error(
        "{place}: offset {position} is the next to read, but the leader ends epoch {epoch} at offset {end_offset}"
    )]
    Diverging {
        /// The partition.
        place: Place,
        /// The offset to read.
        position: i64,
        /// The largest epoch of the leader up to the one read last.
        epoch: i32,
        /// Where the leader's log ends it.
        end_offset: i64,
    },
    /// A start offset above the end of the log.
    #[error("{place}: the start offset {offset} lies above the high watermark {high_watermark}")]
    StartAboveEnd {
        /// The partition.
        place: Place,
        /// The start offset asked for.
        offset: i64,
        /// High watermark.
        high_watermark: i64,
    },
    /// An answer with batches that are not what a log holds. It is asked for again before the log is believed damaged.
    #[error("{place}: broker {broker} sent a damaged batch at or behind offset {offset}: {reason}")]
    DamagedAnswer {
        /// Host and port.
        broker: String,
        /// The partition.
        place: Place,
        /// Offset from which on it is asked for again.
        offset: i64,
        /// What is wrong.
        reason: String,
    },
    /// A batch behind which nothing can be read.
    #[error("{place}: {source}")]
    Batch {
        /// The partition.
        place: Place,
        /// What is wrong with the batch.
        source: BatchError,
    },
}

impl KafkaError {
    /// Whether trying again, at the same or at another broker, may help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::NoAddress { .. }
            | Self::Connect { .. }
            | Self::Timeout { .. }
            | Self::Connection { .. }
            | Self::Abandoned { .. }
            | Self::Diverging { .. }
            | Self::DamagedAnswer { .. }
            | Self::Malformed { .. }
            | Self::ResponseSize { .. } => true,
            Self::NoBroker { last, .. } => last.is_transient(),
            Self::Refused { error, .. }
            | Self::TopicRefused { error, .. }
            | Self::RefusedPartition { error, .. }
            | Self::Topic { error, .. } => error.is_retriable(),
            _ => false,
        }
    }
}
