//! Two benchmarks, and what follows.

use quipu_stats::difference::{Difference, Statistic, compare as compare_samples};
use quipu_stats::effect::relative_change;
use quipu_stats::mann_whitney::mann_whitney;
use quipu_stats::multiple::benjamini_hochberg;
use quipu_stats::power::sample_size;

use super::benchmark::Benchmark;
use super::figures::{percent, value};
use super::summary::{SAMPLES_MIN, Summary};
use crate::verdict::Verdict;

/// The probability with which a change of the least effect is to be found, for the count of runs that is proposed.
const POWER: f64 = 0.9;

/// By what a change is judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CompareOptions {
    /// Level of intervals, such as 0.95; one less it is the greatest p-value that is significant.
    pub level: f64,
    /// The least change of the mean that matters, as a fraction of the baseline.
    pub effect_min: f64,
    /// Seed of what is drawn.
    pub seed: u64,
}

impl Default for CompareOptions {
    fn default() -> Self {
        Self {
            level: 0.95,
            effect_min: 0.05,
            seed: 0,
        }
    }
}

/// Two benchmarks, metric by metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// By what it was judged.
    pub options: CompareOptions,
    /// Metrics that both benchmarks have, by name.
    pub metrics: Vec<MetricComparison>,
    /// Metrics that one of them has.
    pub one_sided: Vec<String>,
}

/// A metric of two benchmarks. Less is better.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricComparison {
    /// The distribution of the baseline.
    pub baseline: Summary,
    /// The distribution that is judged.
    pub current: Summary,
    /// Change of the mean as a fraction of the baseline's; none from 0.
    pub change: Option<f64>,
    /// Limits of the change: those of the difference over the baseline's mean.
    pub interval: Option<(f64, f64)>,
    /// How often two commands without a difference would differ as much, in mean; adjusted for the number of metrics.
    pub p_value: Option<f64>,
    /// The probability that a run takes longer than one of the baseline; 0.5 if neither tends to.
    pub superiority: Option<f64>,
    /// What follows.
    pub verdict: Verdict,
    /// Why, in a few words.
    pub reason: String,
}

impl Comparison {
    /// What follows from all metrics.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        Verdict::of_all(self.metrics.iter().map(|metric| metric.verdict))
    }
}

/// Compares the means of all metrics of two benchmarks.
///
/// A metric is regressed if its mean grew by more than [`CompareOptions::effect_min`] and that is significant, improved if it
/// shrank likewise. It passes if growth beyond that bound can be excluded: the interval of the change ends below it. Else it
/// is inconclusive, as it is with fewer than [`SAMPLES_MIN`] runs on a side. So noise makes a comparison inconclusive, and
/// never a pass.
///
/// The test is that of [`quipu_stats::difference`]; of several metrics its p-values are adjusted by the method of Benjamini
/// and Hochberg (1995).
#[must_use]
pub fn compare(baseline: &Benchmark, current: &Benchmark, options: &CompareOptions) -> Comparison {
    let (before, now) = (baseline.metrics(), current.metrics());
    let (shared, missing): (Vec<&str>, Vec<&str>) = before.iter().partition(|name| now.contains(name));
    let more = now.iter().filter(|name| !before.contains(name));
    let mut differences: Vec<(Summary, Summary, Sides, Option<Difference>)> = Vec::new();
    let mut one_sided: Vec<String> = missing
        .iter()
        .chain(more)
        .map(|name| (*name).to_owned())
        .collect();
    for metric in shared {
        let summaries = (
            Summary::of(baseline, metric, options.level),
            Summary::of(current, metric, options.level),
        );
        let (Some(of_baseline), Some(of_current)) = summaries else {
            one_sided.push(metric.to_owned());
            continue;
        };
        let sides = Sides {
            baseline: baseline.values(metric),
            current: current.values(metric),
        };
        let difference = sides.difference(options);
        differences.push((of_baseline, of_current, sides, difference));
    }
    let p_values: Vec<Option<f64>> = (differences.iter())
        .map(|(_, _, _, difference)| difference.map(|difference| difference.p_value))
        .collect();
    let adjusted = benjamini_hochberg(&p_values);
    let metrics = differences.into_iter().zip(adjusted);
    let metrics = metrics.map(|((baseline, current, sides, difference), p_value)| {
        let superiority = mann_whitney(&sides.baseline, &sides.current).map(|ranks| ranks.superiority);
        let change = relative_change(baseline.mean, current.mean);
        let scale = baseline.mean.abs();
        let interval = (difference.filter(|_| scale > 0.0))
            .map(|difference| (difference.lower / scale, difference.upper / scale));
        let (verdict, reason) = match difference {
            Some(difference) if scale == 0.0 => from_nothing(difference, p_value, options),
            _ => judge(&baseline, &current, change, interval, p_value, options),
        };
        MetricComparison {
            baseline,
            current,
            change,
            interval,
            p_value,
            superiority,
            verdict,
            reason,
        }
    });
    Comparison {
        options: *options,
        metrics: metrics.collect(),
        one_sided,
    }
}

struct Sides {
    baseline: Vec<f64>,
    current: Vec<f64>,
}

impl Sides {
    fn difference(&self, options: &CompareOptions) -> Option<Difference> {
        let enough = self.baseline.len().min(self.current.len()) >= SAMPLES_MIN;
        enough
            .then(|| {
                compare_samples(
                    &self.baseline,
                    &self.current,
                    Statistic::Mean,
                    options.level,
                    options.seed,
                )
            })
            .flatten()
    }
}

/// What follows where the baseline has nothing of it, such as no errors: any rise that is proven is a regression.
fn from_nothing(difference: Difference, p_value: Option<f64>, options: &CompareOptions) -> (Verdict, String) {
    let is_significant = p_value.is_some_and(|p| p <= (1.0 - options.level) * (1.0 + 1e-9));
    if difference.upper <= 0.0 {
        (Verdict::Pass, "nothing of it on both sides".to_owned())
    } else if is_significant && difference.difference > 0.0 {
        (Verdict::Regressed, "the baseline has nothing of it".to_owned())
    } else {
        (
            Verdict::Inconclusive,
            "the baseline has nothing of it, and the rise is not proven".to_owned(),
        )
    }
}

fn judge(
    baseline: &Summary,
    current: &Summary,
    change: Option<f64>,
    interval: Option<(f64, f64)>,
    p_value: Option<f64>,
    options: &CompareOptions,
) -> (Verdict, String) {
    let fewest = baseline.count.min(current.count);
    if fewest < SAMPLES_MIN {
        return (
            Verdict::Inconclusive,
            format!("{fewest} runs, at least {SAMPLES_MIN} a side are needed"),
        );
    }
    let (Some(change), Some((_, upper)), Some(p_value)) = (change, interval, p_value) else {
        return (
            Verdict::Inconclusive,
            "nothing can be told from these values".to_owned(),
        );
    };
    let bound = options.effect_min;
    // The level is a decimal and so its complement is off by a rounding: 1 - 0.95 is not 0.05.
    let is_significant = p_value <= (1.0 - options.level) * (1.0 + 1e-9);
    if is_significant && change > bound {
        return (
            Verdict::Regressed,
            format!("{} is more than {}", percent(change), percent(bound)),
        );
    }
    if is_significant && change < -bound {
        return (
            Verdict::Improved,
            format!("{} is more than {}", percent(change), percent(-bound)),
        );
    }
    if upper <= bound {
        return (
            Verdict::Pass,
            format!("a change above {} can be excluded", percent(bound)),
        );
    }
    let mut reason = format!("a change of up to {} cannot be excluded", percent(upper));
    if let Some(runs) = runs_needed(baseline, current, options).filter(|runs| *runs > fewest as u64) {
        reason.push_str(&format!(
            "; about {runs} runs a side would tell one of {}",
            percent(bound)
        ));
    }
    (Verdict::Inconclusive, reason)
}

/// How many runs on each side would tell a change of the least effect, by the wider of the two distributions.
fn runs_needed(baseline: &Summary, current: &Summary, options: &CompareOptions) -> Option<u64> {
    let deviation = baseline.deviation?.max(current.deviation?);
    sample_size(
        options.effect_min * baseline.mean.abs(),
        deviation,
        1.0 - options.level,
        POWER,
    )
}

impl MetricComparison {
    /// The comparison in a line: `10.00 ms -> 12.00 ms, +20.0 % [+17.1 %, +22.9 %], p = 0.0004`.
    #[must_use]
    pub fn line(&self) -> String {
        let metric = &self.baseline.metric;
        let mut line = format!(
            "{} -> {}",
            value(metric, self.baseline.mean),
            value(metric, self.current.mean)
        );
        if let Some(change) = self.change {
            line.push_str(&format!(", {}", percent(change)));
        }
        if let Some((lower, upper)) = self.interval {
            line.push_str(&format!(" [{}, {}]", percent(lower), percent(upper)));
        }
        if let Some(p_value) = self.p_value {
            line.push_str(&format!(", p = {p_value:.4}"));
        }
        line
    }
}
