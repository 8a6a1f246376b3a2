//! What is received.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use quipu_proto::message::DashStreamMessage;

/// Where a record lies.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RecordPlace {
    /// Name of the topic.
    pub topic: Arc<str>,
    /// The life of the topic: it changes when the topic is deleted and created again, and offsets begin anew.
    pub incarnation: Arc<str>,
    /// Number of the partition.
    pub partition: i32,
    /// Offset in the partition.
    pub offset: i64,
}

impl fmt::Display for RecordPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "topic {} partition {} offset {}",
            self.topic, self.partition, self.offset
        )
    }
}

/// A message, with all that the log has beside it.
#[derive(Clone, Debug)]
pub struct Received {
    /// The message.
    pub message: DashStreamMessage,
    /// Name of the topic.
    pub topic: Arc<str>,
    /// The life of the topic: it changes when the topic is deleted and created again, and offsets begin anew.
    pub incarnation: Arc<str>,
    /// Number of the partition.
    pub partition: i32,
    /// Offset in the partition. Reading goes on at the next.
    pub offset: i64,
    /// Time of the record in milliseconds since the Unix epoch: when it was made, or stored where the topic is set so.
    pub timestamp_ms: Option<i64>,
    /// Key of the record; producers of telemetry write the thread there.
    pub key: Option<Bytes>,
    /// Headers of the record in their order; names may repeat.
    pub headers: Vec<(String, Option<Bytes>)>,
}

impl Received {
    /// Where the record lies.
    #[must_use]
    pub fn place(&self) -> RecordPlace {
        RecordPlace {
            topic: Arc::clone(&self.topic),
            incarnation: Arc::clone(&self.incarnation),
            partition: self.partition,
            offset: self.offset,
        }
    }

    /// The value of the first header of that name, where it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(known, _)| known == name)?;
        std::str::from_utf8(value.as_ref()?).ok()
    }

    /// The span in which the message was sent, as W3C Trace Context writes it: `00-<trace>-<span>-<flags>`.
    #[must_use]
    pub fn traceparent(&self) -> Option<&str> {
        self.header("traceparent")
    }

    /// What vendors add to the trace context.
    #[must_use]
    pub fn tracestate(&self) -> Option<&str> {
        self.header("tracestate").filter(|state| !state.is_empty())
    }
}

/// A record that holds no message that can be read, as it was stored.
#[derive(Clone, PartialEq, Eq)]
pub struct RawReceived {
    /// Where it lies.
    pub place: RecordPlace,
    /// Time of the record in milliseconds since the Unix epoch.
    pub timestamp_ms: Option<i64>,
    /// Its key.
    pub key: Option<Bytes>,
    /// Its value; `None` is a tombstone.
    pub value: Option<Bytes>,
}

/// Bytes as they were stored. Debug tells how many they are: what telemetry holds is nobody's who reads a log.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredBytes(pub Bytes);

impl fmt::Debug for StoredBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl fmt::Debug for RawReceived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawReceived")
            .field("place", &self.place)
            .field("value_bytes", &self.value.as_ref().map(Bytes::len))
            .finish_non_exhaustive()
    }
}
