//! The difference of two means.

use super::{Difference, Method, RESAMPLED_MAX, inversion};
use crate::distribution::{student_quantile, student_two_sided, upper_share};
use crate::moments::Moments;
use crate::resample::{for_each_split, ways};

pub(super) fn compare(
    baseline: &[f64],
    current: &[f64],
    level: f64,
    splits: usize,
    seed: u64,
) -> Option<Difference> {
    // The smaller sample is what a split chooses.
    if baseline.len() > current.len() {
        return compare(current, baseline, level, splits, seed).map(Difference::reversed);
    }
    let (left, right) = (Moments::of(baseline)?, Moments::of(current)?);
    let difference = right.mean() - left.mean();
    let error = left.standard_error()?.hypot(right.standard_error()?);
    let upper_share = upper_share(level)?;
    if !difference.is_finite() || !error.is_finite() {
        return None;
    }
    let is_small = rarest(baseline.len(), current.len()) > NEVER_SIGNIFICANT;
    let (p_value, limits, method) = if is_small || baseline.len() > RESAMPLED_MAX {
        let (p_value, limits) = welch(&left, &right, upper_share)?;
        (p_value, limits, Method::Welch)
    } else {
        let permutations = Permutations::of((baseline, left.mean()), (current, right.mean()), splits, seed);
        let scale = if error > 0.0 { error } else { 1.0 };
        let p_value = |residual| permutations.p_value(residual);
        let limits = inversion::limits(difference, scale, 1.0 - level, p_value)?;
        (p_value(difference), limits, Method::Permutation)
    };
    Some(Difference {
        baseline: left.mean(),
        current: right.mean(),
        difference,
        lower: limits.0,
        upper: limits.1,
        level,
        p_value,
        method,
    })
}

/// The least p-value of a permutation test: the sample itself, and with equal counts its mirror image, of all
/// ways.
fn rarest(smaller: usize, greater: usize) -> f64 {
    let alike = if smaller == greater { 2.0 } else { 1.0 };
    alike / ways(smaller + greater, smaller)
}

/// A test that cannot fall to this p-value is none.
const NEVER_SIGNIFICANT: f64 = 0.05;

/// p-value and limits by Welch's t. Both samples have two values or more.
fn welch(left: &Moments, right: &Moments, upper_share: f64) -> Option<(f64, (f64, f64))> {
    let difference = right.mean() - left.mean();
    let part = |side: &Moments| Some(side.sample_variance()? / side.count() as f64);
    let (left_part, right_part) = (part(left)?, part(right)?);
    let sum = left_part + right_part;
    if sum == 0.0 {
        let p_value = if difference == 0.0 { 1.0 } else { 0.0 };
        return Some((p_value, (difference, difference)));
    }
    let (left_share, right_share) = (left_part / sum, right_part / sum);
    let freedom = 1.0
        / (left_share * left_share / (left.count() - 1) as f64
            + right_share * right_share / (right.count() - 1) as f64);
    let reach = student_quantile(upper_share, freedom)? * sum.sqrt();
    let p_value = student_two_sided(difference / sum.sqrt(), freedom)?;
    Some((p_value, (difference - reach, difference + reach)))
}

/// Welch's t of every split, as a function of how far the residuals of the current sample are moved.
///
/// Both samples are taken as residuals from their means. Moved by the observed difference, those of the
/// current sample are the values as they are (but for a constant), which is the test of no difference; moved
/// by less, the test of some. The difference of a split is `d0 + d1 r` when they are moved by `r`, and its
/// squared error is `e0 + e1 r + e2 r²`.
struct Permutations {
    differences: Vec<[f64; 2]>,
    errors: Vec<[f64; 3]>,
    /// Squared error of the samples as they are.
    error: f64,
}

impl Permutations {
    /// Of samples and their means. The baseline is not the greater.
    fn of(baseline: (&[f64], f64), current: (&[f64], f64), splits: usize, seed: u64) -> Self {
        let (chosen, other) = (baseline.0.len(), current.0.len());
        let residuals =
            |(values, mean): (&[f64], f64)| values.iter().map(move |value| value - mean).collect();
        let mut pool: Vec<f64> = residuals(baseline);
        let moved: Vec<f64> = residuals(current);
        pool.extend(&moved);
        let all = Sums::of(&pool, chosen, 0..pool.len());
        let mut of = Self {
            differences: Vec::new(),
            errors: Vec::new(),
            error: 0.0,
        };
        for_each_split(pool.len(), chosen, splits, seed, |split| {
            let left = Sums::of(&pool, chosen, split.iter().map(|index| *index as usize));
            let right = all.less(&left);
            let (left_count, right_count) = (chosen as f64, other as f64);
            of.differences.push([
                right.sum / right_count - left.sum / left_count,
                right.moved / right_count - left.moved / left_count,
            ]);
            let (left, right) = (left.errors(left_count), right.errors(right_count));
            of.errors
                .push([left[0] + right[0], left[1] + right[1], left[2] + right[2]]);
        });
        // The first split is the samples as they are, whose error does not depend on where one of them lies.
        if let Some(own) = of.errors.first_mut() {
            [own[1], own[2]] = [0.0, 0.0];
            of.error = own[0];
        }
        of
    }

    /// The share of splits whose t is at least that of the samples as they are, whose difference is then
    /// `by`.
    fn p_value(&self, by: f64) -> f64 {
        let square = by * by * (1.0 - ROUNDING);
        let extreme = self.differences.iter().zip(&self.errors).filter(|(d, e)| {
            let difference = d[0] + d[1] * by;
            let error = e[0] + by * (e[1] + by * e[2]);
            // Without division, as errors may be 0.
            difference * difference * self.error >= square * error
        });
        extreme.count() as f64 / self.differences.len() as f64
    }
}

/// What rounding may take from the t of a split that is as extreme as the samples are.
const ROUNDING: f64 = 1e-9;

/// Sums over some of the residuals.
struct Sums {
    sum: f64,
    squares: f64,
    /// How many are of the current sample.
    moved: f64,
    /// Sum of those.
    moved_sum: f64,
}

impl Sums {
    /// Of the residuals at `indices`; those from `first_moved` on are of the current sample.
    fn of(pool: &[f64], first_moved: usize, indices: impl Iterator<Item = usize>) -> Self {
        let mut sums = Self {
            sum: 0.0,
            squares: 0.0,
            moved: 0.0,
            moved_sum: 0.0,
        };
        for index in indices {
            let value = pool[index];
            let moved = if index >= first_moved { 1.0 } else { 0.0 };
            sums.sum += value;
            sums.squares += value * value;
            sums.moved += moved;
            sums.moved_sum += moved * value;
        }
        sums
    }

    /// The sums over the others.
    fn less(&self, part: &Self) -> Self {
        Self {
            sum: self.sum - part.sum,
            squares: self.squares - part.squares,
            moved: self.moved - part.moved,
            moved_sum: self.moved_sum - part.moved_sum,
        }
    }

    /// The squared error of their mean as a polynomial of how far those of the current sample are moved. In
    /// this form nothing is lost when they are moved by much more than their deviation.
    fn errors(&self, count: f64) -> [f64; 3] {
        let scale = 1.0 / (count * (count - 1.0));
        [
            scale * (self.squares - self.sum * self.sum / count).max(0.0),
            scale * 2.0 * (self.moved_sum - self.sum * self.moved / count),
            scale * self.moved * (count - self.moved) / count,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Student's sleep data (Cushny and Peebles 1905), as R's manual compares the two drugs by Welch's t.
    #[test]
    fn the_sleep_data_have_the_published_welch_test() {
        let first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0];
        let second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4];
        let (left, right) = (Moments::of(&first).unwrap(), Moments::of(&second).unwrap());
        let (p_value, limits) = welch(&left, &right, 0.975).unwrap();
        assert!((p_value - 0.07939).abs() < 5e-6, "{p_value}");
        assert!((limits.0 + 0.205_483_2).abs() < 1e-6, "{limits:?}");
        assert!((limits.1 - 3.365_483_2).abs() < 1e-6, "{limits:?}");
        // The permutation test says about the same of samples that are nearly normal.
        let found = compare(&first, &second, 0.95, 5_000, 1).unwrap();
        assert_eq!(found.method, Method::Permutation);
        assert!((found.p_value - p_value).abs() < 0.015, "{found:?}");
        assert!(
            (found.lower - limits.0).abs() < 0.25 && (found.upper - limits.1).abs() < 0.25,
            "{found:?}"
        );
    }
}
