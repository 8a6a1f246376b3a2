//! Sizes of effects: how great a difference is, whatever its significance.

use crate::moments::Moments;

/// The difference of two means in pooled standard deviations, current less baseline, with the correction for
/// small samples (Hedges 1981): g = J d, J = 1 - 3 / (4 (n + m - 2) - 1).
///
/// None for a side without values, for fewer than three values in all, for values that are not finite, and
/// where nothing deviates.
#[must_use]
pub fn hedges_g(baseline: &[f64], current: &[f64]) -> Option<f64> {
    let (left, right) = (Moments::of(baseline)?, Moments::of(current)?);
    let freedom = (left.count() + right.count() - 2) as f64;
    let pooled = ((left.squares() + right.squares()) / freedom).sqrt();
    let g = (1.0 - 3.0 / (4.0 * freedom - 1.0)) * (right.mean() - left.mean()) / pooled;
    // Without a degree of freedom or a deviation the quotient is none.
    (freedom > 0.0 && pooled > 0.0 && g.is_finite()).then_some(g)
}

/// How much more often a current value is the greater of a pair than the lesser (Cliff 1993): from -1, when
/// all of them are less than every value of the baseline, to 1. It is twice the probability of superiority
/// less 1.
///
/// None for a side without values and for values that are not finite. Takes n log n, not n², steps.
#[must_use]
pub fn cliffs_delta(baseline: &[f64], current: &[f64]) -> Option<f64> {
    let is_sample = |values: &[f64]| !values.is_empty() && values.iter().all(|value| value.is_finite());
    if !is_sample(baseline) || !is_sample(current) {
        return None;
    }
    let mut sorted = baseline.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let dominance: f64 = current
        .iter()
        .map(|value| {
            let less = sorted.partition_point(|other| other < value);
            let greater = sorted.len() - sorted.partition_point(|other| other <= value);
            less as f64 - greater as f64
        })
        .sum();
    Some(dominance / (baseline.len() as f64 * current.len() as f64))
}

/// The change from one number to another as a fraction of the first one's size: 0.15 from 100 to 115, and
/// more is above 0 also from a negative number.
///
/// None from 0, where no fraction says it, and for what is not finite.
#[must_use]
pub fn relative_change(from: f64, to: f64) -> Option<f64> {
    let change = (to - from) / from.abs();
    (from != 0.0 && change.is_finite()).then_some(change)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn five_values_a_side_have_the_effect_of_the_formula() {
        let (baseline, current) = ([1.0, 2.0, 3.0, 4.0, 5.0], [3.0, 4.0, 5.0, 6.0, 7.0]);
        // d = 2 / sqrt(2.5), J = 1 - 3 / 31.
        let expected = 2.0 / 2.5_f64.sqrt() * (1.0 - 3.0 / 31.0);
        assert!((hedges_g(&baseline, &current).unwrap() - expected).abs() < 1e-12);
        assert!((hedges_g(&current, &baseline).unwrap() + expected).abs() < 1e-12);
    }

    #[test]
    fn what_has_no_deviation_has_no_standardised_effect() {
        assert_eq!(hedges_g(&[1.0, 1.0], &[2.0, 2.0]), None);
        assert_eq!(hedges_g(&[1.0], &[2.0]), None);
        assert_eq!(hedges_g(&[], &[2.0, 3.0]), None);
        assert_eq!(hedges_g(&[1.0, f64::NAN], &[2.0, 3.0]), None);
    }

    #[test]
    fn delta_goes_from_all_less_to_all_greater() {
        assert_eq!(cliffs_delta(&[1.0, 2.0], &[3.0, 4.0, 5.0]), Some(1.0));
        assert_eq!(cliffs_delta(&[3.0, 4.0], &[1.0]), Some(-1.0));
        assert_eq!(cliffs_delta(&[0.0, -0.0], &[0.0]), Some(0.0));
        assert_eq!(cliffs_delta(&[], &[1.0]), None);
        assert_eq!(cliffs_delta(&[1.0], &[f64::INFINITY]), None);
    }

    #[test]
    fn a_change_is_relative_to_the_size_of_what_it_comes_from() {
        assert_eq!(relative_change(100.0, 115.0), Some(0.15));
        assert_eq!(relative_change(-100.0, -50.0), Some(0.5));
        assert_eq!(relative_change(0.0, 1.0), None);
        assert_eq!(relative_change(1.0, f64::NAN), None);
        assert_eq!(relative_change(f64::INFINITY, 1.0), None);
        assert_eq!(relative_change(1e-300, 1e300), None);
    }

    proptest! {
        #[test]
        fn delta_counts_pairs(
            left in prop::collection::vec((0..9).prop_map(f64::from), 1..20),
            right in prop::collection::vec((0..9).prop_map(f64::from), 1..20),
        ) {
            let pairs = right.iter().flat_map(|b| left.iter().map(move |a| (b > a) as i32 - (b < a) as i32));
            let expected = f64::from(pairs.sum::<i32>()) / (left.len() * right.len()) as f64;
            prop_assert!((cliffs_delta(&left, &right).unwrap() - expected).abs() < 1e-12);
        }
    }
}
