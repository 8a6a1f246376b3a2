//! What a gate would have said of the past: how often it raises a false alarm, and which change it sees.

use quipu_stats::resample::Resampler;

use super::Statistic;
use super::bound::Limit;
use super::evidence::Evidence;
use super::judgement::judge;
use super::metric::{Better, Metric};
use super::rules::Rules;
use crate::Verdict;

/// The changes that are planted, as shares of the baseline; of fractions and scores on their own scale.
pub const SHIFTS: [f64; 6] = [0.05, 0.10, 0.15, 0.20, 0.30, 0.50];

/// A change that is seen this often is one that the gate can be relied on to see.
const RELIABLE: f64 = 0.8;

/// How a self-test is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SelfTestPlan {
    /// Runs a side of each trial.
    pub runs: usize,
    /// Trials for each rate that is told.
    pub trials: usize,
    /// Where drawing begins: the same history gives the same figures again.
    pub seed: u64,
}

/// What a gate would have said of the past.
#[derive(Clone, Debug, PartialEq)]
pub struct SelfTest {
    /// How it was done.
    pub plan: SelfTestPlan,
    /// Share of trials without any change in which the gate as a whole told of a regression.
    pub false_alarms: f64,
    /// Share of trials without any change in which the gate came to no conclusion.
    pub inconclusive: f64,
    /// Metric by metric.
    pub metrics: Vec<MetricSelfTest>,
}

/// What a gate would have said of one metric.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricSelfTest {
    /// The metric.
    pub metric: Metric,
    /// Values of its history.
    pub history: usize,
    /// Share of trials without any change in which it was told to have regressed.
    pub false_alarms: f64,
    /// For each of [`SHIFTS`] that was planted as a worsening: the share of trials in which it was seen.
    pub power: Vec<f64>,
    /// The least of [`SHIFTS`] that is seen 4 times out of 5; none if none is.
    pub detectable: Option<f64>,
    /// A fixed threshold that this many runs can hold: the detectable change. None where none is.
    pub proposed: Option<Limit>,
}

/// Tries a gate on the past: both sides of each trial are drawn from the history of the metrics with replacement, so that
/// there is no difference between them but chance; then a worsening is planted in one metric after the other. Metrics
/// without enough history are left out.
#[must_use]
pub fn self_test(history: &[(Metric, Vec<f64>)], rules: &Rules, plan: SelfTestPlan) -> SelfTest {
    let known: Vec<&(Metric, Vec<f64>)> = history
        .iter()
        .filter(|(_, values)| values.len() >= rules.samples_min)
        .collect();
    let mut alarms = vec![0_usize; known.len()];
    let mut seen = vec![[0_usize; SHIFTS.len()]; known.len()];
    let (mut regressed, mut inconclusive) = (0, 0);
    for trial in 0..plan.trials as u64 {
        let rules = Rules {
            seed: rules.seed.wrapping_add(trial),
            ..rules.clone()
        };
        let sides: Vec<(Vec<f64>, Vec<f64>)> = known
            .iter()
            .map(|(_, values)| draw(values, plan, trial))
            .collect();
        let evidence = |at: usize, current: &[f64]| {
            Evidence::of_samples(known[at].0.clone(), &sides[at].0, current, &rules)
        };
        let quiet: Vec<Evidence> = (0..known.len()).map(|at| evidence(at, &sides[at].1)).collect();
        let judgement = judge(quiet.clone(), &rules);
        match judgement.verdict {
            Verdict::Regressed => regressed += 1,
            Verdict::Inconclusive => inconclusive += 1,
            Verdict::Pass | Verdict::Improved => {}
        }
        for (at, of) in judgement.comparisons.iter().enumerate() {
            alarms[at] += usize::from(of.verdict == Verdict::Regressed);
        }
        // One metric after the other becomes worse, and the gate judges all of them, as it would.
        for (at, (metric, _)) in known.iter().enumerate() {
            for (shift, seen) in SHIFTS.iter().zip(&mut seen[at]) {
                let mut current = sides[at].1.clone();
                worsen(
                    metric,
                    &mut current,
                    *shift,
                    &mut Resampler::new(plan.seed ^ trial),
                );
                let mut all = quiet.clone();
                all[at] = evidence(at, &current);
                let verdict = judge(all, &rules).comparisons[at].verdict;
                *seen += usize::from(verdict == Verdict::Regressed);
            }
        }
    }
    let share = |count: usize| count as f64 / plan.trials.max(1) as f64;
    let metrics = known
        .iter()
        .zip(alarms)
        .zip(seen)
        .map(|(((metric, values), alarms), seen)| {
            let power: Vec<f64> = seen.into_iter().map(share).collect();
            let reliable = SHIFTS.iter().zip(&power).find(|(_, power)| **power >= RELIABLE);
            let detectable = reliable.map(|(shift, _)| *shift);
            MetricSelfTest {
                metric: metric.clone(),
                history: values.len(),
                false_alarms: share(alarms),
                power,
                detectable,
                proposed: detectable.map(|shift| limit(metric, shift)),
            }
        });
    SelfTest {
        metrics: metrics.collect(),
        plan,
        false_alarms: share(regressed),
        inconclusive: share(inconclusive),
    }
}

/// Both sides of a trial, drawn with replacement. Metrics with as many values draw the same places, so that those of one run
/// stay together where their values lie in the same order of runs.
fn draw(values: &[f64], plan: SelfTestPlan, trial: u64) -> (Vec<f64>, Vec<f64>) {
    let mut resampler = Resampler::new(plan.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(trial));
    let mut side = || resampler.sample_with_replacement(values, plan.runs);
    (side(), side())
}

/// Makes values worse by a share.
fn worsen(metric: &Metric, values: &mut [f64], shift: f64, resampler: &mut Resampler) {
    if metric.statistic == Statistic::Rate {
        // As many of the values as the share says turn bad, as far as there are good ones.
        let (good, bad) = match metric.better {
            Better::Higher => (1.0, 0.0),
            Better::Lower => (0.0, 1.0),
        };
        let mut at: Vec<usize> = (0..values.len()).filter(|at| values[*at] == good).collect();
        let turned = ((values.len() as f64 * shift).round() as usize).min(at.len());
        resampler.draw_to_front(&mut at, turned);
        for at in &at[..turned] {
            values[*at] = bad;
        }
        return;
    }
    for value in values {
        let change = if metric.unit.is_fraction() {
            shift
        } else {
            value.abs() * shift
        };
        *value += metric.better.worsening(change);
    }
}

fn limit(metric: &Metric, shift: f64) -> Limit {
    if metric.unit.is_fraction() {
        Limit::Difference(shift)
    } else {
        Limit::Ratio(1.0 + shift)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Unit;
    use super::*;

    fn metric(unit: Unit, better: Better, statistic: Statistic) -> Metric {
        Metric {
            name: "m".to_owned(),
            about: String::new(),
            unit,
            better,
            statistic,
            is_exact: false,
            bound: None,
        }
    }

    #[test]
    fn what_is_worsened_is_worse() {
        let mut resampler = Resampler::new(1);
        let mut worsened = |metric: &Metric, values: &[f64]| {
            let mut values = values.to_vec();
            worsen(metric, &mut values, 0.5, &mut resampler);
            values
        };
        let latency = metric(Unit::Milliseconds, Better::Lower, Statistic::Mean);
        assert_eq!(worsened(&latency, &[100.0, 200.0]), [150.0, 300.0]);
        let score = metric(Unit::Score, Better::Higher, Statistic::Mean);
        assert_eq!(worsened(&score, &[0.75, 1.0]), [0.25, 0.5]);
        let success = metric(Unit::Fraction, Better::Higher, Statistic::Rate);
        let bad = worsened(&success, &[1.0, 1.0, 1.0, 0.0]);
        assert_eq!(bad.iter().sum::<f64>(), 1.0, "two of four turned bad");
    }

    #[test]
    fn a_self_test_tells_what_a_gate_of_that_size_can_see() {
        let history: Vec<f64> = (0..200)
            .map(|at| 1000.0 * (0.8 + 0.002 * f64::from(at)))
            .collect();
        let latency = metric(Unit::Milliseconds, Better::Lower, Statistic::Mean);
        let few = metric(Unit::Milliseconds, Better::Lower, Statistic::Mean);
        let plan = SelfTestPlan {
            runs: 20,
            trials: 60,
            seed: 7,
        };
        let history = [(latency, history), (few, vec![1.0])];
        let told = self_test(&history, &Rules::default(), plan);
        assert_eq!(told.metrics.len(), 1, "one value is no history");
        let of = &told.metrics[0];
        assert!(of.false_alarms <= 0.1, "{}", of.false_alarms);
        assert!(of.power.is_sorted() && of.power[3] > 0.95, "{:?}", of.power);
        assert!(of.detectable.is_some_and(|shift| shift <= 0.2));
        assert_eq!(
            told,
            self_test(&history, &Rules::default(), plan),
            "the same again"
        );
    }
}
