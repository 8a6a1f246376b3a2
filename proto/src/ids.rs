//! Names of places in Kafka's logs.

use std::fmt;
use std::sync::Arc;

/// Number of a partition within its topic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionId(pub i32);

impl fmt::Display for PartitionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Position of a record within a partition, counted from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Offset(pub i64);

impl Offset {
    /// The offset that follows this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One life of a topic: a topic that was deleted and created again is a new one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicIncarnation {
    /// Name of the topic.
    pub topic: Arc<str>,
    /// What tells one life from another: the topic id of a broker as UUID text, `blake3:` and the BLAKE3 hash of a frames
    /// file as hexadecimal text, or [`TopicIncarnation::UNKNOWN`] from a broker without topic ids; with `#` and a number
    /// behind it where the log of a partition turned out not to be the one that was read.
    pub incarnation: Arc<str>,
}

impl TopicIncarnation {
    /// The incarnation of every topic of a broker that has no topic ids.
    pub const UNKNOWN: &'static str = "unknown";

    /// Names one life of a topic.
    pub fn new(topic: impl Into<Arc<str>>, incarnation: impl Into<Arc<str>>) -> Self {
        Self {
            topic: topic.into(),
            incarnation: incarnation.into(),
        }
    }
}

impl fmt::Display for TopicIncarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.topic, self.incarnation)
    }
}

/// One partition of one life of a topic: the unit that has offsets.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogPartition {
    /// The topic and its life.
    pub log: TopicIncarnation,
    /// The partition within it.
    pub partition: PartitionId,
}

impl LogPartition {
    /// Names one partition.
    #[must_use]
    pub fn new(log: TopicIncarnation, partition: PartitionId) -> Self {
        Self { log, partition }
    }
}

impl fmt::Display for LogPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.log.topic, self.partition)
    }
}

/// Enough of a record to know it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordFingerprint {
    /// Where it stands.
    pub offset: Offset,
    /// Hash of its key, value and timestamp; the reader of the log chooses how.
    pub hash: u64,
}
