//! `parse_events`: the messages of Kafka topics, or of recorded files, as JSON documents.
//!
//! ```text
//! source: frames.rs or kafka.rs --Job--> worker.rs, several --Piece--> printer.rs
//! ```
//!
//! A source cuts what it reads into jobs and deals them to the workers in turn; the printer takes their pieces in the same
//! turn, so that the output has the order of the input.
//!
//! | file | noun |
//! |---|---|
//! | `cli.rs` | the options |
//! | `job.rs`, `worker.rs`, `pool.rs` | records to be decoded, who does it, and how many at once |
//! | `choice.rs` | which messages are wanted |
//! | `piece.rs`, `printer.rs`, `newest.rs` | documents on their way out, as they come or the newest alone |
//! | `account.rs` | what was read: counts, rejected records, verdicts on sequence numbers |
//! | `signals.rs` | Ctrl-C |

mod account;
mod choice;
mod cli;
mod frames;
mod job;
mod kafka;
mod newest;
mod piece;
mod pool;
mod printer;
mod signals;
mod worker;

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use crate::failure;
use cli::Args;

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(told) => {
            // Help and version end up here too, with code 0. A closed pipe behind them is a quiet end.
            let _ = told.print();
            return ExitCode::from(u8::try_from(told.exit_code()).unwrap_or(failure::code::USAGE));
        }
    };
    crate::logging::start(args.verbose());
    ExitCode::from(match run(&args) {
        Ok(()) => failure::code::DONE,
        Err(error) => failure::report(&error, args.verbose() > 0),
    })
}

fn run(args: &Args) -> Result<()> {
    match args.frames_path() {
        Some(path) => frames::run(args, path),
        None => kafka::run(args),
    }
}

/// Says something on standard error.
fn say(text: &str) {
    // Where standard error is closed there is nobody to tell.
    let _ = writeln!(io::stderr().lock(), "{}", failure::one_line(text));
}
