//! `eval_runner`: a gate over analytics, or over answers to a golden suite.

use std::process::ExitCode;

fn main() -> ExitCode {
    quipu_repl::eval_runner::main()
}
