//! Answers to the questions of a suite.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::suite::EvalSuite;
use crate::error::{EvalError, Result};
use crate::file;

/// What happens to a case that has no answer, where answers are given by id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Missing {
    /// The answers are refused.
    #[default]
    Refuse,
    /// The case is left out of the result, which tells it.
    LeaveOut,
}

/// Answers to the questions of a suite: for each case, in the order of the suite, one answer or several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answers(Vec<Vec<String>>);

impl Answers {
    /// One answer for each case, in their order.
    ///
    /// # Errors
    ///
    /// [`EvalError::Mismatch`]: there are more or fewer answers than cases.
    pub fn by_position(suite: &EvalSuite, answers: &[String]) -> Result<Self> {
        Self::of_places(suite, answers.iter().map(|answer| vec![answer.clone()]).collect())
    }

    /// Answers by id; an id that comes again adds an answer.
    ///
    /// # Errors
    ///
    /// An id is unknown, or a case has no answer and may not be left out.
    pub fn by_id(
        suite: &EvalSuite,
        answers: impl IntoIterator<Item = (String, String)>,
        missing: Missing,
    ) -> Result<Self> {
        let pairs = answers.into_iter().map(|(id, answer)| (id, vec![answer]));
        Self::of_ids(suite, pairs.collect(), missing)
    }

    /// Reads a JSON text of one of these forms; where one answer may stand, an array of several may, too.
    ///
    /// | form | matched by |
    /// |---|---|
    /// | `["Paris", "O(log n)"]` | position |
    /// | `{"basic_001": "Paris", "basic_002": ["Nile", "the Nile"]}` | id |
    /// | `[{"id": "basic_001", "answer": "Paris"}, ...]` | id; an id that comes again adds an answer |
    ///
    /// # Errors
    ///
    /// The text has another form, an id is unknown, or a case has no answer and may not be left out.
    pub fn from_json(suite: &EvalSuite, text: &str, missing: Missing) -> Result<Self> {
        match file::parse(text, "actual answers as JSON")? {
            Value::Array(items) if items.iter().any(Value::is_object) => {
                let pairs: Result<Vec<_>> = items.iter().map(pair).collect();
                Self::of_ids(suite, pairs?, missing)
            }
            Value::Array(items) => {
                let places: Result<Vec<_>> = items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| texts(item, &format!("answer {}", index + 1)))
                    .collect();
                Self::of_places(suite, places?)
            }
            Value::Object(map) => {
                let pairs: Result<Vec<_>> = map
                    .iter()
                    .map(|(id, item)| Ok((id.clone(), texts(item, &format!("the answer of {id}"))?)))
                    .collect();
                Self::of_ids(suite, pairs?, missing)
            }
            other => Err(invalid(format!(
                "{other} is neither an array of answers nor an object from ids to answers"
            ))),
        }
    }

    /// The answers of the case at a place; none if it was left out.
    #[must_use]
    pub fn of_case(&self, index: usize) -> &[String] {
        self.0.get(index).map_or(&[], Vec::as_slice)
    }

    fn of_places(suite: &EvalSuite, places: Vec<Vec<String>>) -> Result<Self> {
        if places.len() != suite.len() {
            return Err(EvalError::Mismatch {
                answers: places.len(),
                cases: suite.len(),
            });
        }
        if let Some(empty) = places.iter().position(Vec::is_empty) {
            return Err(invalid(format!(
                "answer {} is an array without an answer",
                empty + 1
            )));
        }
        Ok(Self(places))
    }

    fn of_ids(suite: &EvalSuite, pairs: Vec<(String, Vec<String>)>, missing: Missing) -> Result<Self> {
        let mut places = HashMap::new();
        for (index, case) in suite.cases.iter().enumerate() {
            if places.insert(case.id.as_str(), index).is_some() {
                return Err(EvalError::Invalid {
                    what: "eval suite",
                    path: None,
                    why: format!(
                        "the id {} stands twice, so answers by id are ambiguous; give each case its own",
                        case.id
                    ),
                });
            }
        }
        let mut answers = vec![Vec::new(); suite.len()];
        for (id, given) in pairs {
            match places.get(id.as_str()) {
                Some(&index) => answers[index].extend(given),
                None => {
                    return Err(invalid(format!(
                        "there is no case '{id}' in suite {}; remove the answer or correct its id",
                        suite.name
                    )));
                }
            }
        }
        let without: Vec<&str> = suite
            .cases
            .iter()
            .zip(&answers)
            .filter(|(_, answers)| answers.is_empty())
            .map(|(case, _)| case.id.as_str())
            .collect();
        if missing == Missing::Refuse && !without.is_empty() {
            return Err(invalid(format!(
                "{} of {} cases have no answer ({}); answer them, or leave them out with --allow-missing",
                without.len(),
                suite.len(),
                without.iter().take(5).copied().collect::<Vec<_>>().join(", ")
            )));
        }
        Ok(Self(answers))
    }
}

/// The id and answers of `{"id": .., "answer": ..}`.
fn pair(item: &Value) -> Result<(String, Vec<String>)> {
    let field = |map: &Map<String, Value>, name: &str| map.get(name).cloned();
    let form = || {
        invalid(format!(
            "{item} is not of the form {{\"id\": .., \"answer\": ..}} that the others have"
        ))
    };
    let map = item.as_object().ok_or_else(form)?;
    let Some(Value::String(id)) = field(map, "id") else {
        return Err(form());
    };
    let answer = field(map, "answer")
        .or_else(|| field(map, "answers"))
        .ok_or_else(form)?;
    let answers = texts(&answer, &format!("the answer of {id}"))?;
    Ok((id, answers))
}

/// One text, or several.
fn texts(item: &Value, what: &str) -> Result<Vec<String>> {
    let text = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        other => Err(invalid(format!(
            "{what} is {other}; write it as a text in quotes"
        ))),
    };
    match item {
        Value::Array(items) => items.iter().map(text).collect(),
        one => Ok(vec![text(one)?]),
    }
}

fn invalid(why: String) -> EvalError {
    EvalError::Invalid {
        what: "answers",
        path: None,
        why,
    }
}

#[cfg(test)]
mod tests {
    use super::super::case::EvalCase;
    use super::*;

    fn suite(ids: &[&str]) -> EvalSuite {
        EvalSuite {
            name: "s".into(),
            cases: ids
                .iter()
                .map(|id| EvalCase {
                    id: (*id).into(),
                    ..EvalCase::default()
                })
                .collect(),
            ..EvalSuite::default()
        }
    }

    fn read(text: &str, missing: Missing) -> Result<Vec<Vec<String>>> {
        Answers::from_json(&suite(&["a", "b"]), text, missing).map(|answers| answers.0)
    }

    #[test]
    fn answers_come_by_position_or_by_id() {
        let expected = vec![vec!["1".to_owned()], vec!["2".to_owned(), "3".to_owned()]];
        for text in [
            r#" ["1", ["2", "3"]] "#,
            r#"{"b": ["2", "3"], "a": "1"}"#,
            r#"[{"id": "b", "answer": "2"}, {"id": "a", "answer": "1"}, {"id": "b", "answer": "3"}]"#,
            r#"[{"id": "b", "answers": ["2", "3"]}, {"id": "a", "answers": ["1"]}]"#,
        ] {
            assert_eq!(read(text, Missing::Refuse).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn a_case_without_an_answer_is_refused_or_left_out() {
        let error = read(r#"{"a": "1"}"#, Missing::Refuse).unwrap_err().to_string();
        assert!(error.contains("1 of 2 cases have no answer (b)"), "{error}");
        let left = read(r#"{"a": "1"}"#, Missing::LeaveOut).unwrap();
        assert_eq!(left, [vec!["1".to_owned()], vec![]]);
    }

    #[test]
    fn what_does_not_fit_is_told() {
        for (text, part) in [
            (r#"["1"]"#, "Mismatch: 1 actual answers but 2 test cases"),
            (r#"["1", 2]"#, "answer 2 is 2; write it as a text"),
            (r#"["1", []]"#, "answer 2 is an array without an answer"),
            (r#"{"a": "1", "b": "2", "c": "3"}"#, "no case 'c' in suite s"),
            (r#"[{"id": "a", "answer": "1"}, "2"]"#, "is not of the form"),
            (r#"[{"answer": "1"}]"#, "is not of the form"),
            ("7", "neither an array"),
            ("", "failed to parse actual answers as JSON"),
        ] {
            let error = read(text, Missing::LeaveOut).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
        let twice = Answers::from_json(&suite(&["a", "a"]), r#"{"a": "1"}"#, Missing::Refuse);
        assert!(twice.unwrap_err().to_string().contains("stands twice"));
    }
}
