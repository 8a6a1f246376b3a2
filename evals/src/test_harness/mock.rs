//! Metrics and baselines for tests of tests.

use crate::baseline::Baseline;
use crate::metrics::EvalMetrics;

/// Metrics of a good run with these latencies (milliseconds) and tokens. The success rate is 1: a fraction, as everywhere.
#[must_use]
pub fn mock_metrics(p95_latency: f64, avg_latency: f64, total_tokens: u64) -> EvalMetrics {
    EvalMetrics {
        correctness: Some(0.95),
        relevance: Some(0.90),
        safety: Some(1.0),
        hallucination_rate: Some(0.05),
        p95_latency,
        avg_latency,
        success_rate: 1.0,
        error_rate: 0.0,
        total_tokens,
        cost_per_run: 0.00075,
        tool_calls: 2,
    }
}

/// A baseline of now with [`mock_metrics`].
#[must_use]
pub fn mock_baseline(
    app_name: &str,
    version: &str,
    p95_latency: f64,
    avg_latency: f64,
    total_tokens: u64,
) -> Baseline {
    Baseline::new(
        app_name.to_owned(),
        version.to_owned(),
        mock_metrics(p95_latency, avg_latency, total_tokens),
    )
}
