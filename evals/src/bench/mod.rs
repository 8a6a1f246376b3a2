//! Benchmarks: a command run many times, each run a sample.
//!
//! ```text
//! CommandLine --Plan--> runner --Probe--> Sample, Sample, ... --> Benchmark --> Summary
//!                                                                  saved  \--> Comparison --> Outcome
//! ```
//!
//! | file | noun |
//! |---|---|
//! | `command.rs` | a command line |
//! | `plan.rs` | the order of the runs: two commands alternate |
//! | `runner.rs` | making the runs |
//! | `probe.rs` | what is measured of a run: its wall time, or what the command tells of itself |
//! | `sample.rs` | what came of one run |
//! | `environment.rs` | under which conditions runs were made |
//! | `benchmark.rs` | all of it, as it is saved |
//! | `summary.rs` | the distribution of a metric in figures |
//! | `comparison.rs` | two benchmarks, and what follows |
//! | `outcome.rs` | a comparison as the outcome of a gate |
//! | `text.rs`, `figures.rs` | a benchmark for people and programs; numbers with units |
//! | `error.rs` | what can go wrong |
//!
//! A sample is a run that was made. None is made up from another, and none is thrown away for being slow: outliers are
//! told, not removed.

mod benchmark;
mod command;
mod comparison;
#[cfg(test)]
mod comparison_tests;
mod environment;
mod error;
#[cfg(test)]
mod example;
mod figures;
mod outcome;
mod plan;
mod probe;
mod runner;
#[cfg(test)]
#[cfg(unix)]
mod runner_tests;
mod sample;
mod summary;
mod text;

pub use benchmark::{Benchmark, Existing, SCHEMA_VERSION};
pub use command::CommandLine;
pub use comparison::{CompareOptions, Comparison, MetricComparison, compare};
pub use environment::Environment;
pub use error::BenchError;
pub use plan::{Phase, Plan, Side, Turn};
pub use probe::{Probe, ProbeError, WallTime};
pub use runner::{Commands, Printed, RunOptions, Samples, run};
pub use sample::{Failure, Sample};
pub use summary::{SAMPLES_MIN, Summary};
pub use text::{to_json, to_text};
