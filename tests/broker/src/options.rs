//! What can be chosen when a broker is started or a topic created.

use std::net::{Ipv4Addr, SocketAddr};

use kafka_protocol::messages::ApiKey;
use kafka_protocol::protocol::VersionRange;

use crate::codec::Compression;
use crate::faults::FaultScript;
use crate::security::BrokerSecurity;

/// Most partitions of one topic: each costs memory even when empty, and requests from the wire can ask for
/// them.
pub(crate) const PARTITIONS_MAX: i32 = 10_000;
/// Most nodes of one broker: each listens on a port of its own.
pub(crate) const NODES_MAX: i32 = 16;

/// Settings of a [`Broker`](crate::Broker).
#[derive(Debug, Clone)]
pub struct BrokerOptions {
    /// Where to listen. Default `127.0.0.1:0`: loopback, on a port the system picks. Its IP is also what
    /// Metadata tells clients, so an unspecified address (`0.0.0.0`) serves nobody.
    pub listen: SocketAddr,
    /// The id of the first node of its cluster; the others count on from it. Default 1.
    pub node_id: i32,
    /// Nodes of its cluster, 1 to 16. All live in this process and share the logs; each listens on a port of its
    /// own, the first on that of `listen`, and serves the partitions that it leads. The first node leads all until
    /// [`elect`](crate::BrokerHandle::elect) says otherwise. Default 1.
    pub nodes: i32,
    /// Largest request in bytes; a larger one closes the connection. Default 100 MiB, as Kafka's
    /// `socket.request.max.bytes`.
    pub frame_bytes_max: usize,
    /// Largest record batch a client may produce, in bytes. Default 1,048,588, as Kafka's
    /// `message.max.bytes`. Batches appended in process are not bounded.
    pub batch_bytes_max: usize,
    /// What becomes of topics that clients name in Metadata and that do not exist.
    pub unknown_topics: UnknownTopics,
    /// The newest version of a request that is told and served, where it is to be older than the newest that this
    /// broker knows; below the oldest that it knows, the request is not served at all. Default: nothing is older.
    pub versions_max: Vec<(ApiKey, i16)>,
    /// Faults to play from the first request on. Default none.
    pub faults: FaultScript,
    /// TLS and logins. Default neither.
    pub security: BrokerSecurity,
}

impl Default for BrokerOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            node_id: 1,
            nodes: 1,
            frame_bytes_max: 100 << 20,
            batch_bytes_max: 1_048_588,
            unknown_topics: UnknownTopics::Refuse,
            versions_max: Vec::new(),
            faults: FaultScript::default(),
            security: BrokerSecurity::default(),
        }
    }
}

impl BrokerOptions {
    /// The same as a broker that gives topics no ids, as Kafka did before 2.8.
    pub fn without_topic_ids(self) -> Self {
        self.version_max(ApiKey::Metadata, 9)
            .version_max(ApiKey::Fetch, 12)
            .version_max(ApiKey::Produce, 12)
            .version_max(ApiKey::CreateTopics, 6)
            .version_max(ApiKey::DeleteTopics, 5)
    }

    /// The same as a broker that tells clients nothing of leader epochs, as Kafka did before 2.0 and some brokers
    /// that only speak its protocol do.
    pub fn without_leader_epochs(self) -> Self {
        self.version_max(ApiKey::Metadata, 6)
            .version_max(ApiKey::Fetch, 11)
            .version_max(ApiKey::ListOffsets, 3)
            .version_max(ApiKey::OffsetForLeaderEpoch, -1)
    }

    /// The same without newer versions of a request than this one.
    pub fn version_max(mut self, api: ApiKey, version: i16) -> Self {
        self.versions_max.push((api, version));
        self
    }

    /// The versions of a request that are told and served; none where it is not served.
    pub(crate) fn served(&self, api: ApiKey, known: VersionRange) -> Option<VersionRange> {
        let bounds = self.versions_max.iter().filter(|(bounded, _)| *bounded == api);
        let max = bounds.map(|(_, newest)| *newest).fold(known.max, i16::min);
        (known.min <= max).then_some(VersionRange { min: known.min, max })
    }

    /// The ids of the nodes.
    pub(crate) fn node_ids(&self) -> std::ops::Range<i32> {
        self.node_id..self.node_id.saturating_add(self.nodes)
    }
}

/// What Metadata does with the name of a topic that does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnknownTopics {
    /// Answer UNKNOWN_TOPIC_OR_PARTITION.
    #[default]
    Refuse,
    /// Create the topic so, if the request allows it.
    Create(TopicOptions),
}

/// Settings of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopicOptions {
    /// Number of partitions, 1 to 10,000. Default 1.
    pub partitions: i32,
    /// What the broker does with the codec of produced batches. Default [`TopicCompression::Producer`].
    pub compression: TopicCompression,
    /// What DescribeConfigs tells as `cleanup.policy`. Nothing is cleaned up by itself. Default
    /// [`TopicCleanup::Delete`].
    pub cleanup: TopicCleanup,
}

impl TopicOptions {
    /// That many partitions, the rest by default.
    pub fn partitions(partitions: i32) -> Self {
        Self {
            partitions,
            ..Self::default()
        }
    }

    /// The same with another compression.
    pub fn compression(self, compression: TopicCompression) -> Self {
        Self { compression, ..self }
    }

    /// The same with another cleanup.
    pub fn cleanup(self, cleanup: TopicCleanup) -> Self {
        Self { cleanup, ..self }
    }
}

impl Default for TopicOptions {
    fn default() -> Self {
        Self {
            partitions: 1,
            compression: TopicCompression::Producer,
            cleanup: TopicCleanup::Delete,
        }
    }
}

/// Kafka's topic setting `cleanup.policy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TopicCleanup {
    /// Old records go.
    #[default]
    Delete,
    /// Of each key the newest record stays.
    Compact,
    /// Both.
    CompactAndDelete,
}

impl TopicCleanup {
    /// The value of `cleanup.policy`.
    pub fn config(self) -> &'static str {
        match self {
            Self::Delete => "delete",
            Self::Compact => "compact",
            Self::CompactAndDelete => "compact,delete",
        }
    }

    /// Reads a value of `cleanup.policy`.
    pub fn from_config(value: &str) -> Option<Self> {
        let mut policies: Vec<&str> = value.split(',').map(str::trim).collect();
        policies.sort_unstable();
        match policies.as_slice() {
            ["delete"] => Some(Self::Delete),
            ["compact"] => Some(Self::Compact),
            ["compact", "delete"] => Some(Self::CompactAndDelete),
            _ => None,
        }
    }
}

/// Kafka's topic setting `compression.type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TopicCompression {
    /// Batches stay as the producer compressed them; in-process appends are not compressed.
    #[default]
    Producer,
    /// Every batch is stored with this codec, whatever the producer used.
    Codec(Compression),
}

impl TopicCompression {
    /// The codec of batches made in process.
    pub(crate) fn own_codec(self) -> Compression {
        match self {
            Self::Producer => Compression::None,
            Self::Codec(codec) => codec,
        }
    }

    /// Reads a value of `compression.type`: `producer`, `uncompressed`, or the name of a codec.
    pub fn from_config(value: &str) -> Option<Self> {
        match value {
            "producer" => Some(Self::Producer),
            "uncompressed" => Some(Self::Codec(Compression::None)),
            "none" => None, // the name that producers use for it, which Kafka refuses for topics
            _ => Compression::ALL
                .into_iter()
                .find(|codec| codec.name() == value)
                .map(Self::Codec),
        }
    }
}
