//! What follows from a comparison.

use std::fmt;

/// What follows from comparing a metric with its baseline.
///
/// Ordered by what a gate over several metrics says as a whole: see [`Verdict::of_all`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// As good as the baseline, within the thresholds.
    Pass,
    /// Better than the baseline by more than the thresholds.
    Improved,
    /// Nothing follows: too few runs, too much noise, or data that is known to be incomplete.
    Inconclusive,
    /// Worse than the baseline by more than the thresholds.
    Regressed,
}

/// Which verdicts make a gate fail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FailOn {
    /// Only a regression.
    #[default]
    Regressed,
    /// A regression, and that nothing could be concluded.
    Inconclusive,
}

impl Verdict {
    /// The verdict of a gate over several metrics: one regression outweighs everything, one metric about which
    /// nothing can be said outweighs those that are fine. Without any metric nothing follows.
    #[must_use]
    pub fn of_all(verdicts: impl IntoIterator<Item = Self>) -> Self {
        verdicts.into_iter().max().unwrap_or(Self::Inconclusive)
    }

    /// The exit code of a gate with this verdict: 0 or 1. A gate that could not judge at all has no verdict; it ends
    /// with 3, and wrong usage with 2.
    #[must_use]
    pub fn exit_code(self, fail_on: FailOn) -> u8 {
        match (self, fail_on) {
            (Self::Regressed, _) | (Self::Inconclusive, FailOn::Inconclusive) => 1,
            (Self::Pass | Self::Improved | Self::Inconclusive, _) => 0,
        }
    }

    /// The word in output and in tables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Improved => "improved",
            Self::Inconclusive => "inconclusive",
            Self::Regressed => "regressed",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Verdict; 4] = [
        Verdict::Pass,
        Verdict::Improved,
        Verdict::Inconclusive,
        Verdict::Regressed,
    ];

    #[test]
    fn only_a_regression_fails_a_gate_by_default() {
        let failing: Vec<Verdict> = ALL
            .into_iter()
            .filter(|verdict| verdict.exit_code(FailOn::default()) != 0)
            .collect();
        assert_eq!(failing, [Verdict::Regressed]);
    }

    #[test]
    fn an_inconclusive_gate_fails_when_asked_to() {
        assert_eq!(
            ALL.map(|verdict| verdict.exit_code(FailOn::Inconclusive)),
            [0, 0, 1, 1]
        );
    }

    #[test]
    fn a_gate_is_as_bad_as_its_worst_metric() {
        assert_eq!(
            Verdict::of_all([Verdict::Improved, Verdict::Pass]),
            Verdict::Improved
        );
        assert_eq!(
            Verdict::of_all([Verdict::Improved, Verdict::Inconclusive]),
            Verdict::Inconclusive
        );
        assert_eq!(Verdict::of_all(ALL), Verdict::Regressed);
    }

    #[test]
    fn nothing_follows_from_no_metric() {
        assert_eq!(Verdict::of_all([]), Verdict::Inconclusive);
    }
}
