use proptest::prelude::*;

use super::*;
use crate::moments::Moments;
use crate::percentile::Method as Rule;
use crate::simulation::{Law, Samples};

fn mean(baseline: &[f64], current: &[f64]) -> Option<Difference> {
    compare(baseline, current, Statistic::Mean, 0.95, 1)
}

fn welch_t(left: &[f64], right: &[f64]) -> f64 {
    let (left, right) = (Moments::of(left).unwrap(), Moments::of(right).unwrap());
    let error = left
        .standard_error()
        .unwrap()
        .hypot(right.standard_error().unwrap());
    ((right.mean() - left.mean()) / error).abs()
}

/// A permutation test by its definition: every choice of so many values, by the bits of a number.
fn brute_force(left: &[f64], right: &[f64], statistic: impl Fn(&[f64], &[f64]) -> f64) -> f64 {
    let pool: Vec<f64> = left.iter().chain(right).copied().collect();
    let observed = statistic(left, right) * (1.0 - 1e-9);
    let choices = (0_u32..1 << pool.len()).filter(|bits| bits.count_ones() as usize == left.len());
    let (mut all, mut extreme) = (0, 0);
    for bits in choices {
        let part = |of: u32| -> Vec<f64> {
            let values = pool.iter().enumerate().filter(|(at, _)| bits >> at & 1 == of);
            values.map(|(_, value)| *value).collect()
        };
        all += 1;
        extreme += u32::from(statistic(&part(1), &part(0)) >= observed);
    }
    f64::from(extreme) / f64::from(all)
}

fn percentile_distance(share: f64) -> impl Fn(&[f64], &[f64]) -> f64 {
    move |left, right| {
        let of = |values: &[f64]| Rule::Linear.of(&mut values.to_vec(), share).unwrap();
        (of(left) - of(right)).abs()
    }
}

fn statistics() -> impl Strategy<Value = Statistic> {
    let shares = [0.05, 0.5, 0.9].map(Statistic::Percentile);
    prop::sample::select([&[Statistic::Mean], &shares[..]].concat())
}

proptest! {
    #[test]
    fn small_samples_of_means_have_the_p_value_of_all_splits(
        left in prop::collection::vec(-50.0..50.0_f64, 4..6),
        right in prop::collection::vec(-20.0..90.0_f64, 4..7),
    ) {
        let found = mean(&left, &right).unwrap();
        prop_assert_eq!(found.method, Method::Permutation);
        let expected = brute_force(&left, &right, welch_t);
        prop_assert!((found.p_value - expected).abs() < 1e-12, "{found:?} {expected}");
    }

    #[test]
    fn small_samples_of_percentiles_have_the_p_value_of_all_splits(
        left in prop::collection::vec(-50.0..50.0_f64, 6..8),
        right in prop::collection::vec(-20.0..90.0_f64, 6..8),
        upper in any::<bool>(),
    ) {
        let share = if upper { 0.85 } else { 0.12 };
        let Some(found) = compare_by(&left, &right, Statistic::Percentile(share), 0.8, 1, 5_000) else {
            return Ok(());
        };
        let expected = brute_force(&left, &right, percentile_distance(share));
        prop_assert!((found.p_value - expected).abs() < 1e-12, "{found:?} {expected}");
    }

    #[test]
    fn interval_and_p_value_agree(
        left in prop::collection::vec(0.0..50.0_f64, 2..40),
        right in prop::collection::vec(0.0..80.0_f64, 2..40),
        statistic in statistics(),
        level in prop::sample::select(vec![0.8, 0.9, 0.95, 0.99]),
    ) {
        if let Some(found) = compare_by(&left, &right, statistic, level, 1, 400) {
            let is_significant = found.p_value <= 1.0 - level + 1e-12;
            prop_assert_eq!(found.excludes_zero(), is_significant, "{:?}", found);
            prop_assert!(found.lower <= found.difference && found.difference <= found.upper);
            prop_assert!((0.0..=1.0).contains(&found.p_value));
        }
    }

    #[test]
    fn the_other_way_round_everything_is_reversed(
        left in prop::collection::vec(0.0..50.0_f64, 5..12),
        right in prop::collection::vec(0.0..80.0_f64, 12..30),
        statistic in statistics(),
    ) {
        let there = compare_by(&left, &right, statistic, 0.95, 1, 400);
        let back = compare_by(&right, &left, statistic, 0.95, 1, 400);
        prop_assert_eq!(there.map(Difference::reversed), back);
    }

    #[test]
    fn units_and_order_do_not_matter(
        left in prop::collection::vec(1.0..50.0_f64, 4..6),
        right in prop::collection::vec(1.0..80.0_f64, 4..7),
    ) {
        let seconds = mean(&left, &right).unwrap();
        let milliseconds = |values: &[f64]| -> Vec<f64> {
            values.iter().rev().map(|value| value * 1024.0).collect()
        };
        let other = mean(&milliseconds(&left), &milliseconds(&right)).unwrap();
        prop_assert!((seconds.p_value - other.p_value).abs() < 1e-12);
        prop_assert!((seconds.lower * 1024.0 - other.lower).abs() < 1e-1);
        prop_assert!((seconds.upper * 1024.0 - other.upper).abs() < 1e-1);
    }
}

#[test]
fn what_is_no_sample_has_no_difference() {
    let good: Vec<f64> = (0..20).map(f64::from).collect();
    let bits = [0.0, 1.0, 1.0];
    for statistic in [Statistic::Mean, Statistic::Percentile(0.5), Statistic::Rate] {
        for wrong in [&[] as &[f64], &[1.0, f64::NAN, 0.0], &[0.0, f64::INFINITY]] {
            assert_eq!(compare(wrong, &good, statistic, 0.95, 1), None);
            assert_eq!(compare(&good, wrong, statistic, 0.95, 1), None);
        }
        for level in [0.0, 1.0, 95.0, f64::NAN] {
            assert_eq!(compare(&bits, &bits, statistic, level, 1), None);
        }
    }
    assert_eq!(compare(&good, &bits, Statistic::Rate, 0.95, 1), None);
    assert_eq!(mean(&[1.0], &good), None);
    for share in [0.0, 1.0, 95.0, f64::NAN] {
        assert_eq!(compare(&good, &good, Statistic::Percentile(share), 0.95, 1), None);
    }
}

#[test]
fn a_percentile_beyond_the_sample_is_not_compared() {
    let numbers = |n: i32| (0..n).map(f64::from).collect::<Vec<_>>();
    let is_told =
        |n, share| compare(&numbers(n), &numbers(100), Statistic::Percentile(share), 0.95, 1).is_some();
    assert_eq!((is_told(9, 0.95), is_told(10, 0.95)), (false, true));
    assert_eq!((is_told(9, 0.05), is_told(10, 0.05)), (false, true));
    assert_eq!((is_told(49, 0.99), is_told(50, 0.99)), (false, true));
    assert_eq!((is_told(5, 0.5), is_told(6, 0.5)), (false, true));
}

#[test]
fn values_without_noise_leave_no_doubt() {
    let (three, four) = ([3.0; 6], [4.0; 6]);
    let same = mean(&three, &three).unwrap();
    assert_eq!((same.lower, same.upper, same.p_value), (0.0, 0.0, 1.0));
    let more = mean(&three, &four).unwrap();
    assert_eq!((more.lower, more.upper), (1.0, 1.0));
    assert_eq!(more.p_value, 2.0 / 924.0);
    let two = mean(&[3.0; 2], &[4.0; 2]).unwrap();
    assert_eq!(
        (two.method, two.lower, two.upper, two.p_value),
        (Method::Welch, 1.0, 1.0, 0.0)
    );
}

#[test]
fn a_great_shift_of_small_values_keeps_its_digits() {
    let left: Vec<f64> = (0..12).map(|at| f64::from(at) * 1e-6).collect();
    let right: Vec<f64> = left.iter().map(|value| 1e6 + value * 1.5).collect();
    let found = mean(&left, &right).unwrap();
    assert!(found.p_value <= 2.0 / 5000.0, "{found:?}");
    assert!(found.upper - found.lower < 1e-5, "{found:?}");
}

#[test]
fn many_values_are_compared_by_methods_of_their_own() {
    let mut samples = Samples::new(Law::LogNormal(0.4), 3);
    let (left, right) = (samples.draw(20_000), samples.draw(20_000));
    let found = mean(&left, &right).unwrap();
    assert_eq!(found.method, Method::Welch);
    // 1.96 standard errors of a deviation of 400.
    assert!(
        (found.upper - found.lower - 2.0 * 1.96 * 400.0 * 0.01).abs() < 0.5,
        "{found:?}"
    );
    let found = compare(&left, &right, Statistic::Percentile(0.95), 0.95, 1).unwrap();
    assert_eq!(found.method, Method::OrderStatistics);
    // The standard error of one percentile is 10, by the density of the law there.
    let width = found.upper - found.lower;
    assert!(
        (width - 2.0 * 1.96 * 10.06 * f64::sqrt(2.0)).abs() < 8.0,
        "{found:?}"
    );
}

/// The share of comparisons that find a difference.
fn found(law: Law, n: usize, statistic: Statistic, factor: f64, trials: u64, splits: usize) -> f64 {
    let mut samples = Samples::new(law, 11);
    let significant = (0..trials).filter(|seed| {
        let baseline = samples.draw(n);
        let current: Vec<f64> = samples.draw(n).iter().map(|value| value * factor).collect();
        compare_by(&baseline, &current, statistic, 0.95, *seed, splits)
            .unwrap()
            .p_value
            <= 0.05
    });
    significant.count() as f64 / trials as f64
}

fn laws() -> impl Iterator<Item = Law> {
    [0.05, 0.1, 0.2, 0.4]
        .into_iter()
        .flat_map(|variation| [Law::Normal(variation), Law::LogNormal(variation)])
}

// Fewer splits than a gate draws make a test with less power and the same level.

#[test]
fn means_of_the_same_law_seldom_differ() {
    for law in laws() {
        for n in [5, 10, 30] {
            let alarms = found(law, n, Statistic::Mean, 1.0, 1_500, 400);
            assert!((0.03..=0.07).contains(&alarms), "{law:?}, n = {n}: {alarms}");
        }
    }
}

#[test]
fn percentiles_of_the_same_law_seldom_differ() {
    for law in laws() {
        for (n, trials) in [(30, 500), (100, 250)] {
            let alarms = found(law, n, Statistic::Percentile(0.95), 1.0, trials, 200);
            assert!(alarms <= 0.07, "{law:?}, n = {n}: {alarms}");
        }
    }
    for law in [Law::Normal(0.1), Law::LogNormal(0.4)] {
        let alarms = found(law, 300, Statistic::Percentile(0.95), 1.0, 500, 200);
        assert!(alarms <= 0.06, "{law:?}, n = 300: {alarms}");
    }
}

#[test]
fn a_mean_that_is_15_percent_greater_is_found_in_30_runs() {
    for law in [Law::Normal(0.1), Law::LogNormal(0.1)] {
        let power = found(law, 30, Statistic::Mean, 1.15, 200, 400);
        assert!(power >= 0.99, "{law:?}: {power}");
    }
    let weak = found(Law::Normal(0.4), 5, Statistic::Mean, 1.15, 200, 400);
    assert!(weak < 0.2, "{weak}");
}

/// How often the interval holds a difference that scales the whole law.
fn coverage(law: Law, n: usize, statistic: Statistic, truth: f64, trials: u64) -> f64 {
    let mut samples = Samples::new(law, 12);
    let held = (0..trials).filter(|seed| {
        let baseline = samples.draw(n);
        let current: Vec<f64> = samples.draw(n).iter().map(|value| value * 1.3).collect();
        let found = compare_by(&baseline, &current, statistic, 0.95, *seed, 400).unwrap();
        found.lower <= truth && truth <= found.upper
    });
    held.count() as f64 / trials as f64
}

#[test]
fn intervals_hold_the_difference_of_skewed_laws() {
    let law = Law::LogNormal(0.4);
    for n in [4, 5, 10, 30] {
        let held = coverage(law, n, Statistic::Mean, 0.3 * law.mean(), 1_000);
        assert!((0.92..=0.99).contains(&held), "mean, n = {n}: {held}");
    }
    let p95 = Rule::Linear
        .of(&mut Samples::new(law, 13).draw(400_000), 0.95)
        .unwrap();
    for (n, least) in [(10, 0.87), (30, 0.90), (100, 0.91), (300, 0.92)] {
        let held = coverage(law, n, Statistic::Percentile(0.95), 0.3 * p95, 300);
        assert!((least..=0.99).contains(&held), "p95, n = {n}: {held}");
    }
}
