//! How a statistic of one sample differs from that of another: the difference, its interval and its p-value.
//!
//! Interval and p-value of a mean or a percentile are one computation: the interval holds the differences
//! that the test does not reject. So the interval excludes 0 exactly if the p-value is at most 1 - level.
//! Rates take a test and an interval that agree nearly always, see [`Method::FisherMidP`].

mod inversion;
mod mean;
mod name;
mod percentile;
mod rate;

/// What of a sample is compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Statistic {
    /// The arithmetic mean.
    Mean,
    /// A percentile by linear interpolation, as [`percentile::Linear`](crate::percentile::Method::Linear);
    /// its share is between 0 and 1.
    Percentile(f64),
    /// The share of ones among values that are 0 or 1.
    Rate,
}

/// How the interval and the p-value of a difference were computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// Permutation test, for small samples of all ways to split the values, else of random ones.
    ///
    /// For means the statistic is Welch's t: the test is exact if both samples have the same distribution,
    /// however skewed, and keeps its level for large samples that have the same mean alone (Janssen 1997;
    /// Chung and Romano 2013). For percentiles it is their difference, which is exact in the first case; the
    /// interval holds the shifts of the whole distribution that the test does not reject.
    Permutation,
    /// Welch's t test with Satterthwaite's degrees of freedom: for means of more than [`RESAMPLED_MAX`]
    /// values a side, and of so few that no split of them would be rare.
    Welch,
    /// Intervals of both percentiles by order statistics of fractional rank (Hutson 1999), combined by their
    /// margins (Zou and Donner 2008): where the samples are large enough for them.
    OrderStatistics,
    /// For rates: Fisher's exact test with the mid-p correction (Lancaster 1961), doubled, and the interval
    /// of Newcombe (1998, method 10). They agree but for p-values close to 1 - level: at 95 %, from 0.03 to
    /// 0.09. At 30 values a side the greatest false-alarm rate is 5.2 %.
    FisherMidP,
}

impl Method {
    const ALL: [Self; 4] = [
        Self::Permutation,
        Self::Welch,
        Self::OrderStatistics,
        Self::FisherMidP,
    ];

    /// The method of a word of [`Method::as_str`].
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == name)
    }

    /// The word in output and in tables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Permutation => "permutation",
            Self::Welch => "welch",
            Self::OrderStatistics => "order_statistics",
            Self::FisherMidP => "fisher_mid_p",
        }
    }
}

/// Values up to which the smaller side of a comparison of means is resampled. With more, the distribution of
/// the mean is close to normal unless single values outweigh all others.
pub const RESAMPLED_MAX: usize = 5_000;

/// The difference of a statistic between two samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    /// The statistic of the baseline.
    pub baseline: f64,
    /// The statistic of the current sample.
    pub current: f64,
    /// Current less baseline.
    pub difference: f64,
    /// Lower limit of the difference; infinite where the samples bound it on the other side alone.
    pub lower: f64,
    /// Upper limit of the difference; infinite where the samples bound it on the other side alone.
    pub upper: f64,
    /// Level of the interval from `lower` to `upper`, such as 0.95.
    pub level: f64,
    /// How often two samples without a difference would differ as much, in either direction.
    pub p_value: f64,
    /// How interval and p-value were computed.
    pub method: Method,
}

impl Difference {
    /// Whether the interval excludes that there is no difference.
    #[must_use]
    pub fn excludes_zero(&self) -> bool {
        self.lower > 0.0 || self.upper < 0.0
    }

    /// The difference seen from the other side.
    fn reversed(self) -> Self {
        Self {
            baseline: self.current,
            current: self.baseline,
            difference: -self.difference,
            lower: -self.upper,
            upper: -self.lower,
            ..self
        }
    }
}

/// Compares a statistic of two samples, given in any order. The same seed gives the same numbers.
///
/// None when nothing can be told: for a sample without values, for values that are not finite (of a rate:
/// that are not 0 or 1), for a share or a level that is not between 0 and 1, and for samples that are too
/// small. Too small is:
///
/// - for a mean, one value;
/// - for a percentile, one that lies beyond the sample: above (n - 1/2) / n or below 1 / 2n, where the
///   extreme values stand by the rule of Hazen (1914). The 95th percentile needs 10 values, the 99th 50;
/// - samples of which no difference, however great, would be significant at the level.
///
/// The p-value of a permutation test is never 0. Of drawn splits it is at least 1 in their number: 5,000 for
/// a mean of up to 1,000 values a side and fewer of more, down to 1,000; 2,000 for a percentile. Of n values
/// a side that are few enough for all splits it is at least 2 in their number: 0.03 for 4, 0.008 for 5, 0.002
/// for 6.
#[must_use]
pub fn compare(
    baseline: &[f64],
    current: &[f64],
    statistic: Statistic,
    level: f64,
    seed: u64,
) -> Option<Difference> {
    let splits = match statistic {
        Statistic::Percentile(_) => PERCENTILE_SPLITS,
        // More values cost more a split, and leave less to the tails.
        Statistic::Mean | Statistic::Rate => {
            (10_000_000 / (baseline.len() + current.len()).max(1)).clamp(1_000, 5_000)
        }
    };
    compare_by(baseline, current, statistic, level, seed, splits)
}

/// [`compare`] by a number of splits.
fn compare_by(
    baseline: &[f64],
    current: &[f64],
    statistic: Statistic,
    level: f64,
    seed: u64,
    splits: usize,
) -> Option<Difference> {
    match statistic {
        Statistic::Mean => mean::compare(baseline, current, level, splits, seed),
        Statistic::Percentile(share) => percentile::compare(baseline, current, share, level, splits, seed),
        Statistic::Rate => rate::compare(baseline, current, level),
    }
}

/// Splits that are drawn for a percentile, which costs more to find in each than a mean.
const PERCENTILE_SPLITS: usize = 2_000;

#[cfg(test)]
mod tests;
