//! Golden suites.

use std::path::Path;

use anyhow::Result;
use quipu::evals::dataset::{Finding, FindingSeverity, Missing, lint_text_by};
use quipu::evals::{Answers, EvalError, EvalSuite, SuiteOptions, run_suite};

use super::cli::{Args, Format, SuiteArgs};
use super::input;
use crate::eval_failure::of_gate;
use crate::failure::code;
use crate::terminal::{self, harmless, print};

/// Scores answers to a suite, or says what is wrong with it.
pub(super) fn run(args: &Args, path: &Path) -> Result<u8> {
    if args.suite.lint {
        return lint(path, &args.suite);
    }
    let suite = EvalSuite::load(path).map_err(of_gate)?;
    let text = input::read(args.input.as_deref(), "actual answers")?;
    let missing = if args.suite.allow_missing {
        Missing::LeaveOut
    } else {
        Missing::Refuse
    };
    let answers = Answers::from_json(&suite, &text, missing).map_err(|error| match &args.input {
        // Ids that come twice are a fault of the suite.
        Some(answers)
            if !matches!(
                error,
                EvalError::Invalid {
                    what: "eval suite",
                    ..
                }
            ) =>
        {
            of_gate(error.in_file(answers))
        }
        Some(_) => of_gate(error.in_file(path)),
        None => of_gate(error),
    })?;
    let result =
        run_suite(&suite, &answers, &options(&args.suite)).map_err(|error| of_gate(error.in_file(path)))?;
    print(&match args.format {
        Format::Text => harmless(&result.to_text()),
        Format::Json => result.to_json() + "\n",
    })?;
    for k in args.suite.pass_at.iter().filter(|k| **k > 1) {
        if !result.summary.pass_at.contains_key(k) {
            terminal::say(&format!(
                "note: pass@{k} is not known, as no case has {k} answers"
            ));
        }
    }
    if let Some(complaint) = result.summary.conclusion.complaint() {
        terminal::say(&complaint);
    }
    Ok(result.summary.conclusion.exit_code())
}

fn options(args: &SuiteArgs) -> SuiteOptions {
    SuiteOptions {
        scoring: args.scoring_method(),
        threshold: args.correctness_threshold,
        pass_at: args.pass_at.clone(),
        group_by: args.group_by.clone(),
        ..SuiteOptions::default()
    }
}

/// Fails if the suite has an error; warnings are told.
fn lint(path: &Path, args: &SuiteArgs) -> Result<u8> {
    let text = EvalSuite::read(path).map_err(of_gate)?;
    let findings =
        lint_text_by(&text, args.scoring_method()).map_err(|error| of_gate(error.in_file(path)))?;
    let mut report = String::new();
    for finding in &findings {
        report.push_str(&format!("{}: {finding}\n", path.display()));
    }
    let is_error = |finding: &&Finding| finding.severity == FindingSeverity::Error;
    let errors = findings.iter().filter(is_error).count();
    report.push_str(&format!(
        "{errors} error(s), {} warning(s)\n",
        findings.len() - errors
    ));
    print(&harmless(&report))?;
    Ok(if errors == 0 { code::DONE } else { code::FAILED })
}
