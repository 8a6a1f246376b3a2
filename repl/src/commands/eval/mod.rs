//! `quipu eval`: metrics of runs, baselines, gates and golden suites.

mod compare;
mod metrics;
mod save;
mod selection;
mod selftest;
mod show;
mod suite;

use anyhow::Result;
use tokio::runtime::Runtime;

use crate::cli::Global;

const EXAMPLES: &str = "\
Examples:
  quipu eval show --graph planner --since 7d
  quipu eval save --app planner --version 1.4.0 --graph planner --until 2026-01-02
  quipu eval compare --baseline planner_v1.4.0 --graph planner --since 2026-01-02
  quipu eval compare --baseline-until 2026-01-02 --since 2026-01-02 --fail-on warning
  quipu eval selftest --graph planner --runs 30      what a gate over 30 runs would see
  quipu eval suite suite.json --answers answers.json

Exit codes of gates: 0 passed, or inconclusive; 1 failed; 2 wrong usage; 3 could not judge.";

/// Arguments of `quipu eval`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Tell the metrics of runs, with confidence intervals
    Show(Box<show::Args>),
    /// Keep the metrics of runs as a baseline
    Save(Box<save::Args>),
    /// Judge runs against a baseline, or against other runs: did a change make the agents worse?
    Compare(Box<compare::Args>),
    /// Try a gate on the past: how often it raises a false alarm, and which change it sees
    Selftest(Box<selftest::Args>),
    /// Score answers to the questions of a golden suite
    Suite(Box<suite::Args>),
    /// Look for mistakes in golden suites
    Lint(suite::LintArgs),
}

/// Runs it.
pub(crate) fn command(global: &Global, args: &Args, runtime: &Runtime) -> Result<()> {
    match &args.command {
        Command::Show(args) => show::command(global, args, runtime),
        Command::Save(args) => save::command(global, args, runtime),
        Command::Compare(args) => compare::command(global, args, runtime),
        Command::Selftest(args) => selftest::command(global, args, runtime),
        Command::Suite(args) => suite::command(global, args, runtime),
        Command::Lint(args) => suite::lint(args),
    }
}
