//! `quipu bench`: commands run many times, and what follows from their times.
//!
//! | file | command |
//! |---|---|
//! | `run.rs` | measuring a command, alone, against another or against a saved benchmark |
//! | `compare.rs` | two saved benchmarks |
//! | `show.rs` | one saved benchmark |
//! | `bounds.rs` | by what a comparison is judged |

mod bounds;
mod compare;
mod run;
mod show;

use anyhow::Result;
use clap::Subcommand;
use tokio::runtime::Runtime;

use crate::cli::Global;

const EXAMPLES: &str = "\
Examples:
  quipu bench run -n 50 --warmup 5 -- python agent.py --once
  quipu bench run --save main.json -- ./agent
  quipu bench run --baseline main.json -- ./agent        was it faster then?
  quipu bench run --telemetry -- ./agent                 its runs, tokens and calls as well
  quipu bench run --vs './agent-v1 --once' -- ./agent-v2 --once
  quipu bench compare main.json branch.json --format junit --output bench.xml
  quipu bench show main.json

Exit codes: 0 done, passed, or inconclusive (unless --fail-on inconclusive); 1 regressed, or the
command failed too often; 2 wrong usage; 3 a comparison could not be made.";

/// Arguments of `quipu bench`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a command many times and tell how long it takes
    Run(Box<run::Args>),
    /// Compare two saved benchmarks
    Compare(compare::Args),
    /// Show a saved benchmark
    Show(show::Args),
}

/// Does what was asked for.
pub(crate) fn command(global: &Global, args: &Args, runtime: &Runtime) -> Result<()> {
    match &args.command {
        Command::Run(args) => run::command(global, args, runtime),
        Command::Compare(args) => compare::command(args),
        Command::Show(args) => show::command(args),
    }
}
