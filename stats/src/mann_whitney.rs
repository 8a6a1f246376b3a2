//! The rank test of Mann and Whitney (1947), also known as Wilcoxon's rank-sum test, and the shift that goes
//! with it.

use crate::distribution::normal_two_sided;

/// Which of two samples tends to the greater values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MannWhitney {
    /// Pairs of a baseline and a current value in which the current one is greater; a pair of equal values
    /// counts half.
    pub u: f64,
    /// The share of such pairs: the probability that a current value is greater than one of the baseline, 0.5
    /// if neither tends to the greater values. (The common-language effect size of McGraw and Wong 1992,
    /// without their assumption of normal values.)
    pub superiority: f64,
    /// How often two samples of one distribution differ as much, in either direction.
    pub p_value: f64,
    /// How the p-value was computed.
    pub method: Method,
}

/// How a p-value of ranks is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// From the number of orders with each U: up to [`EXACT_MAX`] values a side, all of them different.
    Exact,
    /// From the normal distribution, corrected for ties and for continuity.
    Normal,
}

/// Values of each side up to which U is compared with its exact distribution.
pub const EXACT_MAX: usize = 50;

/// Tests whether one of two samples tends to the greater values.
///
/// None for a sample without values and for values that are not finite.
#[must_use]
pub fn mann_whitney(baseline: &[f64], current: &[f64]) -> Option<MannWhitney> {
    let (left, right) = (sorted(baseline)?, sorted(current)?);
    let u: f64 = right
        .iter()
        .map(|value| {
            let less = left.partition_point(|other| other < value);
            let not_greater = left.partition_point(|other| other <= value);
            (less + not_greater) as f64 / 2.0
        })
        .sum();
    let pairs = left.len() as f64 * right.len() as f64;
    let ties = ties(&left, &right);
    let (p_value, method) = if ties == 0.0 && left.len().max(right.len()) <= EXACT_MAX {
        (exact(left.len(), right.len(), u.min(pairs - u)), Method::Exact)
    } else {
        (
            normal(left.len() as f64, right.len() as f64, u, ties),
            Method::Normal,
        )
    };
    Some(MannWhitney {
        u,
        superiority: u / pairs,
        p_value,
        method,
    })
}

/// How far the current values are shifted from the baseline: the median of the differences of all pairs
/// (Hodges and Lehmann 1963), in the unit of the values. Outliers hardly move it.
///
/// None for a sample without values and for values that are not finite. It does not form the pairs: n + m
/// steps a digit.
#[must_use]
pub fn shift(baseline: &[f64], current: &[f64]) -> Option<f64> {
    let (left, right) = (sorted(baseline)?, sorted(current)?);
    let pairs = left.len() as u64 * right.len() as u64;
    let lower = nth_difference(&left, &right, (pairs - 1) / 2);
    let upper = if pairs.is_multiple_of(2) {
        nth_difference(&left, &right, pairs / 2)
    } else {
        lower
    };
    let shift = f64::midpoint(lower, upper);
    shift.is_finite().then_some(shift)
}

/// Values in ascending order; none if there are none or one is not finite.
fn sorted(values: &[f64]) -> Option<Vec<f64>> {
    let mut values: Vec<f64> = values.to_vec();
    values.sort_unstable_by(f64::total_cmp);
    let is_sample = !values.is_empty() && values.iter().all(|value| value.is_finite());
    is_sample.then_some(values)
}

/// The sum of t³ - t over groups of t equal values in both samples.
fn ties(left: &[f64], right: &[f64]) -> f64 {
    let mut pool: Vec<f64> = left.iter().chain(right).copied().collect();
    pool.sort_unstable_by(f64::total_cmp);
    let groups = pool.chunk_by(|a, b| a == b);
    groups
        .map(|group| {
            let t = group.len() as f64;
            t * t * t - t
        })
        .sum()
}

/// Twice the probability of a U up to `u`, which is at most its mean.
///
/// The orders of n and m values with a given U are the coefficients of the Gaussian binomial: the product
/// over i from 1 to n of (1 - x^(m + i)) / (1 - x^i). Those up to `u` need no others.
fn exact(n: usize, m: usize, u: f64) -> f64 {
    let last = u as usize;
    let mut orders = vec![0.0; last + 1];
    orders[0] = 1.0;
    for i in 1..=n {
        for power in (m + i..=last).rev() {
            orders[power] -= orders[power - m - i];
        }
        for power in i..=last {
            orders[power] += orders[power - i];
        }
    }
    let all = crate::resample::ways(n + m, n);
    (2.0 * orders.iter().sum::<f64>() / all).min(1.0)
}

/// The two-sided p-value of `u` by the normal distribution.
fn normal(n: f64, m: f64, u: f64, ties: f64) -> f64 {
    let count = n + m;
    let variance = n * m / 12.0 * (count + 1.0 - ties / (count * (count - 1.0)));
    // Where all values are equal there is nothing to order.
    if variance <= 0.0 {
        return 1.0;
    }
    let distance = ((u - n * m / 2.0).abs() - 0.5).max(0.0);
    normal_two_sided(distance / variance.sqrt())
}

/// The difference, right less left, that has `index` of all differences before it. Both are in ascending
/// order.
fn nth_difference(left: &[f64], right: &[f64], index: u64) -> f64 {
    let at_most = |bound: f64| {
        // Going up on the right, ever more on the left are too low.
        let mut start = 0;
        let counts = right.iter().map(|value| {
            while left.get(start).is_some_and(|other| value - other > bound) {
                start += 1;
            }
            (left.len() - start) as u64
        });
        counts.sum::<u64>()
    };
    let (mut low, mut high) = (right[0] - left[left.len() - 1], right[right.len() - 1] - left[0]);
    if at_most(low) > index {
        return low;
    }
    // Until no number lies between the two: the greater is the difference itself.
    loop {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            return high;
        }
        if at_most(middle) > index {
            high = middle;
        } else {
            low = middle;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Hollander and Wolfe 1973, p. 69 f.: permeability of membranes at term and between 12 and 26 weeks. R's
    /// manual of wilcox.test has W = 35, one-sided p = 0.1272.
    #[test]
    fn membranes_have_the_published_test() {
        let term = [0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46];
        let weeks = [1.15, 0.88, 0.90, 0.74, 1.21];
        let found = mann_whitney(&weeks, &term).unwrap();
        assert_eq!((found.u, found.method), (35.0, Method::Exact));
        assert!((found.p_value / 2.0 - 0.1272).abs() < 5e-5, "{found:?}");
        assert_eq!(found.superiority, 0.7);
        assert!((shift(&weeks, &term).unwrap() - 0.305).abs() < 1e-9);
    }

    #[test]
    fn equal_values_tell_nothing() {
        let found = mann_whitney(&[1.0; 5], &[1.0; 9]).unwrap();
        assert_eq!(
            (found.superiority, found.p_value, found.method),
            (0.5, 1.0, Method::Normal)
        );
        assert_eq!(shift(&[1.0; 5], &[1.0; 9]), Some(0.0));
    }

    #[test]
    fn what_is_no_sample_has_no_ranks() {
        for wrong in [&[] as &[f64], &[f64::NAN], &[1.0, f64::INFINITY]] {
            assert_eq!(mann_whitney(wrong, &[1.0]), None);
            assert_eq!(mann_whitney(&[1.0], wrong), None);
            assert_eq!(shift(wrong, &[1.0]), None);
        }
    }

    #[test]
    fn exact_and_normal_p_values_are_close_for_fifty_a_side() {
        for u in [700.0, 900.0, 1000.0, 1200.0, 1250.0] {
            let (exact, normal) = (exact(50, 50, u), normal(50.0, 50.0, u, 0.0));
            assert!(
                (exact - normal).abs() < 0.0005 + 0.02 * exact,
                "{u}: {exact} {normal}"
            );
        }
    }

    #[test]
    fn many_values_have_a_shift_without_their_pairs() {
        let left: Vec<f64> = (0..100_000).map(f64::from).collect();
        let right: Vec<f64> = left.iter().map(|value| value + 17.0).collect();
        assert_eq!(shift(&left, &right), Some(17.0));
        let found = mann_whitney(&left, &right).unwrap();
        assert!(found.superiority > 0.5 && found.p_value > 0.5, "{found:?}");
    }

    proptest! {
        #[test]
        fn the_exact_p_value_counts_all_orders(n in 1_usize..7, m in 1_usize..7, seed in any::<u64>()) {
            let mut ranks: Vec<f64> = (0..n + m).map(|rank| rank as f64).collect();
            crate::resample::Resampler::new(seed).draw_to_front(&mut ranks, n + m);
            let found = mann_whitney(&ranks[..n], &ranks[n..]).unwrap();
            let middle = (n * m) as f64 / 2.0;
            let (mut all, mut extreme) = (0, 0);
            for bits in (0_u32..1 << (n + m)).filter(|bits| bits.count_ones() as usize == n) {
                let is_left = |rank: usize| bits >> rank & 1 == 1;
                let u: usize = (0..n + m)
                    .filter(|rank| !is_left(*rank))
                    .map(|rank| (0..rank).filter(|lower| is_left(*lower)).count())
                    .sum();
                all += 1;
                extreme += u32::from((u as f64 - middle).abs() >= (found.u - middle).abs());
            }
            prop_assert!((found.p_value - f64::from(extreme) / f64::from(all)).abs() < 1e-12, "{found:?}");
        }

        #[test]
        fn pairs_have_the_u_and_the_shift(
            left in prop::collection::vec((0..40).prop_map(f64::from), 1..25),
            right in prop::collection::vec(-9.0..50.0_f64, 1..25),
        ) {
            let mut differences: Vec<f64> =
                right.iter().flat_map(|b| left.iter().map(move |a| b - a)).collect();
            let found = mann_whitney(&left, &right).unwrap();
            let greater = differences.iter().filter(|difference| **difference > 0.0).count() as f64;
            let equal = differences.iter().filter(|difference| **difference == 0.0).count() as f64;
            prop_assert_eq!(found.u, greater + equal / 2.0);
            let median = crate::percentile::Method::Linear.of(&mut differences, 0.5).unwrap();
            prop_assert!((shift(&left, &right).unwrap() - median).abs() < 1e-9);
        }
    }
}
