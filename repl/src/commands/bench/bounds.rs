//! By what the comparison of two benchmarks is judged.

use anyhow::Result;
use clap::ValueEnum;
use quipu::evals::FailOn;
use quipu::evals::bench::{Benchmark, CompareOptions, compare};

use crate::outcome::OutcomeArgs;

/// By what a comparison is judged.
#[derive(Debug, clap::Args)]
pub(crate) struct BoundArgs {
    /// Least change of the mean that matters, such as 5% or 0.05
    #[arg(long, default_value = "5%", value_name = "SHARE", value_parser = share, help_heading = "Comparison")]
    effect_min: f64,

    /// Which verdicts fail
    #[arg(long, value_enum, default_value_t = Failing::Regression, value_name = "WHAT", help_heading = "Comparison")]
    fail_on: Failing,
}

/// Which verdicts fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Failing {
    /// Slower by more than --effect-min, and significantly so
    Regression,
    /// That, and that nothing could be concluded
    Inconclusive,
}

impl BoundArgs {
    /// Compares two benchmarks and tells the outcome.
    pub(crate) fn tell(
        &self,
        baseline: &Benchmark,
        current: &Benchmark,
        level: f64,
        outcome: &OutcomeArgs,
    ) -> Result<()> {
        let options = CompareOptions {
            level,
            effect_min: self.effect_min,
            ..CompareOptions::default()
        };
        let fail_on = match self.fail_on {
            Failing::Regression => FailOn::Regressed,
            Failing::Inconclusive => FailOn::Inconclusive,
        };
        let comparison = compare(baseline, current, &options);
        outcome.tell(&comparison.outcome(baseline, current, fail_on))
    }
}

/// Reads a share of something: a fraction, or percent.
fn share(text: &str) -> Result<f64, String> {
    let wrong = || format!("{text:?} is no share: use a number from 0 such as 0.05, or percent such as 5%");
    let value = match text.trim().strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().map_err(|_| wrong())? / 100.0,
        None => text.trim().parse().map_err(|_| wrong())?,
    };
    if value.is_finite() && value >= 0.0 {
        Ok(value)
    } else {
        Err(wrong())
    }
}

/// Reads the level of an interval.
pub(crate) fn level(text: &str) -> Result<f64, String> {
    let value = share(text).ok().filter(|level| *level >= 0.5 && *level < 1.0);
    value.ok_or_else(|| format!("{text:?} is no level: use one from 0.5 to below 1, such as 0.95 or 99%"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_levels_are_read_as_fractions_and_in_percent() {
        assert_eq!(share("5%"), Ok(0.05));
        assert_eq!(share("0.05"), Ok(0.05));
        assert_eq!(level("99%"), Ok(0.99));
        for wrong in ["-1", "much", "", "NaN", "inf"] {
            assert!(share(wrong).is_err(), "{wrong}");
        }
        for wrong in ["1", "100%", "0.3", "95"] {
            assert!(level(wrong).is_err(), "{wrong}");
        }
    }
}
