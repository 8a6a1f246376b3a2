//! Metrics, baselines, comparisons.

use std::path::Path;

use anyhow::Result;
use quipu::evals::eval_runner::{AppCheck, Colour, EvaluationOptions, MetricsReport, evaluate};
use quipu::evals::{
    AnalyticsConverter, Baseline, Conversion, Converted, EvalError, Overwrite, RegressionThresholds,
};

use super::cli::{Args, Format, GateArgs};
use super::input;
use crate::eval_failure::of_gate;
use crate::failure::code;
use crate::terminal::{self, harmless, harmless_but_colours, print};

/// Shows metrics, saves them or compares them.
pub(super) fn run(args: &Args) -> Result<u8> {
    // What is wrong with the options is told before anything is read: the input may be hours of telemetry.
    let thresholds = thresholds(&args.gate)?;
    let scores = args.quality.scores()?;
    check_target(args).map_err(of_gate)?;
    // Saving wins over comparing.
    let path = args
        .gate
        .baseline
        .as_deref()
        .filter(|_| args.metrics.save_baseline.is_none());
    let baseline = path
        .map(|path| Ok((path, Baseline::load(path)?)))
        .transpose()
        .map_err(of_gate)?;
    let analytics = input::read(args.input.as_deref(), "analytics JSON")?;
    let conversion = args.metrics.counting().unwrap_or_else(|| {
        baseline
            .as_ref()
            .map_or(Conversion::Default, |(_, baseline)| baseline.conversion())
    });
    let in_input = |error: EvalError| {
        of_gate(match &args.input {
            Some(path) => error.in_file(path),
            None => error,
        })
    };
    let mut converted = AnalyticsConverter::convert(&analytics, conversion, Some(args.metrics.pricing()))
        .map_err(in_input)?;
    scores.put_into_all(&mut converted);

    if let Some(path) = &args.metrics.save_baseline {
        save(args, path, &converted).map_err(in_input)?;
        print(&harmless(&format!("✓ Baseline saved to {}\n", path.display())))?;
        for note in &converted.notes {
            terminal::say(&format!("note: {note}"));
        }
        Ok(code::DONE)
    } else if let Some((path, baseline)) = baseline {
        compare(args, converted, path, baseline, thresholds)
    } else {
        let report = MetricsReport {
            app_name: args.metrics.app_name.as_deref().unwrap_or(APP_NAME),
            converted: &converted,
        };
        print(&match args.format {
            Format::Text => harmless(&report.to_text()),
            Format::Json => report.to_json() + "\n",
        })?;
        Ok(code::DONE)
    }
}

/// The name of an application that was not named.
const APP_NAME: &str = "app";

fn save(args: &Args, path: &Path, converted: &Converted) -> Result<(), EvalError> {
    converted.check_measured()?;
    let app_name = args.metrics.app_name.as_deref().unwrap_or(APP_NAME);
    let overwrite = if args.metrics.update {
        Overwrite::Yes
    } else {
        Overwrite::No
    };
    let saved = Baseline::of_converted(app_name.to_owned(), args.metrics.version.clone(), converted)
        .save_as(path, overwrite);
    match saved {
        Err(EvalError::Exists { .. }) => Err(exists(path)),
        other => other,
    }
}

/// Refuses before anything is read what could not be saved after.
fn check_target(args: &Args) -> Result<(), EvalError> {
    match &args.metrics.save_baseline {
        Some(path) if !args.metrics.update && path.is_file() => Err(exists(path)),
        _ => Ok(()),
    }
}

fn exists(path: &Path) -> EvalError {
    EvalError::Usage(format!(
        "baseline {} exists; save to another file, or replace it with --update",
        path.display()
    ))
}

fn compare(
    args: &Args,
    converted: Converted,
    path: &Path,
    baseline: Baseline,
    thresholds: RegressionThresholds,
) -> Result<u8> {
    let app_name = args
        .metrics
        .app_name
        .clone()
        .unwrap_or_else(|| baseline.app_name.clone());
    let options = EvaluationOptions {
        app_check: if args.gate.any_app {
            AppCheck::Any
        } else {
            AppCheck::Same
        },
        thresholds,
        fail_on: args.gate.fail_on(),
        enforcement: args.gate.enforcement(),
        exact: args.gate.exact.clone(),
    };
    let evaluation = evaluate(
        &app_name,
        converted,
        &path.display().to_string(),
        baseline,
        &options,
    )
    .map_err(of_gate)?;
    print(&match args.format {
        Format::Text if terminal::takes_colour() => harmless_but_colours(&evaluation.to_text(Colour::Ansi)),
        Format::Text => harmless(&evaluation.to_text(Colour::Plain)),
        Format::Json => evaluation.to_json() + "\n",
    })?;
    Ok(evaluation.conclusion.exit_code())
}

/// The thresholds of the mode, changed by a file and then one by one.
fn thresholds(args: &GateArgs) -> Result<RegressionThresholds> {
    let mut thresholds = args.threshold_mode().thresholds();
    if let Some(path) = &args.thresholds {
        let text = input::read(Some(path), "thresholds")?;
        thresholds
            .apply_json(&text)
            .map_err(|error| of_gate(error.in_file(path)))?;
    }
    for text in &args.threshold {
        thresholds.apply_text(text).map_err(of_gate)?;
    }
    Ok(thresholds)
}
