//! What is wrong with a suite.

use std::collections::HashMap;
use std::fmt;

use quipu_stats::score::ScoringMethod;
use strsim::damerau_levenshtein;

use super::case::EvalCase;
use super::lines::case_lines;
use super::suite::EvalSuite;
use crate::error::Result;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingSeverity {
    /// The suite cannot be scored, or not as it is meant.
    Error,
    /// It can, and something is likely a mistake.
    Warning,
}

/// Something that is wrong with a suite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: FindingSeverity,
    /// Line in the file, from 1, if the text is at hand.
    pub line: Option<usize>,
    /// The case, if it is about one.
    pub case: Option<String>,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        f.write_str(match self.severity {
            FindingSeverity::Error => "error: ",
            FindingSeverity::Warning => "warning: ",
        })?;
        if let Some(case) = &self.case {
            write!(f, "case {case}: ")?;
        }
        f.write_str(&self.message)
    }
}

/// What is wrong with a suite, in the order of its cases.
#[must_use]
pub fn lint(suite: &EvalSuite) -> Vec<Finding> {
    Linter::default().of_suite(suite)
}

/// [`lint`] for the text of a file, with the lines of cases.
///
/// # Errors
///
/// The text is no suite.
pub fn lint_text(text: &str) -> Result<Vec<Finding>> {
    lint_text_by(text, None)
}

/// [`lint_text`] for a run that scores cases which name no method by `scoring`, whatever the suite says.
///
/// # Errors
///
/// As [`lint_text`].
pub fn lint_text_by(text: &str, scoring: Option<ScoringMethod>) -> Result<Vec<Finding>> {
    let linter = Linter {
        lines: case_lines(text),
        scoring,
        ..Linter::default()
    };
    Ok(linter.of_suite(&EvalSuite::from_json(text)?))
}

#[derive(Debug, Default)]
struct Linter {
    lines: Vec<usize>,
    /// That of the run.
    scoring: Option<ScoringMethod>,
    findings: Vec<Finding>,
}

impl Linter {
    fn of_suite(mut self, suite: &EvalSuite) -> Vec<Finding> {
        use FindingSeverity::{Error, Warning};
        if suite.cases.is_empty() {
            self.find(
                Error,
                None,
                "the suite has no cases, so every run of it fails; add one",
            );
        }
        self.of_keys(None, suite.other.keys(), &SUITE_KEYS);
        if let Some(name) = &suite.scoring
            && let Err(unknown) = name.parse::<ScoringMethod>()
        {
            self.find(Error, None, &unknown.to_string());
        }
        if let Some(why) = suite.threshold.and_then(bad_share) {
            self.find(Error, None, &format!("threshold {why}"));
        }
        let mut first: HashMap<&str, usize> = HashMap::new();
        for (index, case) in suite.cases.iter().enumerate() {
            let place = Some((index, case));
            if case.id.trim().is_empty() {
                self.find(
                    Error,
                    place,
                    "the id is empty, so answers cannot name it; give it one",
                );
            } else if let Some(&other) = first.get(case.id.as_str()) {
                let text = match self.lines.get(other) {
                    Some(line) => format!("the id stands at line {line} too; give each case its own"),
                    None => format!(
                        "the id is that of case number {} too; give each case its own",
                        other + 1
                    ),
                };
                self.find(Error, place, &text);
            } else {
                first.insert(&case.id, index);
            }
            if case.query.trim().is_empty() {
                self.find(Warning, place, "the query is empty");
            }
            self.of_case(index, case, suite);
        }
        self.findings
    }

    fn of_case(&mut self, index: usize, case: &EvalCase, suite: &EvalSuite) {
        use FindingSeverity::{Error, Warning};
        let place = Some((index, case));
        self.of_keys(place, case.other.keys(), &CASE_KEYS);
        if let Some(why) = case.threshold.and_then(bad_share) {
            self.find(Error, place, &format!("threshold {why}"));
        }
        if let Some(weight) = case
            .weight
            .filter(|weight| !(*weight > 0.0 && weight.is_finite()))
        {
            self.find(
                Error,
                place,
                &format!("weight is {weight}; give a number above 0"),
            );
        }
        if case.repeats == Some(0) {
            self.find(Error, place, "repeats is 0; give 1 or more, or remove the case");
        }
        if let Some(tolerance) = case
            .tolerance
            .filter(|tolerance| !(*tolerance >= 0.0 && tolerance.is_finite()))
        {
            self.find(Error, place, &format!("tolerance is {tolerance}; give 0 or more"));
        }
        // As a run chooses: what the case says, else the run, else the suite.
        let method = match (&case.scoring, self.scoring, &suite.scoring) {
            (None, Some(method), _) => method,
            (None, None, None) => ScoringMethod::default(),
            (Some(name), _, _) | (None, None, Some(name)) => match name.parse::<ScoringMethod>() {
                Ok(method) => method,
                Err(unknown) => {
                    // That of the suite has been told.
                    if case.scoring.is_some() {
                        self.find(Error, place, &unknown.to_string());
                    }
                    return;
                }
            },
        };
        if let Err(error) = quipu_stats::score::score("", &case.expected_answer, method) {
            self.find(Error, place, &error.to_string());
        } else if case.expected_answer.trim().is_empty() {
            let text = match method {
                ScoringMethod::Contains | ScoringMethod::Regex => {
                    "the expected answer is empty, which every answer matches"
                }
                _ => "the expected answer is empty, so only an empty answer scores",
            };
            self.find(Warning, place, text);
        }
    }

    /// Keys that nobody reads.
    fn of_keys<'a>(
        &mut self,
        place: Option<(usize, &EvalCase)>,
        unknown: impl Iterator<Item = &'a String>,
        known: &[&str],
    ) {
        for key in unknown {
            let near = known.iter().find(|known| damerau_levenshtein(key, known) <= 2);
            let text = match near {
                Some(near) => format!("nobody reads the key '{key}'; is {near} meant?"),
                None => format!("nobody reads the key '{key}'; put what is yours into metadata"),
            };
            self.find(FindingSeverity::Warning, place, &text);
        }
    }

    fn find(&mut self, severity: FindingSeverity, place: Option<(usize, &EvalCase)>, message: &str) {
        self.findings.push(Finding {
            severity,
            line: place.and_then(|(index, _)| self.lines.get(index).copied()),
            case: place.map(|(index, case)| match case.id.trim() {
                "" => format!("number {}", index + 1),
                id => id.to_owned(),
            }),
            message: message.to_owned(),
        });
    }
}

const SUITE_KEYS: [&str; 6] = ["name", "description", "version", "cases", "scoring", "threshold"];
const CASE_KEYS: [&str; 9] = [
    "id",
    "query",
    "expected_answer",
    "metadata",
    "threshold",
    "weight",
    "scoring",
    "repeats",
    "tolerance",
];

/// What is wrong with a share, if anything is.
fn bad_share(share: f64) -> Option<String> {
    (!(0.0..=1.0).contains(&share)).then(|| format!("is {share}; give a number from 0 to 1, such as 0.8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUITE: &str = r#"{"name": "s", "description": "d", "version": "1", "threshold": 80, "cases": [
{"id": "fine", "query": "q", "expected_answer": "a", "scoring": "exact", "weight": 2, "threshold": 0.5},
{"id": "fine", "query": "q", "expected_answer": "a"},
{"id": "pattern", "query": "q", "expected_answer": "(", "scoring": "regex"},
{"id": "method", "query": "q", "expected_answer": "a", "scoring": "cosine"},
{"id": "numbers", "query": "", "expected_answer": "", "weight": 0, "threshold": 1.5, "repeats": 0}
]}"#;

    #[test]
    fn each_mistake_is_found_at_its_line() {
        let found: Vec<String> = lint_text(SUITE)
            .unwrap()
            .iter()
            .map(ToString::to_string)
            .collect();
        let expected = [
            "error: threshold is 80;",
            "line 3: error: case fine: the id stands at line 2 too;",
            "line 4: error: case pattern: the expected text '(' is no regular expression: unclosed group;",
            "line 5: error: case method: invalid scoring method 'cosine'",
            "line 6: warning: case numbers: the query is empty",
            "line 6: error: case numbers: threshold is 1.5;",
            "line 6: error: case numbers: weight is 0;",
            "line 6: error: case numbers: repeats is 0;",
            "line 6: warning: case numbers: the expected answer is empty, so only",
        ];
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(
                found.starts_with(expected),
                "{found} should begin with {expected}"
            );
        }
    }

    #[test]
    fn keys_that_nobody_reads_are_told_and_kept() {
        let text = r#"{"name": "s", "description": "d", "version": "1", "owner": "us", "treshold": 0.5, "cases": [
{"id": "a", "query": "q", "expected_answer": "e", "weigth": 2}]}"#;
        let found: Vec<String> = lint_text(text).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "warning: nobody reads the key 'owner'; put what is yours into metadata",
                "warning: nobody reads the key 'treshold'; is threshold meant?",
                "line 2: warning: case a: nobody reads the key 'weigth'; is weight meant?",
            ]
        );
        let suite = EvalSuite::from_json(text).unwrap();
        let saved = serde_json::to_value(&suite).unwrap();
        assert_eq!(saved, serde_json::from_str::<serde_json::Value>(text).unwrap());
    }

    #[test]
    fn a_case_is_linted_by_the_method_of_the_run() {
        let text = r#"{"name": "s", "description": "d", "version": "1", "scoring": "exact", "cases": [
{"id": "a", "query": "q", "expected_answer": "(", "tolerance": -1}]}"#;
        let errors = |scoring| {
            let found = lint_text_by(text, scoring).unwrap();
            found.iter().map(|of| of.message.clone()).collect::<Vec<String>>()
        };
        assert_eq!(errors(None), ["tolerance is -1; give 0 or more"]);
        let by_regex = errors(Some(ScoringMethod::Regex));
        assert!(
            by_regex[1].contains("'(' is no regular expression"),
            "{by_regex:?}"
        );
    }

    #[test]
    fn a_suite_without_text_has_no_lines() {
        let suite = EvalSuite::from_json(SUITE).unwrap();
        let findings = lint(&suite);
        assert!(findings.iter().all(|finding| finding.line.is_none()));
        assert!(findings[1].message.contains("case number 1"), "{}", findings[1]);
        let empty = lint(&EvalSuite::default());
        assert!(empty[0].message.contains("no cases"), "{empty:?}");
    }
}
