//! Whether it became slower.

use quipu_stats::difference::{Difference, Statistic, compare};
use quipu_stats::multiple::benjamini_hochberg;
use serde::Serialize;

use super::result::BenchmarkResult;
use crate::verdict::Verdict;

/// By which rule two benchmarks were compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PerformanceRule {
    /// The mean or the 95th percentile of the latency is significantly greater, by more than the threshold. For files that have
    /// their runs.
    Samples,
    /// The 95th percentile is above the upper limit of the interval of the baseline's mean, by more than the threshold: the
    /// rule of dashflow-streaming. For files without runs.
    ConfidenceLimit,
}

/// What follows from two benchmarks.
#[derive(Clone, Debug, PartialEq)]
pub struct PerformanceJudgement {
    /// Regressed, improved, pass or inconclusive.
    pub verdict: Verdict,
    /// By which rule.
    pub rule: PerformanceRule,
    /// What the runs say of the mean latency; none by the rule of dashflow-streaming.
    pub mean: Option<LatencyJudgement>,
    /// What the runs say of the 95th percentile of the latency; likewise.
    pub p95: Option<LatencyJudgement>,
    /// Why nothing follows by the rule of dashflow-streaming.
    pub evidence: Option<String>,
}

/// What runs say of one statistic of the latency.
#[derive(Clone, Debug, PartialEq)]
pub struct LatencyJudgement {
    /// Regressed, improved, pass or inconclusive.
    pub verdict: Verdict,
    /// The difference, milliseconds, where there were enough runs.
    pub difference: Option<Difference>,
    /// Why, in words.
    pub evidence: String,
}

/// Fewest runs on a side from which anything follows.
const RUNS_MIN: usize = 5;
/// Where resampling begins: the same files give the same judgement again.
const SEED: u64 = 0;
/// What is compared of two samples.
const STATISTICS: [Statistic; 2] = [Statistic::Mean, Statistic::Percentile(0.95)];

/// Compares two benchmarks; `threshold` is the slowdown that is accepted, 0.2 for 20 %.
///
/// Where both have their runs, their means and 95th percentiles are compared. One of them has regressed if it is greater by
/// more than the threshold, and significantly so (by the level of the current result, both p-values adjusted by Benjamini and
/// Hochberg 1995); improved the same downwards. It passes if its interval stays within the threshold. Else, and with fewer than
/// five runs on a side (ten for the percentile), nothing follows: inconclusive. The verdict is that of the mean, or regressed
/// where the percentile has: of a few dozen runs it is one or two of the slowest ones, which prove a great change and can
/// seldom rule out a small one.
///
/// Where a side has no runs, regressed means `current.p95_latency > baseline.latency_ci_upper * (1 + threshold)`, which
/// compares a percentile with the interval of a mean: so it is in files of dashflow-streaming and its documentation.
#[must_use]
pub fn judge_performance(
    baseline: &BenchmarkResult,
    current: &BenchmarkResult,
    threshold: f64,
) -> PerformanceJudgement {
    match (baseline.latencies(), current.latencies()) {
        (Some(before), Some(now)) => {
            of_samples(before, now, threshold, current.confidence_level.unwrap_or(0.95))
        }
        _ => of_limit(baseline, current, threshold),
    }
}

/// Whether it became slower: [`judge_performance`] says regressed.
#[must_use]
pub fn detect_performance_regression(
    baseline: &BenchmarkResult,
    current: &BenchmarkResult,
    threshold: f64,
) -> bool {
    judge_performance(baseline, current, threshold).verdict == Verdict::Regressed
}

fn of_limit(baseline: &BenchmarkResult, current: &BenchmarkResult, threshold: f64) -> PerformanceJudgement {
    let limit = baseline.latency_ci_upper * (1.0 + threshold);
    let (verdict, evidence) = if !limit.is_finite() {
        let why = "the baseline has one run and no interval, so nothing follows; save one of more runs";
        (Verdict::Inconclusive, Some(why.to_owned()))
    } else if !current.p95_latency.is_finite() {
        let why = "the 95th percentile of now is no number, so nothing follows; measure again";
        (Verdict::Inconclusive, Some(why.to_owned()))
    } else if current.p95_latency > limit {
        (Verdict::Regressed, None)
    } else {
        (Verdict::Pass, None)
    };
    PerformanceJudgement {
        verdict,
        rule: PerformanceRule::ConfidenceLimit,
        mean: None,
        p95: None,
        evidence,
    }
}

fn of_samples(before: &[f64], now: &[f64], threshold: f64, level: f64) -> PerformanceJudgement {
    // In one order: what is drawn from the values follows from it.
    let (before, now) = (&sorted(before)[..], &sorted(now)[..]);
    let fewest = before.len().min(now.len());
    let found = STATISTICS.map(|statistic| {
        (fewest >= RUNS_MIN)
            .then(|| compare(before, now, statistic, level, SEED))
            .flatten()
    });
    let adjusted = benjamini_hochberg(&found.map(|found| found.map(|found| found.p_value)));
    let mut judged =
        STATISTICS
            .into_iter()
            .zip(found)
            .zip(adjusted)
            .map(|((statistic, found), p)| match found.zip(p) {
                Some((found, p)) => of_difference(found, p, threshold),
                None => LatencyJudgement {
                    verdict: Verdict::Inconclusive,
                    difference: None,
                    evidence: too_few(statistic, fewest),
                },
            });
    let (mean, p95) = (judged.next(), judged.next());
    let is_regressed =
        |of: &Option<LatencyJudgement>| of.as_ref().is_some_and(|of| of.verdict == Verdict::Regressed);
    PerformanceJudgement {
        verdict: if is_regressed(&p95) {
            Verdict::Regressed
        } else {
            mean.as_ref().map_or(Verdict::Inconclusive, |mean| mean.verdict)
        },
        rule: PerformanceRule::Samples,
        mean,
        p95,
        evidence: None,
    }
}

fn of_difference(found: Difference, adjusted_p: f64, threshold: f64) -> LatencyJudgement {
    let allowed = found.baseline.abs() * threshold;
    let is_significant = adjusted_p <= 1.0 - found.level;
    let (verdict, word) = if is_significant && found.difference > allowed {
        (Verdict::Regressed, "more than the threshold allows")
    } else if is_significant && -found.difference > allowed {
        (Verdict::Improved, "faster by more than the threshold")
    } else if found.upper <= allowed {
        (Verdict::Pass, "within the threshold")
    } else {
        (Verdict::Inconclusive, "too noisy to tell; measure more runs")
    };
    LatencyJudgement {
        verdict,
        difference: Some(found),
        evidence: format!(
            "{:+.2}ms ({}% CI: [{:+.2}, {:+.2}], p = {adjusted_p:.4}): {word}",
            found.difference,
            (found.level * 1e8).round() / 1e6,
            found.lower,
            found.upper,
        ),
    }
}

fn too_few(statistic: Statistic, fewest: usize) -> String {
    let least = statistic.count_min().max(RUNS_MIN);
    if fewest < least {
        format!("{fewest} samples on one side, and {least} are needed to tell noise from change")
    } else {
        "the samples do not allow a comparison".to_owned()
    }
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut values = values.to_vec();
    values.sort_unstable_by(f64::total_cmp);
    values
}
