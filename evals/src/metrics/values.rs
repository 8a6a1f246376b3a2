//! Metrics as numbers.

use super::{EvalMetric, EvalMetrics};

/// A number for each metric that is known. Unlike [`EvalMetrics`] it has fractions of tokens and calls, which the mean of
/// several sessions has: rounded, 1.4 and 1.6 calls a session would be twice as many.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MetricValues([Option<f64>; EvalMetric::ALL.len()]);

impl MetricValues {
    /// The value of a metric, if it is known.
    #[must_use]
    pub fn get(&self, metric: EvalMetric) -> Option<f64> {
        self.0[metric as usize]
    }

    /// Gives a metric a value, or takes it away.
    pub fn set(&mut self, metric: EvalMetric, value: Option<f64>) {
        self.0[metric as usize] = value;
    }

    /// The form of files: tokens and calls become whole numbers, and what is not known there becomes 0.
    #[must_use]
    pub fn rounded(&self) -> EvalMetrics {
        let number = |metric| self.get(metric).unwrap_or_default();
        EvalMetrics {
            correctness: self.get(EvalMetric::Correctness),
            relevance: self.get(EvalMetric::Relevance),
            safety: self.get(EvalMetric::Safety),
            hallucination_rate: self.get(EvalMetric::HallucinationRate),
            p95_latency: number(EvalMetric::P95Latency),
            avg_latency: number(EvalMetric::AvgLatency),
            success_rate: self.get(EvalMetric::SuccessRate).unwrap_or(1.0),
            error_rate: number(EvalMetric::ErrorRate),
            // Saturates: below 0 and NaN become 0.
            total_tokens: number(EvalMetric::TotalTokens).round() as u64,
            cost_per_run: number(EvalMetric::CostPerRun),
            tool_calls: number(EvalMetric::ToolCalls).round() as u64,
        }
    }
}

impl From<&EvalMetrics> for MetricValues {
    fn from(metrics: &EvalMetrics) -> Self {
        let mut values = Self::default();
        for (metric, value) in [
            (EvalMetric::Correctness, metrics.correctness),
            (EvalMetric::Relevance, metrics.relevance),
            (EvalMetric::Safety, metrics.safety),
            (EvalMetric::HallucinationRate, metrics.hallucination_rate),
            (EvalMetric::P95Latency, Some(metrics.p95_latency)),
            (EvalMetric::AvgLatency, Some(metrics.avg_latency)),
            (EvalMetric::SuccessRate, Some(metrics.success_rate)),
            (EvalMetric::ErrorRate, Some(metrics.error_rate)),
            (EvalMetric::TotalTokens, Some(metrics.total_tokens as f64)),
            (EvalMetric::CostPerRun, Some(metrics.cost_per_run)),
            (EvalMetric::ToolCalls, Some(metrics.tool_calls as f64)),
        ] {
            values.set(metric, value);
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_rounded_where_files_have_whole_numbers() {
        let mut values = EvalMetrics {
            safety: Some(0.5),
            p95_latency: 1.25,
            ..EvalMetrics::default()
        }
        .values();
        values.set(EvalMetric::ToolCalls, Some(1.6));
        let metrics = values.rounded();
        assert_eq!((metrics.tool_calls, metrics.p95_latency), (2, 1.25));
        assert_eq!((metrics.safety, metrics.relevance), (Some(0.5), None));
        assert_eq!(metrics.success_rate, 1.0);
    }
}
