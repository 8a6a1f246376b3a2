//! `benchmark_runner`: statistics of the runs in analytics, and whether they became slower.

mod cli;

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use quipu::evals::benchmark_runner::{BenchmarkOutcome, benchmark};
use quipu::evals::{AnalyticsConverter, BenchmarkResult, Conversion, Converted, EvalError, Overwrite};

use crate::eval_failure::of_gate;
use crate::failure;
use crate::terminal::{self, harmless, print};
use cli::{Args, Format};

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(told) => {
            // Help and version end up here too, with code 0. A closed pipe behind them is a quiet end.
            let _ = told.print();
            return ExitCode::from(u8::try_from(told.exit_code()).unwrap_or(failure::code::USAGE));
        }
    };
    ExitCode::from(match run(&args) {
        Ok(code) => code,
        Err(error) => failure::report(&error, args.verbose),
    })
}

/// The exit code of what was judged. Files are written before anything is printed: also when there is a regression, and when
/// nobody reads on.
fn run(args: &Args) -> Result<u8> {
    check_target(args)?;
    let scores = args.quality.scores()?;
    let baseline = args
        .baseline
        .as_ref()
        .map(BenchmarkResult::load)
        .transpose()
        .map_err(of_gate)?;
    let conversion = args.counting().unwrap_or_else(|| {
        baseline
            .as_ref()
            .map_or(Conversion::Default, BenchmarkResult::conversion)
    });
    let mut files = args
        .analytics
        .iter()
        .map(|path| AnalyticsConverter::convert_file(path, conversion, Some(args.pricing())))
        .collect::<Result<Vec<Converted>, EvalError>>()
        .map_err(of_gate)?;
    for file in &mut files {
        scores.put_into_all(file);
    }
    let outcome = benchmark(&files, baseline, &args.options()).map_err(of_gate)?;
    if let Some(path) = &args.output {
        save(&outcome.result, path, "Result", Overwrite::Yes)?;
    }
    if let Some(path) = &args.save_baseline {
        let overwrite = if args.update {
            Overwrite::Yes
        } else {
            Overwrite::No
        };
        save(&outcome.result, path, "Baseline", overwrite)?;
    }
    print(&match args.format {
        Format::Text => harmless(&report(args, &outcome)),
        Format::Json => outcome.to_json(args.fail_on()) + "\n",
    })?;
    Ok(outcome.exit_code(args.fail_on()))
}

/// Refuses before anything is judged what could not be saved after.
fn check_target(args: &Args) -> Result<()> {
    match &args.save_baseline {
        Some(path) if !args.update && path.is_file() => Err(of_gate(exists(path))),
        _ => Ok(()),
    }
}

fn exists(path: &Path) -> EvalError {
    EvalError::Usage(format!(
        "baseline {} exists; save to another file, or replace it with --update",
        path.display()
    ))
}

/// What was read, the statistics, the comparison and what follows.
fn report(args: &Args, outcome: &BenchmarkOutcome) -> String {
    let mut text = String::new();
    for path in &args.analytics {
        let _ = writeln!(text, "Loaded analytics from {}", path.display());
    }
    let result = &outcome.result;
    let unit = result.sample_unit.as_deref().unwrap_or("run");
    let _ = writeln!(text, "\nRunning benchmark:");
    let _ = writeln!(text, "  Iterations: {} (one a {unit})", result.sample_count);
    let _ = writeln!(text, "  Warmup: {}", result.warmup.unwrap_or_default());
    let level = result.confidence_level.unwrap_or_default() * 100.0;
    let _ = writeln!(text, "  Confidence: {}%\n", (level * 1e6).round() / 1e6);
    text.push_str(&outcome.report());
    if let (Some(path), Some(comparison), Some(line)) =
        (&args.baseline, outcome.comparison_report(), outcome.line())
    {
        let _ = writeln!(text, "\nBaseline: {}\n", path.display());
        text.push_str(&comparison);
        text.push_str(line);
        text.push('\n');
    }
    text
}

fn save(result: &BenchmarkResult, path: &Path, what: &str, overwrite: Overwrite) -> Result<()> {
    result
        .save_as(path, overwrite)
        .map_err(|error| match error {
            EvalError::Exists { .. } => exists(path),
            other => other,
        })
        .map_err(of_gate)?;
    terminal::say(&format!("{what} saved to {}", path.display()));
    Ok(())
}
