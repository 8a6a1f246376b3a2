//! The options.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Parser, ValueEnum};
use quipu::evals::benchmark_runner::{BenchmarkOptions, Warmup};
use quipu::evals::{Conversion, FailOn, LlmPricing};

use crate::eval_runner::quality::QualityArgs;

const EXAMPLES: &str = "\
Examples:
  benchmark_runner --analytics analytics.json --output result.json
  benchmark_runner --analytics analytics.json --save-baseline baseline.json
  benchmark_runner --analytics analytics.json --baseline baseline.json --threshold 0.2
  benchmark_runner -a run1.json -a run2.json -a run3.json -a run4.json -a run5.json

Exit codes: 0 no regression, 1 regression, 2 wrong usage, 3 could not judge.";

/// Statistics of the runs in analytics, and whether they became slower.
///
/// Reads what `analyze_events --format json` printed. The sessions of one file are the runs; of several files each is one.
/// `quipu bench run` runs a command and measures it instead.
#[derive(Debug, Parser)]
#[command(name = "benchmark_runner", version, after_help = EXAMPLES)]
pub(super) struct Args {
    /// File with analytics; may be given several times
    #[arg(short, long, required = true, value_name = "FILE")]
    pub(super) analytics: Vec<PathBuf>,

    /// Most runs that are taken; fewer are told
    #[arg(short, long, value_name = "N", default_value_t = 50)]
    iterations: usize,

    /// Files that are left out first [default: up to 5, of those that are more than iterations]
    #[arg(short, long, value_name = "N")]
    warmup: Option<usize>,

    /// Level of intervals, between 0 and 1
    #[arg(short, long, value_name = "LEVEL", default_value_t = 0.95)]
    confidence: f64,

    /// Compare with this benchmark
    #[arg(short, long, value_name = "FILE")]
    pub(super) baseline: Option<PathBuf>,

    /// The slowdown that is accepted: 0.2 is 20 %
    #[arg(short, long, value_name = "SHARE", default_value_t = 0.2)]
    threshold: f64,

    /// Write the result to this file
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,

    /// Write the result to this file, as a baseline
    #[arg(short, long, value_name = "FILE")]
    pub(super) save_baseline: Option<PathBuf>,

    /// Replace the baseline that is there
    #[arg(long)]
    pub(super) update: bool,

    /// On what to fail
    #[arg(long, value_enum, default_value_t = FailOnName::Regressed, value_name = "VERDICT")]
    fail_on: FailOnName,

    /// Prices of tokens
    #[arg(long, value_name = "MODEL", default_value = "gpt4o",
        value_parser = PossibleValuesParser::new(LlmPricing::NAMES.map(|(name, _)| name)))]
    pricing: String,

    /// Formulas: those of sessions, or those of dashflow-streaming [default: those of the baseline, else default]
    #[arg(long, value_enum, value_name = "COUNTING")]
    counting: Option<CountingName>,

    #[command(flatten)]
    pub(super) quality: QualityArgs,

    /// How to print the result
    #[arg(long, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    pub(super) format: Format,

    /// Say more: the causes of an error
    #[arg(short, long)]
    pub(super) verbose: bool,
}

/// How a result is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

/// On what the program fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FailOnName {
    /// Only on a regression
    Regressed,
    /// Also where nothing follows
    Inconclusive,
}

/// Formulas by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum CountingName {
    /// The duration of a session is its latency
    Default,
    /// The greatest 95th percentile of any node is the latency of a file
    Reference,
}

impl Args {
    pub(super) fn options(&self) -> BenchmarkOptions {
        BenchmarkOptions {
            iterations: self.iterations,
            warmup: self
                .warmup
                .map_or(BenchmarkOptions::default().warmup, Warmup::Exactly),
            confidence_level: self.confidence,
            threshold: self.threshold,
        }
    }

    pub(super) fn fail_on(&self) -> FailOn {
        match self.fail_on {
            FailOnName::Regressed => FailOn::Regressed,
            FailOnName::Inconclusive => FailOn::Inconclusive,
        }
    }

    pub(super) fn pricing(&self) -> LlmPricing {
        let found = LlmPricing::NAMES.iter().find(|(name, _)| *name == self.pricing);
        found
            .map(|(_, pricing)| *pricing)
            .expect("the parser takes known names only")
    }

    pub(super) fn counting(&self) -> Option<Conversion> {
        self.counting.map(|name| match name {
            CountingName::Default => Conversion::Default,
            CountingName::Reference => Conversion::Reference,
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn definitions_are_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn short_flags_are_those_that_scripts_use() {
        let args = Args::try_parse_from(
            "benchmark_runner -a a.json -a b.json -i 7 -w 2 -c 0.99 -b c.json -t 0.5 -o d.json -s e.json"
                .split(' '),
        )
        .unwrap();
        assert_eq!(args.analytics.len(), 2);
        let expected = BenchmarkOptions {
            iterations: 7,
            warmup: Warmup::Exactly(2),
            confidence_level: 0.99,
            threshold: 0.5,
        };
        assert_eq!(args.options(), expected);
        assert!(args.baseline.is_some() && args.output.is_some() && args.save_baseline.is_some());
        assert_eq!(
            Args::try_parse_from(["benchmark_runner"])
                .unwrap_err()
                .exit_code(),
            2
        );
    }
}
