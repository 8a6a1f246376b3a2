//! `quipu bench compare`: two saved benchmarks.

use std::path::PathBuf;

use anyhow::Result;
use quipu::evals::bench::Benchmark;

use super::bounds::{BoundArgs, level};
use crate::failure::CannotJudge;
use crate::outcome::OutcomeArgs;

/// Arguments of `quipu bench compare`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The saved benchmark that it is compared with
    #[arg(value_name = "BASELINE")]
    baseline: PathBuf,

    /// The saved benchmark that is judged
    #[arg(value_name = "CURRENT")]
    current: PathBuf,

    #[command(flatten)]
    bounds: BoundArgs,

    /// Level of intervals
    #[arg(long, default_value = "0.95", value_name = "LEVEL", value_parser = level)]
    level: f64,

    #[command(flatten)]
    outcome: OutcomeArgs,
}

/// Compares two saved benchmarks.
pub(crate) fn command(args: &Args) -> Result<()> {
    let load = |path: &PathBuf| Benchmark::load(path).map_err(|wrong| CannotJudge(wrong.into()));
    let (baseline, current) = (load(&args.baseline)?, load(&args.current)?);
    args.bounds.tell(&baseline, &current, args.level, &args.outcome)
}
