//! `quipu dlq`: what can be done with dead letters.
//!
//! | file | command |
//! |---|---|
//! | `choice.rs` | which letters are meant: places and a condition in SQL |
//! | `list.rs`, `show.rs` | looking at letters |
//! | `retry.rs` | letters into the tables |
//! | `export.rs`, `forward.rs`, `import.rs` | letters out and in |

mod choice;
mod export;
mod forward;
mod import;
mod list;
mod retry;
mod show;

use anyhow::Result;
use clap::Subcommand;
use tokio::runtime::Runtime;

use crate::cli::Global;

const EXAMPLES: &str = "\
Examples:
  quipu dlq list
  quipu dlq list --where \"reason = 'protobuf'\" --format jsonl
  quipu dlq show dashstream-events/3/1042
  quipu dlq retry --policy forward
  quipu dlq export --form frames --out letters.frames

A letter is named TOPIC/PARTITION/OFFSET. --where takes any condition over the columns of table dead_letters.";

/// Arguments of `quipu dlq`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List letters
    List(list::Args),
    /// Show letters whole, with their bytes
    Show(show::Args),
    /// Decode letters once more, and take those in that can be decoded now
    Retry(retry::Args),
    /// Write letters to files
    Export(export::Args),
    /// Send letters to a Kafka topic
    Forward(forward::Args),
    /// Take in letters that other programs have kept, from files or a Kafka topic
    Import(import::Args),
}

/// Does what was asked for.
pub(crate) fn command(global: &Global, args: &Args, runtime: &Runtime) -> Result<()> {
    match &args.command {
        Command::List(args) => list::command(global, args, runtime),
        Command::Show(args) => show::command(global, args, runtime),
        Command::Retry(args) => retry::command(global, args, runtime),
        Command::Export(args) => export::command(global, args, runtime),
        Command::Forward(args) => forward::command(global, args, runtime),
        Command::Import(args) => import::command(global, args, runtime),
    }
}
