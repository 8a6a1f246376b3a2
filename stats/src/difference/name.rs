//! Names of statistics, and their values.

use std::fmt;

use super::Statistic;
use crate::moments::Moments;
use crate::percentile::Method;

impl Statistic {
    /// The statistic of that name: `mean`, `rate`, or a percentile such as `p95` or `p99.9`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "mean" => Some(Self::Mean),
            "rate" => Some(Self::Rate),
            _ => {
                let percent: f64 = name.strip_prefix('p')?.parse().ok()?;
                (percent > 0.0 && percent < 100.0).then_some(Self::Percentile(percent / 100.0))
            }
        }
    }

    /// The fewest values a side of which [`compare`](super::compare) can tell anything: 2 for a mean, 1 for a rate; of a
    /// percentile so many that it lies within the sample, 10 for the 95th and 50 for the 99th.
    #[must_use]
    pub fn count_min(self) -> usize {
        match self {
            Self::Mean => 2,
            Self::Rate => 1,
            Self::Percentile(share) => super::percentile::count_min(share),
        }
    }

    /// Its value over a sample in any order; none without values, and where they are not finite.
    #[must_use]
    pub fn of(self, values: &[f64]) -> Option<f64> {
        let moments = Moments::of(values)?;
        match self {
            Self::Mean | Self::Rate => Some(moments.mean()),
            Self::Percentile(share) => Method::Linear.of(&mut values.to_vec(), share),
        }
    }
}

impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mean => f.write_str("mean"),
            Self::Rate => f.write_str("rate"),
            // Rounded, since 0.999 in binary is not 99.9 percent.
            Self::Percentile(share) => write!(f, "p{}", (share * 1e14).round() / 1e12),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_are_read_as_they_are_written() {
        for name in ["mean", "rate", "p50", "p95", "p99.9", "p0.5", "p99.99999"] {
            assert_eq!(Statistic::parse(name).unwrap().to_string(), name);
        }
        for name in ["p0", "p100", "p", "median", "p-5", "pNaN", ""] {
            assert_eq!(Statistic::parse(name), None, "{name}");
        }
    }

    #[test]
    fn a_percentile_needs_as_many_values_as_compare_takes() {
        for (share, count) in [(0.5, 1), (0.9, 5), (0.95, 10), (0.05, 10), (0.99, 50)] {
            let statistic = Statistic::Percentile(share);
            assert_eq!(statistic.count_min(), count, "{share}");
            let compared = |count: usize| {
                let values: Vec<f64> = (0..count as u32).map(f64::from).collect();
                let other: Vec<f64> = values.iter().map(|value| value + 1e6).collect();
                super::super::compare(&values, &other, statistic, 0.5, 0).is_some()
            };
            assert!(count < 5 || compared(count), "{share}");
            assert!(count == 1 || !compared(count - 1), "{share}");
        }
    }

    #[test]
    fn a_statistic_has_a_value_over_one_sample() {
        let values = [3.0, 1.0, 2.0];
        assert_eq!(Statistic::Mean.of(&values), Some(2.0));
        assert_eq!(Statistic::Percentile(0.5).of(&values), Some(2.0));
        assert_eq!(Statistic::Rate.of(&[1.0, 0.0]), Some(0.5));
        assert_eq!(Statistic::Mean.of(&[]), None);
        assert_eq!(Statistic::Mean.of(&[f64::NAN]), None);
    }
}
