//! What came of one run.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// How a run failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// It ended with a code other than 0.
    ExitCode(i32),
    /// A signal ended it.
    Signal(i32),
    /// It took longer than it may, in milliseconds, and was ended.
    TimedOutAfterMs(u64),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ExitCode(code) => write!(f, "ended with exit code {code}"),
            Self::Signal(signal) => write!(f, "was ended by signal {signal}"),
            Self::TimedOutAfterMs(ms) => write!(f, "took longer than {ms} ms"),
        }
    }
}

/// What came of one run.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Sample {
    /// Number of the run, from 1; in a comparison that of the pair.
    pub number: usize,
    /// How it failed; a run that failed has no metrics.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// What was measured, by metric; most have one value a run.
    #[serde(default)]
    pub metrics: BTreeMap<String, Vec<f64>>,
}
