//! What can go wrong with a message, and with a producer.

use std::sync::Arc;
use std::time::Duration;

use quipu_kafka::KafkaError;
use quipu_kafka::produce::ProduceError;
use thiserror::Error;

use crate::rate_limit::RateLimitError;
use crate::sink::SinkError;

use super::admission::Refusal;

/// Whether a message that could not be delivered is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kept {
    /// It is a letter in this topic. A payload above 512 KiB is cut there.
    InTopic(Arc<str>),
    /// It is in the frames file, whole.
    InFile,
    /// It is lost, and why the fallback could not take it.
    Nowhere(Arc<str>),
}

impl std::fmt::Display for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::InTopic(topic) => write!(f, "kept as a letter in topic {topic}"),
            Self::InFile => f.write_str("kept in the frames file"),
            Self::Nowhere(why) => write!(f, "lost: {why}"),
        }
    }
}

/// Why a message was not delivered.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum SendError {
    /// Its thread has no name, which is its key.
    #[error("header.thread_id is blank: it is the key of the message, so name the thread")]
    NoThread,
    /// It has no content.
    #[error("the message is empty: set one of its nine kinds")]
    Empty,
    /// Its tenant may not send now.
    #[error(transparent)]
    Limited(#[from] Refusal),
    /// As many messages wait as may wait.
    #[error(
        "{waiting} messages wait to be sent, and with this one of {bytes} bytes there would be more than {messages_max} messages or {bytes_max} bytes: send more slowly, await `send`, or raise queue_messages or queue_bytes"
    )]
    NoRoom {
        /// How many wait.
        waiting: usize,
        /// Bytes of this one, not compressed.
        bytes: usize,
        /// Most messages that may wait.
        messages_max: usize,
        /// Most bytes that may wait.
        bytes_max: usize,
    },
    /// The record is larger than the topic takes. The fallback, if there is one, gets the message.
    #[error(
        "the message has {record} bytes in its batch ({protobuf} as protobuf), the topic takes {limit}: raise max.message.bytes of the topic (or the producer's message_bytes_max), or send less"
    )]
    TooLargeForTopic {
        /// Bytes of a batch with this record alone: framed, compressed, with key and headers.
        record: usize,
        /// Bytes of the message before compression.
        protobuf: usize,
        /// Limit in bytes.
        limit: usize,
    },
    /// Readers would refuse the message. The fallback, if there is one, gets it.
    #[error(
        "the message has {bytes} bytes {what}, its readers take {limit}: send less, or set `readers` if yours take more"
    )]
    TooLargeForReaders {
        /// Bytes as they are counted.
        bytes: usize,
        /// What is counted.
        what: &'static str,
        /// Limit in bytes.
        limit: usize,
    },
    /// It was sent, or waited to be sent, and given up.
    #[error("{error}; the message is {kept}")]
    Undelivered {
        /// What went wrong.
        error: ProduceError,
        /// Whether it is kept.
        kept: Kept,
    },
    /// The producer was closed before.
    #[error("the producer is closed")]
    Closed,
    /// The producer's own thread ended without an answer, which is a defect.
    #[error("the producer ended without saying what became of the message")]
    Abandoned,
}

impl From<SendError> for SinkError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::NoRoom { waiting, .. } => Self::NoRoom { waiting },
            SendError::Closed => Self::Closed,
            other => Self::Refused(other.to_string()),
        }
    }
}

/// Why there is no producer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ProducerError {
    /// A setting of the connection or of the batches, or a variable of the environment.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    /// A setting of the producer that makes no sense.
    #[error("{setting} is {value}: {reason}")]
    Setting {
        /// The option.
        setting: &'static str,
        /// Its value.
        value: String,
        /// What is wrong and what to do.
        reason: &'static str,
    },
    /// The rate limiter that it was to have.
    #[error(transparent)]
    RateLimit(#[from] RateLimitError),
    /// The frames file of the fallback cannot be opened.
    #[error("the fallback file {path} cannot be used: {reason}")]
    FallbackFile {
        /// The file.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// The process is out of threads or file handles.
    #[error("no thread for the producer: {0}")]
    Thread(#[source] std::io::Error),
}

/// Messages were still on their way when the time of a flush was over. They go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("after {} ms {left} messages are still on their way", limit.as_millis())]
pub struct FlushError {
    /// How many.
    pub left: usize,
    /// The time it had.
    pub limit: Duration,
}

/// Messages were not delivered while a producer was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("while closing, {undelivered} messages were not delivered: {kept} of them are kept by the fallback")]
pub struct CloseError {
    /// How many were not delivered.
    pub undelivered: u64,
    /// How many of these are in the topic of letters or in the frames file.
    pub kept: u64,
}
