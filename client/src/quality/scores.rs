//! How good an answer is.

use thiserror::Error;

/// How good an answer is, each from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scores {
    accuracy: f64,
    relevance: f64,
    completeness: f64,
}

/// A number is no score, or no threshold.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
#[error("{name} is {value}: it must be a number from 0 to 1")]
pub struct ScoreError {
    /// Which one.
    pub name: &'static str,
    /// The number.
    pub value: f64,
}

/// The number, if it is from 0 to 1.
pub(super) fn in_range(name: &'static str, value: f64) -> Result<f64, ScoreError> {
    // A number that is none is in no range.
    if (0.0..=1.0).contains(&value) {
        Ok(value)
    } else {
        Err(ScoreError { name, value })
    }
}

impl Scores {
    /// Scores of an answer.
    ///
    /// # Errors
    /// One of them is not from 0 to 1.
    pub fn new(accuracy: f64, relevance: f64, completeness: f64) -> Result<Self, ScoreError> {
        Ok(Self {
            accuracy: in_range("accuracy", accuracy)?,
            relevance: in_range("relevance", relevance)?,
            completeness: in_range("completeness", completeness)?,
        })
    }

    /// Whether what it says is true.
    #[must_use]
    pub fn accuracy(&self) -> f64 {
        self.accuracy
    }

    /// Whether it answers what was asked.
    #[must_use]
    pub fn relevance(&self) -> f64 {
        self.relevance
    }

    /// Whether it answers all that was asked.
    #[must_use]
    pub fn completeness(&self) -> f64 {
        self.completeness
    }

    /// Their mean: what is held against the threshold.
    #[must_use]
    pub fn mean(&self) -> f64 {
        (self.accuracy + self.relevance + self.completeness) / 3.0
    }

    /// Each with its name.
    pub(super) fn named(&self) -> [(&'static str, f64); 3] {
        [
            ("accuracy", self.accuracy),
            ("relevance", self.relevance),
            ("completeness", self.completeness),
        ]
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_is_no_score_is_refused_by_name() {
        for value in [-0.001, 1.001, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let error = Scores::new(0.5, value, 0.5).unwrap_err();
            assert_eq!(error.name, "relevance");
            assert!(error.to_string().starts_with(&format!("relevance is {value}: ")));
        }
        let scores = Scores::new(0.0, 1.0, 0.5).unwrap();
        assert!((scores.mean() - 0.5).abs() < 1e-12);
    }
}
