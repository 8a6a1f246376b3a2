//! Limits of a difference of percentiles by order statistics.

use crate::distribution::{binomial_below, normal_quantile, normal_two_sided, upper_share};
use crate::percentile::{Method, between};

/// Two samples in ascending order, and the percentile of them.
pub(super) struct Limits<'a> {
    left: Side<'a>,
    right: Side<'a>,
}

struct Side<'a> {
    sorted: &'a [f64],
    share: f64,
    estimate: f64,
}

impl<'a> Limits<'a> {
    /// Of samples that have values.
    pub(super) fn of(left: &'a [f64], right: &'a [f64], share: f64) -> Self {
        let side = |sorted| Side {
            sorted,
            share,
            estimate: Method::Linear.of_sorted(sorted, share).unwrap_or(f64::NAN),
        };
        Self {
            left: side(left),
            right: side(right),
        }
    }

    /// The limits at a level; none if one of the samples is too small for it.
    pub(super) fn at(&self, level: f64) -> Option<(f64, f64)> {
        self.at_z(normal_quantile(upper_share(level)?))
    }

    /// The limits at the level at which a normal value lies within `z` of 0.
    ///
    /// By Zou and Donner: a limit of the difference is as far from it as the limits of both sides that act in
    /// its direction are from their estimates, by Pythagoras.
    fn at_z(&self, z: f64) -> Option<(f64, f64)> {
        let miss = normal_two_sided(z) / 2.0;
        let (left, right) = (self.left.limits(miss)?, self.right.limits(miss)?);
        let difference = self.right.estimate - self.left.estimate;
        let below = (self.right.estimate - right.0).hypot(left.1 - self.left.estimate);
        let above = (right.1 - self.right.estimate).hypot(self.left.estimate - left.0);
        Some((difference - below, difference + above))
    }

    /// 1 less the greatest level at which the limits exclude 0; of samples too small for that level, what is
    /// missing to the greatest that they have.
    pub(super) fn p_value(&self) -> f64 {
        let excludes = |z| match self.at_z(z) {
            Some((lower, upper)) => lower > 0.0 || upper < 0.0,
            None => false,
        };
        let (mut excluding, mut end) = (0.0, GREATEST_Z);
        for _ in 0..40 {
            let middle = f64::midpoint(excluding, end);
            if excludes(middle) {
                excluding = middle;
            } else {
                end = middle;
            }
        }
        normal_two_sided(excluding)
    }
}

/// Beyond it a p-value, of 1e-15, says nothing more.
const GREATEST_Z: f64 = 8.0;

impl Side<'_> {
    /// The interval of the percentile that misses it with a probability of `miss` on each side.
    fn limits(&self, miss: f64) -> Option<(f64, f64)> {
        let n = self.sorted.len() as f64;
        // The percentile lies below the value of rank r if fewer than r values do: with a probability that
        // grows with r.
        let below = |rank| binomial_below(n, self.share, rank);
        if below(1.0) > miss || below(n) < 1.0 - miss {
            return None;
        }
        let lower = self.value(last_rank(n, |rank| below(rank) <= miss));
        let upper = self.value(last_rank(n, |rank| below(rank) <= 1.0 - miss));
        Some((lower.min(self.estimate), upper.max(self.estimate)))
    }

    /// The value of a rank from 1 to n, between its neighbours by distance.
    fn value(&self, rank: f64) -> f64 {
        let at = rank.floor() as usize;
        let value = self.sorted[at.max(1) - 1];
        match self.sorted.get(at) {
            Some(next) => between(value, *next, rank - rank.floor()),
            None => value,
        }
    }
}

/// The greatest rank from 1 to n for which something is true that is true for the lower ones alone.
fn last_rank(n: f64, is_true: impl Fn(f64) -> bool) -> f64 {
    if is_true(n) {
        return n;
    }
    let (mut known, mut end) = (1.0, n);
    while end - known > 1e-6 * n.max(100.0) / 100.0 {
        let middle = f64::midpoint(known, end);
        if is_true(middle) {
            known = middle;
        } else {
            end = middle;
        }
    }
    known
}
