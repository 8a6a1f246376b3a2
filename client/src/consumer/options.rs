//! What can be chosen about a consumer.

use std::time::Duration;

use quipu_kafka::address::{AddressFamily, BrokerAddress};
use quipu_kafka::{ConnectOptions, DEFAULT_TOPICS, Isolation, KafkaEnv, KafkaOptions, Reset, StartFrom};
use quipu_proto::Policy;

use super::holes::TellHoles;

/// Where reading begins in each partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// At the first record that is still there.
    #[default]
    Earliest,
    /// Behind the last record that is there when the partition is opened.
    Latest,
    /// At this offset; behind it, with a hole, where it is gone.
    Offset(i64),
    /// At the first record whose time is at or after this one, in milliseconds since the Unix epoch.
    Timestamp(i64),
}

/// Settings of a [`super::Consumer`].
#[derive(Clone, Debug)]
pub struct ConsumerOptions {
    /// Brokers to ask first; the others are learned from them.
    pub brokers: Vec<BrokerAddress>,
    /// Topic to read.
    pub topic: String,
    /// Partitions to read; empty = all, also those that are added later. Default all.
    pub partitions: Vec<i32>,
    /// Where reading begins. Default [`Start::Earliest`].
    pub start: Start,
    /// Which payloads are taken for messages. Default [`Policy::Compatible`].
    pub policy: Policy,
    /// Which offset holes are told as errors; all are counted. Default [`TellHoles::Losses`].
    pub tell_holes: TellHoles,
    /// Whether records of transactions that are not committed are read too. Default [`Isolation::ReadCommitted`].
    pub isolation: Isolation,
    /// How long brokers are waited for at the start. Default 30 s.
    pub startup_timeout: Duration,
    /// Most bytes of one fetch from one broker. Default 4 MiB. Up to six fetches are held at once.
    pub fetch_bytes_max: u32,
    /// How connections are made: their security, addresses and time limits.
    pub connect: ConnectOptions,
}

impl ConsumerOptions {
    /// The defaults for a topic, over plain connections.
    #[must_use]
    pub fn new(brokers: Vec<BrokerAddress>, topic: impl Into<String>) -> Self {
        let connect = ConnectOptions {
            address_family: AddressFamily::automatic(&brokers),
            ..ConnectOptions::default()
        };
        Self {
            brokers,
            topic: topic.into(),
            partitions: Vec::new(),
            start: Start::default(),
            policy: Policy::default(),
            tell_holes: TellHoles::default(),
            isolation: Isolation::default(),
            startup_timeout: Duration::from_secs(30),
            fetch_bytes_max: 4 << 20,
            connect,
        }
    }

    /// What the environment says: one partition of one topic. Without KAFKA_TOPIC it is the topic that the libraries of
    /// applications write to.
    #[must_use]
    pub fn from_env(env: &KafkaEnv) -> Self {
        let source = env.options();
        let topic = env.topic.as_deref().unwrap_or(DEFAULT_TOPICS[0]);
        Self {
            partitions: vec![env.partition],
            start: match env.reset {
                Reset::Earliest => Start::Earliest,
                Reset::Latest => Start::Latest,
            },
            startup_timeout: source.startup_timeout,
            connect: source.connect,
            ..Self::new(env.brokers.clone(), topic)
        }
    }

    pub(super) fn brokers_text(&self) -> String {
        let brokers: Vec<String> = self.brokers.iter().map(ToString::to_string).collect();
        brokers.join(",")
    }

    pub(super) fn into_source(self) -> KafkaOptions {
        let mut source = KafkaOptions::new(self.brokers);
        source.topics = vec![self.topic];
        source.partitions = self.partitions;
        source.from = match self.start {
            Start::Earliest => StartFrom::Earliest,
            Start::Latest => StartFrom::Latest,
            Start::Offset(offset) => StartFrom::Offset(offset),
            Start::Timestamp(time) => StartFrom::Timestamp(time),
        };
        source.isolation = self.isolation;
        source.fetch_bytes_max = self.fetch_bytes_max;
        source.partition_bytes_max = source.partition_bytes_max.min(self.fetch_bytes_max);
        source.startup_timeout = self.startup_timeout;
        source.connect = self.connect;
        source
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_environment_says_what_is_read() {
        let env = KafkaEnv::from_lookup(|name| {
            let value = match name {
                "KAFKA_BROKERS" => "a:1",
                "KAFKA_PARTITION" => "3",
                "KAFKA_AUTO_OFFSET_RESET" => "latest",
                "KAFKA_SECURITY_PROTOCOL" => "sasl_plaintext",
                "KAFKA_SASL_USERNAME" => "user",
                "KAFKA_SASL_PASSWORD" => "hunter2",
                _ => return None,
            };
            Some(value.to_owned())
        })
        .unwrap();
        let options = ConsumerOptions::from_env(&env);
        assert_eq!(
            (
                options.topic.as_str(),
                options.partitions.as_slice(),
                options.start
            ),
            ("dashstream-events", &[3][..], Start::Latest)
        );
        assert_eq!(options.connect.security.protocol(), "sasl_plaintext");
        assert!(!format!("{options:?}").contains("hunter2"));
    }
}
