//! From a test to the interval of what it does not reject.

/// The limits of the differences that a test does not reject, lower and upper, around the observed
/// `difference`.
///
/// `p_value` is that of a residual: the observed difference less the supposed one. It is 1 at 0 and falls on
/// both sides, if not at every step. `scale` is a distance from which to search. That no difference is
/// rejected or not comes out as the test says, so that the interval and the p-value agree. A limit is
/// infinite if the test rejects no distance on its side, however great; none if it rejects none on either.
pub(super) fn limits(
    difference: f64,
    scale: f64,
    miss: f64,
    p_value: impl Fn(f64) -> f64,
) -> Option<(f64, f64)> {
    // A level such as 0.9 misses a little less than the tenth that a p-value can be.
    let is_rejected = |residual: f64| p_value(residual) <= miss + 1e-12;
    let lower = reach(is_rejected, scale, difference);
    let upper = reach(|distance| is_rejected(-distance), scale, -difference);
    let is_told = lower.is_finite() || upper.is_finite();
    is_told.then_some((difference - lower, difference + upper))
}

/// How far a distance goes before it is rejected, without end if it never is. A `known` distance above 0 is
/// decided first.
fn reach(is_rejected: impl Fn(f64) -> bool, scale: f64, known: f64) -> f64 {
    let mut kept = 0.0;
    let mut rejected = f64::INFINITY;
    if known > 0.0 {
        if is_rejected(known) {
            rejected = known;
        } else {
            kept = known;
        }
    }
    if rejected.is_infinite() {
        let first = f64::max(2.0 * kept, scale);
        let doubled = std::iter::successors(Some(first), |distance| Some(2.0 * distance));
        for distance in doubled.take(DOUBLINGS) {
            if is_rejected(distance) {
                rejected = distance;
                break;
            }
            kept = distance;
        }
    }
    if rejected.is_infinite() {
        return rejected;
    }
    for _ in 0..HALVINGS {
        if rejected - kept <= PRECISION * rejected {
            break;
        }
        let middle = kept + (rejected - kept) / 2.0;
        if is_rejected(middle) {
            rejected = middle;
        } else {
            kept = middle;
        }
    }
    kept
}

/// Relative precision of a limit: far finer than what the choice of splits moves.
const PRECISION: f64 = 1e-5;

/// Doublings after which a distance is so great that a further one would not be rejected either.
const DOUBLINGS: usize = 24;

/// Halvings after which a limit that still falls is taken for 0.
const HALVINGS: usize = 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_are_where_the_test_begins_to_reject() {
        let p_value = |residual: f64| {
            let faster = if residual > 0.0 { 2.0 } else { 1.0 };
            (-faster * residual.abs()).exp()
        };
        let expected = 20.0_f64.ln();
        for difference in [0.0, 0.1, 1.4, 1.6, -2.9, -3.1, 40.0] {
            for scale in [1e-3, 1.0, 100.0] {
                let (lower, upper) = limits(difference, scale, 0.05, p_value).unwrap();
                assert!(
                    (difference - lower - expected / 2.0).abs() < 1e-4,
                    "{difference} {scale}"
                );
                assert!(
                    (upper - difference - expected).abs() < 1e-4,
                    "{difference} {scale}"
                );
            }
        }
    }

    #[test]
    fn a_test_that_never_rejects_on_one_side_has_no_limit_there() {
        let p_value = |residual: f64| if residual > 0.0 { 0.01 } else { 0.06 };
        assert_eq!(limits(0.0, 1.0, 0.05, |_| 0.06), None);
        let (lower, upper) = limits(-3.0, 1.0, 0.05, p_value).unwrap();
        assert!((lower + 3.0).abs() < 1e-9);
        assert_eq!(upper, f64::INFINITY);
        assert!(limits(-3.0, 1.0, 0.07, p_value).is_some());
    }

    #[test]
    fn a_test_that_rejects_everything_else_leaves_the_difference_alone() {
        let p_value = |residual: f64| if residual == 0.0 { 1.0 } else { 0.01 };
        let (lower, upper) = limits(5.0, 1.0, 0.05, p_value).unwrap();
        assert_eq!((lower, upper), (5.0, 5.0));
    }
}
