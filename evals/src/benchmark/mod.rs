//! Benchmarks: many runs as one sample.
//!
//! | file | noun |
//! |---|---|
//! | `config.rs` | how many runs, and at which level |
//! | `runner.rs` | collects runs |
//! | `summary.rs` | statistics of one quantity |
//! | `result.rs` | statistics of all, and their file |
//! | `unbounded.rs` | numbers without a bound in JSON |
//! | `judge.rs` | whether it became slower |
//! | `report.rs`, `comparison.rs` | the texts for people |

mod comparison;
mod config;
mod judge;
mod report;
mod result;
mod runner;
mod summary;
#[cfg(test)]
mod tests;
mod unbounded;

pub(crate) use comparison::comparison_report;
pub use comparison::format_comparison_report;
pub use config::BenchmarkConfig;
pub use judge::{
    LatencyJudgement, PerformanceJudgement, PerformanceRule, detect_performance_regression, judge_performance,
};
pub use report::format_benchmark_report;
pub use result::{BenchmarkResult, BenchmarkSamples};
pub use runner::BenchmarkRunner;
