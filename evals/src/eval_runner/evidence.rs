//! What is known of each metric.

use crate::baseline::Baseline;
use crate::converter::Converted;
use crate::judge::{Better, Comparison, Evidence, Metric, Rules, Statistic, Unit};
use crate::metrics::{self, EvalMetric, MetricGroup};

/// What is known of the metrics that a side has. The sessions of both sides are compared where each has enough, else the
/// values alone.
pub(super) fn of_all(
    current: &Converted,
    baseline: &Baseline,
    rules: &Rules,
    exact: &[EvalMetric],
) -> Vec<Evidence> {
    let (before, now) = (baseline.values(), &current.values);
    EvalMetric::ALL
        .into_iter()
        .filter(|metric| before.get(*metric).is_some() || now.get(*metric).is_some())
        .map(|metric| {
            let judged = || Metric {
                is_exact: exact.contains(&metric),
                ..judged(metric)
            };
            samples(metric, current, baseline, rules)
                .map(|(before, now)| Evidence::of_samples(judged(), before, now, rules))
                // A 95th percentile needs more sessions than a mean.
                .filter(|evidence| evidence.statistics.is_some())
                .unwrap_or_else(|| Evidence::of_values(judged(), before.get(metric), now.get(metric)))
        })
        .collect()
}

/// How many samples on each side the statistic of a metric needs, if both have enough for a mean and one fewer than that.
pub(super) fn fallen_back(
    comparison: &Comparison,
    current: &Converted,
    baseline: &Baseline,
    rules: &Rules,
) -> Option<usize> {
    let metric = EvalMetric::parse(comparison.name())?;
    let (before, now) = samples(metric, current, baseline, rules)?;
    let least = comparison.evidence.metric.statistic.count_min();
    (before.len().min(now.len()) < least).then_some(least)
}

/// The samples of both sides, if each has enough of them.
fn samples<'a>(
    metric: EvalMetric,
    current: &'a Converted,
    baseline: &'a Baseline,
    rules: &Rules,
) -> Option<(&'a [f64], &'a [f64])> {
    if baseline.conversion() != current.conversion {
        return None;
    }
    let enough = |sample: &&Vec<f64>| sample.len() >= rules.samples_min;
    let before = baseline.samples.get(metric.name()).filter(enough)?;
    let now = current.samples.get(metric.name()).filter(enough)?;
    Some((before, now))
}

/// The metric as the judge knows it.
fn judged(metric: EvalMetric) -> Metric {
    Metric {
        name: metric.name().to_owned(),
        about: metric.title().to_owned(),
        unit: match metric.unit() {
            metrics::Unit::Milliseconds => Unit::Milliseconds,
            metrics::Unit::Fraction if metric.group() == MetricGroup::Quality => Unit::Score,
            metrics::Unit::Fraction => Unit::Fraction,
            metrics::Unit::Count => Unit::Count,
            metrics::Unit::Usd => Unit::Usd,
        },
        better: if metric.more_is_better() {
            Better::Higher
        } else {
            Better::Lower
        },
        statistic: match metric {
            EvalMetric::P95Latency => Statistic::Percentile(0.95),
            EvalMetric::SuccessRate | EvalMetric::ErrorRate => Statistic::Rate,
            _ => Statistic::Mean,
        },
        is_exact: false,
        bound: None,
    }
}
