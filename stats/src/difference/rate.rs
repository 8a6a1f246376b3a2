//! The difference of two rates.

use super::{Difference, Method};
use crate::interval::proportion_interval;

pub(super) fn compare(baseline: &[f64], current: &[f64], level: f64) -> Option<Difference> {
    let (left, right) = (successes(baseline)?, successes(current)?);
    of_counts(
        (left, baseline.len() as u64),
        (right, current.len() as u64),
        level,
    )
}

/// How many values are 1; none if one is neither that nor 0.
fn successes(values: &[f64]) -> Option<u64> {
    values.iter().try_fold(0, |successes, value| match value {
        0.0 => Some(successes),
        1.0 => Some(successes + 1),
        _ => None,
    })
}

/// Compares successes of trials.
fn of_counts(baseline: (u64, u64), current: (u64, u64), level: f64) -> Option<Difference> {
    let left = proportion_interval(baseline.0, baseline.1, level)?;
    let right = proportion_interval(current.0, current.1, level)?;
    let difference = right.estimate - left.estimate;
    // What rounding moves beyond the possible is put back.
    let lower = difference - (right.estimate - right.lower).hypot(left.upper - left.estimate);
    let upper = difference + (right.upper - right.estimate).hypot(left.estimate - left.lower);
    Some(Difference {
        baseline: left.estimate,
        current: right.estimate,
        difference,
        lower: lower.max(-1.0),
        upper: upper.min(1.0),
        level,
        p_value: mid_p(baseline, current),
        method: Method::FisherMidP,
    })
}

/// The doubled one-sided mid-p-value of Fisher's exact test: given how many successes there are in all, those
/// of one side are hypergeometric.
fn mid_p(baseline: (u64, u64), current: (u64, u64)) -> f64 {
    let successes = baseline.0 + current.0;
    let (least, greatest) = (successes.saturating_sub(current.1), successes.min(baseline.1));
    // Weights relative to the observed table, outwards from it until they no longer count.
    let rising = |k: u64| {
        let (k, n, m, s) = (k as f64, baseline.1 as f64, current.1 as f64, successes as f64);
        // From k successes of the baseline to k + 1.
        (n - k) * (s - k) / ((k + 1.0) * (m - s + k + 1.0))
    };
    let tail = |weights: &mut dyn Iterator<Item = f64>| {
        let mut weight = 1.0;
        let mut sum = 0.0;
        for ratio in weights {
            weight *= ratio;
            sum += weight;
            if weight < f64::EPSILON * sum && ratio < 1.0 {
                break;
            }
        }
        sum
    };
    let above = tail(&mut (baseline.0..greatest).map(rising));
    let below = tail(&mut (least..baseline.0).rev().map(|k| 1.0 / rising(k)));
    let rarer = above.min(below) + 0.5;
    // Far from the centre the greater tail may overflow; then the smaller is nothing beside it.
    (2.0 * rarer / (1.0 + above + below)).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use statrs::distribution::{Binomial, Discrete};

    #[test]
    fn the_lady_who_tastes_tea_has_the_known_p_value() {
        // Fisher 1935: of 4 cups, 3 right against 1 of the other 4; of 70 ways 1 is more extreme and 16 are
        // as extreme.
        let expected = 2.0 * (1.0 + 16.0 / 2.0) / 70.0;
        assert!((mid_p((1, 4), (3, 4)) - expected).abs() < 1e-12);
        assert!((mid_p((0, 4), (4, 4)) - 2.0 * 0.5 / 70.0).abs() < 1e-12);
    }

    #[test]
    fn rates_that_cannot_differ_do_not() {
        for count in [1, 10, 100_000] {
            assert_eq!(mid_p((0, count), (0, 7)), 1.0);
            assert_eq!(mid_p((count, count), (7, 7)), 1.0);
        }
    }

    /// Newcombe 1998 (Statistics in Medicine 17, 873-890), table II, method 10.
    #[test]
    fn differences_have_the_published_intervals_of_newcombe() {
        for (current, baseline, lower, upper) in [
            ((56, 70), (48, 80), 0.0524, 0.3339),
            ((9, 10), (3, 10), 0.1705, 0.8090),
            ((6, 7), (2, 7), 0.0582, 0.8062),
            ((5, 56), (0, 29), -0.0381, 0.1926),
            ((0, 10), (0, 20), -0.1611, 0.2775),
            ((10, 10), (0, 20), 0.6791, 1.0),
        ] {
            let found = of_counts(baseline, current, 0.95).unwrap();
            assert!((found.lower - lower).abs() < 5.1e-5, "{found:?}");
            assert!((found.upper - upper).abs() < 5.1e-5, "{found:?}");
        }
    }

    #[test]
    fn many_trials_have_the_p_value_of_the_normal_distribution() {
        let found = mid_p((95_000, 100_000), (94_800, 100_000));
        let (n, rate) = (100_000.0, 0.949);
        let z = 0.002 / f64::sqrt(2.0 * rate * (1.0 - rate) / n);
        let expected = crate::distribution::normal_two_sided(z);
        assert!((found - expected).abs() < 2e-4, "{found} {expected}");
        assert_eq!(mid_p((100_000, 100_000), (0, 100_000)), 0.0);
    }

    /// Over all outcomes, not over trials: the greatest false-alarm rate at any true rate.
    #[test]
    fn the_same_rate_seldom_differs() {
        for (n, m) in [(5, 5), (10, 10), (30, 30), (30, 10), (100, 20)] {
            let mut rejected = Vec::new();
            for k in 0..=n {
                rejected.extend((0..=m).filter(|j| mid_p((k, n), (*j, m)) <= 0.05).map(|j| (k, j)));
            }
            for percent in 1..100 {
                let rate = f64::from(percent) / 100.0;
                let (left, right) = (Binomial::new(rate, n).unwrap(), Binomial::new(rate, m).unwrap());
                let alarms: f64 = rejected.iter().map(|(k, j)| left.pmf(*k) * right.pmf(*j)).sum();
                assert!(alarms <= 0.052, "{n} and {m} at {rate}: {alarms}");
            }
        }
    }

    #[test]
    fn interval_and_p_value_disagree_only_close_to_the_level() {
        for (n, m) in [(5, 5), (10, 10), (30, 30), (30, 10), (100, 20)] {
            for k in 0..=n {
                for j in 0..=m {
                    let found = of_counts((k, n), (j, m), 0.95).unwrap();
                    if found.excludes_zero() != (found.p_value <= 0.05) {
                        assert!(
                            (0.03..0.09).contains(&found.p_value),
                            "{k} of {n}, {j} of {m}: {found:?}"
                        );
                    }
                }
            }
        }
    }
}
