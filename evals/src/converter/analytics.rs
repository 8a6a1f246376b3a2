//! The document: what `analyze_events --format json` prints, by the names that it has there or by those that the
//! `eval_runner` of dashflow-streaming reads. What is not computed with is not read.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::session::Session;

/// A report of analyze_events.
#[derive(Debug, Deserialize)]
pub(super) struct Analytics {
    pub(super) summary: Summary,
    pub(super) sessions: Vec<Session>,
    #[serde(default)]
    pub(super) node_performance: Vec<Node>,
    #[serde(default)]
    pub(super) tool_performance: Vec<Tool>,
    /// An array of severities, or an object from severity to number.
    #[serde(default, rename = "errors")]
    _errors: Option<Errors>,
    /// How it was counted: `default` where calls and not their stages are.
    #[serde(default)]
    counting: Option<String>,
    #[serde(default)]
    graph_runs: Option<GraphRuns>,
}

impl Analytics {
    /// Whether tool calls are calls, as our analysis counts them, and not messages about their stages.
    pub(super) fn counts_calls(&self) -> bool {
        self.counting.as_deref() == Some("default")
    }

    /// Whether graphs were seen to start or to end, so that a session without a completed one is not finished.
    pub(super) fn has_graph_runs(&self) -> bool {
        self.graph_runs
            .as_ref()
            .is_some_and(|runs| runs.started + runs.completed + runs.failed > 0)
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Summary {
    pub(super) total_sessions: u64,
    pub(super) total_events: u64,
    #[serde(alias = "total_duration_ms")]
    pub(super) total_duration: f64,
    #[serde(alias = "total_prompt_tokens")]
    pub(super) prompt_tokens: u64,
    #[serde(alias = "total_completion_tokens")]
    pub(super) completion_tokens: u64,
    pub(super) total_tokens: u64,
    pub(super) total_errors: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Node {
    #[serde(rename = "node_id")]
    _node_id: IgnoredAny,
    #[serde(alias = "avg_duration_ms")]
    pub(super) avg_duration: f64,
    #[serde(alias = "p95_duration_ms")]
    pub(super) p95: f64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Tool {
    #[serde(rename = "tool_name")]
    _tool_name: IgnoredAny,
    pub(super) completed: u64,
    pub(super) failed: u64,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Errors {
    Rows(#[expect(dead_code, reason = "only its form is checked")] Vec<ErrorRow>),
    Counts(#[expect(dead_code, reason = "only its form is checked")] std::collections::BTreeMap<String, u64>),
}

#[derive(Debug, Deserialize)]
struct ErrorRow {
    #[serde(rename = "count")]
    _count: u64,
}

#[derive(Debug, Deserialize)]
struct GraphRuns {
    started: u64,
    completed: u64,
    failed: u64,
}
