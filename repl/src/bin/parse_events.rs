//! `parse_events`: the messages of Kafka topics, or of recorded files, as JSON.

use std::process::ExitCode;

fn main() -> ExitCode {
    quipu_repl::parse_events::main()
}
