//! Values that lie far from the others.

use crate::percentile::Method;

/// Tukey's fences (1977) around a sample: quartiles, and the bounds beyond which values are outliers.
#[derive(Clone, Debug, PartialEq)]
pub struct Outliers {
    /// First quartile, by linear interpolation.
    pub lower_quartile: f64,
    /// Third quartile.
    pub upper_quartile: f64,
    /// Indices of values beyond 1.5 interquartile ranges from the quartiles, but not beyond 3, in the order
    /// of the sample.
    pub mild: Vec<usize>,
    /// Indices of values beyond 3 interquartile ranges.
    pub extreme: Vec<usize>,
}

/// Distance of the inner fences from the quartiles, in interquartile ranges.
pub const MILD: f64 = 1.5;

/// Distance of the outer fences.
pub const EXTREME: f64 = 3.0;

impl Outliers {
    /// The outliers of values in any order. None for fewer than four values, whose quartiles are the values
    /// themselves, and for values that are not finite.
    ///
    /// Of normal values 0.7 % are outliers and 0.0002 % extreme ones; of the skewed ones that latencies are,
    /// more. So an outlier is something to look at, not something to leave out.
    #[must_use]
    pub fn of(values: &[f64]) -> Option<Self> {
        if values.len() < 4 || values.iter().any(|value| !value.is_finite()) {
            return None;
        }
        let mut sorted = values.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let lower_quartile = Method::Linear.of_sorted(&sorted, 0.25)?;
        let upper_quartile = Method::Linear.of_sorted(&sorted, 0.75)?;
        let range = upper_quartile - lower_quartile;
        let mut outliers = Self {
            lower_quartile,
            upper_quartile,
            mild: Vec::new(),
            extreme: Vec::new(),
        };
        for (index, value) in values.iter().enumerate() {
            let distance = (lower_quartile - value).max(value - upper_quartile);
            if distance > EXTREME * range {
                outliers.extreme.push(index);
            } else if distance > MILD * range {
                outliers.mild.push(index);
            }
        }
        Some(outliers)
    }

    /// How many values are outliers of either kind.
    #[must_use]
    pub fn count(&self) -> usize {
        self.mild.len() + self.extreme.len()
    }

    /// Bounds within which values are no outliers of a kind, by its distance [`MILD`] or [`EXTREME`].
    #[must_use]
    pub fn fences(&self, distance: f64) -> (f64, f64) {
        let reach = distance * (self.upper_quartile - self.lower_quartile);
        (self.lower_quartile - reach, self.upper_quartile + reach)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::{Law, Samples};

    #[test]
    fn values_beyond_the_fences_are_told_by_their_index() {
        // Quartiles 20 and 40: inner fences at -10 and 70, outer ones at -40 and 100.
        let values = [
            500.0, 10.0, 20.0, 30.0, 40.0, -30.0, 30.0, 20.0, 100.0, 30.0, 40.0, 30.0, 20.0,
        ];
        let outliers = Outliers::of(&values).unwrap();
        assert_eq!((outliers.lower_quartile, outliers.upper_quartile), (20.0, 40.0));
        assert_eq!(
            (&outliers.mild[..], &outliers.extreme[..]),
            (&[5, 8][..], &[0][..])
        );
        assert_eq!(outliers.count(), 3);
        assert_eq!(outliers.fences(MILD), (-10.0, 70.0));
        assert_eq!(outliers.fences(EXTREME), (-40.0, 100.0));
    }

    #[test]
    fn where_most_values_are_equal_every_other_one_is_extreme() {
        let outliers = Outliers::of(&[5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.1]).unwrap();
        assert_eq!((outliers.mild.len(), outliers.extreme), (0, vec![6]));
        assert_eq!(Outliers::of(&[0.1; 9]).unwrap().count(), 0);
    }

    #[test]
    fn few_values_and_values_that_are_not_finite_have_none() {
        assert_eq!(Outliers::of(&[]), None);
        assert_eq!(Outliers::of(&[1.0, 2.0, 300.0]), None);
        assert_eq!(Outliers::of(&[1.0, 2.0, 3.0, f64::INFINITY]), None);
        assert_eq!(Outliers::of(&[1.0, 2.0, 3.0, f64::NAN]), None);
    }

    #[test]
    fn of_normal_values_seven_in_a_thousand_are_outliers() {
        let values = Samples::new(Law::Normal(0.1), 4).draw(200_000);
        let share = Outliers::of(&values).unwrap().count() as f64 / 200_000.0;
        assert!((share - 0.00698).abs() < 0.0006, "{share}");
    }
}
