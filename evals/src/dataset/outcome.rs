//! The result of a suite as the outcome of a gate.

use std::path::Path;

use super::lines::case_lines;
use super::result::{CaseResult, SuiteResult};
use super::suite::EvalSuite;
use crate::Verdict;
use crate::output::{Finding, Location, Outcome, Severity, Status};

impl SuiteResult {
    /// The outcome of the gate. Each case is a finding at its line of the suite's file, of which `text` is the text. A case
    /// that does not pass fails the gate where it has a threshold of its own, or where the suite as a whole does not
    /// reach its own; else it is a warning.
    #[must_use]
    pub fn outcome(&self, suite: &EvalSuite, file: &Path, text: &str) -> Outcome {
        let lines = case_lines(text);
        let failed = !self.summary.conclusion.passed();
        let findings = self.results.iter().map(|result| {
            // Of another suite than the one that was scored no line is known.
            let is_known = suite
                .cases
                .get(result.index)
                .is_some_and(|case| case.id == result.id);
            Finding {
                location: Some(Location {
                    file: file.to_owned(),
                    line: lines.get(result.index).copied().filter(|_| is_known),
                }),
                severity: if result.is_required {
                    Severity::Critical
                } else {
                    Severity::Warning
                },
                details: details(result),
                ..Finding::new(&result.id, &self.suite.name, status(result, failed))
                    .with_message(message(result))
            }
        });
        let mut outcome = Outcome {
            findings: findings.collect(),
            ..Outcome::new(format!("suite {} {}", self.suite.name, self.suite.version), None)
        };
        outcome.verdict = Some(if failed { Verdict::Regressed } else { Verdict::Pass });
        let summary = &self.summary;
        outcome.summary = format!(
            "average correctness {:.1}%, threshold {:.1}%, {} of {} cases passed",
            summary.average_correctness * 100.0,
            summary.threshold * 100.0,
            summary.passed,
            summary.total_cases
        );
        if let Some(interval) = summary.interval {
            outcome.notes.push(format!(
                "{} % interval of the average over cases of this kind: {:.1}% to {:.1}%",
                (interval.level * 1e6).round() / 1e4,
                interval.lower * 100.0,
                interval.upper * 100.0
            ));
        }
        for (k, rate) in &summary.pass_at {
            outcome.notes.push(format!("pass@{k}: {:.1}%", rate * 100.0));
        }
        for (key, groups) in &summary.groups {
            for (value, group) in groups {
                outcome.notes.push(format!(
                    "{key} {value}: average {:.1}%, {} of {} passed",
                    group.average_correctness * 100.0,
                    group.passed,
                    group.cases
                ));
            }
        }
        if !summary.missing.is_empty() {
            outcome.notes.push(format!(
                "left out, without an answer: {}",
                summary.missing.join(", ")
            ));
        }
        outcome.notes.extend(summary.conclusion.reasons.iter().cloned());
        outcome
            .properties
            .push(("scoring".to_owned(), summary.scoring_method.to_owned()));
        outcome
    }
}

fn status(result: &CaseResult, failed: bool) -> Status {
    match (result.passed, result.is_required || failed) {
        (true, _) => Status::Passed,
        (false, true) => Status::Failed,
        (false, false) => Status::Warning,
    }
}

fn message(result: &CaseResult) -> String {
    format!(
        "{:.1}% by {}, threshold {:.1}%",
        result.score * 100.0,
        result.scoring,
        result.threshold * 100.0
    )
}

fn details(result: &CaseResult) -> Vec<String> {
    if result.passed {
        return Vec::new();
    }
    vec![
        format!("query: {}", result.query),
        format!("expected: {}", result.expected_answer),
        format!("actual: {}", result.actual_answer),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::{Answers, SuiteOptions, run_suite};
    use super::*;

    const SUITE: &str = r#"{
  "name": "capitals", "description": "d", "version": "1",
  "cases": [
    {"id": "fr", "query": "France?", "expected_answer": "Paris"},
    {"id": "jp", "query": "Japan?", "expected_answer": "Tokyo"}
  ]
}"#;

    fn outcome(answers: [&str; 2], threshold: f64) -> Outcome {
        let suite = EvalSuite::from_json(SUITE).unwrap();
        let answers = Answers::by_position(&suite, &answers.map(str::to_owned)).unwrap();
        let options = SuiteOptions {
            threshold: Some(threshold),
            ..SuiteOptions::default()
        };
        let result = run_suite(&suite, &answers, &options).unwrap();
        result.outcome(&suite, Path::new("suite.json"), SUITE)
    }

    #[test]
    fn a_case_that_fails_points_at_its_line() {
        let outcome = outcome(["Paris", "Osaka"], 0.8);
        assert_eq!(outcome.exit_code(), 1);
        let of = &outcome.findings[1];
        assert_eq!((of.name.as_str(), of.status), ("jp", Status::Failed));
        assert_eq!(of.location.as_ref().unwrap().to_string(), "suite.json:5");
        assert!(of.details.contains(&"actual: Osaka".to_owned()));
        assert_eq!(outcome.findings[0].status, Status::Passed);
    }

    #[test]
    fn cases_of_one_id_point_at_their_own_lines() {
        let text = SUITE.replace("\"jp\"", "\"fr\"");
        let suite = EvalSuite::from_json(&text).unwrap();
        let answers = Answers::by_position(&suite, &["Paris", "Osaka"].map(str::to_owned)).unwrap();
        let result = run_suite(&suite, &answers, &SuiteOptions::default()).unwrap();
        let outcome = result.outcome(&suite, Path::new("suite.json"), &text);
        let places: Vec<String> = outcome
            .findings
            .iter()
            .map(|of| of.location.as_ref().unwrap().to_string())
            .collect();
        assert_eq!(places, ["suite.json:4", "suite.json:5"]);
    }

    #[test]
    fn a_case_below_its_threshold_is_a_warning_where_the_suite_passes() {
        let outcome = outcome(["Paris", "Tokio"], 0.5);
        assert_eq!(outcome.exit_code(), 0);
        let line = outcome.verdict_line();
        assert!(line.starts_with("PASSED: average correctness "), "{line}");
    }
}
