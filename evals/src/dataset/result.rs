//! A suite with its answers, scored.

use std::collections::BTreeMap;

use quipu_stats::interval;
use quipu_stats::score::pass_at_k;
use serde::Serialize;
use serde_json::Value;

use super::answers::Answers;
use super::case::EvalCase;
use super::conclusion::{SuiteConclusion, reaches};
use super::group::{GroupSummary, group, weighted_mean};
use super::options::SuiteOptions;
use super::suite::EvalSuite;
use crate::error::{EvalError, Result};
use crate::file;

/// A suite with its answers, scored. Its JSON form is this type: first the keys that readers of dashflow-streaming know, then
/// ours.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SuiteResult {
    /// The suite.
    pub suite: SuiteTitle,
    /// Its cases that have answers.
    pub results: Vec<CaseResult>,
    /// All together.
    pub summary: SuiteSummary,
}

/// Which suite it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SuiteTitle {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it is about.
    pub description: String,
}

/// One case with its answers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CaseResult {
    /// Its place among the cases of the suite, from 0: ids may come twice.
    #[serde(skip)]
    pub index: usize,
    /// The case.
    pub id: String,
    /// The question.
    pub query: String,
    /// What should have been answered.
    pub expected_answer: String,
    /// What was answered: the first of several answers.
    pub actual_answer: String,
    /// Score, 0 to 1; the mean of several answers.
    pub score: f64,
    /// What the suite says of the case.
    pub metadata: Option<Value>,
    /// Whether the score reaches the threshold.
    pub passed: bool,
    /// Score from which the case passes.
    pub threshold: f64,
    /// Whether the threshold is the case's own, so that the run fails with it.
    #[serde(skip)]
    pub is_required: bool,
    /// Name of the scoring method.
    pub scoring: &'static str,
    /// How much the case counts in the average.
    pub weight: f64,
    /// All answers, where there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<AnswerResult>,
    /// Estimates of the chance that one of k answers passes, where there are several answers.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub pass_at: BTreeMap<u64, f64>,
}

/// One of several answers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AnswerResult {
    /// What was answered.
    pub answer: String,
    /// Score, 0 to 1.
    pub score: f64,
}

/// All cases together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SuiteSummary {
    /// Mean of the scores, by weight; 0 without cases.
    pub average_correctness: f64,
    /// Cases with answers.
    pub total_cases: usize,
    /// Those that passed.
    pub passed: usize,
    /// Those that did not.
    pub failed: usize,
    /// Average from which the suite passes.
    pub threshold: f64,
    /// Name of the scoring method for cases that name none.
    pub scoring_method: &'static str,
    /// What follows.
    #[serde(flatten)]
    pub conclusion: SuiteConclusion,
    /// Where the average of very many such cases would be; none for fewer than two cases, and where weights differ.
    pub interval: Option<SuiteInterval>,
    /// Means over the cases with at least k answers of the chance that one of k passes.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub pass_at: BTreeMap<u64, f64>,
    /// For each key of the metadata that is asked for, the cases by its values.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<String, BTreeMap<String, GroupSummary>>,
    /// Cases that were left out as they have no answer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
}

/// Where the average of very many cases of this kind would be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SuiteInterval {
    /// Lower limit.
    pub lower: f64,
    /// Upper limit.
    pub upper: f64,
    /// Level: 0.95.
    pub level: f64,
}

/// Scores the answers to a suite.
///
/// # Errors
///
/// A threshold or weight cannot be, a method is unknown, or a case cannot be scored by its method. [`super::lint`] finds all
/// of this beforehand.
pub fn run_suite(suite: &EvalSuite, answers: &Answers, options: &SuiteOptions) -> Result<SuiteResult> {
    let threshold = options.threshold_of(suite)?;
    let scoring = options.scoring_of(suite)?;
    let mut results = Vec::new();
    let mut missing = Vec::new();
    for (index, case) in suite.cases.iter().enumerate() {
        match answers.of_case(index) {
            [] => missing.push(case.id.clone()),
            given => {
                check(case, given.len())?;
                let method = case.scoring_or(scoring)?;
                let scores: Result<Vec<f64>> =
                    given.iter().map(|answer| case.score(answer, method)).collect();
                results.push(case_result(
                    (index, case),
                    given,
                    &scores?,
                    method.name(),
                    threshold,
                    options,
                ));
            }
        }
    }
    let passed = results.iter().filter(|result| result.passed).count();
    let average_correctness = weighted_mean(results.iter().map(|result| (result.score, result.weight)));
    Ok(SuiteResult {
        suite: SuiteTitle {
            name: suite.name.clone(),
            version: suite.version.clone(),
            description: suite.description.clone(),
        },
        summary: SuiteSummary {
            average_correctness,
            total_cases: results.len(),
            passed,
            failed: results.len() - passed,
            threshold,
            scoring_method: scoring.name(),
            conclusion: SuiteConclusion::of(average_correctness, threshold, &results),
            interval: interval_of(&results, options.confidence_level),
            pass_at: pass_at_mean(&results, options),
            groups: group(&results, &options.group_by),
            missing,
        },
        results,
    })
}

impl SuiteResult {
    /// As indented JSON, without a newline at its end.
    #[must_use]
    pub fn to_json(&self) -> String {
        file::to_json(self)
    }
}

/// What would make nonsense of the result.
fn check(case: &EvalCase, answers: usize) -> Result<()> {
    let invalid = |why: String| EvalError::Invalid {
        what: "eval suite",
        path: None,
        why: format!("case {}: {why}", case.id),
    };
    if case
        .threshold
        .is_some_and(|threshold| !(0.0..=1.0).contains(&threshold))
    {
        return Err(invalid("its threshold is not from 0 to 1".into()));
    }
    if !(case.weight() > 0.0 && case.weight().is_finite()) {
        return Err(invalid(format!(
            "its weight is {}, and must be a number above 0",
            case.weight()
        )));
    }
    if let Some(tolerance) = case
        .tolerance
        .filter(|tolerance| !(*tolerance >= 0.0 && tolerance.is_finite()))
    {
        return Err(invalid(format!(
            "its tolerance is {tolerance}, and must be a number from 0"
        )));
    }
    if case.repeats.is_some() && case.repeats() != answers {
        return Err(invalid(format!(
            "it asks for {} answers and {answers} are given; give as many, or remove `repeats`",
            case.repeats()
        )));
    }
    Ok(())
}

fn case_result(
    (index, case): (usize, &EvalCase),
    given: &[String],
    scores: &[f64],
    scoring: &'static str,
    threshold: f64,
    options: &SuiteOptions,
) -> CaseResult {
    let threshold_here = case.threshold.unwrap_or(threshold);
    let score = scores.iter().sum::<f64>() / scores.len() as f64;
    let several = given.len() > 1;
    let passes = scores
        .iter()
        .filter(|score| reaches(**score, threshold_here))
        .count() as u64;
    let pass_at = |k: &u64| Some((*k, pass_at_k(given.len() as u64, passes, *k)?));
    CaseResult {
        index,
        id: case.id.clone(),
        query: case.query.clone(),
        expected_answer: case.expected_answer.clone(),
        actual_answer: given[0].clone(),
        score,
        metadata: case.metadata.clone(),
        passed: reaches(score, threshold_here),
        threshold: threshold_here,
        is_required: case.threshold.is_some(),
        scoring,
        weight: case.weight(),
        answers: if several {
            given
                .iter()
                .zip(scores)
                .map(|(answer, score)| AnswerResult {
                    answer: answer.clone(),
                    score: *score,
                })
                .collect()
        } else {
            Vec::new()
        },
        pass_at: if several {
            options.pass_at.iter().filter_map(pass_at).collect()
        } else {
            BTreeMap::new()
        },
    }
}

/// Wilson's interval where every score is 0 or 1, else Student's, cut to the scale of scores.
fn interval_of(results: &[CaseResult], level: f64) -> Option<SuiteInterval> {
    let scores: Vec<f64> = results.iter().map(|result| result.score).collect();
    if scores.len() < 2 || results.iter().any(|result| result.weight != results[0].weight) {
        return None;
    }
    let found = if scores.iter().all(|score| *score == 0.0 || *score == 1.0) {
        let ones = scores.iter().filter(|score| **score == 1.0).count();
        interval::proportion_interval(ones as u64, scores.len() as u64, level)
    } else {
        interval::mean_interval(&scores, level)
    }?;
    Some(SuiteInterval {
        lower: found.lower.max(0.0),
        upper: found.upper.min(1.0),
        level,
    })
}

fn pass_at_mean(results: &[CaseResult], options: &SuiteOptions) -> BTreeMap<u64, f64> {
    let mean = |k: &u64| {
        let values: Vec<f64> = results
            .iter()
            .filter_map(|result| result.pass_at.get(k).copied())
            .collect();
        (!values.is_empty()).then(|| (*k, values.iter().sum::<f64>() / values.len() as f64))
    };
    options.pass_at.iter().filter_map(mean).collect()
}
