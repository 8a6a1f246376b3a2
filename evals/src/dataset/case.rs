//! One question.

use quipu_stats::score::{ScoringMethod, Tolerance, score_within};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::{EvalError, Result};

/// One question with its expected answer. All fields after `metadata` are optional in the file, and files of
/// dashflow-streaming have none of them.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct EvalCase {
    /// Name of the case, of its own within the suite.
    pub id: String,
    /// The question.
    pub query: String,
    /// What should be answered. What it means depends on the scoring: a text, a number, a list, a pattern, JSON.
    pub expected_answer: String,
    /// Anything: `category`, `difficulty` and other keys by which results are grouped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Value>,
    /// Score from which this case passes, 0 to 1. The run fails if a case with a threshold of its own does not pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// How much the case counts in the average, above 0; 1 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<f64>,
    /// Name of the scoring method, instead of that of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scoring: Option<String>,
    /// How many answers are expected, each to the same question; 1 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeats: Option<u32>,
    /// Relative tolerance of the scoring `numeric`, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerance: Option<f64>,
    /// Keys that this version does not know. They are kept, and [`super::lint`] tells them: one may be misspelt.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl EvalCase {
    /// How much the case counts.
    #[must_use]
    pub fn weight(&self) -> f64 {
        self.weight.unwrap_or(1.0)
    }

    /// How many answers are expected.
    #[must_use]
    pub fn repeats(&self) -> usize {
        self.repeats.map_or(1, |repeats| repeats as usize)
    }

    /// The method of the case, else `otherwise`.
    ///
    /// # Errors
    ///
    /// The case names a method that does not exist.
    pub fn scoring_or(&self, otherwise: ScoringMethod) -> Result<ScoringMethod> {
        match &self.scoring {
            None => Ok(otherwise),
            Some(name) => name.parse().map_err(|error| EvalError::Invalid {
                what: "eval suite",
                path: None,
                why: format!("case {}: {error}", self.id),
            }),
        }
    }

    /// The score of an answer by a method.
    ///
    /// # Errors
    ///
    /// The method cannot use the expected answer.
    pub fn score(&self, answer: &str, method: ScoringMethod) -> Result<f64> {
        let default = Tolerance::default();
        let tolerance = Tolerance {
            relative: self.tolerance.unwrap_or(default.relative),
            ..default
        };
        score_within(answer, &self.expected_answer, method, tolerance).map_err(|source| EvalError::Score {
            id: self.id.clone(),
            source,
        })
    }
}
