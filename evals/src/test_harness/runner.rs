//! Metrics against a baseline.

use std::path::{Path, PathBuf};

use super::{check_critical, regressions};
use crate::baseline::Baseline;
use crate::error::Result;
use crate::metrics::EvalMetrics;
use crate::regression::{Regression, RegressionThresholds};

/// Compares metrics with a baseline file, which is read when it is first needed and then kept.
#[derive(Clone, Debug)]
pub struct EvalTestRunner {
    path: PathBuf,
    thresholds: RegressionThresholds,
    baseline: Option<Baseline>,
}

impl EvalTestRunner {
    /// With the default thresholds.
    #[must_use]
    pub fn new(baseline_path: impl AsRef<Path>) -> Self {
        Self::with_thresholds(baseline_path, RegressionThresholds::default())
    }

    /// With thresholds of the caller.
    #[must_use]
    pub fn with_thresholds(baseline_path: impl AsRef<Path>, thresholds: RegressionThresholds) -> Self {
        Self {
            path: baseline_path.as_ref().to_owned(),
            thresholds,
            baseline: None,
        }
    }

    /// The baseline.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is no baseline.
    pub fn load_baseline(&mut self) -> Result<&Baseline> {
        let baseline = match self.baseline.take() {
            Some(baseline) => baseline,
            None => Baseline::load(&self.path)?,
        };
        Ok(self.baseline.insert(baseline))
    }

    /// The baseline.
    ///
    /// # Panics
    ///
    /// The file cannot be read, or is no baseline.
    pub fn baseline(&mut self) -> &Baseline {
        match self.load_baseline() {
            Ok(baseline) => baseline,
            Err(error) => panic!("Failed to load baseline: {error}"),
        }
    }

    /// What became worse than the baseline. Shares in percent become fractions on both sides.
    ///
    /// # Panics
    ///
    /// The baseline cannot be read, or a metric has a value that cannot be. [`EvalTestRunner::run_and_check`] returns an error
    /// then.
    pub fn run(&mut self, metrics: &EvalMetrics) -> Vec<Regression> {
        let thresholds = self.thresholds.clone();
        match regressions(&self.baseline().metrics, metrics, &thresholds) {
            Ok(regressions) => regressions,
            Err(why) => panic!("Failed to compare: {why}"),
        }
    }

    /// Whether no quality became critically worse.
    ///
    /// # Errors
    ///
    /// The critical regressions, one a line; or that the baseline cannot be read, or a value that cannot be.
    pub fn run_and_check(&mut self, metrics: &EvalMetrics) -> Result<(), String> {
        let thresholds = self.thresholds.clone();
        let baseline = self
            .load_baseline()
            .map_err(|error| format!("Failed to load baseline: {error}"))?;
        check_critical(metrics, &baseline.metrics, &thresholds)
    }

    /// As [`EvalTestRunner::run`], for metrics that were made up.
    ///
    /// # Panics
    ///
    /// As [`EvalTestRunner::run`].
    pub fn run_with_mock_metrics(&mut self, metrics: &EvalMetrics) -> Vec<Regression> {
        self.run(metrics)
    }
}
