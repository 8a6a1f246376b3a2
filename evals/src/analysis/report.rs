//! The finished numbers. The keys of the JSON form are the names of the fields, in their order: first those that readers
//! of the reference know, then ours.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Counting;
use super::remarks::Remarks;

/// A report. What is `Option` here is there under default counting only.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Sums over everything.
    pub summary: Summary,
    /// Sessions, those with most events first.
    pub sessions: Vec<SessionRow>,
    /// Nodes, those with the greatest total duration first.
    pub node_performance: Vec<NodeRow>,
    /// Tools, those with most calls first.
    pub tool_performance: Vec<ToolRow>,
    /// Error messages by severity, the most frequent first.
    pub errors: Vec<ErrorRow>,
    /// What the reference does not tell.
    #[serde(flatten)]
    pub more: Option<ReportMore>,
}

impl Report {
    /// How it was counted.
    #[must_use]
    pub fn counting(&self) -> Counting {
        if self.more.is_some() {
            Counting::Default
        } else {
            Counting::Reference
        }
    }

    /// Notes what became of the documents that were read. Under reference counting the report has no place for it.
    pub fn set_input(&mut self, remarks: Remarks) {
        if let Some(more) = &mut self.more {
            more.input = Some(remarks);
        }
    }
}

/// Sums over all sessions.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Sessions.
    pub total_sessions: u64,
    /// Events.
    pub total_events: u64,
    /// Durations of the sessions, added up, in milliseconds.
    pub total_duration_ms: f64,
    /// Tokens of prompts.
    pub total_prompt_tokens: u64,
    /// Tokens of answers.
    pub total_completion_tokens: u64,
    /// Tokens in all.
    pub total_tokens: u64,
    /// Errors.
    pub total_errors: u64,
    /// What the reference does not tell.
    #[serde(flatten)]
    pub more: Option<SummaryMore>,
}

/// Sums that the reference does not tell.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SummaryMore {
    /// Tool calls.
    pub total_tool_calls: u64,
    /// Tool calls that failed for good.
    pub failed_tool_calls: u64,
    /// Tries of tools: one a call, and one for each retry.
    pub tool_attempts: u64,
}

/// One session.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SessionRow {
    /// The thread.
    pub thread_id: String,
    /// Its tenant.
    pub tenant_id: String,
    /// Events.
    pub event_count: u64,
    /// Milliseconds from its first to its last message. Under reference counting: to its last event.
    pub duration_ms: f64,
    /// Different nodes that were executed.
    pub node_count: u64,
    /// Tool calls.
    pub tool_calls: u64,
    /// Errors: messages of severity ERROR or FATAL. Under reference counting: all Error messages.
    pub error_count: u64,
    /// Tokens of prompts.
    pub prompt_tokens: u64,
    /// Tokens of answers.
    pub completion_tokens: u64,
    /// Tokens in all.
    pub total_tokens: u64,
    /// What the reference does not tell.
    #[serde(flatten)]
    pub more: Option<SessionRowMore>,
}

/// What the reference does not tell of a session.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SessionRowMore {
    /// Tool calls that failed for good.
    pub failed_tool_calls: u64,
    /// Error messages of any severity.
    pub error_messages: u64,
    /// Events that tell of an error.
    pub error_events: u64,
    /// Runs that came to their end.
    pub runs_completed: u64,
    /// Runs that failed.
    pub runs_failed: u64,
}

/// One node. Durations are in milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NodeRow {
    /// The node.
    pub node_id: String,
    /// Executions that came to their end.
    pub execution_count: u64,
    /// All executions together.
    pub total_duration_ms: f64,
    /// Mean.
    pub avg_duration_ms: f64,
    /// Shortest.
    pub min_duration_ms: f64,
    /// Longest.
    pub max_duration_ms: f64,
    /// Median, by nearest rank as all percentiles.
    pub p50_duration_ms: f64,
    /// 95th percentile.
    pub p95_duration_ms: f64,
    /// 99th percentile.
    pub p99_duration_ms: f64,
    /// What the reference does not tell.
    #[serde(flatten)]
    pub more: Option<NodeRowMore>,
}

/// What the reference does not tell of a node.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NodeRowMore {
    /// NODE_ERROR events.
    pub error_count: u64,
}

/// One tool. Durations are in milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ToolRow {
    /// The tool.
    pub tool_name: String,
    /// Calls. Under reference counting: messages, one for each stage.
    pub total_calls: u64,
    /// Calls that succeeded.
    pub completed: u64,
    /// Calls that failed for good.
    pub failed: u64,
    /// Completed by total calls, in percent.
    pub success_rate: f64,
    /// Calls that were tried again by total calls, in percent.
    pub retry_rate: f64,
    /// Mean.
    pub avg_duration_ms: f64,
    /// 95th percentile.
    pub p95_duration_ms: f64,
    /// What the reference does not tell.
    #[serde(flatten)]
    pub more: Option<ToolRowMore>,
}

/// What the reference does not tell of a tool.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ToolRowMore {
    /// Calls whose end was not seen.
    pub unfinished: u64,
    /// Calls that were tried again.
    pub retried: u64,
    /// Tries: one a call, and one for each retry.
    pub attempts: u64,
    /// All calls together.
    pub total_duration_ms: f64,
    /// Shortest.
    pub min_duration_ms: f64,
    /// Longest.
    pub max_duration_ms: f64,
}

/// Error messages of one severity.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ErrorRow {
    /// The severity.
    pub severity: String,
    /// Messages.
    pub count: u64,
    /// Share of all Error messages, in percent.
    pub percentage: f64,
}

/// What the reference does not tell.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReportMore {
    /// Always `default`.
    pub counting: &'static str,
    /// Runs of graphs.
    pub graph_runs: GraphRuns,
    /// Where errors are told.
    pub error_sources: ErrorSources,
    /// Messages by type.
    pub messages: BTreeMap<&'static str, u64>,
    /// Events of batches, of which an EventBatch tells the number only.
    pub batched_events: u64,
    /// Execution traces that tell of an execution which came to its end.
    pub completed_traces: u64,
    /// What became of the documents that were read, where documents were read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<Remarks>,
}

/// Runs of graphs. Durations are in milliseconds and those of GRAPH_END events.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GraphRuns {
    /// GRAPH_START events.
    pub started: u64,
    /// GRAPH_END events.
    pub completed: u64,
    /// GRAPH_ERROR events that are no alert.
    pub failed: u64,
    /// Completed by completed and failed, in percent; 0 without either.
    pub success_rate: f64,
    /// GRAPH_ERROR events of the quality monitor: alerts.
    pub quality_alerts: u64,
    /// Mean.
    pub avg_duration_ms: f64,
    /// Shortest.
    pub min_duration_ms: f64,
    /// Longest.
    pub max_duration_ms: f64,
    /// Median.
    pub p50_duration_ms: f64,
    /// 95th percentile.
    pub p95_duration_ms: f64,
    /// 99th percentile.
    pub p99_duration_ms: f64,
}

/// Where errors are told. One failure may be told in several places.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ErrorSources {
    /// Error messages of any severity.
    pub error_messages: u64,
    /// Those of severity ERROR or FATAL, or of one without a name.
    pub severe_error_messages: u64,
    /// Events that tell of an error, by type.
    pub error_events: BTreeMap<String, u64>,
    /// Tool calls that failed for good.
    pub failed_tool_calls: u64,
}
