//! The command line: options that every command has, and the list of commands.

use std::env;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use clap::{ArgAction, Parser, Subcommand};
use quipu::PriceTable;

use crate::commands;
use crate::failure::UsageError;

/// The store when neither an option nor a variable names one.
const DEFAULT_STORE: &str = "quipu-store";

/// The variable that names the store.
const STORE_VARIABLE: &str = "QUIPU_STORE";

/// The variable that names the price list.
const PRICES_VARIABLE: &str = "QUIPU_PRICES";

const EXAMPLES: &str = "\
Examples:
  quipu demo                                     see it work, with nothing else installed
  quipu ingest --brokers localhost:9092          follow the DashStream topics of a broker
  quipu ingest frames recorded.frames            take in a recorded file
  quipu                                          ask at a prompt
  quipu sql -c 'select * from gaps'              ask once
  quipu sql -f report.sql --format json | jq .   ask from a file, for another program

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 a gate could not judge.";

/// SQL over your agents' telemetry, with proof that nothing is missing.
///
/// Without a command: a prompt, or SQL from standard input if that is not a terminal.
#[derive(Debug, Parser)]
#[command(name = "quipu", version, after_help = EXAMPLES, propagate_version = true)]
pub(crate) struct Cli {
    /// What all commands share.
    #[command(flatten)]
    pub(crate) global: Global,

    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// Options of every command.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Global {
    /// Folder of the store [default: $QUIPU_STORE, else ./quipu-store]
    #[arg(long, global = true, value_name = "PATH", display_order = 900)]
    pub(crate) store: Option<PathBuf>,

    /// Price list in CSV, for what calls of models cost [default: $QUIPU_PRICES, else prices.csv in the store, else
    /// public list prices; SELECT * FROM system.prices shows it]
    #[arg(long, global = true, value_name = "FILE", display_order = 901)]
    pub(crate) prices: Option<PathBuf>,

    /// Say more: the causes of an error; twice, what happens inside
    #[arg(short, long, global = true, action = ArgAction::Count, display_order = 902)]
    pub(crate) verbose: u8,
}

impl Global {
    /// The store to work on: the option, else the variable, else the default.
    pub(crate) fn store_path(&self) -> PathBuf {
        self.store
            .clone()
            .or_else(|| variable(STORE_VARIABLE))
            .unwrap_or_else(|| PathBuf::from(DEFAULT_STORE))
    }

    /// The price list that the option or the variable names.
    pub(crate) fn prices(&self) -> Result<Option<Arc<PriceTable>>> {
        let path = self.prices.clone().or_else(|| variable(PRICES_VARIABLE));
        let read = |path: PathBuf| {
            PriceTable::read(&path)
                .map(Arc::new)
                .map_err(|error| UsageError(error.to_string()))
        };
        Ok(path.map(read).transpose()?)
    }
}

fn variable(name: &str) -> Option<PathBuf> {
    env::var_os(name)
        .filter(|path| !path.is_empty())
        .map(PathBuf::from)
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run SQL and print the rows
    Sql(commands::sql::Args),
    /// Answer a question that has a name
    Report(Box<commands::report::Args>),
    /// Answer the questions in a file, with parameters
    Run(Box<commands::run::Args>),
    /// Judge claims about the data, each a file of SQL: a row that it returns is a violation
    Check(Box<commands::check::Args>),
    /// Metrics of runs, baselines, gates and golden suites: did a change make the agents worse?
    Eval(Box<commands::eval::Args>),
    /// Run a command many times, and compare what it took
    Bench(Box<commands::bench::Args>),
    /// Tell how a store is: positions, lag, gaps, last commit, disk use
    Status(commands::status::Args),
    /// Prove that a store is whole and holds what its source holds, or name what differs
    Verify(Box<commands::verify::Args>),
    /// List, show, retry, export, forward and import dead letters
    Dlq(Box<commands::dlq::Args>),
    /// Follow Kafka, or take in recorded files
    Ingest(Box<commands::ingest::Args>),
    /// Send recorded or generated telemetry to a broker
    Produce(Box<commands::produce::Args>),
    /// Watch a small fleet of agents being followed, with nothing else installed
    #[cfg(feature = "demo")]
    Demo(commands::demo::Args),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn help(path: &[&str]) -> String {
        // A fixed width, so that the terminal of whoever runs the tests does not matter.
        let mut command = Cli::command().term_width(100);
        command.build();
        let mut command = &mut command;
        for name in path {
            command = command.find_subcommand_mut(name).unwrap();
        }
        command.render_long_help().to_string()
    }

    #[test]
    fn definitions_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_of_quipu() {
        insta::assert_snapshot!(help(&[]));
    }

    #[test]
    fn help_of_sql() {
        insta::assert_snapshot!(help(&["sql"]));
    }

    #[test]
    fn help_of_report() {
        insta::assert_snapshot!(help(&["report"]));
    }

    #[test]
    fn help_of_run() {
        insta::assert_snapshot!(help(&["run"]));
    }

    #[test]
    fn help_of_check() {
        insta::assert_snapshot!(help(&["check"]));
    }

    #[test]
    fn help_of_eval() {
        for name in ["show", "save", "compare", "selftest", "suite", "lint"] {
            insta::assert_snapshot!(format!("help_of_eval_{name}"), help(&["eval", name]));
        }
        insta::assert_snapshot!(help(&["eval"]));
    }

    #[test]
    fn help_of_bench() {
        insta::assert_snapshot!(help(&["bench"]));
    }

    #[test]
    fn help_of_bench_run() {
        insta::assert_snapshot!(help(&["bench", "run"]));
    }

    #[test]
    fn help_of_produce() {
        insta::assert_snapshot!(help(&["produce"]));
    }

    #[test]
    fn help_of_status() {
        insta::assert_snapshot!(help(&["status"]));
    }

    #[test]
    fn help_of_verify() {
        insta::assert_snapshot!(help(&["verify"]));
    }

    #[test]
    fn help_of_dlq() {
        insta::assert_snapshot!(help(&["dlq"]));
    }

    #[test]
    fn help_of_ingest() {
        insta::assert_snapshot!(help(&["ingest"]));
    }

    #[test]
    fn help_of_ingest_frames() {
        insta::assert_snapshot!(help(&["ingest", "frames"]));
    }

    #[cfg(feature = "demo")]
    #[test]
    fn help_of_demo() {
        insta::assert_snapshot!(help(&["demo"]));
    }
}
