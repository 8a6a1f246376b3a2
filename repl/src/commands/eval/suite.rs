//! `quipu eval suite` and `quipu eval lint`: golden suites.

use std::fs;
use std::io::{self, Read};
use std::path::PathBuf;

use anyhow::{Result, anyhow};
use quipu::evals::dataset::{FindingSeverity, Missing, lint_text};
use quipu::evals::kept::Kept;
use quipu::evals::output::{Finding, Location, Outcome, Severity, Status};
use quipu::evals::{
    Answers, EvalError, EvalErrorKind, EvalSuite, Overwrite, ScoringMethod, SuiteOptions, Verdict, run_suite,
};
use tokio::runtime::Runtime;

use super::metrics::{document as cannot, not_judged};
use crate::cli::Global;
use crate::failure::{CannotJudge, UsageError};
use crate::outcome::OutcomeArgs;
use crate::query::Query;

/// Arguments of `quipu eval suite`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The suite, a JSON file
    #[arg(value_name = "SUITE")]
    suite: PathBuf,

    /// The answers: a JSON file, or - for standard input: an array in the order of the cases, or an object from ids
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "answers_sql",
        required_unless_present = "answers_sql"
    )]
    answers: Option<PathBuf>,

    /// The answers as a query over the store, with the columns id and answer; an id that comes again adds an answer
    #[arg(long, value_name = "SQL")]
    answers_sql: Option<String>,

    /// Leave out cases that have no answer, where answers are given by id
    #[arg(long)]
    partial: bool,

    /// How cases are scored that do not say it themselves
    #[arg(long, value_name = "METHOD", value_parser = method)]
    scoring_method: Option<ScoringMethod>,

    /// Average from which the suite passes, from 0 to 1 [default: that of the suite, else 0.8]
    #[arg(long, value_name = "SHARE")]
    correctness_threshold: Option<f64>,

    /// Estimate the chance that one of K answers passes; may be given several times
    #[arg(long, value_name = "K", default_value = "1")]
    pass_at: Vec<u64>,

    /// Keep the result in the store, for the view suite_results
    #[arg(long)]
    keep: bool,

    #[command(flatten)]
    outcome: OutcomeArgs,
}

fn method(name: &str) -> Result<ScoringMethod, String> {
    name.parse()
        .map_err(|error: quipu::evals::UnknownMethod| error.to_string())
}

/// Runs it.
pub(super) fn command(global: &Global, args: &Args, runtime: &Runtime) -> Result<()> {
    let text = EvalSuite::read(&args.suite).map_err(cannot)?;
    let suite = EvalSuite::from_json(&text).map_err(|error| cannot(error.in_file(&args.suite)))?;
    let options = SuiteOptions {
        scoring: args.scoring_method,
        threshold: args.correctness_threshold,
        pass_at: args.pass_at.clone(),
        ..SuiteOptions::default()
    };
    let answers = answers(global, args, &suite, runtime)?;
    let result = run_suite(&suite, &answers, &options).map_err(cannot)?;
    let mut outcome = result.outcome(&suite, &args.suite, &text);
    if args.keep {
        let query = Query::open(global).map_err(not_judged)?;
        let name = Kept::name_of_now(&suite.name);
        match Kept::Suite.keep(query.quipu().path(), &name, &result, Overwrite::No) {
            Ok(path) => outcome.notes.push(format!("kept as {}", path.display())),
            // The gate has judged: that is told first.
            Err(error) => {
                args.outcome.tell(&outcome)?;
                return Err(cannot(error));
            }
        }
    }
    args.outcome.tell(&outcome)
}

/// The answers, from a file or from the store.
fn answers(global: &Global, args: &Args, suite: &EvalSuite, runtime: &Runtime) -> Result<Answers> {
    let missing = if args.partial {
        Missing::LeaveOut
    } else {
        Missing::Refuse
    };
    let failed =
        |name: &str, error: io::Error| CannotJudge(anyhow!("cannot read the answers from {name}: {error}"));
    let text = match (&args.answers, &args.answers_sql) {
        (Some(path), _) if path.as_os_str() == "-" => {
            let mut text = String::new();
            io::stdin()
                .read_to_string(&mut text)
                .map_err(|error| failed("standard input", error))?;
            text
        }
        (Some(path), _) => {
            fs::read_to_string(path).map_err(|error| failed(&path.display().to_string(), error))?
        }
        (None, Some(sql)) => {
            let query = Query::open(global).map_err(not_judged)?;
            let rows: Vec<(String, Option<String>)> = runtime
                .block_on(async { query.quipu().sql(sql).await?.collect_as().await })
                .map_err(|error: quipu::Error| CannotJudge(anyhow!("--answers-sql: {error}")))?;
            // Null is no answer.
            let rows = rows.into_iter().filter_map(|(id, answer)| Some((id, answer?)));
            return Answers::by_id(suite, rows, missing).map_err(cannot);
        }
        (None, None) => {
            return Err(UsageError("give the answers with --answers or --answers-sql".to_owned()).into());
        }
    };
    Answers::from_json(suite, &text, missing).map_err(cannot)
}

/// Arguments of `quipu eval lint`.
#[derive(Debug, clap::Args)]
pub(super) struct LintArgs {
    /// Suites, JSON files
    #[arg(value_name = "SUITE", required = true)]
    suites: Vec<PathBuf>,

    #[command(flatten)]
    outcome: OutcomeArgs,
}

/// Looks for mistakes.
pub(super) fn lint(args: &LintArgs) -> Result<()> {
    let mut outcome = Outcome::new("lint of suites", Some(Verdict::Pass));
    for path in &args.suites {
        let group = path.display().to_string();
        let found = EvalSuite::read(path).and_then(|text| lint_text(&text));
        let findings = match found {
            Ok(findings) => findings,
            Err(error)
                if error.kind() == EvalErrorKind::Input && !matches!(error, EvalError::Read { .. }) =>
            {
                let message = error.in_file(path).to_string();
                let finding = Finding::new("suite", &group, Status::Failed).with_message(message);
                outcome.findings.push(finding);
                continue;
            }
            Err(error) => return Err(cannot(error)),
        };
        if findings.is_empty() {
            outcome
                .findings
                .push(Finding::new("suite", &group, Status::Passed));
        }
        for of in findings {
            let (status, severity) = match of.severity {
                FindingSeverity::Error => (Status::Failed, Severity::Critical),
                FindingSeverity::Warning => (Status::Warning, Severity::Warning),
            };
            outcome.findings.push(Finding {
                severity,
                location: Some(Location {
                    file: path.clone(),
                    line: of.line,
                }),
                ..Finding::new(of.case.as_deref().unwrap_or("suite"), &group, status)
                    .with_message(&of.message)
            });
        }
    }
    let counts = outcome.counts();
    if counts.of(Status::Failed) > 0 {
        outcome.verdict = Some(Verdict::Regressed);
    }
    outcome.summary = format!(
        "{} errors and {} warnings in {} suites",
        counts.of(Status::Failed),
        counts.of(Status::Warning),
        args.suites.len()
    );
    args.outcome.tell(&outcome)
}
