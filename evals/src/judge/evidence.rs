//! What is known of a metric on both sides before it is judged.

use quipu_stats::difference::{self, Difference, Statistic};
use quipu_stats::effect;
use quipu_stats::mann_whitney::mann_whitney;
use quipu_stats::moments::Moments;
use quipu_stats::power::{self, minimum_detectable_effect};

use super::metric::Metric;
use super::rules::Rules;

/// What is known of a metric on both sides.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// The metric.
    pub metric: Metric,
    /// What it was.
    pub baseline: Side,
    /// What it is.
    pub current: Side,
    /// What the samples of both say; none without samples on both sides, and where there are too few.
    pub statistics: Option<Statistics>,
}

/// A metric on one side.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Side {
    /// Its value; none if it was not measured.
    pub value: Option<f64>,
    /// Runs that it was made of; 0 if they are not known.
    pub samples: usize,
}

/// What samples say of a difference.
#[derive(Clone, Debug, PartialEq)]
pub struct Statistics {
    /// The difference of the metric, current - baseline, with its interval and p-value.
    pub difference: Difference,
    /// p-value of the Mann-Whitney test: whether one side tends to be greater, whatever the shape of the values.
    pub mann_whitney_p: Option<f64>,
    /// Standardised difference of the means (Hedges' g); none where nothing varies.
    pub hedges_g: Option<f64>,
    /// Share of pairs in which the current value is greater less the share in which it is smaller (Cliff's delta).
    pub cliffs_delta: Option<f64>,
    /// The least difference of means that samples like these would show 4 times out of 5.
    pub detectable: Option<f64>,
}

/// How likely a real difference is to be seen, in [`Statistics::detectable`].
pub const POWER: f64 = 0.8;

impl Evidence {
    /// Of values without samples: fixed thresholds decide alone.
    #[must_use]
    pub fn of_values(metric: Metric, baseline: Option<f64>, current: Option<f64>) -> Self {
        let side = |value| Side { value, samples: 0 };
        Self {
            metric,
            baseline: side(baseline),
            current: side(current),
            statistics: None,
        }
    }

    /// Of the values of runs.
    #[must_use]
    pub fn of_samples(metric: Metric, baseline: &[f64], current: &[f64], rules: &Rules) -> Self {
        let statistic = metric.statistic;
        let side = |values: &[f64]| Side {
            value: statistic.of(values),
            samples: values.len(),
        };
        Self {
            baseline: side(baseline),
            current: side(current),
            statistics: Statistics::of(statistic, baseline, current, rules),
            metric,
        }
    }
}

impl Statistics {
    /// What samples say; none if there are too few to say anything.
    #[must_use]
    pub fn of(statistic: Statistic, baseline: &[f64], current: &[f64], rules: &Rules) -> Option<Self> {
        if baseline.len().min(current.len()) < rules.samples_min {
            return None;
        }
        // In one order: what is drawn from the values, and the last digit of a sum, follow from it.
        let (baseline, current) = (&sorted(baseline)[..], &sorted(current)[..]);
        let difference = difference::compare(baseline, current, statistic, rules.level, rules.seed)?;
        Some(Self {
            difference,
            mann_whitney_p: mann_whitney(baseline, current).map(|test| test.p_value),
            hedges_g: effect::hedges_g(baseline, current),
            cliffs_delta: effect::cliffs_delta(baseline, current),
            detectable: detectable(baseline, current, rules.level),
        })
    }
}

/// The least difference of means that samples like these show with probability [`POWER`].
fn detectable(baseline: &[f64], current: &[f64], level: f64) -> Option<f64> {
    let side = |values: &[f64]| {
        let moments = Moments::of(values)?;
        Some(power::Side {
            deviation: moments.sample_deviation()?,
            count: moments.count(),
        })
    };
    minimum_detectable_effect(side(baseline)?, side(current)?, 1.0 - level, POWER)
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut values = values.to_vec();
    values.sort_unstable_by(f64::total_cmp);
    values
}
