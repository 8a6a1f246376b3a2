//! The two sets of formulas by name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::EvalError;

/// By which formulas analytics become metrics.
///
/// | metric | default | reference |
/// |---|---|---|
/// | `p95_latency` | 95th percentile of session durations, by linear interpolation | greatest 95th percentile of any node |
/// | `avg_latency` | mean of session durations | unweighted mean of the nodes' means |
/// | `success_rate` | sessions with completed graphs and no failed one, by sessions | sessions without an Error message, by sessions |
/// | `error_rate` | sessions in which something went wrong, by sessions | errors by events |
/// | `total_tokens` | mean of a session | sum |
/// | `cost_per_run` | mean of a session | sum |
/// | `tool_calls` | mean of a session, one for each call | number of events |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Conversion {
    /// What the names of the metrics say, of one session: inputs of different size compare.
    #[default]
    Default,
    /// What the `eval_runner` of dashflow-streaming computes, of the whole input.
    Reference,
}

impl Conversion {
    /// The name in options and files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Reference => "reference",
        }
    }
}

impl fmt::Display for Conversion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Conversion {
    type Err = EvalError;

    fn from_str(name: &str) -> Result<Self, EvalError> {
        [Self::Default, Self::Reference]
            .into_iter()
            .find(|conversion| conversion.name() == name)
            .ok_or_else(|| {
                EvalError::Usage(format!("there is no counting '{name}': use default or reference"))
            })
    }
}
