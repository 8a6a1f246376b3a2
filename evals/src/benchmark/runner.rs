//! Collects runs.

use super::config::BenchmarkConfig;
use super::result::BenchmarkResult;
use crate::metrics::EvalMetrics;

/// Collects the metrics of runs; the first of them warm up and are not kept. The latency of a run is its `p95_latency`.
#[derive(Debug)]
pub struct BenchmarkRunner {
    config: BenchmarkConfig,
    warmed_up: usize,
    samples: Vec<EvalMetrics>,
}

impl BenchmarkRunner {
    /// A runner without runs.
    #[must_use]
    pub fn new(config: BenchmarkConfig) -> Self {
        Self {
            config,
            warmed_up: 0,
            samples: Vec::new(),
        }
    }

    /// Adds the metrics of one run.
    pub fn add_sample(&mut self, metrics: EvalMetrics) {
        if self.warmed_up < self.config.warmup_iterations {
            self.warmed_up += 1;
        } else {
            self.samples.push(metrics);
        }
    }

    /// Whether as many runs are kept as were configured. More may be added, and count.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.warmed_up >= self.config.warmup_iterations && self.samples.len() >= self.config.iterations
    }

    /// Runs that are kept.
    #[must_use]
    pub fn sample_count(&self) -> usize {
        self.samples.len()
    }

    /// The statistics of the runs that are kept.
    ///
    /// # Panics
    ///
    /// No run is kept, or a latency or cost is not finite. [`BenchmarkResult::of_metrics`] returns an error then.
    #[must_use]
    pub fn analyze(&self) -> BenchmarkResult {
        assert!(!self.samples.is_empty(), "No samples to analyze");
        match BenchmarkResult::of_metrics(&self.samples, self.config.confidence_level) {
            Ok(result) => result,
            Err(error) => panic!("{error}"),
        }
    }
}
