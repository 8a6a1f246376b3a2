//! One session of analytics.

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::metrics::LlmPricing;

/// A session. What is `Option` here is not told in every document.
#[derive(Debug, Deserialize)]
pub(super) struct Session {
    #[serde(rename = "thread_id")]
    _thread_id: IgnoredAny,
    pub(super) event_count: u64,
    #[serde(alias = "duration_ms")]
    pub(super) duration: f64,
    pub(super) tool_calls: u64,
    pub(super) error_count: u64,
    pub(super) total_tokens: u64,
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    runs_completed: Option<u64>,
    runs_failed: Option<u64>,
    #[serde(default)]
    error_events: u64,
    #[serde(default)]
    failed_tool_calls: u64,
}

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Succeeded,
    Failed,
    /// No end was seen, though ends are told in this document.
    Unfinished,
}

impl Session {
    /// How it ended. A graph that failed makes it fail, whatever else completed. Where the document tells nothing of graphs, a
    /// session succeeded that has no error.
    pub(super) fn end(&self, has_graph_runs: bool) -> End {
        let of_errors = if self.has_error() {
            End::Failed
        } else {
            End::Succeeded
        };
        match (self.runs_completed, self.runs_failed) {
            (_, Some(1..)) => End::Failed,
            (Some(1..), _) => End::Succeeded,
            (Some(0), _) if has_graph_runs => match of_errors {
                End::Failed => End::Failed,
                _ => End::Unfinished,
            },
            _ => of_errors,
        }
    }

    /// Whether something went wrong in it: an Error message, an event that tells of an error, a failed tool call or graph.
    pub(super) fn has_error(&self) -> bool {
        self.error_count + self.error_events + self.failed_tool_calls + self.runs_failed.unwrap_or_default()
            > 0
    }

    /// What it cost, in USD; none if the document does not tell how its tokens were split.
    pub(super) fn cost(&self, pricing: LlmPricing) -> Option<f64> {
        Some(pricing.calculate_cost(self.prompt_tokens?, self.completion_tokens?))
    }
}
