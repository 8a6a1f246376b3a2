//! Comparison of one set of metrics with another.

use super::thresholds::limit;
use super::{Regression, RegressionSeverity, RegressionThresholds};
use crate::metrics::{EvalMetric, EvalMetrics, MetricGroup, MetricValues};

/// What became worse than the baseline by more than the thresholds; critical ones first, then by the order of
/// [`EvalMetric::ALL`]. A quality that one side does not have is not compared, nor is a value that is not a number. A value at
/// its threshold passes, whatever rounding makes of the difference: relevance may fall from 0.8 to 0.7 by 0.1.
#[must_use]
pub fn detect_regressions(
    baseline: &EvalMetrics,
    current: &EvalMetrics,
    thresholds: &RegressionThresholds,
) -> Vec<Regression> {
    detect_in_values(&baseline.values(), &current.values(), thresholds)
}

/// [`detect_regressions`] for values that need not be whole.
#[must_use]
pub fn detect_in_values(
    baseline: &MetricValues,
    current: &MetricValues,
    thresholds: &RegressionThresholds,
) -> Vec<Regression> {
    let mut regressions: Vec<Regression> = EvalMetric::ALL
        .into_iter()
        .filter_map(|metric| {
            regression(
                metric,
                baseline.get(metric)?,
                current.get(metric)?,
                thresholds.get(metric),
            )
        })
        .collect();
    regressions.sort_by_key(|regression| regression.severity);
    regressions
}

fn regression(metric: EvalMetric, baseline: f64, current: f64, threshold: f64) -> Option<Regression> {
    let worsening = if metric.more_is_better() {
        baseline - current
    } else {
        current - baseline
    };
    limit(metric, threshold)
        .is_exceeded(baseline, worsening)
        .then(|| Regression {
            metric: metric.name().to_owned(),
            baseline_value: baseline,
            current_value: current,
            threshold,
            severity: severity(metric),
            description: description(metric, baseline, current),
        })
}

fn severity(metric: EvalMetric) -> RegressionSeverity {
    match metric.group() {
        MetricGroup::Quality => RegressionSeverity::Critical,
        MetricGroup::Performance | MetricGroup::Cost => RegressionSeverity::Warning,
    }
}

pub(crate) fn description(metric: EvalMetric, baseline: f64, current: f64) -> String {
    let multiple = current / baseline;
    match metric {
        EvalMetric::Correctness | EvalMetric::Relevance | EvalMetric::Safety | EvalMetric::SuccessRate => {
            format!("dropped {:.1}%", (baseline - current) * 100.0)
        }
        EvalMetric::HallucinationRate | EvalMetric::ErrorRate => {
            format!("increased {:.1}%", (current - baseline) * 100.0)
        }
        EvalMetric::P95Latency | EvalMetric::AvgLatency => format!("{multiple:.1}x slower"),
        EvalMetric::TotalTokens => format!("{multiple:.1}x more tokens"),
        EvalMetric::CostPerRun => format!("{multiple:.1}x more expensive"),
        EvalMetric::ToolCalls => format!("{multiple:.1}x more calls"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(baseline: &EvalMetrics, current: &EvalMetrics) -> Vec<String> {
        detect_regressions(baseline, current, &RegressionThresholds::default())
            .into_iter()
            .map(|regression| regression.metric)
            .collect()
    }

    #[test]
    fn critical_ones_come_first() {
        let baseline = EvalMetrics {
            safety: Some(1.0),
            p95_latency: 100.0,
            total_tokens: 100,
            ..EvalMetrics::default()
        };
        let current = EvalMetrics {
            safety: Some(0.5),
            p95_latency: 200.0,
            total_tokens: 200,
            ..EvalMetrics::default()
        };
        assert_eq!(
            names(&baseline, &current),
            ["safety", "p95_latency", "total_tokens"]
        );
    }

    #[test]
    fn fractions_of_calls_are_compared_as_they_are() {
        let values = |calls| {
            let mut values = MetricValues::default();
            values.set(EvalMetric::ToolCalls, Some(calls));
            values
        };
        let found = |current| {
            detect_in_values(&values(1.4), &values(current), &RegressionThresholds::default()).len()
        };
        assert_eq!(found(1.6), 0);
        assert_eq!(found(2.2), 1);
    }

    #[test]
    fn a_value_at_its_threshold_passes() {
        let of = |relevance| EvalMetrics {
            relevance: Some(relevance),
            ..EvalMetrics::default()
        };
        assert!(names(&of(0.8), &of(0.7)).is_empty());
        assert_eq!(names(&of(0.8), &of(0.699)), ["relevance"]);
    }

    #[test]
    fn what_is_not_a_number_is_not_compared() {
        let current = EvalMetrics {
            p95_latency: f64::NAN,
            ..EvalMetrics::default()
        };
        assert!(names(&EvalMetrics::default(), &current).is_empty());
    }
}
