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

    /// Begins the incarnation of a recorded file; its BLAKE3 hash in hexadecimal follows.
    pub const FILE_PREFIX: &'static str = "blake3:";

    /// Names one life of a topic.
    pub fn new(topic: impl Into<Arc<str>>, incarnation: impl Into<Arc<str>>) -> Self {
        Self {
            topic: topic.into(),
            incarnation: incarnation.into(),
        }
    }

    /// Whether it is the life of a recorded file, and not of a broker's topic. Stores that were written before BLAKE3 was
    /// used know files by the SHA-256, without a prefix.
    #[must_use]
    pub fn is_file(&self) -> bool {
        let hash = self
            .incarnation
            .strip_prefix(Self::FILE_PREFIX)
            .unwrap_or(&self.incarnation);
        hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_files_are_told_from_topics_by_their_incarnation() {
        let is_file = |incarnation: &str| TopicIncarnation::new("topic", incarnation).is_file();
        assert!(is_file(&format!("blake3:{}", "ab".repeat(32))));
        assert!(is_file(&"ab".repeat(32)));
        assert!(!is_file(&format!("blake3:{}", "ab".repeat(31))));
        assert!(!is_file("7f3b2f2e-9d1c-4d6f-8f3e-1c2d3e4f5a6b"));
        assert!(!is_file("unknown"));
        assert!(!is_file(&format!("{}#1", "ab".repeat(32))));
    }
}
