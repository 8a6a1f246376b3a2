//! The options.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use clap::builder::NonEmptyStringValueParser;
use clap::{ArgAction, Parser, ValueEnum};
use quipu::Policy;
use quipu::ingest::kafka::address::BrokerAddress;
use quipu::ingest::kafka::{KafkaEnv, KafkaError, KafkaOptions};
use quipu::proto::json_form::{JsonForm, Names};

use super::choice::{Choice, TypeName};

const EXAMPLES: &str = "\
Examples:
  parse_events                                      all that the default topics hold, then end
  parse_events --tail                               what comes from now on, until Ctrl-C
  parse_events -b kafka:9092 -t my-topic -n 10      the first ten messages
  parse_events --last 1000 | analyze_events         a report about the newest thousand
  parse_events --frames day.frames --thread s-17    one thread of a recorded file

Exit codes: 0 done, 1 failed, 2 wrong usage.";

/// Prints the DashStream messages of Kafka topics, or of recorded files, as JSON.
///
/// Messages go to standard output, one a line, or spread over lines on a terminal; everything else goes to standard
/// error. Without --tail it reads all partitions up to the end that they have now.
#[derive(Debug, Parser)]
#[command(name = "parse_events", version, after_help = EXAMPLES)]
pub(super) struct Args {
    /// Brokers to begin with, separated by commas [default: $KAFKA_BROKERS, else $KAFKA_BOOTSTRAP_SERVERS, else
    /// localhost:9092]
    #[arg(short, long, value_name = "HOST:PORT", value_parser = brokers)]
    broker: Option<String>,

    /// Topic to read, all partitions; may be given several times [default: $KAFKA_TOPIC, else those of
    /// dashstream-events, dashstream_events and dashstream-quality that exist]
    #[arg(short, long, value_name = "TOPIC", value_parser = NonEmptyStringValueParser::new())]
    topic: Vec<String>,

    /// Taken for the sake of old scripts, and of no effect: no consumer group is joined
    #[arg(short, long, value_name = "GROUP", value_parser = NonEmptyStringValueParser::new())]
    group: Option<String>,

    /// Begin at the end and follow until interrupted
    #[arg(long)]
    pub(super) tail: bool,

    /// Stop after so many messages
    #[arg(short = 'n', long, value_name = "N")]
    pub(super) limit: Option<u64>,

    /// Only the newest messages of all partitions together, oldest first
    #[arg(long, value_name = "N", conflicts_with_all = ["limit", "tail"])]
    pub(super) last: Option<usize>,

    /// Only this partition; may be given several times
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(i32).range(0..))]
    partition: Vec<i32>,

    /// Read a recorded file instead of Kafka; - is standard input
    #[arg(short, long, value_name = "FILE", conflicts_with_all = ["broker", "topic", "tail"])]
    frames: Option<PathBuf>,

    /// Only this thread; may be given several times
    #[arg(long, value_name = "ID")]
    thread: Vec<String>,

    /// Only this tenant; may be given several times
    #[arg(long, value_name = "ID")]
    tenant: Vec<String>,

    /// Only messages of this type; may be given several times
    #[arg(long = "type", value_name = "TYPE", value_enum, ignore_case = true)]
    types: Vec<TypeName>,

    /// Print the events of an EventBatch in its place
    #[arg(long)]
    expand_batches: bool,

    /// One message a line [default: unless standard output is a terminal]
    #[arg(long, conflicts_with = "pretty")]
    compact: bool,

    /// A message over many lines [default: if standard output is a terminal]
    #[arg(long)]
    pretty: bool,

    /// What to take for a message
    #[arg(long, value_enum, default_value_t = PolicyName::Strict, value_name = "POLICY")]
    policy: PolicyName,

    /// Whether event types 0, 80 to 83, 90 and 91 and header types 0 and 9 have names or are UNKNOWN(n)
    #[arg(long, value_enum, default_value_t = NamesChoice::Reference, value_name = "NAMES", hide_short_help = true)]
    names: NamesChoice,

    /// Say more: the causes of an error; twice, what happens inside
    #[arg(short, long, action = ArgAction::Count)]
    verbose: u8,
}

/// What to take for a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum PolicyName {
    /// Framed messages of schema version 1 with a header, nothing else
    Strict,
    /// Also unframed messages and messages without a header
    Compatible,
    /// As compatible, and newer schema versions
    Forward,
}

/// Which numbers have names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum NamesChoice {
    /// Those that readers of this output have always seen
    Reference,
    /// All that the schema names
    All,
}

impl Args {
    pub(super) fn verbose(&self) -> u8 {
        self.verbose
    }

    pub(super) fn frames_path(&self) -> Option<&Path> {
        self.frames.as_deref()
    }

    pub(super) fn policy(&self) -> Policy {
        match self.policy {
            PolicyName::Strict => Policy::Strict,
            PolicyName::Compatible => Policy::Compatible,
            PolicyName::Forward => Policy::Forward,
        }
    }

    pub(super) fn form(&self) -> JsonForm {
        JsonForm {
            names: match self.names {
                NamesChoice::Reference => Names::Reference,
                NamesChoice::All => Names::All,
            },
            expand_batches: self.expand_batches,
        }
    }

    pub(super) fn choice(&self) -> Choice {
        Choice {
            partitions: self.partition.clone(),
            threads: self.thread.clone(),
            tenants: self.tenant.clone(),
            types: self.types.clone(),
        }
    }

    /// Whether documents are spread over lines.
    pub(super) fn is_pretty(&self) -> bool {
        self.pretty || !self.compact && io::stdout().is_terminal()
    }

    /// Where in Kafka to read: options win over the environment.
    pub(super) fn kafka(&self) -> Result<KafkaOptions, KafkaError> {
        let environment = KafkaEnv::from_lookup(|name| match name {
            "KAFKA_BROKERS" if self.broker.is_some() => self.broker.clone(),
            "KAFKA_TOPIC" | "DASHSTREAM_TOPIC" if !self.topic.is_empty() => None,
            // Where reading begins is said by --tail and --last alone.
            "KAFKA_AUTO_OFFSET_RESET" => None,
            name => std::env::var(name).ok(),
        })?;
        let mut options = environment.options();
        if !self.topic.is_empty() {
            options.topics.clone_from(&self.topic);
        }
        Ok(options)
    }
}

/// Checks a list of brokers as it is typed.
fn brokers(text: &str) -> Result<String, String> {
    BrokerAddress::parse_list(text)
        .map(|_| text.to_owned())
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn definitions_are_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn the_old_flags_are_understood_in_both_forms() {
        let long = Args::try_parse_from([
            "parse_events",
            "--broker",
            "a:1, b:2",
            "--topic=t",
            "--group",
            "g",
            "--limit",
            "10",
            "--tail",
        ]);
        let short = Args::try_parse_from([
            "parse_events",
            "-b",
            "a:1, b:2",
            "-t",
            "t",
            "-g",
            "g",
            "-n",
            "10",
            "--tail",
        ]);
        for args in [long, short] {
            let args = args.unwrap();
            let kafka = args.kafka().unwrap();
            assert_eq!((kafka.brokers.len(), kafka.topics), (2, vec!["t".to_owned()]));
            assert_eq!((args.tail, args.limit), (true, Some(10)));
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for arguments in [
            &["--limit", "-3"][..],
            &["--last", "5", "--tail"],
            &["--frames", "f", "--topic", "t"],
            &["--compact", "--pretty"],
            &["--topic", ""],
            &["--group", ""],
            &["--partition", "-1"],
            &["--type", "Evnt"],
            &["extra"],
        ] {
            let parsed = Args::try_parse_from([&["parse_events"], arguments].concat());
            assert_eq!(parsed.unwrap_err().exit_code(), 2, "{arguments:?}");
        }
    }
}
