//! One thing that a gate judged: a claim, a case of a suite, a metric.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// How one thing that was judged came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// As it should be.
    Passed,
    /// Was not looked at, on purpose.
    Skipped,
    /// Nothing follows: too little data, or too much noise.
    Inconclusive,
    /// Not as it should be, but not enough to fail the gate.
    Warning,
    /// Not as it should be.
    Failed,
    /// Could not be judged: it is written wrongly, or its data cannot be read.
    Error,
}

impl Status {
    /// All of them, from good to bad.
    pub const ALL: [Self; 6] = [
        Self::Passed,
        Self::Skipped,
        Self::Inconclusive,
        Self::Warning,
        Self::Failed,
        Self::Error,
    ];

    /// The word in output and in tables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Skipped => "skipped",
            Self::Inconclusive => "inconclusive",
            Self::Warning => "warning",
            Self::Failed => "failed",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How much it matters when something is not as it should be. Ordered: what matters more is greater.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Good to know.
    Info,
    /// Somebody should look at it.
    Warning,
    /// It must not be.
    #[default]
    Critical,
}

impl Severity {
    /// All of them, what matters least first.
    pub const ALL: [Self; 3] = [Self::Info, Self::Warning, Self::Critical];

    /// The word in headers, in output and in tables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is no severity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown severity {0:?}: use critical, warning or info")]
pub struct UnknownSeverity(pub String);

impl FromStr for Severity {
    type Err = UnknownSeverity;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|severity| severity.as_str() == name)
            .ok_or_else(|| UnknownSeverity(name.to_owned()))
    }
}

/// Where the thing that was judged is written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Location {
    /// The file, as the user named it.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: Option<usize>,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        self.line.map_or(Ok(()), |line| write!(f, ":{line}"))
    }
}

/// One thing that was judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// What was judged: a claim, a case, a metric.
    pub name: String,
    /// What it belongs to: a file, a suite. JUnit calls it the class.
    pub group: String,
    /// How it came out.
    pub status: Status,
    /// How much it matters.
    pub severity: Severity,
    /// What is to be said about it, in a line. It may be empty for what passed.
    pub message: String,
    /// More about it, a line each.
    pub details: Vec<String>,
    /// Where it is written, if it is written in a file.
    pub location: Option<Location>,
    /// How long judging it took, if that was measured.
    pub duration: Option<Duration>,
}

impl Finding {
    /// A finding of critical severity without more to say than a message.
    #[must_use]
    pub fn new(name: impl Into<String>, group: impl Into<String>, status: Status) -> Self {
        Self {
            name: name.into(),
            group: group.into(),
            status,
            severity: Severity::default(),
            message: String::new(),
            details: Vec::new(),
            location: None,
            duration: None,
        }
    }

    /// The finding with a message.
    #[must_use]
    pub fn with_message(self, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_are_read_by_name_and_what_is_none_is_told() {
        for severity in Severity::ALL {
            assert_eq!(severity.as_str().parse(), Ok(severity));
        }
        let error = "fatal".parse::<Severity>().unwrap_err().to_string();
        assert_eq!(error, "unknown severity \"fatal\": use critical, warning or info");
    }

    #[test]
    fn a_location_reads_as_compilers_write_it() {
        let mut location = Location {
            file: PathBuf::from("checks/no_gaps.sql"),
            line: Some(7),
        };
        assert_eq!(location.to_string(), "checks/no_gaps.sql:7");
        location.line = None;
        assert_eq!(location.to_string(), "checks/no_gaps.sql");
    }
}
