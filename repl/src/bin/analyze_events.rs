//! `analyze_events`: a report about messages that are JSON documents, or rows of a store.

use std::process::ExitCode;

fn main() -> ExitCode {
    quipu_repl::analyze_events::main()
}
