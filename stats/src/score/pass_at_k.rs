//! The chance that one of k tries passes.

/// The unbiased estimator of pass@k from `tries` of which `passed` passed: `1 - C(n - c, k) / C(n, k)` (Chen et al. 2021,
/// "Evaluating Large Language Models Trained on Code"). None where k is 0 or above the number of tries, for then nothing is
/// known. More that passed than were tried count as all.
#[must_use]
pub fn pass_at_k(tries: u64, passed: u64, k: u64) -> Option<f64> {
    if k == 0 || k > tries {
        return None;
    }
    let failed = tries - passed.min(tries);
    if failed < k {
        return Some(1.0);
    }
    // C(n - c, k) / C(n, k), as a product of factors of at most 1: the binomials themselves overflow. Both forms of the
    // product are equal; the shorter is taken.
    let passed = tries - failed;
    let none_passes: f64 = if k <= passed {
        (0..k).map(|i| (failed - i) as f64 / (tries - i) as f64).product()
    } else {
        (0..passed)
            .map(|i| (tries - k - i) as f64 / (tries - i) as f64)
            .product()
    };
    Some(1.0 - none_passes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_try_passes_as_often_as_tries_passed() {
        assert_eq!(pass_at_k(10, 3, 1), Some(1.0 - 0.7));
    }

    #[test]
    fn the_estimator_is_the_share_of_choices_with_a_pass() {
        // Of the 10 pairs of 5 tries the 3 pairs among the 3 that failed have none.
        let estimate = pass_at_k(5, 2, 2).unwrap();
        assert!((estimate - 0.7).abs() < 1e-12, "{estimate}");
    }

    #[test]
    fn enough_passes_leave_no_choice_without_one() {
        assert_eq!(pass_at_k(5, 4, 2), Some(1.0));
        assert_eq!(pass_at_k(5, 0, 5), Some(0.0));
    }

    #[test]
    fn nothing_is_known_of_more_tries_than_there_were() {
        assert_eq!(pass_at_k(3, 1, 4), None);
        assert_eq!(pass_at_k(3, 1, 0), None);
    }

    #[test]
    fn large_numbers_do_not_overflow() {
        let estimate = pass_at_k(100_000, 10, 50_000).unwrap();
        assert!((estimate - (1.0 - 0.5_f64.powi(10))).abs() < 1e-3, "{estimate}");
    }
}
