//! `quipu eval selftest`: tries a gate on the past.

use anyhow::{Result, anyhow};
use quipu::evals::judge::{SHIFTS, SelfTestPlan, self_test};
use tokio::runtime::Runtime;

use super::compare::RuleArgs;
use super::metrics::{MetricArgs, library};
use super::selection::SelectionArgs;
use crate::cli::Global;
use crate::commands::sql::RowArgs;
use crate::failure::CannotJudge;

/// Arguments of `quipu eval selftest`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Runs on each side of the gate that is tried
    #[arg(long, default_value_t = 30, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=100_000))]
    runs: u32,

    /// Trials for each figure
    #[arg(long, default_value_t = 200, value_name = "N", value_parser = clap::value_parser!(u32).range(10..=100_000))]
    trials: u32,

    #[command(flatten)]
    selection: SelectionArgs,

    #[command(flatten)]
    metrics: MetricArgs,

    #[command(flatten)]
    rules: RuleArgs,

    #[command(flatten)]
    rows: RowArgs,
}

/// Runs it.
pub(super) fn command(global: &Global, args: &Args, runtime: &Runtime) -> Result<()> {
    let (query, gate) = args.metrics.open(global, runtime)?;
    let measured = runtime
        .block_on(gate.measure(&args.selection.filter()))
        .map_err(library)?;
    let history: Vec<_> = measured
        .samples
        .into_iter()
        .map(|sample| (sample.metric, sample.values))
        .collect();
    let rules = args.rules.rules();
    let plan = SelfTestPlan {
        runs: args.runs as usize,
        trials: args.trials as usize,
        seed: rules.seed,
    };
    let told = self_test(&history, &rules, plan);
    if told.metrics.is_empty() {
        return Err(CannotJudge(anyhow!(
            "no metric has {} values of the past: select more runs",
            rules.samples_min
        ))
        .into());
    }
    let rows = runtime.block_on(gate.self_test_rows(&told)).map_err(library)?;
    let mut output = query.output();
    runtime.block_on(query.run(rows, &args.rows.style(), &mut output))?;
    drop(output);
    eprintln_line(&format!(
        "gate of {} metrics over {} runs a side, {} trials: {:.1} % false alarms, {:.1} % inconclusive without any change; power is \
         for a worsening by {}",
        told.metrics.len(),
        plan.runs,
        plan.trials,
        told.false_alarms * 100.0,
        told.inconclusive * 100.0,
        SHIFTS.map(|shift| format!("{:.0} %", shift * 100.0)).join(", "),
    ));
    Ok(())
}

fn eprintln_line(line: &str) {
    use std::io::Write;
    // Nobody to tell where standard error is closed.
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
