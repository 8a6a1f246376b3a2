//! How a suite is scored.

use quipu_stats::score::ScoringMethod;

use super::suite::EvalSuite;
use crate::error::{EvalError, Result};

/// How a suite is scored.
#[derive(Clone, Debug, PartialEq)]
pub struct SuiteOptions {
    /// The method for cases that name none; else that of the suite, else fuzzy.
    pub scoring: Option<ScoringMethod>,
    /// Average from which the suite passes; else that of the suite, else [`SuiteOptions::THRESHOLD`].
    pub threshold: Option<f64>,
    /// The sizes k for which pass@k is estimated, where cases have several answers.
    pub pass_at: Vec<u64>,
    /// Keys of the metadata by which results are grouped.
    pub group_by: Vec<String>,
    /// Level of the interval of the average, such as 0.95.
    pub confidence_level: f64,
}

impl Default for SuiteOptions {
    fn default() -> Self {
        Self {
            scoring: None,
            threshold: None,
            pass_at: vec![1],
            group_by: vec!["category".into(), "difficulty".into()],
            confidence_level: 0.95,
        }
    }
}

impl SuiteOptions {
    /// Average from which a suite passes if nothing else is said.
    pub const THRESHOLD: f64 = 0.8;

    /// The method for cases that name none.
    pub(super) fn scoring_of(&self, suite: &EvalSuite) -> Result<ScoringMethod> {
        match (self.scoring, &suite.scoring) {
            (Some(method), _) => Ok(method),
            (None, Some(name)) => name.parse().map_err(|error| EvalError::Invalid {
                what: "eval suite",
                path: None,
                why: format!("{error}"),
            }),
            (None, None) => Ok(ScoringMethod::default()),
        }
    }

    /// The average from which the suite passes.
    pub(super) fn threshold_of(&self, suite: &EvalSuite) -> Result<f64> {
        let (threshold, whose) = match (self.threshold, suite.threshold) {
            (Some(threshold), _) => (threshold, "the correctness threshold"),
            (None, Some(threshold)) => (threshold, "the threshold of the suite"),
            (None, None) => (Self::THRESHOLD, "the default threshold"),
        };
        if (0.0..=1.0).contains(&threshold) {
            Ok(threshold)
        } else {
            Err(EvalError::Usage(format!(
                "{whose} is {threshold}; give a number from 0 to 1, such as 0.8 for 80 %"
            )))
        }
    }
}
