//! The methods by name.

use std::fmt;
use std::str::FromStr;

/// How an answer is compared with the expected one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ScoringMethod {
    /// Equal byte for byte.
    ExactMatch,
    /// Equal after lower-casing of both sides.
    CaseInsensitiveMatch,
    /// Edit distance in characters after NFC, by the longer length in characters.
    #[default]
    FuzzyMatch,
    /// Edit distance in characters, by the longer length in UTF-8 bytes: the rule of dashflow-streaming.
    FuzzyBytes,
    /// The expected text is a part of the answer.
    Contains,
    /// The number in the answer equals the expected one within a tolerance.
    Numeric,
    /// Lists in any order: items in common by items in all (Jaccard).
    Set,
    /// The expected text is a regular expression that matches somewhere in the answer.
    Regex,
    /// F1 of the words in common, as SQuAD normalises them.
    TokenF1,
    /// Equal as JSON values.
    Json,
}

impl ScoringMethod {
    /// All methods: those that dashflow-streaming has first.
    pub const ALL: [Self; 10] = [
        Self::ExactMatch,
        Self::CaseInsensitiveMatch,
        Self::FuzzyMatch,
        Self::Contains,
        Self::FuzzyBytes,
        Self::Numeric,
        Self::Set,
        Self::Regex,
        Self::TokenF1,
        Self::Json,
    ];

    /// The name in suites, options and SQL.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ExactMatch => "exact",
            Self::CaseInsensitiveMatch => "case-insensitive",
            Self::FuzzyMatch => "fuzzy",
            Self::FuzzyBytes => "fuzzy-bytes",
            Self::Contains => "contains",
            Self::Numeric => "numeric",
            Self::Set => "set",
            Self::Regex => "regex",
            Self::TokenF1 => "token-f1",
            Self::Json => "json",
        }
    }

    /// What a score by this method means, in one line.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::ExactMatch => "1 if the answer equals the expected text byte for byte, else 0",
            Self::CaseInsensitiveMatch => "1 if both are equal in lower case, else 0",
            Self::FuzzyMatch => "1 - Levenshtein distance / longer length, in characters after NFC",
            Self::FuzzyBytes => {
                "1 - Levenshtein distance in characters / longer length in UTF-8 bytes, as dashflow-streaming had it"
            }
            Self::Contains => "1 if the expected text is a part of the answer, else 0",
            Self::Numeric => {
                "1 if the last number of the answer equals the expected one within a tolerance, else 0"
            }
            Self::Set => {
                "items in common / items in all of two lists (commas, lines or JSON), in any order and case"
            }
            Self::Regex => {
                "1 if the expected text, a regular expression, matches somewhere in the answer, else 0"
            }
            Self::TokenF1 => "F1 of the words in common, without case, punctuation and articles, as in SQuAD",
            Self::Json => "1 if both are equal JSON values (keys in any order, numbers by value), else 0",
        }
    }

    /// The names of all methods, for a message or a help text: `exact, case-insensitive, ...`.
    #[must_use]
    pub fn names() -> String {
        Self::ALL.map(Self::name).join(", ")
    }
}

impl fmt::Display for ScoringMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ScoringMethod {
    type Err = UnknownMethod;

    fn from_str(name: &str) -> Result<Self, UnknownMethod> {
        Self::ALL
            .into_iter()
            .find(|method| method.name() == name)
            .ok_or_else(|| UnknownMethod(name.to_owned()))
    }
}

/// There is no scoring method of this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownMethod(
    /// The name.
    pub String,
);

impl fmt::Display for UnknownMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "invalid scoring method '{}': use one of {}",
            self.0,
            ScoringMethod::names()
        )
    }
}

impl std::error::Error for UnknownMethod {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_is_found_by_its_name() {
        for method in ScoringMethod::ALL {
            assert_eq!(method.name().parse(), Ok(method));
        }
    }

    #[test]
    fn an_unknown_name_is_told_with_the_known_ones() {
        let error = "cosine".parse::<ScoringMethod>().unwrap_err().to_string();
        assert!(
            error.starts_with("invalid scoring method 'cosine': use one of exact, case-insensitive, fuzzy,"),
            "{error}"
        );
    }
}
