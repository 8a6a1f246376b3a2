//! A metric against its baseline, and what follows.

use std::fmt;

use super::Statistic;
use super::bound::Bound;
use super::evidence::{Evidence, Statistics};
use super::metric::Metric;
use super::rules::Rules;
use crate::Verdict;
use crate::output::Severity;

/// A metric against its baseline, and what follows.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// What is known of both sides.
    pub evidence: Evidence,
    /// Current - baseline; none where a side has no value.
    pub difference: Option<f64>,
    /// The difference as a share of the baseline; none where the baseline is 0.
    pub relative: Option<f64>,
    /// p-value of the difference, adjusted for the number of metrics of the gate.
    pub adjusted_p: Option<f64>,
    /// The fixed threshold.
    pub bound: Bound,
    /// What follows.
    pub verdict: Verdict,
    /// How bad a regression is; none if it is none.
    pub severity: Option<Severity>,
    /// Why.
    pub reason: Reason,
}

/// Why a comparison has its verdict.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reason {
    /// Neither side has the metric, or only the current one has.
    NotMeasured,
    /// The baseline has the metric and the current side has not.
    Lost,
    /// There are no samples, and the value is within its fixed threshold.
    WithinThreshold,
    /// There are no samples, and the value is beyond its fixed threshold.
    BeyondThreshold,
    /// There are samples, but on one side fewer than this.
    TooFewSamples(usize),
    /// There are samples, but on one side fewer than this, which the percentile needs to lie within them.
    TooFewForPercentile(usize),
    /// There are samples, and they cannot be compared: a value is not finite, or one of a rate neither 0 nor 1.
    NotComparable,
    /// The metric has no noise, and has changed by more than the least effect that counts.
    Exact,
    /// The difference is proven and large enough to count.
    Proven,
    /// The difference is too small to count, proven or not.
    TooSmall,
    /// No difference is proven, and none beyond the fixed threshold is likely; or a rate has not become worse at all, see
    /// [`Comparison::unseen`].
    NotProven,
    /// No difference is proven, or one that is too small to count, but the noise leaves room for one beyond the fixed
    /// threshold.
    TooNoisy,
    /// The data is too incomplete for anything but a regression to follow.
    Incomplete,
}

impl Comparison {
    /// What follows from evidence and its adjusted p-value.
    #[must_use]
    pub(super) fn of(evidence: Evidence, adjusted_p: Option<f64>, rules: &Rules) -> Self {
        let bound = rules.bound(&evidence.metric);
        let values = evidence.baseline.value.zip(evidence.current.value);
        let difference = values.map(|(baseline, current)| current - baseline);
        let (verdict, reason) = decide(&evidence, adjusted_p, rules);
        let severity = (verdict == Verdict::Regressed).then(|| grade(&evidence, bound));
        Self {
            difference,
            relative: values
                .filter(|(baseline, _)| *baseline != 0.0)
                .map(|(baseline, current)| (current - baseline) / baseline.abs()),
            adjusted_p,
            bound,
            verdict,
            severity,
            reason,
            evidence,
        }
    }

    /// Takes back what incomplete data cannot carry.
    pub(super) fn on_incomplete_data(&mut self) {
        if self.verdict != Verdict::Regressed && self.reason != Reason::NotMeasured {
            self.verdict = Verdict::Inconclusive;
            self.reason = Reason::Incomplete;
        }
    }

    /// For a metric that passed, the worsening that its samples leave room for, if that is beyond the fixed threshold. Only a
    /// rate that has not become worse passes so.
    #[must_use]
    pub fn unseen(&self) -> Option<f64> {
        let worst = worst(&self.evidence.metric, self.evidence.statistics.as_ref()?);
        let baseline = self.evidence.baseline.value?;
        let is_unseen = self.verdict == Verdict::Pass
            && self.reason == Reason::NotProven
            && self.bound.limit.is_exceeded(baseline, worst);
        is_unseen.then_some(worst)
    }

    /// Its metric's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.evidence.metric.name
    }
}

fn decide(evidence: &Evidence, adjusted_p: Option<f64>, rules: &Rules) -> (Verdict, Reason) {
    let metric = &evidence.metric;
    let Some(current) = evidence.current.value else {
        return match evidence.baseline.value {
            Some(_) => (Verdict::Inconclusive, Reason::Lost),
            None => (Verdict::Pass, Reason::NotMeasured),
        };
    };
    let Some(baseline) = evidence.baseline.value else {
        return (Verdict::Pass, Reason::NotMeasured);
    };
    let worsening = metric.better.worsening(current - baseline);
    let limit = rules.bound(metric).limit;
    let effect_min = rules.effect_min(metric, baseline);
    let by_direction = |reason| {
        if worsening > effect_min {
            (Verdict::Regressed, reason)
        } else if -worsening > effect_min {
            (Verdict::Improved, reason)
        } else {
            (Verdict::Pass, Reason::TooSmall)
        }
    };
    if metric.is_exact {
        return by_direction(Reason::Exact);
    }
    let samples = evidence.baseline.samples.min(evidence.current.samples);
    if samples == 0 {
        return if limit.is_exceeded(baseline, worsening) {
            (Verdict::Regressed, Reason::BeyondThreshold)
        } else if limit.is_exceeded(baseline, -worsening) {
            (Verdict::Improved, Reason::BeyondThreshold)
        } else {
            (Verdict::Pass, Reason::WithinThreshold)
        };
    }
    let Some(statistics) = &evidence.statistics else {
        let reason = match metric.statistic.count_min() {
            _ if samples < rules.samples_min => Reason::TooFewSamples(rules.samples_min),
            least if samples < least => Reason::TooFewForPercentile(least),
            _ => Reason::NotComparable,
        };
        return (Verdict::Inconclusive, reason);
    };
    let (verdict, reason) = if adjusted_p.is_some_and(|p| rules.is_significant(p)) {
        by_direction(Reason::Proven)
    } else {
        (Verdict::Pass, Reason::NotProven)
    };
    // Dozens of successes without a failure do not rule out that one in twenty fails. Where a rate has not become worse at
    // all, a gate that never passes tells less than one that passes and says what it could not see.
    let is_no_worse_rate = metric.statistic == Statistic::Rate && worsening <= 0.0;
    if verdict == Verdict::Pass && !is_no_worse_rate && limit.is_exceeded(baseline, worst(metric, statistics))
    {
        (Verdict::Inconclusive, Reason::TooNoisy)
    } else {
        (verdict, reason)
    }
}

/// The end of the interval on the worse side.
fn worst(metric: &Metric, statistics: &Statistics) -> f64 {
    let difference = &statistics.difference;
    metric
        .better
        .worsening(difference.lower)
        .max(metric.better.worsening(difference.upper))
}

/// How bad a regression is: what the fixed threshold says, if the value is beyond it.
fn grade(evidence: &Evidence, bound: Bound) -> Severity {
    let (Some(baseline), Some(current)) = (evidence.baseline.value, evidence.current.value) else {
        return Severity::Info;
    };
    let worsening = evidence.metric.better.worsening(current - baseline);
    if bound.limit.is_exceeded(baseline, worsening) {
        bound.severity
    } else {
        Severity::Info
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotMeasured => f.write_str("not measured"),
            Self::Lost => f.write_str("the baseline has it, this side has not"),
            Self::WithinThreshold => f.write_str("within the threshold; no samples"),
            Self::BeyondThreshold => f.write_str("beyond the threshold; no samples"),
            Self::TooFewSamples(least) => write!(f, "fewer than {least} samples on one side"),
            Self::TooFewForPercentile(least) => {
                write!(
                    f,
                    "fewer than {least} samples on one side, which this percentile needs"
                )
            }
            Self::NotComparable => f.write_str("the samples cannot be compared"),
            Self::Incomplete => f.write_str("the data is incomplete"),
            Self::Exact => f.write_str("a metric without noise changed"),
            Self::Proven => f.write_str("significant"),
            Self::TooSmall => f.write_str("too small to count"),
            Self::NotProven => f.write_str("no significant difference"),
            Self::TooNoisy => f.write_str("not significant, but too noisy to rule a regression out"),
        }
    }
}
