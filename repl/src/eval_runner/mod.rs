//! `eval_runner`: a gate over analytics, or over answers to a golden suite.
//!
//! | file | noun |
//! |---|---|
//! | `cli.rs` | the options |
//! | `input.rs` | what is read |
//! | `quality.rs` | qualities that are given from outside |
//! | `metrics.rs` | metrics, baselines, comparisons |
//! | `suite.rs` | golden suites |

mod cli;
pub(crate) mod input;
mod metrics;
pub(crate) mod quality;
mod suite;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use crate::failure;
use crate::terminal;
use cli::Args;

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(told) => {
            // Help ends up here too, with code 0. A closed pipe behind it is a quiet end.
            let _ = told.print();
            return ExitCode::from(u8::try_from(told.exit_code()).unwrap_or(failure::code::USAGE));
        }
    };
    ExitCode::from(match run(&args) {
        Ok(code) => code,
        Err(error) => failure::report(&error, args.verbose),
    })
}

/// The exit code of what was judged.
fn run(args: &Args) -> Result<u8> {
    for option in args.without_effect() {
        terminal::say(&format!("note: {option} has no effect beside the other options"));
    }
    match &args.suite.eval_suite {
        Some(path) => suite::run(args, path),
        None => metrics::run(args),
    }
}
