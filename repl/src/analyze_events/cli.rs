//! The options.

use std::path::{Path, PathBuf};

use clap::{ArgAction, Parser, ValueEnum};
use quipu::evals::analysis::Counting;

const EXAMPLES: &str = "\
Examples:
  parse_events | analyze_events                            a report for people
  parse_events --last 1000 | analyze_events --format json  one for programs
  analyze_events --format markdown day1.jsonl day2.jsonl   about saved documents
  analyze_events --store quipu-store                       about a store

Exit codes: 0 done, 1 failed, 2 wrong usage.";

/// Reports on sessions, nodes, tools, tokens and errors of DashStream messages.
///
/// Reads the JSON documents that parse_events prints, one a line or spread over lines, from files or standard input; or
/// the rows of a Quipu store. What cannot be counted is told on standard error.
#[derive(Debug, Parser)]
#[command(name = "analyze_events", version, after_help = EXAMPLES)]
pub(super) struct Args {
    /// Files to read, one after the other; - is standard input [default: standard input]
    #[arg(value_name = "FILE", conflicts_with = "store")]
    files: Vec<PathBuf>,

    /// How to print the report
    #[arg(short, long, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    format: Format,

    /// What to count
    #[arg(long, value_enum, default_value_t = CountingName::Default, value_name = "COUNTING")]
    counting: CountingName,

    /// Read the messages of this store instead of documents, without copies
    #[arg(long, value_name = "PATH")]
    store: Option<PathBuf>,

    /// Say more: the causes of an error; twice, what happens inside
    #[arg(short, long, action = ArgAction::Count)]
    verbose: u8,
}

/// How a report is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people; the ten busiest sessions and slowest nodes
    Text,
    /// For programs; everything
    Json,
    /// Tables for a page; everything
    Markdown,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum CountingName {
    /// What the words of the report say
    Default,
    /// What the analyze_events of dashflow-streaming counts, number for number
    Reference,
}

impl Args {
    pub(super) fn files(&self) -> &[PathBuf] {
        &self.files
    }

    pub(super) fn format(&self) -> Format {
        self.format
    }

    pub(super) fn counting(&self) -> Counting {
        match self.counting {
            CountingName::Default => Counting::Default,
            CountingName::Reference => Counting::Reference,
        }
    }

    pub(super) fn store(&self) -> Option<&Path> {
        self.store.as_deref()
    }

    pub(super) fn verbose(&self) -> u8 {
        self.verbose
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn definitions_are_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_format_may_stand_anywhere_and_must_exist() {
        for arguments in [
            &["--format", "json", "a"][..],
            &["a", "--format=json"],
            &["-f", "json"],
        ] {
            let args = Args::try_parse_from([&["analyze_events"], arguments].concat()).unwrap();
            assert_eq!(args.format(), Format::Json);
        }
        for arguments in [
            &["--format", "JSON"][..],
            &["--format"],
            &["--counting", "old"],
            &["--store", "s", "file"],
        ] {
            let parsed = Args::try_parse_from([&["analyze_events"], arguments].concat());
            assert_eq!(parsed.unwrap_err().exit_code(), 2, "{arguments:?}");
        }
    }
}
