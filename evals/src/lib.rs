//! Metrics, baselines, comparisons and verdicts.
//!
//! - [`Verdict`]: the one value from which both the printed line and the exit code of a gate come.
//! - [`judge`]: what samples of two sides prove, and what a gate says.
//! - [`check`]: claims about the data, each a file of SQL.
//! - [`bench`](mod@bench): commands run many times, each run a sample.
//! - [`output`]: what gates say, for people and for CI.
//! - [`kept`]: where a store keeps all of them.
//! - [`baseline`]: metrics of a good run, kept in a file.
//! - [`dataset`]: golden suites, their answers and scores.
//! - [`analysis`]: what `analyze_events` tells of a stream of messages.
//! - [`converter`]: from what it tells to [`EvalMetrics`].
//! - [`regression`]: what became worse by more than fixed thresholds.
//! - [`benchmark`]: many runs as one sample.
//! - [`eval_runner`], [`benchmark_runner`]: what the programs of these names do, without a terminal.
//! - [`test_harness`]: evaluations inside `cargo test`.

pub mod analysis;
pub mod baseline;
pub mod bench;
pub mod benchmark;
pub mod benchmark_runner;
pub mod check;
pub mod converter;
pub mod dataset;
mod error;
pub mod eval_runner;
mod file;
pub mod judge;
pub mod kept;
pub mod metrics;
pub mod output;
pub mod regression;
pub mod test_harness;
mod verdict;

pub use baseline::{Baseline, Environment, PricingRecord};
pub use benchmark::{
    BenchmarkConfig, BenchmarkResult, BenchmarkRunner, detect_performance_regression,
    format_benchmark_report, format_comparison_report, judge_performance,
};
pub use converter::{AnalyticsConverter, Conversion, Converted};
pub use dataset::{
    Answers, EvalCase, EvalSuite, SuiteOptions, SuiteResult, average_correctness, lint, run_suite,
    score_answer, score_suite,
};
pub use error::{EvalError, EvalErrorKind, Result};
pub use file::Overwrite;
pub use metrics::{EvalMetric, EvalMetrics, LlmPricing, MetricValues};
pub use quipu_stats::score::{ScoringMethod, UnknownMethod};
pub use regression::{
    Regression, RegressionSeverity, RegressionThresholds, ThresholdMode, count_by_severity,
    detect_regressions, has_critical_regressions,
};
pub use test_harness::{EvalTestRunner, mock_baseline, mock_metrics};
pub use verdict::{FailOn, Verdict};
