//! What can be chosen when a broker is started or a topic created.

use std::net::{Ipv4Addr, SocketAddr};

use crate::codec::Compression;
use crate::faults::FaultScript;

/// Most partitions of one topic: each costs memory even when empty, and requests from the wire can ask for
/// them.
pub(crate) const PARTITIONS_MAX: i32 = 10_000;

/// Settings of a [`Broker`](crate::Broker).
#[derive(Debug, Clone)]
pub struct BrokerOptions {
    /// Where to listen. Default `127.0.0.1:0`: loopback, on a port the system picks. Its IP is also what
    /// Metadata tells clients, so an unspecified address (`0.0.0.0`) serves nobody.
    pub listen: SocketAddr,
    /// The id of this one node of its cluster. Default 1.
    pub node_id: i32,
    /// Largest request in bytes; a larger one closes the connection. Default 100 MiB, as Kafka's
    /// `socket.request.max.bytes`.
    pub frame_bytes_max: usize,
    /// Largest record batch a client may produce, in bytes. Default 1,048,588, as Kafka's
    /// `message.max.bytes`. Batches appended in process are not bounded.
    pub batch_bytes_max: usize,
    /// What becomes of topics that clients name in Metadata and that do not exist.
    pub unknown_topics: UnknownTopics,
    /// Faults to play from the first request on. Default none.
    pub faults: FaultScript,
}

impl Default for BrokerOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            node_id: 1,
            frame_bytes_max: 100 << 20,
            batch_bytes_max: 1_048_588,
            unknown_topics: UnknownTopics::Refuse,
            faults: FaultScript::default(),
        }
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
}

impl Default for TopicOptions {
    fn default() -> Self {
        Self {
            partitions: 1,
            compression: TopicCompression::Producer,
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
