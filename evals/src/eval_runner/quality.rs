//! Qualities that are given from outside: telemetry does not tell how good an answer is.

use serde::Deserialize;
use serde_json::Value;

use crate::converter::Converted;
use crate::error::{EvalError, Result};
use crate::file;
use crate::metrics::{EvalMetrics, MetricValues, as_fractions};

/// Qualities of a run, as fractions. Those that are not given are not evaluated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QualityScores {
    /// How much of the output was correct.
    pub correctness: Option<f64>,
    /// How relevant retrieved documents were.
    pub relevance: Option<f64>,
    /// How free of harmful content the output was.
    pub safety: Option<f64>,
    /// Share of facts that were made up.
    pub hallucination_rate: Option<f64>,
}

impl QualityScores {
    /// Reads a JSON object with any of the four names, all as fractions or all in percent.
    ///
    /// # Errors
    ///
    /// The text is no such object, has another name (a misspelt one would never be judged), or a score cannot be.
    pub fn from_json(text: &str) -> Result<Self> {
        file::parse::<Self>(text, "quality scores")?.on_one_scale()
    }

    /// Takes the correctness from what `eval_runner --eval-suite .. --format json` printed.
    ///
    /// # Errors
    ///
    /// The text is no result of a suite.
    pub fn from_suite_result(text: &str) -> Result<Self> {
        let result: Value = file::parse(text, "suite result")?;
        let average = result["summary"]["average_correctness"].as_f64();
        let correctness = average.ok_or_else(|| EvalError::Invalid {
            what: "suite result",
            path: None,
            why: "it has no summary.average_correctness; give what `eval_runner --eval-suite FILE --format json` prints".into(),
        })?;
        Self {
            correctness: Some(correctness),
            ..Self::default()
        }
        .on_one_scale()
    }

    /// These scores, and where one is not given that of `other`.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            correctness: self.correctness.or(other.correctness),
            relevance: self.relevance.or(other.relevance),
            safety: self.safety.or(other.safety),
            hallucination_rate: self.hallucination_rate.or(other.hallucination_rate),
        }
    }

    /// The scores as fractions. One from 1.5 is in percent, and then all are.
    ///
    /// # Errors
    ///
    /// One is below 0, between 1 and 1.5, above 100 or not a number, or some are in percent and others may be fractions.
    pub fn on_one_scale(mut self) -> Result<Self> {
        as_fractions(&mut [
            ("correctness", self.correctness.as_mut()),
            ("relevance", self.relevance.as_mut()),
            ("safety", self.safety.as_mut()),
            ("hallucination_rate", self.hallucination_rate.as_mut()),
        ])
        .map_err(|why| EvalError::Invalid {
            what: "quality scores",
            path: None,
            why,
        })?;
        Ok(self)
    }

    /// Puts the scores that are given into everything that analytics came to, each session included.
    pub fn put_into_all(self, converted: &mut Converted) {
        self.put_into(&mut converted.metrics, &mut converted.values);
        for session in &mut converted.sessions {
            let mut values = session.values();
            self.put_into(session, &mut values);
        }
    }

    /// Puts the scores that are given into metrics.
    pub fn put_into(self, metrics: &mut EvalMetrics, values: &mut MetricValues) {
        for (place, score) in [
            (&mut metrics.correctness, self.correctness),
            (&mut metrics.relevance, self.relevance),
            (&mut metrics.safety, self.safety),
            (&mut metrics.hallucination_rate, self.hallucination_rate),
        ] {
            *place = score.or(*place);
        }
        for metric in crate::EvalMetric::ALL {
            if metric.group() == crate::metrics::MetricGroup::Quality {
                values.set(metric, metrics.values().get(metric));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_fractions_or_percent() {
        let scores =
            QualityScores::from_json(r#"{"correctness": 95, "safety": 100, "relevance": null}"#).unwrap();
        assert_eq!((scores.correctness, scores.safety), (Some(0.95), Some(1.0)));
        assert_eq!(scores.relevance, None);
    }

    #[test]
    fn a_misspelt_or_impossible_score_is_refused() {
        for (text, part) in [
            (r#"{"corectness": 0.9}"#, "unknown field `corectness`"),
            (r#"{"safety": -1}"#, "safety is -1"),
            (r#"{"safety": 101}"#, "safety is 101"),
            (r#"{"safety": 1.2}"#, "safety is 1.2"),
            (
                r#"{"correctness": 95, "safety": 0.8}"#,
                "give all as fractions from 0 to 1",
            ),
            ("[]", "failed to parse quality scores"),
        ] {
            let error = QualityScores::from_json(text).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn a_suite_gives_the_correctness_unless_it_is_given() {
        let suite =
            QualityScores::from_suite_result(r#"{"summary": {"average_correctness": 0.75}}"#).unwrap();
        let given = QualityScores {
            safety: Some(0.5),
            ..QualityScores::default()
        };
        assert_eq!(given.or(suite).correctness, Some(0.75));
        let both = QualityScores {
            correctness: Some(0.5),
            ..given
        };
        assert_eq!(both.or(suite).correctness, Some(0.5));
        let error = QualityScores::from_suite_result("{}").unwrap_err().to_string();
        assert!(error.contains("no summary.average_correctness"), "{error}");
    }
}
