//! `benchmark_runner`: statistics of the runs in analytics, and whether they became slower.

use std::process::ExitCode;

fn main() -> ExitCode {
    quipu_repl::benchmark_runner::main()
}
