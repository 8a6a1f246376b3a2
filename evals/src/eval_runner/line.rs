//! One metric for people.

use crate::metrics::{EvalMetric, MetricGroup, Unit};
use crate::output::UP_FROM_NOTHING;

/// The groups in their order, with their titles.
pub(super) const GROUPS: [(MetricGroup, &str); 3] = [
    (MetricGroup::Quality, "QUALITY"),
    (MetricGroup::Performance, "PERFORMANCE"),
    (MetricGroup::Cost, "COST"),
];

/// The title with a colon, as wide as the widest of its group and a blank.
pub(super) fn label(metric: EvalMetric) -> String {
    let width = EvalMetric::ALL
        .into_iter()
        .filter(|other| other.group() == metric.group())
        .map(|other| other.title().len())
        .max()
        .unwrap_or_default();
    format!("{:<width$}", format!("{}:", metric.title()), width = width + 2)
}

/// A value with its unit.
pub(super) fn value(metric: EvalMetric, value: f64) -> String {
    match metric.unit() {
        Unit::Milliseconds => format!("{value:.2}ms"),
        Unit::Fraction if metric.group() == MetricGroup::Quality => format!("{:.2}%", value * 100.0),
        Unit::Fraction => format!("{:.1}%", value * 100.0),
        Unit::Usd => format!("${value:.5}"),
        // Means of whole numbers are seldom whole.
        Unit::Count if value.fract() == 0.0 => format!("{value:.0}"),
        Unit::Count => format!("{value:.1}"),
    }
}

/// How a value stands to another: `delta: +0.0%` of shares, `1.0x` of amounts.
pub(super) fn ratio(metric: EvalMetric, baseline: f64, current: f64) -> String {
    match metric.unit() {
        Unit::Fraction => {
            // A difference that rounds to nothing has no sign.
            let points = (current - baseline) * 100.0;
            let points = if points.abs() < 0.05 { 0.0 } else { points };
            format!("delta: {points:+.1}%")
        }
        _ if baseline == current => "1.0x".to_owned(),
        _ if baseline == 0.0 => UP_FROM_NOTHING.to_owned(),
        _ => format!("{:.1}x", current / baseline),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_a_group_stand_in_one_column() {
        assert_eq!(label(EvalMetric::Safety), "Safety:             ");
        assert_eq!(label(EvalMetric::HallucinationRate), "Hallucination Rate: ");
        assert_eq!(label(EvalMetric::P95Latency), "P95 Latency:  ");
        assert_eq!(label(EvalMetric::TotalTokens), "Total Tokens: ");
    }

    #[test]
    fn means_of_counts_keep_a_decimal() {
        assert_eq!(value(EvalMetric::ToolCalls, 4.0), "4");
        assert_eq!(value(EvalMetric::ToolCalls, 1.45), "1.4");
        assert_eq!(value(EvalMetric::SuccessRate, 0.975), "97.5%");
        assert_eq!(value(EvalMetric::Safety, 0.975), "97.50%");
        assert_eq!(value(EvalMetric::CostPerRun, 0.00075), "$0.00075");
    }

    #[test]
    fn nothing_is_divided_by_nothing() {
        assert_eq!(ratio(EvalMetric::TotalTokens, 0.0, 0.0), "1.0x");
        assert_eq!(ratio(EvalMetric::TotalTokens, 0.0, 5.0), "up from 0");
        assert_eq!(ratio(EvalMetric::TotalTokens, 100.0, 150.0), "1.5x");
        assert_eq!(ratio(EvalMetric::ErrorRate, 0.1, 0.1 - 1e-9), "delta: +0.0%");
        assert_eq!(ratio(EvalMetric::ErrorRate, 0.1, 0.2), "delta: +10.0%");
    }
}
