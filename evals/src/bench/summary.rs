//! The distribution of a metric over the runs of a benchmark, in figures.

use quipu_stats::interval::{Interval, mean_interval};
use quipu_stats::moments::Moments;
use quipu_stats::outliers::Outliers;
use quipu_stats::percentile::Method;
use serde::{Serialize, Serializer};

use super::benchmark::Benchmark;

/// Fewest runs of a command from which something follows. Of four on each side even the rarest order comes up by chance in
/// 3 % of the cases.
pub const SAMPLES_MIN: usize = 5;

/// The distribution of a metric, in the unit of its values.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// The metric; its name ends with its unit.
    pub metric: String,
    /// How many runs have it.
    pub count: usize,
    /// Arithmetic mean.
    pub mean: f64,
    /// Confidence interval of the mean by Student's t; none of one value.
    #[serde(serialize_with = "limits")]
    pub interval: Option<Interval>,
    /// Standard deviation of the sample (divisor n - 1); none of one value.
    pub deviation: Option<f64>,
    /// The least.
    pub min: f64,
    /// The median.
    pub p50: f64,
    /// The 95th percentile, between the two nearest values.
    pub p95: f64,
    /// The 99th percentile, between the two nearest values.
    pub p99: f64,
    /// The greatest.
    pub max: f64,
    /// Values beyond the inner fences of Tukey (1977), but not beyond the outer ones: see [`quipu_stats::outliers`]. They count as
    /// the others do.
    pub mild_outliers: usize,
    /// Values beyond the outer fences.
    pub extreme_outliers: usize,
}

impl Summary {
    /// The distribution of a metric of a benchmark, with the interval of the mean at a level such as 0.95. None if no run
    /// has the metric, or one has a value that is not finite.
    #[must_use]
    pub fn of(benchmark: &Benchmark, metric: &str, level: f64) -> Option<Self> {
        let mut values = benchmark.values(metric);
        let moments = Moments::of(&values)?;
        let outliers = Outliers::of(&values);
        let interval = mean_interval(&values, level);
        values.sort_unstable_by(f64::total_cmp);
        let at = |share| Method::Linear.of_sorted(&values, share);
        Some(Self {
            metric: metric.to_owned(),
            count: moments.count(),
            mean: moments.mean(),
            interval,
            deviation: moments.sample_deviation(),
            min: at(0.0)?,
            p50: at(0.5)?,
            p95: at(0.95)?,
            p99: at(0.99)?,
            max: at(1.0)?,
            mild_outliers: outliers.as_ref().map_or(0, |outliers| outliers.mild.len()),
            extreme_outliers: outliers.as_ref().map_or(0, |outliers| outliers.extreme.len()),
        })
    }
}

/// The interval without its estimate, which is the mean.
fn limits<S: Serializer>(interval: &Option<Interval>, to: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Limits {
        level: f64,
        lower: f64,
        upper: f64,
    }
    let limits = interval.as_ref().map(|interval| Limits {
        level: interval.level,
        lower: interval.lower,
        upper: interval.upper,
    });
    limits.serialize(to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::example;

    #[test]
    fn figures_are_those_of_the_values() {
        let benchmark = example::benchmark(&[
            1000.0, 1100.0, 1200.0, 1300.0, 1400.0, 1500.0, 1600.0, 1700.0, 1800.0, 1900.0,
        ]);
        let summary = Summary::of(&benchmark, "wall_time_ms", 0.95).unwrap();
        assert_eq!((summary.count, summary.mean), (10, 1450.0));
        assert_eq!((summary.min, summary.p50, summary.max), (1000.0, 1450.0, 1900.0));
        assert!((summary.p95 - 1855.0).abs() < 1e-9, "{}", summary.p95);
        // Sample deviation 302.765, t(9, 0.975) = 2.26216: 1450 ± 216.585.
        let interval = summary.interval.unwrap();
        assert!((interval.lower - 1233.415).abs() < 1e-3, "{interval:?}");
        assert!((interval.upper - 1666.585).abs() < 1e-3, "{interval:?}");
        assert!((summary.deviation.unwrap() - 302.765).abs() < 1e-3);
        assert_eq!((summary.mild_outliers, summary.extreme_outliers), (0, 0));
    }

    #[test]
    fn outliers_are_told_and_counted_in() {
        let mut values = vec![10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 16.0];
        values.extend([23.0, 90.0]);
        let summary = Summary::of(&example::benchmark(&values), "wall_time_ms", 0.95).unwrap();
        assert_eq!((summary.mild_outliers, summary.extreme_outliers), (1, 1));
        assert_eq!((summary.count, summary.max), (9, 90.0));
    }

    #[test]
    fn of_one_run_there_is_no_spread_and_of_none_no_summary() {
        let summary = Summary::of(&example::benchmark(&[7.0]), "wall_time_ms", 0.95).unwrap();
        assert_eq!((summary.mean, summary.p99), (7.0, 7.0));
        assert_eq!((summary.interval, summary.deviation), (None, None));
        assert_eq!(Summary::of(&example::benchmark(&[]), "wall_time_ms", 0.95), None);
        assert_eq!(Summary::of(&example::benchmark(&[7.0]), "other", 0.95), None);
    }
}
