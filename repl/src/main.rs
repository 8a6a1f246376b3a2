//! `quipu`, the command line.
//!
//! Data goes to standard output, everything else to standard error. The exit code is 0 when done, 1 when something
//! failed, 2 for a wrong command line and 3 when a gate could not judge.
//!
//! | place | what it holds |
//! |---|---|
//! | `cli.rs` | the options of every command and the list of commands |
//! | `commands/` | one command a file |
//! | `shell/` | the prompt |
//! | `output/` | one format a file |
//! | `completeness.rs` | how complete the data must be for an answer |
//! | `reports.rs` | printing a report, for `report` and `run` |
//! | `outcome.rs` | printing the outcome of a gate, and its exit code |
//! | `query.rs`, `statements.rs` | running SQL and printing its rows; cutting a text into statements |
//! | `lib.rs` | what the programs of this crate share: errors as one line and an exit code, text that is safe to show |
//! | `demo/` | what the demo needs beside the ordinary commands |

mod cli;
mod commands;
mod completeness;
#[cfg(feature = "demo")]
mod demo;
mod interrupt;
mod outcome;
mod output;
mod progress;
mod query;
mod reports;
mod shell;
mod statements;
mod units;

use std::io::IsTerminal;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
pub(crate) use quipu_repl::{failure, logging};
use tokio::runtime::{Builder, Runtime};

use crate::cli::{Cli, Command};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(told) => {
            // Help and version end up here too, with code 0. A closed pipe behind them is a quiet end.
            let _ = told.print();
            return ExitCode::from(u8::try_from(told.exit_code()).unwrap_or(failure::code::USAGE));
        }
    };
    logging::start(cli.global.verbose);
    let verbose = cli.global.verbose > 0;
    ExitCode::from(match run(cli) {
        Ok(()) => failure::code::DONE,
        Err(error) => failure::report(&error, verbose),
    })
}

fn run(cli: Cli) -> Result<()> {
    let runtime = runtime()?;
    let result = match cli.command {
        None if std::io::stdin().is_terminal() => {
            shell::run(&cli.global, commands::sql::RowArgs::default().style())
        }
        None => commands::sql::command(&cli.global, &commands::sql::Args::from_stdin(), &runtime),
        Some(Command::Sql(args)) => commands::sql::command(&cli.global, &args, &runtime),
        Some(Command::Report(args)) => commands::report::command(&cli.global, &args, &runtime),
        Some(Command::Run(args)) => commands::run::command(&cli.global, &args, &runtime),
        Some(Command::Bench(args)) => commands::bench::command(&cli.global, &args, &runtime),
        Some(Command::Check(args)) => commands::check::command(&cli.global, &args, &runtime),
        Some(Command::Eval(args)) => commands::eval::command(&cli.global, &args, &runtime),
        Some(Command::Status(args)) => commands::status::command(&cli.global, &args, &runtime),
        Some(Command::Verify(args)) => commands::verify::command(&cli.global, &args, &runtime),
        Some(Command::Dlq(args)) => commands::dlq::command(&cli.global, &args, &runtime),
        Some(Command::Produce(args)) => commands::produce::command(&args, &runtime),
        Some(Command::Ingest(args)) => commands::ingest::command(&cli.global, &args, &runtime),
        #[cfg(feature = "demo")]
        Some(Command::Demo(args)) => commands::demo::command(&cli.global, &args, &runtime),
    };
    // A query that was given up may still be reading on another thread; its rows are of no use to anybody.
    runtime.shutdown_background();
    result
}

fn runtime() -> Result<Runtime> {
    Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the threads of the runtime")
}
