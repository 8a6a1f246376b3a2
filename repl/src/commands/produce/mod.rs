//! `quipu produce`: recorded or generated telemetry to a broker.

mod source;
mod speed;
mod watch;

use std::env;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::ValueEnum;
use quipu::client::replay::{Pace, ReplayOptions};
use quipu::ingest::kafka::KafkaEnv;
use quipu::ingest::kafka::produce::{BatchCompression, Partitioner, ProduceOptions};
use quipu::ingest::kafka::topics::{TopicAdmin, TopicProfile};
use quipu::proto::framing::Compression;
use tokio::runtime::Runtime;

use crate::commands::ingest::brokers;
use crate::failure::UsageError;
use crate::units;

/// The topic of producers when none is named.
const DEFAULT_TOPIC: &str = "dashstream-events";

const EXAMPLES: &str = "\
Examples:
  quipu produce --frames recorded.frames               send a recording as fast as the brokers take it
  quipu produce --frames recorded.frames --speed 10x   ten times as fast as it was made
  quipu produce --jsonl dashstream-events.jsonl        what the file backend of DashFlow wrote
  quipu produce --demo --messages 100000 --speed 500/s

Records of a recording are sent as they are, with their keys, ids and numbers: a store that has them knows the copies.
KAFKA_SECURITY_PROTOCOL, KAFKA_SASL_* and KAFKA_SSL_* say how to connect, as for `quipu ingest`.
Ctrl-C stops reading and waits for what was sent; a second Ctrl-C stops at once.";

/// Arguments of `quipu produce`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    source: SourceArgs,

    /// About how many messages the fleet sends
    #[cfg(feature = "demo")]
    #[arg(long, default_value_t = 50_000, value_name = "N", requires = "demo",
          value_parser = clap::value_parser!(u64).range(1..))]
    messages: u64,

    /// The same seed gives the same fleet
    #[cfg(feature = "demo")]
    #[arg(long, default_value_t = 1, value_name = "S", requires = "demo")]
    seed: u64,

    /// Topic to send to [default: $KAFKA_TOPIC, else $DASHSTREAM_TOPIC, else dashstream-events]
    #[arg(short, long, value_name = "TOPIC")]
    topic: Option<String>,

    /// Brokers to begin with, separated by commas [default: $KAFKA_BROKERS, else $KAFKA_BOOTSTRAP_SERVERS, else
    /// localhost:9092]
    #[arg(short, long, value_name = "HOST:PORT", value_parser = brokers)]
    brokers: Option<String>,

    /// Create the topic if there is none, made for: default (10 partitions, a week), recommended (3 copies), dev (3
    /// partitions, a day) or dlq (30 days)
    #[arg(long, value_enum, value_name = "PROFILE", num_args = 0..=1, default_missing_value = "default")]
    create: Option<ProfileName>,

    /// How fast: full, original, so many times the original (10x), or so many records a second (500/s)
    #[arg(long, value_name = "SPEED", default_value = "full", value_parser = speed::parse)]
    speed: Pace,

    /// Give records the time of their message as their time in Kafka, not the time of sending
    #[arg(long)]
    keep_times: bool,

    /// How messages are compressed, one by one; records of frames files stay as they are
    #[arg(long, value_enum, value_name = "CODEC", default_value_t = MessageCodec::Zstd)]
    compression: MessageCodec,

    /// How batches of records are compressed together
    #[arg(long, value_enum, value_name = "CODEC", default_value_t = BatchCodec::None)]
    batch_compression: BatchCodec,

    /// How keys choose partitions
    #[arg(long, value_enum, value_name = "NAME", default_value_t = PartitionerName::Crc32)]
    partitioner: PartitionerName,

    /// How long a record may take until it counts as failed, such as 30s
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = units::duration)]
    timeout: Duration,
}

/// What is sent: one of these.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct SourceArgs {
    /// Frames files
    #[arg(long, value_name = "FILE", num_args = 1..)]
    frames: Vec<PathBuf>,

    /// Files of JSON lines with offset, timestamp_us and data, a message in base64: what the file backend of DashFlow
    /// writes
    #[arg(long, value_name = "FILE", num_args = 1..)]
    jsonl: Vec<PathBuf>,

    /// The fleet of agents of `quipu demo`
    #[cfg(feature = "demo")]
    #[arg(long)]
    demo: bool,
}

/// What a topic is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ProfileName {
    Default,
    Recommended,
    Dev,
    Dlq,
}

impl From<ProfileName> for TopicProfile {
    fn from(name: ProfileName) -> Self {
        match name {
            ProfileName::Default => Self::Default,
            ProfileName::Recommended => Self::Recommended,
            ProfileName::Dev => Self::Dev,
            ProfileName::Dlq => Self::DeadLetters,
        }
    }
}

/// How messages are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum MessageCodec {
    /// zstd above 512 bytes, where it makes a message smaller: what all readers know
    Zstd,
    /// LZ4 above 512 bytes: Quipu alone reads it
    Lz4,
    /// Not at all: the choice where batches are compressed
    None,
}

impl MessageCodec {
    fn compression(self) -> Compression {
        match self {
            Self::Zstd => Compression::default(),
            Self::Lz4 => Compression::Lz4 { threshold_bytes: 512 },
            Self::None => Compression::None,
        }
    }
}

/// How batches are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum BatchCodec {
    /// Not at all
    None,
    /// gzip
    Gzip,
    /// Snappy
    Snappy,
    /// LZ4
    Lz4,
    /// zstd, level 6
    Zstd,
}

impl From<BatchCodec> for BatchCompression {
    fn from(codec: BatchCodec) -> Self {
        match codec {
            BatchCodec::None => Self::None,
            BatchCodec::Gzip => Self::Gzip,
            BatchCodec::Snappy => Self::Snappy,
            BatchCodec::Lz4 => Self::Lz4,
            BatchCodec::Zstd => Self::Zstd { level: 6 },
        }
    }
}

/// How keys choose partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum PartitionerName {
    /// As librdkafka and DashFlow's producers
    Crc32,
    /// As the Java client
    Murmur2,
}

impl From<PartitionerName> for Partitioner {
    fn from(name: PartitionerName) -> Self {
        match name {
            PartitionerName::Crc32 => Self::Crc32,
            PartitionerName::Murmur2 => Self::Murmur2,
        }
    }
}

/// Sends what the arguments name.
pub(crate) fn command(args: &Args, runtime: &Runtime) -> Result<()> {
    let environment = KafkaEnv::from_lookup(|name| match name {
        "KAFKA_BROKERS" if args.brokers.is_some() => args.brokers.clone(),
        name => env::var(name).ok(),
    })?;
    let topic = args
        .topic
        .clone()
        .or_else(|| environment.topic.clone())
        .unwrap_or_else(|| DEFAULT_TOPIC.to_owned());
    if topic.trim().is_empty() {
        return Err(UsageError("--topic is empty: name a topic".to_owned()).into());
    }
    let options = ReplayOptions {
        pace: args.speed,
        keep_times: args.keep_times,
        produce: ProduceOptions {
            partitioner: args.partitioner.into(),
            compression: args.batch_compression.into(),
            delivery_timeout: args.timeout,
            connect: environment.options().connect,
            ..ProduceOptions::default()
        },
        ..ReplayOptions::default()
    };
    let records = source::records(args)?;
    if let Some(profile) = args.create {
        let admin = TopicAdmin::new(environment.brokers.clone(), options.produce.connect.clone());
        let settings = TopicProfile::from(profile).settings();
        runtime.block_on(admin.create(&topic, &settings))?;
    }
    let (counts, first_failure) = watch::replay(runtime, environment.brokers, &topic, records, options)?;
    match first_failure {
        Some(why) => bail!(
            "{} of {} records were not delivered: {why}",
            counts.failed,
            counts.read
        ),
        None => Ok(()),
    }
}
