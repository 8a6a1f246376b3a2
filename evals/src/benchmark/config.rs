//! How many runs, and at which level.

use serde::{Deserialize, Serialize};

/// How a benchmark is run.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct BenchmarkConfig {
    /// Runs that are kept.
    pub iterations: usize,
    /// Runs before them that are not.
    pub warmup_iterations: usize,
    /// Level of intervals, between 0 and 1.
    pub confidence_level: f64,
    /// Without effect: the caller runs the application, and knows whether runs overlap.
    pub parallel: bool,
}

impl Default for BenchmarkConfig {
    fn default() -> Self {
        Self {
            iterations: 50,
            warmup_iterations: 5,
            confidence_level: 0.95,
            parallel: false,
        }
    }
}
