//! Expected texts that a method cannot use.

use std::fmt;

/// A method cannot use the expected text, or a text is too long for it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScoreError {
    /// It is not a regular expression, or one too large.
    Pattern {
        /// The expected text.
        expected: String,
        /// What is wrong with it.
        what: String,
    },
    /// It has no number, or several.
    Number {
        /// The expected text.
        expected: String,
        /// How many numbers it has.
        found: usize,
    },
    /// The answer or the expected text is too long for an edit distance.
    TooLong {
        /// Its length.
        characters: usize,
        /// The greatest length that is compared.
        limit: usize,
    },
    /// Its number is too large to be compared.
    Infinite {
        /// The expected text.
        expected: String,
    },
    /// It is not JSON.
    Json {
        /// The expected text.
        expected: String,
        /// What is wrong with it.
        what: String,
    },
}

impl fmt::Display for ScoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pattern { expected, what } => write!(
                f,
                "the expected text '{}' is no regular expression: {what}; correct it or use another scoring than regex",
                shortened(expected)
            ),
            Self::Number { expected, found } => write!(
                f,
                "the expected text '{}' has {found} numbers; scoring numeric needs exactly one",
                shortened(expected)
            ),
            Self::TooLong { characters, limit } => write!(
                f,
                "a text has {characters} characters and {limit} is the limit of scoring fuzzy; shorten it, or use another scoring \
                 such as token-f1"
            ),
            Self::Infinite { expected } => write!(
                f,
                "the expected text '{}' is a number too large for scoring numeric, whose limit is about 1.8e308; use exact \
                 instead",
                shortened(expected)
            ),
            Self::Json { expected, what } => write!(
                f,
                "the expected text '{}' is not JSON: {what}; correct it or use another scoring than json",
                shortened(expected)
            ),
        }
    }
}

impl std::error::Error for ScoreError {}

/// The beginning of a text, for a message.
fn shortened(text: &str) -> String {
    const CHARACTERS_MAX: usize = 80;
    match text.char_indices().nth(CHARACTERS_MAX) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_quoted_by_its_beginning() {
        let text = ScoreError::Number {
            expected: "東".repeat(1000),
            found: 0,
        }
        .to_string();
        assert!(
            text.contains(&format!("'{}...' has 0", "東".repeat(80))),
            "{text}"
        );
    }
}
