//! The difference of two percentiles.

mod order;
mod permutation;

use super::{Difference, Method};
use crate::distribution::is_share;
use crate::percentile::Method as Rule;

use order::Limits;
use permutation::Permutations;

pub(super) fn compare(
    baseline: &[f64],
    current: &[f64],
    share: f64,
    level: f64,
    splits: usize,
    seed: u64,
) -> Option<Difference> {
    // The smaller sample is what a split chooses.
    if baseline.len() > current.len() {
        return compare(current, baseline, share, level, splits, seed).map(Difference::reversed);
    }
    if !is_share(level) || !is_share(share) || lies_beyond(share, baseline.len()) {
        return None;
    }
    let (left, right) = (sorted(baseline)?, sorted(current)?);
    let from = Rule::Linear.of_sorted(&left, share)?;
    let to = Rule::Linear.of_sorted(&right, share)?;
    let difference = to - from;
    if !difference.is_finite() {
        return None;
    }
    let (p_value, limits, method) = if has_neighbours(share, left.len()) {
        let limits = Limits::of(&left, &right, share);
        (limits.p_value(), limits.at(level)?, Method::OrderStatistics)
    } else {
        let permutations = Permutations::of((&left, from), (&right, to), share, splits, seed);
        let limits = permutations.limits(difference, level)?;
        (permutations.p_value(difference), limits, Method::Permutation)
    };
    Some(Difference {
        baseline: from,
        current: to,
        difference,
        lower: limits.0,
        upper: limits.1,
        level,
        p_value,
        method,
    })
}

/// Values in ascending order; none if one of them is not finite.
fn sorted(values: &[f64]) -> Option<Vec<f64>> {
    let mut values = values.to_vec();
    values.sort_unstable_by(f64::total_cmp);
    values.iter().all(|value| value.is_finite()).then_some(values)
}

/// The fewest values of which a share lies between the places of the least and the greatest.
pub(super) fn count_min(share: f64) -> usize {
    let tail = share.min(1.0 - share);
    (0.5 / tail * (1.0 - 1e-9)).ceil() as usize
}

/// Whether a share lies above the place of the greatest of so many values, or below that of the least.
fn lies_beyond(share: f64, count: usize) -> bool {
    let place = 0.5 / count as f64;
    // 0.95 of 10 values is the place of the greatest; it must not be lost by rounding.
    count == 0 || share.min(1.0 - share) < place * (1.0 - 1e-9)
}

/// Whether order statistics bound a percentile of so many values well.
///
/// They do where limits exist up to levels that no gate asks for, and around the middle, where a permutation
/// test has no power: of two samples far apart, the mixed ones have such percentiles in either of them, as
/// often as not.
fn has_neighbours(share: f64, count: usize) -> bool {
    let tail = share.min(1.0 - share);
    tail >= 0.25 || (1.0 - tail).powf(count as f64) <= 2.5e-4
}
