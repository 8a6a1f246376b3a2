//! The message of a claim, with places for the columns of a violating row.

use std::fmt::Write;

use super::violation::{Violation, Violations};

/// What stands for a value that is null.
pub(super) const NULL: &str = "null";

/// A message with places such as `{run_id}` for columns. `{{` and `}}` are braces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Column(String),
}

impl Message {
    /// Reads a message.
    ///
    /// # Errors
    /// What is wrong with it: a brace that opens or closes nothing, or an empty name.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            plain.push_str(&rest[..at]);
            let brace = &rest[at..=at];
            rest = &rest[at + 1..];
            if let Some(behind) = rest.strip_prefix(brace) {
                plain.push_str(brace);
                rest = behind;
                continue;
            }
            if brace == "}" {
                return Err("a } closes nothing: write }} for a brace".to_owned());
            }
            let Some((name, behind)) = rest.split_once('}') else {
                return Err(format!(
                    "{{{rest} has no }}: close the name of the column, or write {{{{ for a brace"
                ));
            };
            let name = name.trim();
            if name.is_empty() || name.contains('{') {
                return Err(format!("{{{name}}} names no column"));
            }
            if !plain.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut plain)));
            }
            parts.push(Part::Column(name.to_owned()));
            rest = behind;
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(Self { parts })
    }

    /// Names of the columns, as often as they stand in it.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Column(name) => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// The message for one row. A column that the row does not have stays as it is written; null is `null`.
    #[must_use]
    pub fn fill(&self, violations: &Violations, violation: &Violation) -> String {
        let mut out = String::new();
        for part in &self.parts {
            // Writing into memory does not fail.
            let _ = match part {
                Part::Text(text) => write!(out, "{text}"),
                Part::Column(name) => match violations.value(violation, name) {
                    Some(value) => write!(out, "{}", value.unwrap_or(NULL)),
                    None => write!(out, "{{{name}}}"),
                },
            };
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str) -> String {
        let violations = Violations {
            columns: vec!["run_id".to_owned(), "node".to_owned()],
            shown: vec![Violation {
                values: vec![Some("r{1}".to_owned()), None],
            }],
            count: 1,
        };
        Message::parse(text)
            .unwrap()
            .fill(&violations, &violations.shown[0])
    }

    #[test]
    fn columns_take_their_places() {
        assert_eq!(filled("run {run_id} in { node }"), "run r{1} in null");
        assert_eq!(filled("{run_id}{run_id}"), "r{1}r{1}");
        assert_eq!(filled("no place"), "no place");
        assert_eq!(filled("{{run_id}} is {run_id}}}"), "{run_id} is r{1}}");
        assert_eq!(filled("{other}"), "{other}");
        assert_eq!(filled(""), "");
    }

    #[test]
    fn a_brace_that_means_nothing_is_told() {
        for (text, told) in [
            ("run {run_id", "{run_id has no }"),
            ("run } here", "closes nothing"),
            ("run {}", "names no column"),
            ("run { {x}", "names no column"),
        ] {
            let wrong = Message::parse(text).unwrap_err();
            assert!(wrong.contains(told), "{wrong}");
        }
    }
}
