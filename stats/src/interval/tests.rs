use proptest::prelude::*;
use statrs::distribution::{Binomial, Discrete};

use super::*;
use crate::simulation::{Law, Samples};

#[track_caller]
fn close(interval: Interval, lower: f64, upper: f64, tolerance: f64) {
    assert!((interval.lower - lower).abs() <= tolerance, "{interval:?}");
    assert!((interval.upper - upper).abs() <= tolerance, "{interval:?}");
}

#[test]
fn the_interval_of_five_values_has_students_t_of_four() {
    let interval = mean_interval(&[100.0, 200.0, 300.0, 400.0, 1000.0], 0.95).unwrap();
    // s = sqrt(125000), t = 2.776445105.
    let reach = 2.776_445_105 * (125_000.0_f64 / 5.0).sqrt();
    assert_eq!(interval.estimate, 400.0);
    close(interval, 400.0 - reach, 400.0 + reach, 1e-6);
}

/// Newcombe 1998 (Statistics in Medicine 17, 857-872), table I, method 3: intervals of Wilson.
#[test]
fn rates_have_the_published_intervals_of_wilson() {
    for (successes, trials, lower, upper) in [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ] {
        let interval = proportion_interval(successes, trials, 0.95).unwrap();
        close(interval, lower, upper, 5e-5);
    }
}

#[test]
fn a_rate_without_a_failure_ends_at_one() {
    let interval = proportion_interval(7, 7, 0.95).unwrap();
    assert_eq!((interval.estimate, interval.upper), (1.0, 1.0));
    assert!(interval.lower > 0.5 && interval.lower < 0.9);
}

/// The ranks of the sign test's interval of the median, as its tables give them: at least 95 %.
#[test]
fn medians_lie_between_the_tabled_ranks() {
    for (n, lower, upper) in [
        (6, 1, 6),
        (8, 1, 8),
        (9, 2, 8),
        (10, 2, 9),
        (15, 4, 12),
        (20, 6, 15),
        (30, 10, 21),
    ] {
        let ranks: Vec<f64> = (1..=n).map(f64::from).collect();
        let interval = percentile_interval(&ranks, 0.5, 0.95).unwrap();
        assert_eq!(
            (interval.lower, interval.upper),
            (f64::from(lower), f64::from(upper)),
            "n = {n}"
        );
    }
}

#[test]
fn many_values_have_the_ranks_of_the_normal_distribution() {
    for share in [0.05, 0.5, 0.95, 0.99] {
        let n = 100_000.0;
        let ranks: Vec<f64> = (1..=100_000).map(f64::from).collect();
        let interval = percentile_interval(&ranks, share, 0.95).unwrap();
        let reach = 1.959_964 * f64::sqrt(n * share * (1.0 - share));
        close(interval, n * share - reach, n * share + reach, 2.0);
    }
}

#[test]
fn a_sample_that_is_too_small_for_the_level_has_no_interval() {
    let numbers = |n: i32| (0..n).map(f64::from).collect::<Vec<_>>();
    let has = |n, share| percentile_interval(&numbers(n), share, 0.95).is_some();
    assert_eq!((has(58, 0.95), has(59, 0.95)), (false, true));
    assert_eq!((has(5, 0.5), has(6, 0.5)), (false, true));
    assert_eq!((has(58, 0.05), has(59, 0.05)), (false, true));
    assert_eq!((has(298, 0.99), has(299, 0.99)), (false, true));
}

#[test]
fn what_is_no_sample_has_no_interval() {
    let good = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0];
    assert_eq!(mean_interval(&[], 0.95), None);
    assert_eq!(mean_interval(&[1.0], 0.95), None);
    assert_eq!(mean_interval(&[1.0, f64::NAN], 0.95), None);
    assert_eq!(proportion_interval(0, 0, 0.95), None);
    assert_eq!(proportion_interval(3, 2, 0.95), None);
    assert_eq!(percentile_interval(&[], 0.5, 0.95), None);
    assert_eq!(percentile_interval(&[f64::INFINITY; 8], 0.5, 0.95), None);
    for wrong in [0.0, 1.0, -1.0, 95.0, f64::NAN] {
        assert_eq!(mean_interval(&good, wrong), None);
        assert_eq!(proportion_interval(1, 2, wrong), None);
        assert_eq!(percentile_interval(&good, 0.5, wrong), None);
        assert_eq!(percentile_interval(&good, wrong, 0.95), None);
    }
}

#[test]
fn equal_values_have_an_interval_without_width() {
    let interval = mean_interval(&[0.1; 7], 0.99).unwrap();
    assert_eq!((interval.lower, interval.upper), (0.1, 0.1));
    assert!(interval.contains(0.1) && !interval.contains(0.1 + 1e-9));
}

proptest! {
    /// By the definition: what the interval misses is the sum of binomial weights outside of its ranks, and
    /// the next narrower one on either side would miss too much.
    #[test]
    fn the_ranks_of_a_percentile_miss_no_more_than_they_may(
        n in 2_usize..300,
        share in 0.01..0.99_f64,
        level in 0.5..0.995_f64,
    ) {
        let ranks: Vec<f64> = (1..=n).map(|rank| rank as f64).collect();
        let Some(interval) = percentile_interval(&ranks, share, level) else {
            let best = 1.0 - share.powi(n as i32) - (1.0 - share).powi(n as i32);
            prop_assert!(best < level + 1e-9);
            return Ok(());
        };
        let below = Binomial::new(share, n as u64).unwrap();
        let misses = |ranks: std::ops::Range<u64>| ranks.map(|k| below.pmf(k)).sum::<f64>();
        let (lower, upper) = (interval.lower as u64, interval.upper as u64);
        let (left, right) = (misses(0..lower), misses(upper..n as u64 + 1));
        prop_assert!(left + right <= 1.0 - level + 1e-9, "{interval:?}: {left} {right}");
        prop_assert!(interval.contains(interval.estimate));
        // Limits that are ranks, not the estimate, are the closest: one further rank costs more than half of
        // what may be missed.
        if interval.lower < interval.estimate {
            prop_assert!(misses(0..lower + 1) > (1.0 - level) / 2.0 - left.max(right) - 1e-9);
        }
    }
}

const TRIALS: u64 = 10_000;

/// How often intervals of the mean hold it.
fn coverage(law: Law, n: usize, interval: impl Fn(&[f64]) -> (f64, f64)) -> f64 {
    let mut samples = Samples::new(law, 1);
    let held = (0..TRIALS).filter(|_| {
        let (lower, upper) = interval(&samples.draw(n));
        lower <= law.mean() && law.mean() <= upper
    });
    held.count() as f64 / TRIALS as f64
}

fn student(values: &[f64]) -> (f64, f64) {
    let interval = mean_interval(values, 0.95).unwrap();
    (interval.lower, interval.upper)
}

/// The rule that benchmarks had before: 1.96 and the population deviation.
fn old_rule(values: &[f64]) -> (f64, f64) {
    let moments = Moments::of(values).unwrap();
    let reach = 1.96 * moments.population_deviation() / (values.len() as f64).sqrt();
    (moments.mean() - reach, moments.mean() + reach)
}

#[test]
fn students_interval_holds_its_level() {
    for n in [5, 10, 30, 100] {
        let normal = coverage(Law::Normal(0.1), n, student);
        assert!((0.93..=0.97).contains(&normal), "normal, n = {n}: {normal}");
        let skewed = coverage(Law::LogNormal(0.4), n, student);
        assert!((0.90..=0.97).contains(&skewed), "log-normal, n = {n}: {skewed}");
    }
}

#[test]
fn the_old_rule_is_too_sure_of_small_samples() {
    for (n, about) in [(5, 0.84), (10, 0.90), (30, 0.937), (100, 0.947)] {
        let held = coverage(Law::Normal(0.1), n, old_rule);
        assert!((held - about).abs() < 0.015, "n = {n}: {held}");
        assert!(held < coverage(Law::Normal(0.1), n, student), "n = {n}");
    }
}

#[test]
fn wilsons_interval_holds_its_level_on_average_over_rates() {
    for n in [5_u64, 10, 30, 100] {
        let (mut held, mut rates) = (0.0, 0.0);
        for percent in 1..100 {
            let rate = f64::from(percent) / 100.0;
            let successes = Binomial::new(rate, n).unwrap();
            held += (0..=n)
                .filter(|k| proportion_interval(*k, n, 0.95).unwrap().contains(rate))
                .map(|k| successes.pmf(k))
                .sum::<f64>();
            rates += 1.0;
        }
        let mean = held / rates;
        assert!((0.94..=0.97).contains(&mean), "n = {n}: {mean}");
    }
}
