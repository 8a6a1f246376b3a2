//! Quantiles and tails of the distributions that intervals and tests stand on.

use statrs::distribution::{ContinuousCDF, Normal, StudentsT};
use statrs::function::beta::beta_reg;

/// The share of a distribution below the upper limit of a two-sided interval; none if the level is not
/// between 0 and 1.
pub(crate) fn upper_share(level: f64) -> Option<f64> {
    is_share(level).then(|| 0.5 + level / 2.0)
}

/// Whether a number is between 0 and 1, and neither.
pub(crate) fn is_share(number: f64) -> bool {
    number > 0.0 && number < 1.0
}

/// The standard normal quantile of a share between 0 and 1.
pub(crate) fn normal_quantile(share: f64) -> f64 {
    Normal::standard().inverse_cdf(share)
}

/// How often a standard normal value is at least as far from 0 as `z`.
pub(crate) fn normal_two_sided(z: f64) -> f64 {
    (2.0 * Normal::standard().cdf(-z.abs())).min(1.0)
}

/// Student's t of a share between 0 and 1; none unless the degrees of freedom are above 0.
pub(crate) fn student_quantile(share: f64, freedom: f64) -> Option<f64> {
    if freedom > MANY {
        // The first terms of the expansion around the normal quantile (Abramowitz and Stegun 1964, 26.7.5);
        // what is left out is below 1e-10.
        let z = normal_quantile(share);
        let first = (z.powi(3) + z) / (4.0 * freedom);
        let second = (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / (96.0 * freedom * freedom);
        return Some(z + first + second);
    }
    let student = StudentsT::new(0.0, 1.0, freedom).ok()?;
    Some(student.inverse_cdf(share))
}

/// How often Student's t is at least as far from 0 as `t`; none unless the degrees of freedom are above 0.
pub(crate) fn student_two_sided(t: f64, freedom: f64) -> Option<f64> {
    if freedom > MANY {
        // Abramowitz and Stegun 1964, 26.7.8.
        let z = t * (1.0 - 1.0 / (4.0 * freedom)) / (1.0 + t * t / (2.0 * freedom)).sqrt();
        return Some(normal_two_sided(z));
    }
    let student = StudentsT::new(0.0, 1.0, freedom).ok()?;
    Some((2.0 * student.cdf(-t.abs())).min(1.0))
}

/// Degrees of freedom above which Student's t is computed from the normal distribution: the library's
/// quantile loses digits there.
const MANY: f64 = 1e4;

/// How often fewer than `rank` of `count` trials succeed that do so with probability `share`, for a whole
/// rank; between whole ranks, what the incomplete beta function makes of it. `count` is whole, `rank` from 1
/// to `count`, `share` between 0 and 1.
pub(crate) fn binomial_below(count: f64, share: f64, rank: f64) -> f64 {
    if count * share * (1.0 - share) <= FEW {
        return beta_reg(count + 1.0 - rank, rank, 1.0 - share);
    }
    // Peizer and Pratt 1968: with so great a variance the error is below a thousandth of the smaller tail.
    // The library's continued fraction does not converge for very many.
    let (failures, other) = (count + 1.0 - rank, 1.0 - share);
    let distance = rank - 1.0 / 3.0 - (count + 1.0 / 3.0) * share
        + 0.02 * (other / rank - share / failures + (other - 0.5) / (count + 1.0));
    let (below, above) = (rank - 0.5, failures - 0.5);
    let entropy = below * (below / (count * share)).ln() + above * (above / (count * other)).ln();
    let centred = below - count * share;
    let slope = if centred.abs() > 1e-6 * count {
        (2.0 * entropy.max(0.0)).sqrt() / centred.abs()
    } else {
        // The limit at the centre.
        1.0 / (count * share * other).sqrt()
    };
    normal_below(distance * slope / (1.0 + 1.0 / (6.0 * count)).sqrt())
}

/// Variance of the count up to which the incomplete beta function of the library is used.
const FEW: f64 = 250.0;

/// How often a standard normal value is below `z`.
fn normal_below(z: f64) -> f64 {
    Normal::standard().cdf(z)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Table of Student's t, two-sided 95 % and 99 % (Fisher and Yates; three decimals).
    const TABLE: [(f64, f64, f64); 9] = [
        (1.0, 12.706, 63.657),
        (2.0, 4.303, 9.925),
        (3.0, 3.182, 5.841),
        (4.0, 2.776, 4.604),
        (9.0, 2.262, 3.250),
        (29.0, 2.045, 2.756),
        (60.0, 2.000, 2.660),
        (120.0, 1.980, 2.617),
        (1e9, 1.960, 2.576),
    ];

    #[test]
    fn quantiles_of_students_t_are_those_of_the_table() {
        for (freedom, t95, t99) in TABLE {
            let at = |level| student_quantile(upper_share(level).unwrap(), freedom).unwrap();
            assert!((at(0.95) - t95).abs() < 6e-4, "{freedom}: {}", at(0.95));
            assert!((at(0.99) - t99).abs() < 6e-4, "{freedom}: {}", at(0.99));
        }
    }

    #[test]
    fn a_tail_is_the_inverse_of_its_quantile() {
        for freedom in [1.0, 2.5, 7.0, 58.0, 9_998.0, 10_002.0, 1e6, 1e12] {
            for level in [0.5, 0.9, 0.95, 0.999] {
                let t = student_quantile(upper_share(level).unwrap(), freedom).unwrap();
                let tail = student_two_sided(t, freedom).unwrap();
                assert!((tail - (1.0 - level)).abs() < 2e-8, "{freedom} {level}: {tail}");
            }
        }
    }

    #[test]
    fn only_a_share_strictly_between_0_and_1_is_a_level() {
        for level in [0.0, 1.0, -0.5, 95.0, f64::NAN] {
            assert_eq!(upper_share(level), None);
        }
        assert_eq!(upper_share(0.95), Some(0.975));
    }

    /// By the definition, from the centre outwards.
    fn below_by_sum(count: u64, share: f64, rank: u64) -> f64 {
        let odds = share / (1.0 - share);
        let mut weights = vec![1.0; count as usize + 1];
        let centre = (count as f64 * share) as usize;
        for k in centre..count as usize {
            weights[k + 1] = weights[k] * (count as usize - k) as f64 / (k + 1) as f64 * odds;
        }
        for k in (0..centre).rev() {
            weights[k] = weights[k + 1] * (k + 1) as f64 / (count as usize - k) as f64 / odds;
        }
        let all: f64 = weights.iter().sum();
        weights[..rank as usize].iter().sum::<f64>() / all
    }

    #[test]
    fn binomial_tails_are_those_of_the_sum() {
        for count in [1, 2, 10, 100, 999, 1_000, 1_001, 5_000, 100_000] {
            for share in [0.001, 0.05, 0.5, 0.75, 0.95, 0.999] {
                let deviation = (count as f64 * share * (1.0 - share)).sqrt();
                for z in [-3.5, -2.0, -1.0, -0.1, 0.0, 0.02, 1.0, 2.0, 3.5] {
                    let rank = (count as f64 * share + z * deviation)
                        .round()
                        .clamp(1.0, count as f64);
                    let expected = below_by_sum(count, share, rank as u64);
                    let found = binomial_below(count as f64, share, rank);
                    let rarer = expected.min(1.0 - expected);
                    let tolerance = if count as f64 <= FEW {
                        1e-9
                    } else {
                        1e-6 + 2e-3 * rarer
                    };
                    assert!(
                        (found - expected).abs() <= tolerance,
                        "{count} {share} {rank}: {found} {expected}"
                    );
                }
            }
        }
    }
}
