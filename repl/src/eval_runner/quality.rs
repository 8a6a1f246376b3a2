//! Qualities, which telemetry does not tell.

use std::path::{Path, PathBuf};

use anyhow::Result;
use quipu::evals::EvalError;
use quipu::evals::eval_runner::QualityScores;

use super::input;
use crate::eval_failure::of_gate;

/// Qualities, which telemetry does not tell. From 0 to 1, or all in percent.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Quality")]
pub(crate) struct QualityArgs {
    /// A JSON object with correctness, relevance, safety, hallucination_rate, or some of them
    #[arg(long, value_name = "FILE")]
    pub(super) scores: Option<PathBuf>,

    /// What `eval_runner --eval-suite .. --format json` printed: its average is the correctness
    #[arg(long, value_name = "FILE")]
    pub(super) suite_result: Option<PathBuf>,

    /// How much of the output was correct
    #[arg(long, value_name = "SCORE")]
    pub(super) correctness: Option<f64>,

    /// How relevant retrieved documents were
    #[arg(long, value_name = "SCORE")]
    pub(super) relevance: Option<f64>,

    /// How free of harmful content the output was
    #[arg(long, value_name = "SCORE")]
    pub(super) safety: Option<f64>,

    /// Share of facts that were made up
    #[arg(long, value_name = "SCORE")]
    pub(super) hallucination_rate: Option<f64>,
}

impl QualityArgs {
    /// The qualities: those given one by one, else those of the file, else that of the suite.
    pub(crate) fn scores(&self) -> Result<QualityScores> {
        let given = QualityScores {
            correctness: self.correctness,
            relevance: self.relevance,
            safety: self.safety,
            hallucination_rate: self.hallucination_rate,
        };
        let mut scores = given
            .on_one_scale()
            .map_err(|error| of_gate(EvalError::Usage(error.to_string())))?;
        if let Some(path) = &self.scores {
            scores = scores.or(read(path, "quality scores", QualityScores::from_json)?);
        }
        if let Some(path) = &self.suite_result {
            scores = scores.or(read(path, "suite result", QualityScores::from_suite_result)?);
        }
        Ok(scores)
    }
}

fn read(
    path: &Path,
    what: &str,
    parse: impl Fn(&str) -> Result<QualityScores, EvalError>,
) -> Result<QualityScores> {
    let text = input::read(Some(path), what)?;
    parse(&text).map_err(|error| of_gate(error.in_file(path)))
}
