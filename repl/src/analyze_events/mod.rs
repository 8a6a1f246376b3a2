//! `analyze_events`: a report about messages that are JSON documents, or rows of a store.
//!
//! | file | noun |
//! |---|---|
//! | `cli.rs` | the options |
//! | `files.rs` | several files as one input |
//! | `store.rs`, `store/` | the rows of a store as documents |

mod cli;
mod files;
mod store;

use std::io::{self, Write};
use std::num::NonZero;
use std::process::ExitCode;

use anyhow::{Result, anyhow};
use clap::Parser;
use quipu::evals::analysis::{self, Counting, Remarks, Report};

use crate::failure::{self, OutputError};
use cli::{Args, Format};
use files::Files;

/// Most threads that count. Above this reading is what is waited for.
const THREADS_MAX: usize = 4;

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
    let report = match args.store() {
        Some(path) => {
            let counted = store::count(path, args.counting())?;
            say(&counted.completeness);
            counted.accumulator.report()
        }
        None => of_documents(args)?,
    };
    print(&report, args.format()).map_err(OutputError)?;
    Ok(())
}

fn of_documents(args: &Args) -> Result<Report> {
    let mut files = Files::open(args.files())?;
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    let input = analysis::read(&mut files, args.counting(), threads.min(THREADS_MAX))
        .map_err(|error| anyhow!("cannot read {}: {error}", files.name()))?;
    let remarks = input.remarks;
    if remarks.documents == 0 && remarks.not_counted() > 0 {
        return Err(anyhow!("{}", nothing_counted(&remarks, args.counting())));
    }
    if remarks.documents == 0 {
        say("there was no document to count");
    }
    if remarks.not_counted() > 0 {
        say(&format!("warning: {}", not_counted(&remarks, args.counting())));
    }
    let mut report = input.accumulator.report();
    if let Some(more) = &report.more
        && let Some(batches) = more.messages.get("EventBatch").filter(|batches| **batches > 0)
    {
        say(&format!(
            "note: the {} events in {batches} batches are not counted, as the documents do not show them; use `parse_events \
             --expand-batches`",
            more.batched_events
        ));
    }
    report.set_input(remarks);
    Ok(report)
}

/// One line about what was not understood.
fn not_counted(remarks: &Remarks, counting: Counting) -> String {
    let mut parts = Vec::new();
    if remarks.unreadable > 0 {
        parts.push(format!("{} are no whole JSON document", remarks.unreadable));
    }
    if remarks.unfit > 0 {
        parts.push(format!(
            "{} lack a field or have one of a wrong type",
            remarks.unfit
        ));
    }
    if remarks.unknown() > 0 {
        let types: Vec<String> = remarks
            .unknown_types
            .iter()
            .take(10)
            .map(|(name, count)| format!("{} {count}", if name.is_empty() { "no type" } else { name }))
            .collect();
        parts.push(format!(
            "{} are of types that are not counted ({})",
            remarks.unknown(),
            types.join(", ")
        ));
    }
    let what = match counting {
        Counting::Default => "document",
        Counting::Reference => "line",
    };
    let first = remarks.first.as_ref().map_or(String::new(), |first| {
        format!("; the first is {what} {}: {}", first.number, first.why)
    });
    format!(
        "{} of {} {what}s were not counted: {}{first}",
        remarks.not_counted(),
        remarks.not_counted() + remarks.documents,
        parts.join(", ")
    )
}

fn nothing_counted(remarks: &Remarks, counting: Counting) -> String {
    let hint = match counting {
        Counting::Default => "the input should be what parse_events prints",
        Counting::Reference => {
            "--counting reference reads one document a line, as `parse_events --compact` prints them"
        }
    };
    format!(
        "nothing could be counted: {}; {hint}",
        not_counted(remarks, counting)
    )
}

fn print(report: &Report, format: Format) -> io::Result<()> {
    let mut text = match format {
        Format::Text => analysis::to_text(report),
        Format::Json => analysis::to_json(report),
        Format::Markdown => analysis::to_markdown(report),
    };
    if format == Format::Json {
        text.push('\n');
    }
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Says something on standard error.
fn say(text: &str) {
    // Where standard error is closed there is nobody to tell.
    let _ = writeln!(io::stderr().lock(), "{}", failure::one_line(text));
}
