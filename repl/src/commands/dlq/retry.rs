//! `quipu dlq retry`.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use anyhow::Result;
use quipu::ingest::dead_letters::{RetryReport, retry_or_ask};
use quipu::ingest::{PipelineOptions, Stop};
use tokio::runtime::Runtime;

use super::choice::ChoiceArgs;
use crate::cli::Global;
use crate::commands::ingest::PolicyName;
use crate::failure::{OutputError, one_line};
use crate::progress::counted;
use crate::query::Query;
use crate::units;

/// Arguments of `quipu dlq retry`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    letters: ChoiceArgs,

    /// What to take for a message now
    #[arg(long, value_enum, default_value_t = PolicyName::Compatible, value_name = "POLICY")]
    policy: PolicyName,

    /// How long to wait for an ingester that writes the store, and then does it
    #[arg(long, default_value = "30s", value_name = "TIME", value_parser = units::duration)]
    wait: Duration,

    /// Say of each letter that stays one why it does
    #[arg(long)]
    why: bool,
}

pub(super) fn command(global: &Global, args: &Args, runtime: &Runtime) -> Result<()> {
    let query = Query::open(global)?;
    let choice = args.letters.choice(&query, runtime)?;
    drop(query);
    let options = PipelineOptions {
        policy: args.policy.into(),
        ..PipelineOptions::default()
    };
    let report = retry_or_ask(
        &global.store_path(),
        &choice,
        &options,
        args.wait,
        &Stop::default(),
    )?;
    let mut out = io::stdout().lock();
    if args.why {
        for letter in &report.left {
            writeln!(out, "{}: {}", letter.place, one_line(&letter.why.to_string())).map_err(OutputError)?;
        }
    }
    writeln!(out, "{}", summary(&report)).map_err(OutputError)?;
    Ok(())
}

fn summary(report: &RetryReport) -> String {
    let mut rows: BTreeMap<&str, u64> = BTreeMap::new();
    for letter in &report.resolved {
        *rows.entry(letter.table.name()).or_default() += letter.rows;
    }
    let rows: Vec<String> = rows
        .iter()
        .map(|(table, rows)| format!("{table} {rows}"))
        .collect();
    let into = if rows.is_empty() {
        String::new()
    } else {
        format!(" (rows: {})", rows.join(", "))
    };
    format!(
        "{} under policy {}{into}, {} left as they are",
        taken(report.resolved.len()),
        report.policy.as_str(),
        report.left.len()
    )
}

fn taken(letters: usize) -> String {
    format!("{} taken in", counted(letters as u64, "letter"))
}
