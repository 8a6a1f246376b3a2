//! Many tests at once.

/// Adjusts p-values for that there are many (Benjamini and Hochberg 1995): taking those that are at most q as
/// findings, no more than q of the findings are expected to be false.
///
/// The order is kept. What is none stays none and does not count as a test, as does a p-value that is not
/// from 0 to 1.
#[must_use]
pub fn benjamini_hochberg(p_values: &[Option<f64>]) -> Vec<Option<f64>> {
    let mut tests: Vec<(usize, f64)> = Vec::new();
    for (index, p_value) in p_values.iter().enumerate() {
        if let Some(p_value) = p_value.filter(|p_value| (0.0..=1.0).contains(p_value)) {
            tests.push((index, p_value));
        }
    }
    tests.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut adjusted = vec![None; p_values.len()];
    let mut least: f64 = 1.0;
    for (place, &(index, p_value)) in tests.iter().enumerate().rev() {
        // The factor first: it is exactly 1 for the greatest, and never less.
        least = least.min(p_value * (tests.len() as f64 / (place + 1) as f64));
        adjusted[index] = Some(least);
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The example of Benjamini and Hochberg 1995, section 3: of 15 tests the first four are findings at
    /// 0.05.
    #[test]
    fn the_published_example_has_four_findings() {
        let p_values = [
            0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719,
            0.6528, 0.7590, 1.0000,
        ];
        let adjusted = benjamini_hochberg(&p_values.map(Some));
        let findings = adjusted.iter().filter(|p_value| p_value.unwrap() <= 0.05).count();
        assert_eq!(findings, 4);
        let close = |index: usize, expected: f64| (adjusted[index].unwrap() - expected).abs() < 1e-12;
        assert!(close(0, 0.0015) && close(3, 0.035_625) && close(14, 1.0));
        // 0.0201 of rank 5 and 0.0298 of rank 7 both end at the 0.0298 * 15 / 7 or below.
        assert!(close(4, 0.0201 * 3.0) && close(5, 0.0298 * 15.0 / 7.0) && close(6, 0.0298 * 15.0 / 7.0));
    }

    #[test]
    fn what_is_not_tested_does_not_count() {
        let adjusted = benjamini_hochberg(&[None, Some(0.04), Some(f64::NAN), Some(0.02), Some(7.0)]);
        assert_eq!(adjusted, [None, Some(0.04), None, Some(0.04), None]);
        assert_eq!(benjamini_hochberg(&[]), []);
    }

    proptest! {
        /// The rule as it is defined: findings are the p-values up to the greatest that is at most its rank's
        /// part of q.
        #[test]
        fn findings_are_those_of_the_step_up_rule(
            p_values in prop::collection::vec(0.0..0.2_f64, 1..30),
            q in 0.01..0.3_f64,
        ) {
            let mut sorted = p_values.clone();
            sorted.sort_by(f64::total_cmp);
            let n = sorted.len() as f64;
            let ranked = (1..).map(f64::from).zip(&sorted);
            let bound = ranked.filter(|(rank, p)| **p <= rank * q / n).map(|(_, p)| *p).last();
            let adjusted = benjamini_hochberg(&p_values.iter().copied().map(Some).collect::<Vec<_>>());
            for (p_value, adjusted) in p_values.iter().zip(adjusted) {
                let adjusted = adjusted.unwrap();
                prop_assert!(adjusted >= *p_value);
                if (adjusted - q).abs() > 1e-12 {
                    prop_assert_eq!(adjusted <= q, bound.is_some_and(|bound| *p_value <= bound));
                }
            }
        }
    }
}
