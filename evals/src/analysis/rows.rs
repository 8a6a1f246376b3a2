//! How the rows of a report follow from what was counted, and their order. Rows that are alike in what they are ordered by
//! stand in the order of their names.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::Counting;
use super::accumulator::Accumulator;
use super::document::{Body, TokenStats};
use super::errors::is_error;
use super::node::NodeTally;
use super::report::{
    ErrorRow, ErrorSources, GraphRuns, NodeRow, NodeRowMore, Report, ReportMore, SessionRow, SessionRowMore,
    Summary, SummaryMore, ToolRow, ToolRowMore,
};
use super::runs::RunTally;
use super::session::{Session, SessionName};
use super::tool::{Call, ToolTally};

pub(super) fn report(mut counted: Accumulator) -> Report {
    let is_default = counted.counting == Counting::Default;
    for session in counted.sessions.values() {
        for call in session.calls.values() {
            let tool = counted.tools.entry_ref(call.tool_name()).or_default();
            tool.add_call(call);
        }
    }
    let sessions = sessions(counted.sessions, is_default);
    let tools = counted.tools.values();
    let (calls, failed, attempts) = tools.fold((0, 0, 0), |(calls, failed, attempts), tool| {
        (calls + tool.calls, failed + tool.failed, attempts + tool.attempts)
    });
    let summary = summary(
        &sessions,
        is_default.then_some(SummaryMore {
            total_tool_calls: calls,
            failed_tool_calls: failed,
            tool_attempts: attempts,
        }),
    );
    let mut node_performance: Vec<NodeRow> = counted
        .nodes
        .into_iter()
        .map(|(id, node)| node_row(id, node, is_default))
        .collect();
    node_performance.sort_unstable_by(|a, b| {
        (b.total_duration_ms.total_cmp(&a.total_duration_ms)).then_with(|| a.node_id.cmp(&b.node_id))
    });
    let mut tool_performance: Vec<ToolRow> = counted
        .tools
        .into_iter()
        .map(|(name, tool)| tool_row(name, tool, is_default))
        .collect();
    tool_performance.sort_unstable_by(|a, b| {
        (b.total_calls.cmp(&a.total_calls)).then_with(|| a.tool_name.cmp(&b.tool_name))
    });
    let severities = &counted.errors.severities;
    let more = is_default.then(|| ReportMore {
        counting: Counting::Default.as_str(),
        graph_runs: graph_runs(counted.runs),
        error_sources: ErrorSources {
            error_messages: severities.values().sum(),
            severe_error_messages: severities
                .iter()
                .filter(|(severity, _)| is_error(severity))
                .map(|(_, count)| count)
                .sum(),
            error_events: (counted.errors.events.iter())
                .map(|(name, count)| (name.to_string(), *count))
                .collect(),
            failed_tool_calls: failed,
        },
        messages: Body::TYPES.into_iter().zip(counted.messages).collect(),
        batched_events: counted.batched_events,
        completed_traces: counted.traces_completed,
        input: None,
    });
    Report {
        summary,
        sessions,
        node_performance,
        tool_performance,
        errors: error_rows(severities),
        more,
    }
}

fn sessions(counted: impl IntoIterator<Item = (SessionName, Session)>, is_default: bool) -> Vec<SessionRow> {
    let mut rows: Vec<SessionRow> = counted
        .into_iter()
        .map(|(name, session)| session_row(name, &session, is_default))
        .collect();
    rows.sort_unstable_by(|a, b| {
        (b.event_count.cmp(&a.event_count))
            .then_with(|| a.thread_id.cmp(&b.thread_id))
            .then_with(|| a.tenant_id.cmp(&b.tenant_id))
    });
    rows
}

fn session_row(name: SessionName, session: &Session, is_default: bool) -> SessionRow {
    let TokenStats {
        prompt,
        completion,
        total,
    } = session.tokens.sum();
    let calls = session.calls.len() as u64 + session.loose_calls;
    let failed_calls = session
        .calls
        .values()
        .filter(|call| Call::is_failed(call))
        .count() as u64;
    let tenant = session.first.as_ref().map_or("", |(_, tenant)| tenant);
    SessionRow {
        thread_id: name.thread_id.into(),
        tenant_id: tenant.to_owned(),
        event_count: session.events,
        duration_ms: session.duration_ms(),
        node_count: session.nodes.len() as u64,
        tool_calls: if is_default { calls } else { session.tool_messages },
        error_count: session.errors,
        prompt_tokens: prompt,
        completion_tokens: completion,
        total_tokens: total,
        more: is_default.then_some(SessionRowMore {
            failed_tool_calls: failed_calls + session.loose_failed,
            error_messages: session.error_messages,
            error_events: session.error_events,
            runs_completed: session.runs_completed,
            runs_failed: session.runs_failed,
        }),
    }
}

fn summary(sessions: &[SessionRow], more: Option<SummaryMore>) -> Summary {
    let sum = |of: fn(&SessionRow) -> u64| sessions.iter().map(of).sum();
    Summary {
        total_sessions: sessions.len() as u64,
        total_events: sum(|row| row.event_count),
        total_duration_ms: sessions.iter().map(|row| row.duration_ms).sum::<f64>() + 0.0,
        total_prompt_tokens: sum(|row| row.prompt_tokens),
        total_completion_tokens: sum(|row| row.completion_tokens),
        total_tokens: sum(|row| row.total_tokens),
        total_errors: sum(|row| row.error_count),
        more,
    }
}

fn node_row(id: Box<str>, node: NodeTally, is_default: bool) -> NodeRow {
    let spread = node.durations.spread();
    NodeRow {
        node_id: id.into(),
        execution_count: node.executions,
        total_duration_ms: spread.total,
        avg_duration_ms: spread.avg,
        min_duration_ms: spread.min,
        max_duration_ms: spread.max,
        p50_duration_ms: spread.p50,
        p95_duration_ms: spread.p95,
        p99_duration_ms: spread.p99,
        more: is_default.then_some(NodeRowMore {
            error_count: node.errors,
        }),
    }
}

fn tool_row(name: Box<str>, tool: ToolTally, is_default: bool) -> ToolRow {
    let spread = tool.durations.spread();
    ToolRow {
        tool_name: name.into(),
        total_calls: tool.calls,
        completed: tool.completed,
        failed: tool.failed,
        success_rate: percent(tool.completed, tool.calls),
        retry_rate: percent(tool.retried, tool.calls),
        avg_duration_ms: spread.avg,
        p95_duration_ms: spread.p95,
        more: is_default.then_some(ToolRowMore {
            unfinished: tool.calls - tool.completed - tool.failed,
            retried: tool.retried,
            attempts: tool.attempts,
            total_duration_ms: spread.total,
            min_duration_ms: spread.min,
            max_duration_ms: spread.max,
        }),
    }
}

fn graph_runs(runs: RunTally) -> GraphRuns {
    let spread = runs.durations.spread();
    GraphRuns {
        started: runs.started,
        completed: runs.completed,
        failed: runs.failed,
        success_rate: percent(runs.completed, runs.completed + runs.failed),
        quality_alerts: runs.alerts,
        avg_duration_ms: spread.avg,
        min_duration_ms: spread.min,
        max_duration_ms: spread.max,
        p50_duration_ms: spread.p50,
        p95_duration_ms: spread.p95,
        p99_duration_ms: spread.p99,
    }
}

fn error_rows(severities: &BTreeMap<Box<str>, u64>) -> Vec<ErrorRow> {
    let total = severities.values().sum();
    let mut rows: Vec<ErrorRow> = severities
        .iter()
        .map(|(severity, count)| ErrorRow {
            severity: severity.to_string(),
            count: *count,
            percentage: percent(*count, total),
        })
        .collect();
    // They come by name, and a stable sort leaves them so.
    rows.sort_by_key(|row| Reverse(row.count));
    rows
}

#[allow(clippy::cast_precision_loss)]
fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64 * 100.0
    }
}
