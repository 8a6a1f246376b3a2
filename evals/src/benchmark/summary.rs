//! Statistics of one quantity.

use quipu_stats::moments::Moments;
use quipu_stats::percentile::Method;

/// Statistics of a sample with at least one value.
#[derive(Clone, Debug)]
pub(super) struct Summary {
    ordered: Vec<f64>,
    pub(super) min: f64,
    pub(super) max: f64,
    pub(super) mean: f64,
    /// Deviation of the values themselves, with n in the denominator: what the field of the file has always meant. Intervals
    /// are made with n - 1.
    pub(super) deviation: f64,
}

impl Summary {
    /// None for an empty sample, and for one with a value that is not finite.
    pub(super) fn of(values: &[f64]) -> Option<Self> {
        let moments = Moments::of(values)?;
        let mut ordered = values.to_vec();
        ordered.sort_unstable_by(f64::total_cmp);
        Some(Self {
            min: *ordered.first()?,
            max: *ordered.last()?,
            mean: moments.mean(),
            deviation: moments.population_deviation(),
            ordered,
        })
    }

    /// The value whose place is nearest to the share: the rule `rounded`, by which such files have always been made.
    pub(super) fn percentile(&self, share: f64) -> f64 {
        Method::Rounded
            .of_sorted(&self.ordered, share)
            .unwrap_or(self.max)
    }

    /// The upper of the two middle values.
    pub(super) fn upper_median(&self) -> f64 {
        self.ordered[self.ordered.len() / 2]
    }
}
