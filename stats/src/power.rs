//! What a comparison of means can see: the effect that it finds often enough, and the values that it needs
//! for one.
//!
//! Both take the deviation and the count of each side, and a two-sided test at `alpha` that finds a true
//! effect with the probability `power`. Quantiles of Student's t with Satterthwaite's degrees of freedom
//! stand for those of the noncentral t, which moves an effect by less than 1 % from 5 values a side on.

use crate::distribution::{is_share, student_quantile};

/// A side of a comparison: the sample deviation of its values, and how many there are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Side {
    /// Sample standard deviation, in the unit of the values.
    pub deviation: f64,
    /// Number of values.
    pub count: usize,
}

/// The least true difference of means that a test at `alpha` finds with the probability `power`, in the unit
/// of the values.
///
/// None for fewer than two values a side, a deviation that is negative or not finite, and for an `alpha` or a
/// `power` that is not between 0 and 1.
#[must_use]
pub fn minimum_detectable_effect(baseline: Side, current: Side, alpha: f64, power: f64) -> Option<f64> {
    let is_side = |side: Side| side.count >= 2 && side.deviation >= 0.0 && side.deviation.is_finite();
    if !is_side(baseline) || !is_side(current) || !is_share(alpha) || !is_share(power) {
        return None;
    }
    let part = |side: Side| side.deviation * side.deviation / side.count as f64;
    let (left, right) = (part(baseline), part(current));
    let sum = left + right;
    if sum == 0.0 {
        return Some(0.0);
    }
    let share = |part: f64, side: Side| (part / sum) * (part / sum) / (side.count - 1) as f64;
    let freedom = 1.0 / (share(left, baseline) + share(right, current));
    Some((quantiles(alpha, power, freedom)? * sum.sqrt()).max(0.0))
}

/// [`minimum_detectable_effect`] as a fraction of the size of the baseline's mean; none also where that is 0.
#[must_use]
pub fn minimum_detectable_change(
    mean: f64,
    baseline: Side,
    current: Side,
    alpha: f64,
    power: f64,
) -> Option<f64> {
    let change = minimum_detectable_effect(baseline, current, alpha, power)? / mean.abs();
    (mean != 0.0 && change.is_finite()).then_some(change)
}

/// How many values each side needs, if both deviate as told, for a test at `alpha` to find a true difference
/// of `effect` with the probability `power`.
///
/// None for an effect of 0, for arguments that are not finite or out of range, and for more values than 2^53.
#[must_use]
pub fn sample_size(effect: f64, deviation: f64, alpha: f64, power: f64) -> Option<u64> {
    let ratio = deviation / effect.abs();
    if !ratio.is_finite() || ratio < 0.0 || effect == 0.0 || !is_share(alpha) || !is_share(power) {
        return None;
    }
    let finds = |count: u64| {
        let count = count as f64;
        quantiles(alpha, power, 2.0 * (count - 1.0))
            .is_some_and(|sum| sum * ratio * (2.0 / count).sqrt() <= 1.0)
    };
    let mut enough = 2_u64;
    while !finds(enough) {
        enough *= 2;
        if enough > 1 << 53 {
            return None;
        }
    }
    let mut few = enough / 2;
    while enough - few > 1 && enough > 2 {
        let middle = few + (enough - few) / 2;
        if finds(middle) {
            enough = middle;
        } else {
            few = middle;
        }
    }
    Some(enough)
}

/// How many standard errors a difference must be away from 0.
fn quantiles(alpha: f64, power: f64, freedom: f64) -> Option<f64> {
    Some(student_quantile(1.0 - alpha / 2.0, freedom)? + student_quantile(power, freedom)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::difference::{Statistic, compare};
    use crate::simulation::{Law, Samples};

    fn side(deviation: f64, count: usize) -> Side {
        Side { deviation, count }
    }

    /// What power.t.test of R says by the noncentral t, rounded up: 393.41, 63.77, 25.52 and 16.71.
    #[test]
    fn sample_sizes_are_those_of_the_noncentral_t() {
        for (effect, count) in [(0.20, 394), (0.50, 64), (0.80, 26), (1.00, 17)] {
            assert_eq!(sample_size(effect, 1.0, 0.05, 0.8), Some(count), "{effect}");
            assert_eq!(
                sample_size(-effect * 7.0, 7.0, 0.05, 0.8),
                Some(count),
                "{effect}"
            );
        }
    }

    #[test]
    fn effect_and_sample_size_are_inverse() {
        for count in [5, 30, 1_000] {
            let effect = minimum_detectable_effect(side(2.0, count), side(2.0, count), 0.05, 0.8).unwrap();
            assert_eq!(
                sample_size(effect * 1.000_001, 2.0, 0.05, 0.8),
                Some(count as u64)
            );
            assert_eq!(
                sample_size(effect * 0.999_999, 2.0, 0.05, 0.8),
                Some(count as u64 + 1)
            );
        }
    }

    #[test]
    fn an_effect_is_relative_to_the_mean() {
        let sides = (side(10.0, 30), side(10.0, 30));
        let effect = minimum_detectable_effect(sides.0, sides.1, 0.05, 0.9).unwrap();
        let change = |mean| minimum_detectable_change(mean, sides.0, sides.1, 0.05, 0.9);
        assert_eq!(change(-100.0), Some(effect / 100.0));
        assert_eq!(change(0.0), None);
    }

    #[test]
    fn without_noise_every_effect_is_found() {
        assert_eq!(
            minimum_detectable_effect(side(0.0, 2), side(0.0, 2), 0.05, 0.8),
            Some(0.0)
        );
        assert_eq!(sample_size(1.0, 0.0, 0.05, 0.8), Some(2));
    }

    #[test]
    fn arguments_out_of_range_have_no_answer() {
        let good = side(1.0, 10);
        for bad in [
            side(1.0, 1),
            side(-1.0, 10),
            side(f64::NAN, 10),
            side(f64::INFINITY, 10),
        ] {
            assert_eq!(minimum_detectable_effect(good, bad, 0.05, 0.8), None);
        }
        for wrong in [0.0, 1.0, -1.0, f64::NAN] {
            assert_eq!(minimum_detectable_effect(good, good, wrong, 0.8), None);
            assert_eq!(minimum_detectable_effect(good, good, 0.05, wrong), None);
            assert_eq!(sample_size(1.0, 1.0, wrong, 0.8), None);
        }
        assert_eq!(sample_size(0.0, 1.0, 0.05, 0.8), None);
        assert_eq!(sample_size(1.0, -1.0, 0.05, 0.8), None);
        assert_eq!(sample_size(1e-12, 1.0, 0.05, 0.8), None);
    }

    #[test]
    fn a_comparison_finds_the_detectable_effect_as_often_as_told() {
        let law = Law::Normal(0.1);
        let deviation = 0.1 * law.mean();
        let effect = minimum_detectable_effect(side(deviation, 10), side(deviation, 14), 0.05, 0.8).unwrap();
        let mut samples = Samples::new(law, 21);
        let found = (0..600).filter(|seed| {
            let baseline = samples.draw(10);
            let current: Vec<f64> = samples.draw(14).iter().map(|value| value + effect).collect();
            compare(&baseline, &current, Statistic::Mean, 0.95, *seed)
                .unwrap()
                .p_value
                <= 0.05
        });
        let power = found.count() as f64 / 600.0;
        assert!((power - 0.8).abs() < 0.05, "{power}");
    }
}
