//! `quipu dlq forward`.

use std::io::{self, Write};
use std::sync::Arc;

use anyhow::{Result, bail};
use quipu::ingest::Progress;
use quipu::ingest::dead_letters::{ForwardOptions, forward};
use tokio::runtime::Runtime;

use super::choice::ChoiceArgs;
use crate::cli::Global;
use crate::commands::ingest::KafkaArgs;
use crate::failure::OutputError;
use crate::progress::counted;
use crate::query::Query;

/// Arguments of `quipu dlq forward`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    letters: ChoiceArgs,

    /// Topic to send to, in the form that the streaming library gives its letters
    #[arg(long, value_name = "TOPIC")]
    to: String,

    /// Brokers to begin with, separated by commas [default: as `quipu ingest`]
    #[arg(short, long, value_name = "HOST:PORT", value_parser = crate::commands::ingest::brokers)]
    brokers: Option<String>,
}

pub(super) fn command(global: &Global, args: &Args, runtime: &Runtime) -> Result<()> {
    let query = Query::open(global)?;
    let choice = args.letters.choice(&query, runtime)?;
    let snapshot = query.quipu().snapshot()?;
    let kafka = KafkaArgs::of_brokers(args.brokers.clone()).options()?;
    let options = ForwardOptions {
        connect: kafka.connect,
        ..ForwardOptions::new(kafka.brokers, args.to.as_str())
    };
    let counts = forward(&snapshot, &choice, &options, &Arc::new(Progress::default()))?;
    writeln!(
        io::stdout().lock(),
        "{} sent to {}",
        counted(counts.sends, "letter"),
        args.to
    )
    .map_err(OutputError)?;
    let failed = counts.send_failures + counts.dropped;
    if failed > 0 {
        bail!(
            "{} could not be sent to {}: see to the topic and the brokers, then send again",
            counted(failed, "letter"),
            args.to
        );
    }
    Ok(())
}
