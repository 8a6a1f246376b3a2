//! What follows from the scores of a suite.

use serde::Serialize;

use super::result::CaseResult;
use crate::metrics::ROUNDING;

/// What follows from the scores of a suite: the line, the status in JSON and the exit code come from this one value.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SuiteConclusion {
    /// `PASSED` or `FAILED`.
    pub status: &'static str,
    /// Why it failed, one reason each; empty if it passed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
}

impl SuiteConclusion {
    /// Fails when the average is below its threshold, or a case with a threshold of its own does not pass.
    pub(super) fn of(average: f64, threshold: f64, results: &[CaseResult]) -> Self {
        let mut reasons = Vec::new();
        // Not for an average that is not a number.
        let reached = reaches(average, threshold);
        if !reached {
            reasons.push(format!(
                "Correctness {:.1}% is below threshold {:.1}%",
                average * 100.0,
                threshold * 100.0
            ));
        }
        for result in results
            .iter()
            .filter(|result| result.is_required && !result.passed)
        {
            reasons.push(format!(
                "Case {} has {:.1}%, below its threshold {:.1}%",
                result.id,
                result.score * 100.0,
                result.threshold * 100.0
            ));
        }
        Self {
            status: if reasons.is_empty() { "PASSED" } else { "FAILED" },
            reasons,
        }
    }

    /// Whether the suite passed.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.reasons.is_empty()
    }

    /// The last line of a report.
    #[must_use]
    pub fn line(&self) -> &'static str {
        if self.passed() { "✓ PASSED" } else { "✗ FAILED" }
    }

    /// What a program says on standard error besides: why it failed; none if it passed.
    #[must_use]
    pub fn complaint(&self) -> Option<String> {
        (!self.passed()).then(|| format!("✗ FAILED: {}", self.reasons.join("; ")))
    }

    /// 0 if the suite passed, else 1.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        u8::from(!self.passed())
    }
}

/// Whether a score reaches its threshold. One at the threshold does, whatever rounding makes of a mean: three times 0.8 have the
/// mean 0.8000000000000002, and others fall below.
pub(super) fn reaches(score: f64, threshold: f64) -> bool {
    score >= threshold - ROUNDING
}
