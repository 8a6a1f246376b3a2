//! Metrics from what `analyze_events --format json` tells.
//!
//! | file | noun |
//! |---|---|
//! | `analytics.rs` | the document, in both spellings of its keys |
//! | `session.rs` | one session of it |
//! | `conversion.rs` | the two sets of formulas by name |
//! | `by_session.rs` | metrics of sessions |
//! | `reference.rs` | metrics as dashflow-streaming computes them |

mod analytics;
mod by_session;
mod conversion;
mod reference;
mod session;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;

pub use conversion::Conversion;

use crate::error::{EvalError, Result};
use crate::file;
use crate::metrics::{EvalMetrics, LlmPricing, MetricValues};
use analytics::Analytics;

/// What analytics come to.
#[derive(Clone, Debug)]
pub struct Converted {
    /// By which formulas.
    pub conversion: Conversion,
    /// By which prices.
    pub pricing: LlmPricing,
    /// The metrics as files have them, with whole tokens and calls.
    pub metrics: EvalMetrics,
    /// The metrics as they are.
    pub values: MetricValues,
    /// What single sessions gave, by the names of metrics: one value a session, in the order of
    /// the document; latencies leave out sessions without an event, rates are 0 or 1. A sample that the document does not tell
    /// is absent. Empty by
    /// [`Conversion::Reference`], which knows no sessions.
    pub samples: BTreeMap<String, Vec<f64>>,
    /// Every session with an event, as the metrics of one run; empty by [`Conversion::Reference`]. Where the document does not
    /// tell how a session's tokens were split, its cost is its share of all tokens.
    pub sessions: Vec<EvalMetrics>,
    /// Sums over everything.
    pub totals: Totals,
    /// What a reader of the metrics should know.
    pub notes: Vec<String>,
}

/// Sums over all sessions.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Totals {
    /// Sessions.
    pub sessions: u64,
    /// Sessions of which the end was not seen; they count as not successful.
    pub unfinished_sessions: u64,
    /// Events.
    pub events: u64,
    /// Errors.
    pub errors: u64,
    /// Durations of sessions, milliseconds.
    pub duration_ms: f64,
    /// Tokens.
    pub tokens: u64,
    /// Those of prompts.
    pub prompt_tokens: u64,
    /// Those of answers.
    pub completion_tokens: u64,
    /// Cost, USD.
    pub cost_usd: f64,
    /// Tool calls.
    pub tool_calls: u64,
}

impl Converted {
    /// Refuses analytics of which nothing can be kept or judged.
    ///
    /// # Errors
    ///
    /// There is no session in them.
    pub fn check_measured(&self) -> Result<()> {
        if self.totals.sessions > 0 {
            return Ok(());
        }
        Err(EvalError::Invalid {
            what: "analytics",
            path: None,
            why:
                "there is no session in them, so nothing was measured; run the application and analyse again"
                    .into(),
        })
    }
}

/// Makes metrics of analytics.
#[derive(Debug)]
pub struct AnalyticsConverter;

impl AnalyticsConverter {
    /// The metrics of a text, by [`Conversion::Default`]. Without prices those of GPT-4o are taken.
    ///
    /// # Errors
    ///
    /// The text is not what `analyze_events --format json` prints.
    pub fn from_json(text: &str, pricing: Option<LlmPricing>) -> Result<EvalMetrics> {
        Self::convert(text, Conversion::Default, pricing).map(|converted| converted.metrics)
    }

    /// [`AnalyticsConverter::from_json`] for a file.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is no analytics.
    pub fn from_file(path: impl AsRef<Path>, pricing: Option<LlmPricing>) -> Result<EvalMetrics> {
        Self::convert_file(path, Conversion::Default, pricing).map(|converted| converted.metrics)
    }

    /// Everything that a text comes to.
    ///
    /// # Errors
    ///
    /// The text is not what `analyze_events --format json` prints.
    pub fn convert(text: &str, conversion: Conversion, pricing: Option<LlmPricing>) -> Result<Converted> {
        let analytics: Analytics = file::parse(text, "analytics JSON")?;
        let pricing = pricing.unwrap_or(LlmPricing::GPT_4O);
        Ok(match conversion {
            Conversion::Default => by_session::convert(&analytics, pricing),
            Conversion::Reference => reference::convert(&analytics, pricing),
        })
    }

    /// [`AnalyticsConverter::convert`] for a file.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is no analytics.
    pub fn convert_file(
        path: impl AsRef<Path>,
        conversion: Conversion,
        pricing: Option<LlmPricing>,
    ) -> Result<Converted> {
        let path = path.as_ref();
        Self::convert(&file::read(path, "analytics file")?, conversion, pricing)
            .map_err(|error| error.in_file(path))
    }
}
