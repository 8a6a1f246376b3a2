//! Scores alone.

use quipu_stats::score::{ScoringMethod, score};

use super::answers::Answers;
use super::suite::EvalSuite;
use crate::error::Result;

/// The score of one answer, 0 to 1. Where the method cannot use the expected text (a bad pattern, a text without a number) it
/// is 0; [`quipu_stats::score::score`] says why.
#[must_use]
pub fn score_answer(actual: &str, expected: &str, method: ScoringMethod) -> f64 {
    score(actual, expected, method).unwrap_or_default()
}

/// The scores of answers, one for each case in the order of the suite. Cases that name a method of their own are scored by
/// it.
///
/// # Errors
///
/// There are more or fewer answers than cases, or a case cannot be scored.
pub fn score_suite(suite: &EvalSuite, answers: &[String], method: ScoringMethod) -> Result<Vec<f64>> {
    Answers::by_position(suite, answers)?;
    suite
        .cases
        .iter()
        .zip(answers)
        .map(|(case, answer)| case.score(answer, case.scoring_or(method)?))
        .collect()
}

/// The mean of scores; 0 without any.
#[must_use]
pub fn average_correctness(scores: &[f64]) -> f64 {
    if scores.is_empty() {
        return 0.0;
    }
    scores.iter().sum::<f64>() / scores.len() as f64
}
