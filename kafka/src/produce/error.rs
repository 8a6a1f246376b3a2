//! What can become of a record other than being stored.

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use crate::error::KafkaError;

/// Why a record was not acknowledged.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum ProduceError {
    /// No acknowledgement came in time.
    #[error(
        "topic {topic}: not delivered within {} ms after {attempts} attempts{}: {}",
        limit.as_millis(),
        if *may_be_stored { " (it may be stored all the same)" } else { "" },
        last.as_ref().map_or_else(|| "no attempt could be made".to_owned(), ToString::to_string)
    )]
    Timeout {
        /// The topic.
        topic: Arc<str>,
        /// The time it had.
        limit: Duration,
        /// Requests that it was part of.
        attempts: u32,
        /// Whether an attempt ended without an answer, so that the record may be stored.
        may_be_stored: bool,
        /// What went wrong last.
        last: Option<Arc<KafkaError>>,
    },
    /// The cluster refused it, and would again.
    #[error(
        "topic {topic}: refused{}: {error}",
        if *may_be_stored { " (it may be stored all the same)" } else { "" }
    )]
    Refused {
        /// The topic.
        topic: Arc<str>,
        /// The error.
        error: Arc<KafkaError>,
        /// Whether an attempt before ended without an answer, so that the record may be stored.
        may_be_stored: bool,
    },
    /// The record is larger than the topic takes.
    #[error(
        "topic {topic}: a record of {bytes} bytes in its batch, the topic takes {}: raise max.message.bytes of the topic, or send less",
        limit.map_or_else(|| "less".to_owned(), |limit| format!("{limit}"))
    )]
    TooLarge {
        /// The topic.
        topic: Arc<str>,
        /// Bytes of the batch that holds the record alone.
        bytes: usize,
        /// Limit in bytes, where it is known.
        limit: Option<usize>,
    },
    /// The client was closed before the record was acknowledged.
    #[error(
        "topic {topic}: the producer was closed before the record was acknowledged{}",
        if *may_be_stored { " (it may be stored all the same)" } else { "" }
    )]
    Closed {
        /// The topic.
        topic: Arc<str>,
        /// Whether an attempt was made, so that the record may be stored.
        may_be_stored: bool,
    },
}

/// Why a record was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PutError {
    /// The client is closed.
    #[error("the producer is closed")]
    Closed,
    /// The record is larger than the topic takes.
    #[error(
        "a record of {bytes} bytes in its batch, the topic takes {limit}: raise max.message.bytes of the topic, or send less"
    )]
    TooLarge {
        /// Bytes of the batch that holds the record alone.
        bytes: usize,
        /// Limit in bytes.
        limit: usize,
    },
}
