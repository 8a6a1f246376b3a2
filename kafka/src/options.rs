//! What can be chosen about a Kafka source.

use std::time::Duration;

use crate::address::BrokerAddress;
use crate::connect::ConnectOptions;
use crate::offsets::Isolation;

/// The topics that are read when none is named: the three defaults found in the field. Those that exist are taken.
pub const DEFAULT_TOPICS: [&str; 3] = ["dashstream-events", "dashstream_events", "dashstream-quality"];

/// Where reading begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StartFrom {
    /// At the position that the store has; where it has none, by [`KafkaOptions::reset`].
    #[default]
    Stored,
    /// At the first record that is still there.
    Earliest,
    /// Behind the last record that is there now.
    Latest,
    /// At this offset, in every partition.
    Offset(i64),
    /// At the first record whose time is at or after this one, in milliseconds since the Unix epoch.
    Timestamp(i64),
    /// So many offsets before the end that each partition has when it is opened; at its start where it has fewer.
    BeforeEnd(u64),
}

/// Where a partition without a stored position begins (`KAFKA_AUTO_OFFSET_RESET`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reset {
    /// At the first record that is still there.
    #[default]
    Earliest,
    /// Behind the last record that is there now.
    Latest,
}

/// Where reading ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Until {
    /// Never: new records, partitions and topics are followed.
    #[default]
    Follow,
    /// At the end that each partition has when it is opened.
    End,
    /// Before this offset, in every partition; waits for it if it is not there yet.
    Offset(i64),
    /// Before the first record whose time is at or after this one, in milliseconds since the Unix epoch; at the end if
    /// no record is so young when the partition is opened.
    Timestamp(i64),
}

/// What becomes of offsets that retention removed before they were read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnOutOfRange {
    /// They are told as an offset hole with cause `retention`, and reading goes on behind it.
    #[default]
    Hole,
    /// The partition fails.
    Stop,
}

/// What becomes of a topic that does not exist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnUnknownTopic {
    /// An error.
    #[default]
    Fail,
    /// It is waited for.
    Wait,
}

/// Settings of a [`crate::KafkaSource`].
#[derive(Clone, Debug)]
pub struct KafkaOptions {
    /// Brokers to ask first; the others are learned from them.
    pub brokers: Vec<BrokerAddress>,
    /// Topics to read; empty = those of [`DEFAULT_TOPICS`] that exist.
    pub topics: Vec<String>,
    /// Partitions to read of each topic; empty = all, also those that are added later. Default empty.
    pub partitions: Vec<i32>,
    /// Where reading begins. Default [`StartFrom::Stored`].
    pub from: StartFrom,
    /// Where a partition without a stored position begins under [`StartFrom::Stored`]. Default [`Reset::Earliest`].
    pub reset: Reset,
    /// Where reading ends. Default [`Until::Follow`].
    pub until: Until,
    /// Default [`OnOutOfRange::Hole`].
    pub on_out_of_range: OnOutOfRange,
    /// Default [`OnUnknownTopic::Fail`].
    pub on_unknown_topic: OnUnknownTopic,
    /// Default [`Isolation::ReadCommitted`].
    pub isolation: Isolation,
    /// Most bytes of one fetch from one broker. Default 16 MiB. Together with the room of the event channel this bounds
    /// the memory of the source.
    pub fetch_bytes_max: u32,
    /// Most bytes of one partition in one fetch. Default 4 MiB; a batch that is larger comes all the
    /// same.
    pub partition_bytes_max: u32,
    /// How long a broker may wait for new records before it answers. Default 500 ms.
    pub fetch_wait: Duration,
    /// How often new partitions, topics and leaders are looked for. Default 30 s.
    pub metadata_refresh: Duration,
    /// How long a partition may stand below its last stable offset, or its leader may be silent, before that is told.
    /// Default 25 s: looked at once a second, it is told within 30 s.
    pub stall_after: Duration,
    /// How long brokers are waited for at the start. Default 30 s.
    pub startup_timeout: Duration,
    /// How connections are made.
    pub connect: ConnectOptions,
}

impl KafkaOptions {
    /// The defaults for these brokers.
    #[must_use]
    pub fn new(brokers: Vec<BrokerAddress>) -> Self {
        Self {
            brokers,
            topics: Vec::new(),
            partitions: Vec::new(),
            from: StartFrom::default(),
            reset: Reset::default(),
            until: Until::default(),
            on_out_of_range: OnOutOfRange::default(),
            on_unknown_topic: OnUnknownTopic::default(),
            isolation: Isolation::default(),
            fetch_bytes_max: 16 << 20,
            partition_bytes_max: 4 << 20,
            fetch_wait: Duration::from_millis(500),
            metadata_refresh: Duration::from_secs(30),
            stall_after: Duration::from_secs(25),
            startup_timeout: Duration::from_secs(30),
            connect: ConnectOptions::default(),
        }
    }
}
