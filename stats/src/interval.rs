//! Confidence intervals of one sample.

use crate::distribution::{binomial_below, is_share, normal_quantile, student_quantile, upper_share};
use crate::moments::Moments;
use crate::percentile::Method;

/// An estimate with its confidence interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// What the sample says, in the unit of its values.
    pub estimate: f64,
    /// Lower limit.
    pub lower: f64,
    /// Upper limit.
    pub upper: f64,
    /// The share of samples whose interval holds the true value, such as 0.95.
    pub level: f64,
}

impl Interval {
    /// Whether a value lies in the interval; its limits do.
    #[must_use]
    pub fn contains(&self, value: f64) -> bool {
        self.lower <= value && value <= self.upper
    }
}

/// The interval of the mean by Student's t with the sample deviation: `mean ± t s / √n`.
///
/// It holds its level for normal values at every n, and nearly so for skewed ones. None for fewer than two
/// values, values that are not finite, or a level that is not between 0 and 1.
#[must_use]
pub fn mean_interval(values: &[f64], level: f64) -> Option<Interval> {
    let moments = Moments::of(values)?;
    let error = moments.standard_error()?;
    let reach = student_quantile(upper_share(level)?, (moments.count() - 1) as f64)? * error;
    Some(Interval {
        estimate: moments.mean(),
        lower: moments.mean() - reach,
        upper: moments.mean() + reach,
        level,
    })
}

/// The interval of a rate, as a fraction, by the score method of Wilson (1927). It does not collapse at 0 and
/// at `n` successes.
///
/// None without trials, with more successes than trials, or for a level that is not between 0 and 1.
#[must_use]
pub fn proportion_interval(successes: u64, trials: u64, level: f64) -> Option<Interval> {
    if trials == 0 || successes > trials {
        return None;
    }
    let z = normal_quantile(upper_share(level)?);
    let n = trials as f64;
    let rate = successes as f64 / n;
    let scale = 1.0 + z * z / n;
    let centre = (rate + z * z / (2.0 * n)) / scale;
    let reach = z * (rate * (1.0 - rate) / n + z * z / (4.0 * n * n)).sqrt() / scale;
    Some(Interval {
        estimate: rate,
        // At these ends the limit is the rate, which rounding would miss.
        lower: if successes == 0 { 0.0 } else { centre - reach },
        upper: if successes == trials { 1.0 } else { centre + reach },
        level,
    })
}

/// The interval of a percentile between two of the ordered values, whatever the distribution is (David and
/// Nagaraja 2003, section 7.1): how many values lie below the true percentile is binomial. It covers the true
/// value at least as often as `level` says; both sides miss it equally often where the sample is large
/// enough, else the side that ends at the least or the greatest value leaves less to the other.
///
/// The estimate is the percentile by [`Method::Linear`]. `share` is between 0 and 1. None when the sample is
/// too small for the level (the 95th percentile needs 59 values for 95 %, the median 6), for values that are
/// not finite, and for a share or a level that is not between 0 and 1.
#[must_use]
pub fn percentile_interval(values: &[f64], share: f64, level: f64) -> Option<Interval> {
    if !is_share(level) || !is_share(share) || values.iter().any(|value| !value.is_finite()) {
        return None;
    }
    let n = values.len();
    let miss = 1.0 - level;
    // What no value bounds: samples that lie below the percentile as a whole, or above it.
    let (all_below, all_above) = (share.powf(n as f64), (1.0 - share).powf(n as f64));
    let (lower_miss, upper_miss) = if all_below > miss / 2.0 {
        (miss - all_below, all_below)
    } else if all_above > miss / 2.0 {
        (all_above, miss - all_above)
    } else {
        (miss / 2.0, miss / 2.0)
    };
    if n == 0 || lower_miss < all_above || upper_miss < all_below {
        return None;
    }
    let below = |rank: usize| binomial_below(n as f64, share, rank as f64);
    // The greatest value that few enough samples have above the percentile, and the least that few enough
    // have below it.
    let lower = last_index(n, |index| below(index + 1) <= lower_miss);
    let upper = n - 1 - last_index(n, |back| 1.0 - below(n - back) <= upper_miss);
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let estimate = Method::Linear.of_sorted(&sorted, share)?;
    Some(Interval {
        estimate,
        lower: sorted[lower].min(estimate),
        upper: sorted[upper].max(estimate),
        level,
    })
}

/// The last of `count` indices for which something is true that is true for the first ones alone; 0 if it is
/// for none.
fn last_index(count: usize, is_true: impl Fn(usize) -> bool) -> usize {
    let (mut known, mut end) = (0, count);
    while end - known > 1 {
        let middle = known + (end - known) / 2;
        if is_true(middle) {
            known = middle;
        } else {
            end = middle;
        }
    }
    known
}

#[cfg(test)]
mod tests;
