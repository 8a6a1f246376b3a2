//! `quipu ingest`: follows Kafka, or takes in recorded files.

pub(crate) mod attend;
mod position;

use std::env;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use clap::{Subcommand, ValueEnum};
use quipu::Policy;
use quipu::ingest::dead_letters::ForwardOptions;
use quipu::ingest::kafka::address::BrokerAddress;
use quipu::ingest::kafka::batch::OnCorrupt;
use quipu::ingest::kafka::{KafkaEnv, KafkaOptions, StartFrom, Until};
use quipu::ingest::{FramesFile, KafkaRunOptions, PipelineOptions, ingest_frames, ingest_kafka};
use tokio::runtime::Runtime;

use self::attend::{Remaining, Watch};
use crate::cli::Global;
use crate::failure::UsageError;
use crate::units;

const EXAMPLES: &str = "\
Examples:
  quipu ingest --brokers localhost:9092                follow what is there and what comes
  quipu ingest --topic dashstream-events --until end   take in what is there, then stop
  quipu ingest --from 2026-01-02T03:04:05Z --until 2026-01-03
  quipu ingest frames recorded.frames

Ctrl-C commits what was read and stops; a second Ctrl-C stops at once.
Either way nothing is lost, and the next run goes on where the last commit ends.";

/// Arguments of `quipu ingest`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    source: Option<Source>,

    #[command(flatten)]
    kafka: KafkaArgs,

    #[command(flatten)]
    common: CommonArgs,
}

/// Sources other than Kafka.
#[derive(Debug, Subcommand)]
enum Source {
    /// Take in recorded frames files; a file that is in the store already adds nothing
    Frames(FramesArgs),
}

/// Arguments of `quipu ingest frames`.
#[derive(Debug, clap::Args)]
struct FramesArgs {
    /// Recorded files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Topic under which the records are kept [default: the name of the file]
    #[arg(short, long, value_name = "TOPIC")]
    topic: Option<String>,
}

/// Where in Kafka to read.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct KafkaArgs {
    /// Topic to follow, all partitions; may be given several times [default: $KAFKA_TOPIC, else those of
    /// dashstream-events, dashstream_events and dashstream-quality that exist]
    #[arg(short, long, value_name = "TOPIC")]
    topic: Vec<String>,

    /// Brokers to begin with, separated by commas [default: $KAFKA_BROKERS, else $KAFKA_BOOTSTRAP_SERVERS, else
    /// localhost:9092]
    #[arg(short, long, value_name = "HOST:PORT", value_parser = brokers)]
    brokers: Option<String>,

    /// Where to begin: stored, earliest, latest, an offset, or a time such as 2026-01-02T03:04:05Z [default: stored,
    /// else $KAFKA_AUTO_OFFSET_RESET, else earliest]
    #[arg(long, value_name = "WHERE", value_parser = position::start)]
    from: Option<StartFrom>,

    /// Where to stop: end (as of now), an offset, or a time [default: never, follow]
    #[arg(long, value_name = "WHERE", value_parser = position::end)]
    until: Option<Until>,

    /// Addresses to connect to: any, v4 or v6 [default: $KAFKA_BROKER_ADDRESS_FAMILY, else any]
    #[arg(long, value_enum, value_name = "FAMILY", ignore_case = true)]
    address_family: Option<FamilyName>,
}

/// What every source needs to know.
#[derive(Debug, clap::Args)]
struct CommonArgs {
    /// What to take for a message
    #[arg(long, global = true, value_enum, default_value_t = PolicyName::Compatible, value_name = "POLICY")]
    policy: PolicyName,

    /// Rows after which a commit is due [default: 500000]
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    flush_rows: Option<u64>,

    /// Bytes in memory after which a commit is due, such as 64MiB [default: 256MiB]
    #[arg(long, global = true, value_name = "N", value_parser = units::bytes)]
    flush_bytes: Option<u64>,

    /// Age of the oldest row at which a commit is due, such as 200ms or 1m [default: 5s]
    #[arg(long, global = true, value_name = "AGE", value_parser = units::duration)]
    flush_age: Option<Duration>,

    /// Send dead letters to this Kafka topic too, once they are committed; those that cannot be sent are in the store all
    /// the same
    #[arg(long, value_name = "TOPIC")]
    dlq_topic: Option<String>,

    /// Serve metrics for Prometheus at /metrics, and /healthz and /readyz, at this port of this machine, or at this
    /// address and port
    #[arg(long, global = true, value_name = "ADDRESS", value_parser = metrics_address)]
    metrics: Option<SocketAddr>,
}

/// Addresses to connect to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FamilyName {
    /// Whatever the name of the broker resolves to
    Any,
    /// IPv4 only
    V4,
    /// IPv6 only
    V6,
}

impl FamilyName {
    /// The value of the variable that means the same.
    fn as_str(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::V4 => "v4",
            Self::V6 => "v6",
        }
    }
}

/// What to take for a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PolicyName {
    /// Framed messages of schema version 1 with a header, nothing else
    Strict,
    /// Also unframed messages and messages without a header, as readers of the protocol always did
    Compatible,
    /// As compatible, and newer schema versions
    Forward,
}

impl From<PolicyName> for Policy {
    fn from(name: PolicyName) -> Self {
        match name {
            PolicyName::Strict => Self::Strict,
            PolicyName::Compatible => Self::Compatible,
            PolicyName::Forward => Self::Forward,
        }
    }
}

/// Takes in what the arguments name.
pub(crate) fn command(global: &Global, args: &Args, runtime: &Runtime) -> Result<()> {
    let store = global.store_path();
    let watch = Watch {
        store: store.clone(),
        metrics: args.common.metrics,
    };
    let counts = match &args.source {
        Some(Source::Frames(frames)) => {
            let files: Vec<FramesFile> = frames.files.iter().map(|path| frames.file(path)).collect();
            args.kafka.refuse("frames")?;
            if args.common.dlq_topic.is_some() {
                return Err(UsageError(
                    "--dlq-topic sends the dead letters of a run over Kafka; for those of files use `quipu dlq forward`"
                        .to_owned(),
                )
                .into());
            }
            let options = args.common.pipeline();
            attend::run(runtime, Remaining::Bytes, &watch, move |run| {
                Ok(ingest_frames(store, &files, options, &run.stop, &run.progress)?)
            })?
        }
        None => {
            let options = args.kafka_run()?;
            attend::run(runtime, Remaining::Records, &watch, move |run| {
                Ok(ingest_kafka(
                    store,
                    options,
                    &run.stop,
                    &run.progress,
                    |notice| run.notify(notice),
                )?)
            })?
        }
    };
    attend::say_summary(&counts);
    Ok(())
}

impl Args {
    /// The settings of a run over Kafka.
    fn kafka_run(&self) -> Result<KafkaRunOptions> {
        let source = self.kafka.options()?;
        let mut pipeline = self.common.pipeline();
        pipeline.forward = self.common.dlq_topic.as_ref().map(|topic| ForwardOptions {
            connect: source.connect.clone(),
            ..ForwardOptions::new(source.brokers.clone(), topic.as_str())
        });
        Ok(KafkaRunOptions {
            source,
            on_corrupt: OnCorrupt::default(),
            pipeline,
        })
    }
}

impl KafkaArgs {
    /// Nothing but brokers.
    pub(crate) fn of_brokers(brokers: Option<String>) -> Self {
        Self {
            brokers,
            ..Self::default()
        }
    }

    /// The first topic that is named.
    pub(crate) fn first_topic(&self) -> Option<&str> {
        self.topic.first().map(String::as_str)
    }

    /// The settings of a source: options win over the environment.
    pub(crate) fn options(&self) -> Result<KafkaOptions> {
        let environment = KafkaEnv::from_lookup(|name| match name {
            "KAFKA_BROKERS" if self.brokers.is_some() => self.brokers.clone(),
            "KAFKA_TOPIC" | "DASHSTREAM_TOPIC" if !self.topic.is_empty() => None,
            "KAFKA_BROKER_ADDRESS_FAMILY" if self.address_family.is_some() => {
                self.address_family.map(|family| family.as_str().to_owned())
            }
            name => env::var(name).ok(),
        })?;
        let mut source = environment.options();
        if !self.topic.is_empty() {
            source.topics.clone_from(&self.topic);
        }
        source.from = self.from.unwrap_or_default();
        source.until = self.until.unwrap_or_default();
        Ok(source)
    }

    /// Refuses what says where in Kafka to read, when something else is read.
    fn refuse(&self, source: &str) -> Result<()> {
        let given = [
            ("--topic", !self.topic.is_empty()),
            ("--brokers", self.brokers.is_some()),
            ("--from", self.from.is_some()),
            ("--until", self.until.is_some()),
            ("--address-family", self.address_family.is_some()),
        ];
        match given.into_iter().find(|(_, is_given)| *is_given) {
            Some((option, _)) => Err(UsageError(format!(
                "{option} before `{source}` says where in Kafka to read, and `{source}` does not read from there: leave \
                 it out, or see `quipu ingest {source} --help`"
            ))
            .into()),
            None => Ok(()),
        }
    }
}

impl FramesArgs {
    fn file(&self, path: &Path) -> FramesFile {
        let file = FramesFile::new(path);
        match &self.topic {
            Some(topic) => file.with_topic(topic.as_str()),
            None => file,
        }
    }
}

impl CommonArgs {
    fn pipeline(&self) -> PipelineOptions {
        let mut options = PipelineOptions {
            policy: self.policy.into(),
            ..PipelineOptions::default()
        };
        let flush = &mut options.flush;
        flush.rows_max = self.flush_rows.map_or(flush.rows_max, saturating);
        flush.bytes_max = self.flush_bytes.map_or(flush.bytes_max, saturating);
        flush.age_max = self.flush_age.unwrap_or(flush.age_max);
        options
    }
}

fn saturating(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Reads where to serve metrics: a port, or an address with a port. Without an address nothing but this machine is
/// listened to.
fn metrics_address(text: &str) -> Result<SocketAddr, String> {
    let port = text.strip_prefix(':').unwrap_or(text);
    if let Ok(port) = port.parse::<u16>() {
        return Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    }
    text.parse().map_err(|_| {
        "use a port such as 9464, or an address with one such as 127.0.0.1:9464 or [::1]:9464".to_owned()
    })
}

/// Checks a list of brokers as it is typed.
pub(crate) fn brokers(text: &str) -> Result<String, String> {
    BrokerAddress::parse_list(text)
        .map(|_| text.to_owned())
        .map_err(|error| error.to_string())
}
