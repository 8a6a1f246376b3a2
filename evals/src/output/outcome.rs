//! What a gate says as a whole.

use serde_json::Value;

use super::finding::{Finding, Status};
use crate::verdict::{FailOn, Verdict};

/// The exit code of a gate that could not judge.
const NOT_JUDGED: u8 = 3;

/// What a gate says: its verdict and what it found.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// What was judged, such as `checks` or the name of a suite.
    pub title: String,
    /// What follows; none if the gate could not judge.
    pub verdict: Option<Verdict>,
    /// Which verdicts make the gate fail.
    pub fail_on: FailOn,
    /// What was judged one by one, in the order in which it is to be shown.
    pub findings: Vec<Finding>,
    /// What is to be known about the gate as a whole, a line each: how complete the data is, what was left out.
    pub notes: Vec<String>,
    /// What follows, in a few words: `2 of 5 claims are violated`.
    pub summary: String,
    /// Names and values that say under which conditions it was judged: the store, thresholds. JUnit shows them.
    pub properties: Vec<(String, String)>,
    /// The numbers behind the findings, for JSON: their form is told by whoever judges.
    pub document: Option<Value>,
}

impl Outcome {
    /// An outcome without findings, in a gate that fails on a regression alone.
    #[must_use]
    pub fn new(title: impl Into<String>, verdict: Option<Verdict>) -> Self {
        Self {
            title: title.into(),
            verdict,
            fail_on: FailOn::default(),
            findings: Vec::new(),
            notes: Vec::new(),
            summary: String::new(),
            properties: Vec::new(),
            document: None,
        }
    }

    /// The exit code: 0 passed, 1 failed, 3 could not judge.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        self.verdict
            .map_or(NOT_JUDGED, |verdict| verdict.exit_code(self.fail_on))
    }

    /// What follows in a word: `passed` and `inconclusive` go with exit code 0, `failed` with 1, `not judged` with 3.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match (self.verdict, self.exit_code()) {
            (None, _) => "not judged",
            // It does not fail, but nothing was shown to be well.
            (Some(Verdict::Inconclusive), 0) => "inconclusive",
            (Some(_), 0) => "passed",
            (Some(_), _) => "failed",
        }
    }

    /// The last line of every format for people: the word that goes with the exit code, the verdict, the summary.
    #[must_use]
    pub fn verdict_line(&self) -> String {
        let mut line = self.word().to_uppercase();
        match (self.verdict, self.exit_code()) {
            (Some(verdict @ Verdict::Improved), _) | (Some(verdict @ Verdict::Inconclusive), 1) => {
                line.push_str(&format!(" ({verdict})"));
            }
            // The word says it already.
            _ => {}
        }
        if !self.summary.is_empty() {
            line.push_str(": ");
            line.push_str(&self.summary);
        }
        line
    }

    /// Whether a finding is among those for which the gate fails; never in a gate that passes.
    #[must_use]
    pub fn is_failing(&self, finding: &Finding) -> bool {
        let is_bad = match finding.status {
            Status::Failed => true,
            Status::Inconclusive => self.fail_on == FailOn::Inconclusive,
            Status::Passed | Status::Skipped | Status::Warning | Status::Error => false,
        };
        is_bad && self.exit_code() != 0
    }

    /// The verdict as a finding, where the gate does not pass and no finding says why: what shows findings alone would
    /// otherwise show a gate that is all well.
    pub(super) fn unexplained(&self) -> Option<Finding> {
        let is_error = |finding: &Finding| finding.status == Status::Error;
        let status = match self.exit_code() {
            0 => return None,
            1 if self.findings.iter().any(|finding| self.is_failing(finding)) => return None,
            1 => Status::Failed,
            _ if self.findings.iter().any(is_error) => return None,
            _ => Status::Error,
        };
        Some(Finding::new("verdict", &self.title, status).with_message(self.verdict_line()))
    }

    /// How many findings came out how.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for finding in &self.findings {
            counts.of[finding.status as usize] += 1;
        }
        counts
    }
}

/// How many findings came out how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    of: [usize; Status::ALL.len()],
}

impl Counts {
    /// How many came out so.
    #[must_use]
    pub fn of(&self, status: Status) -> usize {
        self.of[status as usize]
    }

    /// How many there are.
    #[must_use]
    pub fn total(&self) -> usize {
        self.of.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(verdict: Option<Verdict>, fail_on: FailOn) -> Outcome {
        Outcome {
            fail_on,
            summary: "so it is".to_owned(),
            ..Outcome::new("gate", verdict)
        }
    }

    #[test]
    fn the_line_and_the_exit_code_never_differ() {
        let verdicts = [
            None,
            Some(Verdict::Pass),
            Some(Verdict::Improved),
            Some(Verdict::Inconclusive),
            Some(Verdict::Regressed),
        ];
        for fail_on in [FailOn::Regressed, FailOn::Inconclusive] {
            for verdict in verdicts {
                let outcome = outcome(verdict, fail_on);
                let begin = match outcome.exit_code() {
                    0 if verdict == Some(Verdict::Inconclusive) => "INCONCLUSIVE: ",
                    0 => "PASSED",
                    1 => "FAILED",
                    3 => "NOT JUDGED",
                    other => panic!("{other}"),
                };
                let line = outcome.verdict_line();
                assert!(line.starts_with(begin), "{line}");
            }
        }
    }

    #[test]
    fn the_line_names_the_verdict_where_it_says_more() {
        let line = |verdict| outcome(Some(verdict), FailOn::Inconclusive).verdict_line();
        assert_eq!(line(Verdict::Pass), "PASSED: so it is");
        assert_eq!(line(Verdict::Improved), "PASSED (improved): so it is");
        assert_eq!(line(Verdict::Inconclusive), "FAILED (inconclusive): so it is");
        assert_eq!(line(Verdict::Regressed), "FAILED: so it is");
        assert_eq!(
            Outcome::new("gate", None).verdict_line(),
            "NOT JUDGED",
            "no summary, no colon"
        );
    }

    #[test]
    fn what_is_inconclusive_fails_only_when_asked_to() {
        let finding = Finding::new("p95", "metrics", Status::Inconclusive);
        let verdict = Some(Verdict::Inconclusive);
        assert!(!outcome(verdict, FailOn::Regressed).is_failing(&finding));
        assert!(outcome(verdict, FailOn::Inconclusive).is_failing(&finding));
    }

    #[test]
    fn statuses_are_counted_where_they_belong() {
        let mut outcome = outcome(Some(Verdict::Pass), FailOn::Regressed);
        for (times, status) in Status::ALL.into_iter().enumerate() {
            for _ in 0..times {
                outcome.findings.push(Finding::new("x", "g", status));
            }
        }
        for (times, status) in Status::ALL.into_iter().enumerate() {
            assert_eq!(outcome.counts().of(status), times, "{status}");
        }
        assert_eq!(outcome.counts().total(), 15);
    }
}
