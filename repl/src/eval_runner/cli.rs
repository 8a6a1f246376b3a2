//! The options.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args as ClapArgs, Parser, ValueEnum};
use quipu::evals::eval_runner::{Enforcement, FailFrom};
use quipu::evals::{Conversion, EvalMetric, LlmPricing, ScoringMethod, ThresholdMode};

use super::quality::QualityArgs;

const EXAMPLES: &str = "\
Examples:
  parse_events | analyze_events --format json | eval_runner --app-name librarian --save-baseline baselines/librarian.json
  parse_events | analyze_events --format json | eval_runner --baseline baselines/librarian.json
  eval_runner --baseline baselines/librarian.json --threshold p95_latency=1.3x --fail-on warning < analytics.json
  eval_runner --eval-suite suite.json < answers.json

Exit codes: 0 passed or done, 1 judged and failed, 2 wrong usage, 3 could not judge.";

/// Judges an application by its telemetry, or by its answers to a golden suite.
///
/// Reads from standard input what `analyze_events --format json` prints and shows the metrics, saves them as a baseline or
/// compares them with one. With --eval-suite it reads answers instead and scores them.
#[derive(Debug, Parser)]
#[command(name = "eval_runner", disable_version_flag = true, after_help = EXAMPLES)]
pub(super) struct Args {
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    pub(super) format: Format,

    /// Read this file instead of standard input
    #[arg(long, value_name = "FILE")]
    pub(super) input: Option<PathBuf>,

    #[command(flatten)]
    pub(super) metrics: MetricsArgs,

    #[command(flatten)]
    pub(super) gate: GateArgs,

    #[command(flatten)]
    pub(super) quality: QualityArgs,

    #[command(flatten)]
    pub(super) suite: SuiteArgs,

    /// Say more: the causes of an error
    #[arg(short, long)]
    pub(super) verbose: bool,
}

/// What is measured, and where it is kept.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Metrics")]
pub(super) struct MetricsArgs {
    /// Save the metrics as a baseline and compare nothing
    #[arg(long, value_name = "PATH")]
    pub(super) save_baseline: Option<PathBuf>,

    /// Replace the baseline that is there
    #[arg(long)]
    pub(super) update: bool,

    /// Name of the application [default: app; beside a baseline, its own]
    #[arg(long, value_name = "NAME")]
    pub(super) app_name: Option<String>,

    /// Version of the application
    #[arg(long, value_name = "VERSION", default_value = "1.0.0")]
    pub(super) version: String,

    /// Prices of tokens
    #[arg(long, value_name = "MODEL", default_value = "gpt4o",
        value_parser = PossibleValuesParser::new(LlmPricing::NAMES.map(|(name, _)| name)))]
    pricing: String,

    /// Formulas: those of sessions, or those of dashflow-streaming's eval_runner [default: those of the baseline, else
    /// default]
    #[arg(long, value_enum, value_name = "COUNTING")]
    counting: Option<CountingName>,
}

/// Against what is judged, and how strictly.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Comparison")]
pub(super) struct GateArgs {
    /// Compare with this baseline
    #[arg(long, value_name = "PATH")]
    pub(super) baseline: Option<PathBuf>,

    /// Compare also with a baseline of another application
    #[arg(long)]
    pub(super) any_app: bool,

    /// How much worse is too much
    #[arg(long, value_name = "MODE", default_value = "default",
        value_parser = PossibleValuesParser::new(ThresholdMode::NAMES.map(|(name, _)| name)))]
    pub(super) threshold_mode: String,

    /// Single thresholds, as a JSON object from metrics to multiples or differences
    #[arg(long, value_name = "FILE")]
    pub(super) thresholds: Option<PathBuf>,

    /// A single threshold, a multiple such as p95_latency=1.3x or a difference such as success_rate=0.02; may be given several
    /// times
    #[arg(long, value_name = "METRIC=VALUE")]
    pub(super) threshold: Vec<String>,

    /// Metrics without noise, of which every change counts that is large enough: tokens at temperature 0 may be so
    #[arg(long, value_name = "METRIC", value_delimiter = ',', value_parser = metric)]
    pub(super) exact: Vec<EvalMetric>,

    /// Whether a failed comparison is one of the program
    #[arg(long, value_name = "true|false", num_args = 0..=1, default_value_t = true, default_missing_value = "true",
        action = clap::ArgAction::Set)]
    fail_on_regression: bool,

    /// From where on the comparison fails
    #[arg(long, value_name = "LEVEL", default_value = "critical",
        value_parser = PossibleValuesParser::new(FailFrom::NAMES.map(|(name, _)| name)))]
    fail_on: String,
}

/// Answers to a golden suite.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Golden suites")]
pub(super) struct SuiteArgs {
    /// Score answers to this suite: a JSON array in the order of its cases, or an object from ids to answers
    #[arg(long, value_name = "PATH")]
    pub(super) eval_suite: Option<PathBuf>,

    /// How to score cases that do not say it [default: that of the suite, else fuzzy]
    #[arg(long, value_name = "METHOD",
        value_parser = PossibleValuesParser::new(ScoringMethod::ALL.map(ScoringMethod::name)))]
    scoring_method: Option<String>,

    /// Average from which the suite passes, 0 to 1 [default: that of the suite, else 0.8]
    #[arg(long, value_name = "SHARE")]
    pub(super) correctness_threshold: Option<f64>,

    /// Leave out cases without an answer, where answers come by id
    #[arg(long, requires = "eval_suite")]
    pub(super) allow_missing: bool,

    /// Sizes k for pass@k, where cases have several answers
    #[arg(long, value_name = "K", value_delimiter = ',', default_values_t = [1],
        value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) pass_at: Vec<u64>,

    /// Keys of the metadata by which results are grouped
    #[arg(long, value_name = "KEY", value_delimiter = ',', default_values_t = ["category".to_owned(), "difficulty".to_owned()])]
    pub(super) group_by: Vec<String>,

    /// Say what is wrong with the suite and score nothing
    #[arg(long, requires = "eval_suite")]
    pub(super) lint: bool,
}

/// How a result is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

/// Formulas by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum CountingName {
    /// What the names of the metrics say, of one session
    Default,
    /// What the eval_runner of dashflow-streaming computes, of the whole input
    Reference,
}

impl MetricsArgs {
    pub(super) fn pricing(&self) -> LlmPricing {
        named(&LlmPricing::NAMES, &self.pricing)
    }

    pub(super) fn counting(&self) -> Option<Conversion> {
        self.counting.map(|name| match name {
            CountingName::Default => Conversion::Default,
            CountingName::Reference => Conversion::Reference,
        })
    }
}

impl GateArgs {
    pub(super) fn threshold_mode(&self) -> ThresholdMode {
        named(&ThresholdMode::NAMES, &self.threshold_mode)
    }

    pub(super) fn fail_on(&self) -> FailFrom {
        named(&FailFrom::NAMES, &self.fail_on)
    }

    pub(super) fn enforcement(&self) -> Enforcement {
        if self.fail_on_regression {
            Enforcement::Enforce
        } else {
            Enforcement::Tell
        }
    }
}

impl SuiteArgs {
    pub(super) fn scoring_method(&self) -> Option<ScoringMethod> {
        let names = ScoringMethod::ALL.map(|method| (method.name(), method));
        self.scoring_method.as_deref().map(|name| named(&names, name))
    }
}

impl Args {
    /// Options that were given and have no effect beside the others.
    pub(super) fn without_effect(&self) -> Vec<&'static str> {
        let (metrics, gate, quality, suite) = (&self.metrics, &self.gate, &self.quality, &self.suite);
        let is_suite = suite.eval_suite.is_some();
        let compares = !is_suite && gate.baseline.is_some() && metrics.save_baseline.is_none();
        let saves = !is_suite && metrics.save_baseline.is_some();
        let scores = is_suite && !suite.lint;
        // Whether it was given, and whether anybody looks at it. Defaults that are given in full cannot be told from others.
        let options = [
            ("--save-baseline", metrics.save_baseline.is_some(), !is_suite),
            ("--update", metrics.update, saves),
            ("--app-name", metrics.app_name.is_some(), !is_suite),
            ("--counting", metrics.counting.is_some(), !is_suite),
            ("--baseline", gate.baseline.is_some(), compares),
            ("--any-app", gate.any_app, compares),
            (
                "--threshold-mode",
                gate.threshold_mode() != ThresholdMode::default(),
                compares,
            ),
            ("--thresholds", gate.thresholds.is_some(), compares),
            ("--threshold", !gate.threshold.is_empty(), compares),
            ("--exact", !gate.exact.is_empty(), compares),
            ("--fail-on", gate.fail_on() != FailFrom::default(), compares),
            ("--scores", quality.scores.is_some(), !is_suite),
            ("--suite-result", quality.suite_result.is_some(), !is_suite),
            ("--correctness", quality.correctness.is_some(), !is_suite),
            ("--relevance", quality.relevance.is_some(), !is_suite),
            ("--safety", quality.safety.is_some(), !is_suite),
            (
                "--hallucination-rate",
                quality.hallucination_rate.is_some(),
                !is_suite,
            ),
            ("--scoring-method", suite.scoring_method.is_some(), is_suite),
            (
                "--correctness-threshold",
                suite.correctness_threshold.is_some(),
                scores,
            ),
            ("--format", self.format == Format::Json, !suite.lint && !saves),
            ("--input", self.input.is_some(), !suite.lint),
        ];
        let ignored = options.into_iter().filter(|(_, given, used)| *given && !used);
        ignored.map(|(name, _, _)| name).collect()
    }
}

fn metric(name: &str) -> Result<EvalMetric, String> {
    EvalMetric::parse(name)
        .ok_or_else(|| format!("use one of {}", EvalMetric::ALL.map(EvalMetric::name).join(", ")))
}

/// The value of a name that the parser has let through.
fn named<T: Copy>(names: &[(&str, T)], name: &str) -> T {
    let found = names.iter().find(|(known, _)| *known == name);
    found
        .map(|(_, value)| *value)
        .expect("the parser takes known names only")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(arguments: &[&str]) -> Result<Args, clap::Error> {
        Args::try_parse_from([&["eval_runner"], arguments].concat())
    }

    #[test]
    fn definitions_are_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_gate_may_be_switched_off_in_every_form() {
        for (arguments, expected) in [
            (&[][..], Enforcement::Enforce),
            (&["--fail-on-regression"], Enforcement::Enforce),
            (&["--fail-on-regression", "true"], Enforcement::Enforce),
            (&["--fail-on-regression", "false"], Enforcement::Tell),
            (&["--fail-on-regression=false"], Enforcement::Tell),
            (&["--fail-on-regression", "--update"], Enforcement::Enforce),
        ] {
            assert_eq!(
                parse(arguments).unwrap().gate.enforcement(),
                expected,
                "{arguments:?}"
            );
        }
    }

    #[test]
    fn names_must_exist() {
        for arguments in [
            &["--pricing", "gpt-3.5"][..],
            &["--format", "xml"],
            &["--threshold-mode", "nonsense"],
            &["--scoring-method", "cosine"],
            &["--fail-on", "everything"],
            &["--fail-on-regression", "maybe"],
            &["--lint"],
            &["--pass-at", "0"],
            &["--exact", "tokens"],
            &["-V"],
        ] {
            assert_eq!(parse(arguments).unwrap_err().exit_code(), 2, "{arguments:?}");
        }
        for (name, _) in FailFrom::NAMES {
            parse(&["--fail-on", name]).unwrap().gate.fail_on();
        }
    }

    #[test]
    fn options_without_effect_are_named() {
        for (arguments, expected) in [
            (
                &["--baseline", "b", "--fail-on", "warning", "--correctness", "1"][..],
                &[][..],
            ),
            (&["--eval-suite", "s", "--scoring-method", "exact"], &[]),
            (
                &[
                    "--eval-suite",
                    "s",
                    "--baseline",
                    "b",
                    "--scores",
                    "c",
                    "--fail-on",
                    "warning",
                ],
                &["--baseline", "--fail-on", "--scores"],
            ),
            (&["--save-baseline", "a", "--baseline", "b"], &["--baseline"]),
            (
                &["--eval-suite", "s", "--lint", "--format", "json"],
                &["--format"],
            ),
            (
                &["--threshold", "safety=0.1", "--update"],
                &["--update", "--threshold"],
            ),
        ] {
            assert_eq!(
                parse(arguments).unwrap().without_effect(),
                expected,
                "{arguments:?}"
            );
        }
    }
}
