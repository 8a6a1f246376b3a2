//! The formats of an outcome, by name.

use std::fmt;
use std::str::FromStr;

use super::github::GitHub;
use super::outcome::Outcome;
use super::text::Colour;
use super::{json, junit, markdown, text};

/// A format of an outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Format {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object.
    Json,
    /// A table in Markdown, as GitHub shows it.
    Markdown,
    /// JUnit XML, which CI servers read.
    Junit,
    /// Annotations of GitHub Actions, a line each.
    Github,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Text, Self::Json, Self::Markdown, Self::Junit, Self::Github];

    /// The name, as on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::Markdown => "markdown",
            Self::Junit => "junit",
            Self::Github => "github",
        }
    }

    /// An outcome in this format, with a line feed at its end unless it is empty. Only text heeds the colour.
    #[must_use]
    pub fn render(self, outcome: &Outcome, colour: Colour) -> String {
        match self {
            Self::Text => text::to_text(outcome, colour),
            Self::Json => json::to_json(outcome),
            Self::Markdown => markdown::to_markdown(outcome),
            Self::Junit => junit::to_junit(outcome),
            Self::Github => GitHub::default().annotations(outcome),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name that is no format of an outcome.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown format {0:?}: use text, json, markdown, junit or github")]
pub struct UnknownFormat(pub String);

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|format| format.as_str() == name)
            .ok_or_else(|| UnknownFormat(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::sample;

    #[test]
    fn formats_are_read_by_name_and_what_is_none_is_told() {
        for format in Format::ALL {
            assert_eq!(format.as_str().parse(), Ok(format));
        }
        let error = "html".parse::<Format>().unwrap_err().to_string();
        for format in Format::ALL {
            assert!(error.contains(format.as_str()), "{error}");
        }
    }

    #[test]
    fn every_format_tells_of_what_failed_and_ends_its_last_line() {
        for format in Format::ALL {
            let text = format.render(&sample::outcome(), Colour::Never);
            assert!(text.contains("3 runs never ended"), "{format}: {text}");
            assert!(text.ends_with('\n') && !text.ends_with("\n\n"), "{format}");
        }
    }
}
