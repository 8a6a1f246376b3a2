//! `quipu demo`: a broker, a fleet of agents and an ingest in one process, then a report.

use std::env;
use std::future::pending;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use quipu::client::replay::{Recorded, ReplayOptions, ReplayProgress, replay};
use quipu::ingest::kafka::address::BrokerAddress;
use quipu::ingest::kafka::batch::OnCorrupt;
use quipu::ingest::kafka::produce::BatchCompression;
use quipu::ingest::kafka::{KafkaOptions, Until};
use quipu::ingest::{KafkaRunOptions, PipelineOptions, ingest_kafka};
use quipu_broker::{Broker, BrokerOptions, TopicOptions};
use tokio::runtime::Runtime;

use crate::cli::Global;
use crate::commands::ingest::attend::{self, Remaining};
use crate::demo::faults::Planted;
use crate::demo::{faults, report, traffic};
use crate::failure::UsageError;
use crate::progress::counted;
use crate::query::Query;

/// The topic of the demo: the first that `quipu ingest` looks for.
const TOPIC: &str = "dashstream-events";

/// Its partitions.
const PARTITIONS: i32 = 4;

/// The store when none is named: fresh, so a number is added if there is one.
const DEFAULT_STORE: &str = "quipu-demo";

/// Stores of earlier demos that are passed over before giving up.
const STORES_MAX: u32 = 1_000;

const EXPLANATION: &str = "\
Starts a Kafka broker on a free port of this machine, lets a fleet of agents
produce to it, follows the topic like any other, and says what arrived and what
did not. A few messages are lost and one is damaged on purpose.

The store is a fresh ./quipu-demo unless --store names another place.";

/// Arguments of `quipu demo`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXPLANATION)]
pub(crate) struct Args {
    /// About how many messages the fleet sends
    #[arg(long, default_value_t = 50_000, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    messages: u64,

    /// The same seed gives the same messages
    #[arg(long, default_value_t = 1, value_name = "S")]
    seed: u64,
}

/// Runs the demo.
pub(crate) fn command(global: &Global, args: &Args, runtime: &Runtime) -> Result<()> {
    let store = fresh_store(global)?;
    let (broker, planted) = runtime.block_on(async {
        let broker = Broker::start(BrokerOptions::default())
            .await
            .context("cannot start the broker of the demo")?;
        broker
            .create_topic(TOPIC, TopicOptions::partitions(PARTITIONS))
            .context("cannot create the topic of the demo")?;
        say(&format!(
            "a broker listens on {}; a fleet of agents sends about {} to {TOPIC}",
            broker.address(),
            counted(args.messages, "message")
        ));
        let planted = produce(&broker.address(), args).await?;
        anyhow::Ok((broker, planted))
    })?;
    say(&format!("following {TOPIC} into {}", store.display()));
    let options = kafka_run(&broker.address())?;
    let counts = {
        let store = store.clone();
        attend::run(
            runtime,
            Remaining::Records,
            &attend::Watch::default(),
            move |run| {
                Ok(ingest_kafka(
                    store,
                    options,
                    &run.stop,
                    &run.progress,
                    |notice| run.notify(notice),
                )?)
            },
        )?
    };
    attend::say_summary(&counts);
    runtime.block_on(broker.shutdown());
    say("");
    let query = Query::of_store(&store)?;
    runtime.block_on(report::print(&query, planted, &store, &program()))
}

/// The settings of `quipu ingest --topic dashstream-events --until end`, whatever the environment says.
fn kafka_run(address: &str) -> Result<KafkaRunOptions> {
    let mut source = KafkaOptions::new(BrokerAddress::parse_list(address)?);
    source.topics = vec![TOPIC.to_owned()];
    source.until = Until::End;
    Ok(KafkaRunOptions {
        source,
        on_corrupt: OnCorrupt::default(),
        pipeline: PipelineOptions::default(),
    })
}

/// How the user called this program, for commands to paste.
fn program() -> String {
    env::args()
        .next()
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "quipu".to_owned())
}

fn say(text: &str) {
    // A closed standard error leaves nobody to tell.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Lets the fleet send its messages, less those that get lost on the way.
async fn produce(address: &str, args: &Args) -> Result<Planted> {
    let (records, planted) = faults::plant(traffic::messages(args.messages, args.seed, PARTITIONS));
    let records = records.into_iter().map(|record| {
        Ok(Recorded {
            key: Some(record.key),
            value: record.value,
            recorded_us: Some(record.time_us),
        })
    });
    let mut options = ReplayOptions {
        keep_times: true,
        ..ReplayOptions::default()
    };
    options.produce.compression = BatchCompression::Zstd { level: 3 };
    let progress = Arc::new(ReplayProgress::default());
    let brokers = BrokerAddress::parse_list(address)?;
    replay(brokers, TOPIC, records, options, &progress, pending()).await?;
    ensure!(
        progress.counts().failed == 0,
        "the broker of the demo did not take everything: {}",
        progress.first_failure().unwrap_or_default()
    );
    Ok(planted)
}

/// A path for the store where nothing is yet: a demo never writes into what somebody else may need.
fn fresh_store(global: &Global) -> Result<PathBuf> {
    if let Some(path) = &global.store {
        if is_free(path) {
            return Ok(path.clone());
        }
        return Err(UsageError(format!(
            "{} is there already and the demo writes a store of its own: name another path with --store",
            path.display()
        ))
        .into());
    }
    let numbered = (2..=STORES_MAX).map(|number| PathBuf::from(format!("{DEFAULT_STORE}-{number}")));
    std::iter::once(PathBuf::from(DEFAULT_STORE))
        .chain(numbered)
        .find(|path| is_free(path))
        .with_context(|| format!("{STORES_MAX} stores of earlier demos are here: remove ./{DEFAULT_STORE}*"))
}

/// Whether nothing is there, or an empty folder.
fn is_free(path: &Path) -> bool {
    match path.read_dir() {
        Ok(mut entries) => entries.next().is_none(),
        Err(_) => !path.exists(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(store: &Path) -> Global {
        Global {
            store: Some(store.to_owned()),
            prices: None,
            verbose: 0,
        }
    }

    #[test]
    fn a_store_that_is_there_is_never_written_to() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(fresh_store(&named(folder.path())).unwrap(), folder.path());
        std::fs::write(folder.path().join("something"), "").unwrap();
        let error = fresh_store(&named(folder.path())).unwrap_err();
        assert!(
            error.is::<UsageError>() && error.to_string().contains("--store"),
            "{error}"
        );
        assert!(fresh_store(&named(&folder.path().join("something"))).is_err());
    }
}
