//! `quipu bench show`: one saved benchmark.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Result;
use quipu::evals::bench::{Benchmark, to_json, to_text};

use super::bounds::level;
use crate::failure::OutputError;
use crate::outcome::OutcomeArgs;

/// Arguments of `quipu bench show`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The saved benchmark
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Level of intervals
    #[arg(long, default_value = "0.95", value_name = "LEVEL", value_parser = level)]
    level: f64,

    #[command(flatten)]
    outcome: OutcomeArgs,
}

/// Shows a saved benchmark.
pub(crate) fn command(args: &Args) -> Result<()> {
    args.outcome
        .check_without_verdict("compare two: quipu bench compare")?;
    print(&Benchmark::load(&args.file)?, args.level, &args.outcome)
}

/// Prints a benchmark, without a verdict: as JSON if asked for, else as text.
pub(super) fn print(benchmark: &Benchmark, level: f64, outcome: &OutcomeArgs) -> Result<()> {
    let text = if outcome.is_text() {
        to_text(benchmark, level)
    } else {
        to_json(benchmark, level)
    };
    Ok(io::stdout()
        .lock()
        .write_all(text.as_bytes())
        .map_err(OutputError)?)
}

/// Keeps two parts of an output apart.
pub(super) fn blank_line() -> Result<()> {
    Ok(io::stdout().lock().write_all(b"\n").map_err(OutputError)?)
}
