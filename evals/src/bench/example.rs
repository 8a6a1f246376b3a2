//! Benchmarks of known values, for tests.

use super::benchmark::Benchmark;
use super::command::CommandLine;
use super::probe::WallTime;
use super::sample::Sample;

/// A benchmark whose runs took so many milliseconds.
pub(super) fn benchmark(values: &[f64]) -> Benchmark {
    let mut benchmark = Benchmark::begin("agent", CommandLine::split("agent --once").unwrap());
    let runs = (1..).zip(values).map(|(number, value)| Sample {
        number,
        failure: None,
        metrics: [(WallTime::METRIC.to_owned(), vec![*value])].into(),
    });
    benchmark.samples.extend(runs);
    benchmark
}
