//! Patterns.

use ::regex::Regex;

use super::{ScoreError, yes_or_no};

/// 1 if the expected text, a regular expression as the regex crate reads it, matches somewhere in the answer; `^` and `$`
/// bind it to the whole.
pub(super) fn score(actual: &str, expected: &str) -> Result<f64, ScoreError> {
    match Regex::new(expected) {
        Ok(pattern) => Ok(yes_or_no(pattern.is_match(actual))),
        Err(error) => Err(ScoreError::Pattern {
            expected: expected.to_owned(),
            what: last_line(&error.to_string()),
        }),
    }
}

/// Errors of the parser draw the pattern over several lines and say what is wrong in the last.
fn last_line(text: &str) -> String {
    let line = text.lines().last().unwrap_or(text).trim();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_anywhere_unless_it_is_bound() {
        assert_eq!(score("It fell in 1989.", r"\b1989\b"), Ok(1.0));
        assert_eq!(score("It fell in 1989.", r"^1989$"), Ok(0.0));
        assert_eq!(score("PARIS", "(?i)paris"), Ok(1.0));
    }

    #[test]
    fn a_bad_or_huge_pattern_is_an_error() {
        let error = score("a", "(unclosed").unwrap_err().to_string();
        assert!(
            error.contains("'(unclosed' is no regular expression: unclosed group"),
            "{error}"
        );
        assert!(matches!(
            score("a", r"\w{1000}{1000}"),
            Err(ScoreError::Pattern { .. })
        ));
    }
}
