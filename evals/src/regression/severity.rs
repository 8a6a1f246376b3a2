//! How bad a regression is.

use serde::{Deserialize, Serialize};

use crate::output::Severity;

/// How bad a regression is; the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
pub enum RegressionSeverity {
    /// Quality went down: a gate fails.
    Critical,
    /// Performance or cost became worse: a gate passes with a warning, unless it is told to fail.
    Warning,
    /// Worth knowing.
    Info,
}

impl RegressionSeverity {
    /// One character.
    #[must_use]
    pub fn icon(self) -> &'static str {
        match self {
            Self::Critical => "✗",
            Self::Warning => "⚠",
            Self::Info => "ℹ",
        }
    }

    /// The sequence that gives a terminal the colour: red, yellow or cyan.
    #[must_use]
    pub fn color(self) -> &'static str {
        match self {
            Self::Critical => "\u{1b}[31m",
            Self::Warning => "\u{1b}[33m",
            Self::Info => "\u{1b}[36m",
        }
    }
}

impl From<Severity> for RegressionSeverity {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Critical => Self::Critical,
            Severity::Warning => Self::Warning,
            Severity::Info => Self::Info,
        }
    }
}
