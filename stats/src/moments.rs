//! Mean and deviation of a sample.

/// Count, mean and spread of a sample of finite numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moments {
    count: usize,
    mean: f64,
    squares: f64,
}

impl Moments {
    /// The moments of values in any order; none if there are no values, if one of them is not finite, or if
    /// they are so great that their sum or the sum of their squares is not.
    ///
    /// Computed in two passes, the second of which corrects the mean (Chan, Golub and LeVeque 1983), so that
    /// values with a great mean and a small deviation keep their digits. Equal values have exactly their
    /// value as mean and the deviation 0.
    #[must_use]
    pub fn of(values: &[f64]) -> Option<Self> {
        let first = *values.first()?;
        let count = values.len() as f64;
        let (mut sum, mut least, mut greatest) = (0.0, first, first);
        for &value in values {
            sum += value;
            least = f64::min(least, value);
            greatest = f64::max(greatest, value);
        }
        // A value that is not finite makes the sum so.
        if !sum.is_finite() {
            return None;
        }
        let rough = (sum / count).clamp(least, greatest);
        let (mut rest, mut squares) = (0.0, 0.0);
        for &value in values {
            rest += value - rough;
            squares += (value - rough) * (value - rough);
        }
        let mean = (rough + rest / count).clamp(least, greatest);
        let squares = (squares - rest * rest / count).max(0.0);
        squares.is_finite().then_some(Self {
            count: values.len(),
            mean,
            squares,
        })
    }

    /// How many values there are: at least one.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// The arithmetic mean.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// The sum of the squares of the distances from the mean.
    #[must_use]
    pub fn squares(&self) -> f64 {
        self.squares
    }

    /// The unbiased variance of the population that the values are a sample of (divisor n - 1); none for one
    /// value.
    #[must_use]
    pub fn sample_variance(&self) -> Option<f64> {
        (self.count > 1).then(|| self.squares / (self.count - 1) as f64)
    }

    /// The root of [`Moments::sample_variance`].
    #[must_use]
    pub fn sample_deviation(&self) -> Option<f64> {
        self.sample_variance().map(f64::sqrt)
    }

    /// The standard deviation of the values as a whole population (divisor n).
    #[must_use]
    pub fn population_deviation(&self) -> f64 {
        (self.squares / self.count as f64).sqrt()
    }

    /// The standard error of the mean; none for one value.
    #[must_use]
    pub fn standard_error(&self) -> Option<f64> {
        self.sample_variance()
            .map(|variance| (variance / self.count as f64).sqrt())
    }

    /// The coefficient of variation: the sample deviation as a fraction of the mean's size. None for one
    /// value or the mean 0.
    #[must_use]
    pub fn variation(&self) -> Option<f64> {
        let deviation = self.sample_deviation()?;
        (self.mean != 0.0).then(|| deviation / self.mean.abs())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_hundred_steps_have_the_known_deviations() {
        let values: Vec<f64> = (0..10).map(|step| 1000.0 + 100.0 * f64::from(step)).collect();
        let moments = Moments::of(&values).unwrap();
        assert_eq!(moments.count(), 10);
        assert_eq!(moments.mean(), 1450.0);
        assert_eq!(moments.population_deviation(), 287.228_132_326_901_46);
        assert_eq!(moments.sample_variance(), Some(825_000.0 / 9.0));
    }

    #[test]
    fn a_small_deviation_around_a_great_mean_keeps_its_digits() {
        // The case of NIST's StRD set NumAcc4: mean 10000000.2, sample deviation 0.1.
        let values: Vec<f64> = (0..1001)
            .map(|index| match index {
                0 => 10_000_000.2,
                _ if index % 2 == 1 => 10_000_000.1,
                _ => 10_000_000.3,
            })
            .collect();
        let moments = Moments::of(&values).unwrap();
        assert!((moments.mean() - 10_000_000.2).abs() < 1e-8);
        assert!((moments.sample_deviation().unwrap() - 0.1).abs() < 1e-8);
    }

    #[test]
    fn equal_values_have_no_deviation() {
        for value in [0.1, 1.0 / 3.0, 1e-300, 1e150, -7.7] {
            for count in [1, 3, 7, 1000] {
                let moments = Moments::of(&vec![value; count]).unwrap();
                assert_eq!(moments.mean(), value);
                assert_eq!(moments.population_deviation(), 0.0);
            }
        }
    }

    #[test]
    fn one_value_tells_nothing_of_its_population() {
        let moments = Moments::of(&[5.0]).unwrap();
        assert_eq!(moments.sample_deviation(), None);
        assert_eq!(moments.standard_error(), None);
        assert_eq!(moments.variation(), None);
        assert_eq!(moments.population_deviation(), 0.0);
    }

    #[test]
    fn what_is_not_finite_has_no_moments() {
        assert_eq!(Moments::of(&[]), None);
        for wrong in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(Moments::of(&[1.0, wrong, 2.0]), None);
            assert_eq!(Moments::of(&[wrong, 1.0]), None);
            assert_eq!(Moments::of(&[wrong]), None);
        }
        assert_eq!(Moments::of(&[f64::MAX, f64::MAX]), None);
        assert_eq!(Moments::of(&[1e200, -1e200]), None);
    }

    proptest! {
        #[test]
        fn the_order_does_not_matter_and_the_definition_holds(
            values in prop::collection::vec(-1e3..1e3_f64, 2..50),
        ) {
            let moments = Moments::of(&values).unwrap();
            let mut reversed = values.clone();
            reversed.reverse();
            let other = Moments::of(&reversed).unwrap();
            let pairs: f64 = values
                .iter()
                .flat_map(|a| values.iter().map(move |b| (a - b) * (a - b)))
                .sum();
            let n = values.len() as f64;
            prop_assert!((moments.mean() - other.mean()).abs() < 1e-9);
            // Half the mean square of all differences is the variance.
            prop_assert!((moments.squares() - pairs / (2.0 * n)).abs() < 1e-6);
        }
    }
}
