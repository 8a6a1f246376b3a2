//! The report as text for people.

use std::fmt::{self, Write};

use super::report::{NodeRow, Report, SessionRow, Summary, ToolRow};

/// Most sessions and nodes that are listed.
const LISTED_MAX: usize = 10;

/// A report as text. Sections without rows are left out; each one ends with an empty line.
#[must_use]
pub fn to_text(report: &Report) -> String {
    let mut out = String::new();
    // Writing into memory does not fail.
    let _ = write_report(&mut out, report);
    out
}

/// A name on one line, with nothing in it that could steer a terminal.
fn visible(name: &str) -> String {
    let unsafe_in_line = |c: char| {
        c.is_control()
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        if unsafe_in_line(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

fn write_report(out: &mut String, report: &Report) -> fmt::Result {
    writeln!(out, "=== DashFlow Streaming Analytics Report ===\n")?;
    write_summary(out, &report.summary)?;
    if !report.sessions.is_empty() {
        writeln!(out, "SESSIONS (Top {}):", report.sessions.len().min(LISTED_MAX))?;
        for (number, row) in (1..).zip(report.sessions.iter().take(LISTED_MAX)) {
            write_session(out, number, row)?;
        }
        writeln!(out)?;
    }
    if !report.node_performance.is_empty() {
        writeln!(out, "NODE PERFORMANCE (Top {LISTED_MAX} by total duration):")?;
        for (number, row) in (1..).zip(report.node_performance.iter().take(LISTED_MAX)) {
            write_node(out, number, row)?;
        }
        writeln!(out)?;
    }
    if !report.tool_performance.is_empty() {
        writeln!(out, "TOOL PERFORMANCE:")?;
        for row in &report.tool_performance {
            write_tool(out, row)?;
        }
        writeln!(out)?;
    }
    if !report.errors.is_empty() {
        writeln!(out, "ERRORS:")?;
        for row in &report.errors {
            let severity = visible(&row.severity);
            writeln!(out, "  {severity}: {} ({:.1}%)", row.count, row.percentage)?;
        }
        writeln!(out)?;
    }
    write_more(out, report)
}

fn write_summary(out: &mut String, summary: &Summary) -> fmt::Result {
    writeln!(out, "SUMMARY")?;
    writeln!(out, "  Total Sessions:      {}", summary.total_sessions)?;
    writeln!(out, "  Total Events:        {}", summary.total_events)?;
    writeln!(out, "  Total Duration:      {:.2} ms", summary.total_duration_ms)?;
    writeln!(out, "  Total Tokens:        {}", summary.total_tokens)?;
    writeln!(out, "  Prompt Tokens:       {}", summary.total_prompt_tokens)?;
    writeln!(out, "  Completion Tokens:   {}", summary.total_completion_tokens)?;
    writeln!(out, "  Total Errors:        {}", summary.total_errors)?;
    if let Some(more) = &summary.more {
        writeln!(
            out,
            "  Tool Calls:          {} (failed: {}, attempts: {})",
            more.total_tool_calls, more.failed_tool_calls, more.tool_attempts
        )?;
    }
    writeln!(out)
}

fn write_session(out: &mut String, number: usize, row: &SessionRow) -> fmt::Result {
    write!(out, "  {number}. {}", visible(&row.thread_id))?;
    if row.more.is_some() && !row.tenant_id.is_empty() {
        write!(out, " ({})", visible(&row.tenant_id))?;
    }
    writeln!(out)?;
    write!(
        out,
        "     Events: {}, Duration: {:.2} ms, Nodes: {}, Tool Calls: {}, Errors: {}, Tokens: {}",
        row.event_count, row.duration_ms, row.node_count, row.tool_calls, row.error_count, row.total_tokens
    )?;
    if row.more.is_some() {
        let (prompt, completion) = (row.prompt_tokens, row.completion_tokens);
        write!(out, " (prompt: {prompt}, completion: {completion})")?;
    }
    writeln!(out)
}

fn write_node(out: &mut String, number: usize, row: &NodeRow) -> fmt::Result {
    write!(
        out,
        "  {number}. {} (count: {}",
        visible(&row.node_id),
        row.execution_count
    )?;
    if let Some(more) = &row.more {
        write!(out, ", errors: {}", more.error_count)?;
    }
    write!(
        out,
        ")\n     Avg: {:.2} ms, P50: {:.2} ms, P95: {:.2} ms, P99: {:.2} ms",
        row.avg_duration_ms, row.p50_duration_ms, row.p95_duration_ms, row.p99_duration_ms
    )?;
    if row.more.is_some() {
        write!(
            out,
            ", Min: {:.2} ms, Max: {:.2} ms, Total: {:.2} ms",
            row.min_duration_ms, row.max_duration_ms, row.total_duration_ms
        )?;
    }
    writeln!(out)
}

fn write_tool(out: &mut String, row: &ToolRow) -> fmt::Result {
    write!(out, "  {} (calls: {}", visible(&row.tool_name), row.total_calls)?;
    if let Some(more) = &row.more {
        write!(
            out,
            ", failed: {}, unfinished: {}, attempts: {}",
            row.failed, more.unfinished, more.attempts
        )?;
    }
    write!(
        out,
        ")\n     Success Rate: {:.1}%, Avg Duration: {:.2} ms, P95: {:.2} ms",
        row.success_rate, row.avg_duration_ms, row.p95_duration_ms
    )?;
    if let Some(more) = &row.more {
        write!(
            out,
            ", Retry Rate: {:.1}%, Min: {:.2} ms, Max: {:.2} ms, Total: {:.2} ms",
            row.retry_rate, more.min_duration_ms, more.max_duration_ms, more.total_duration_ms
        )?;
    }
    writeln!(out)
}

fn write_more(out: &mut String, report: &Report) -> fmt::Result {
    let Some(more) = &report.more else {
        return Ok(());
    };
    let runs = &more.graph_runs;
    if runs.started + runs.completed + runs.failed + runs.quality_alerts > 0 {
        writeln!(
            out,
            "GRAPH RUNS:\n  Started: {}, Completed: {}, Failed: {}, Success Rate: {:.1}%, Quality Alerts: {}\n  Avg: {:.2} \
             ms, P50: {:.2} ms, P95: {:.2} ms, P99: {:.2} ms, Min: {:.2} ms, Max: {:.2} ms\n",
            runs.started,
            runs.completed,
            runs.failed,
            runs.success_rate,
            runs.quality_alerts,
            runs.avg_duration_ms,
            runs.p50_duration_ms,
            runs.p95_duration_ms,
            runs.p99_duration_ms,
            runs.min_duration_ms,
            runs.max_duration_ms
        )?;
    }
    let sources = &more.error_sources;
    if sources.error_messages + sources.failed_tool_calls > 0 || !sources.error_events.is_empty() {
        writeln!(out, "ERROR SOURCES:")?;
        writeln!(
            out,
            "  Error messages: {} (ERROR or FATAL: {})",
            sources.error_messages, sources.severe_error_messages
        )?;
        for (name, count) in &sources.error_events {
            writeln!(out, "  {} events: {count}", visible(name))?;
        }
        writeln!(out, "  Failed tool calls: {}\n", sources.failed_tool_calls)?;
    }
    if more.messages.values().any(|count| *count > 0) {
        writeln!(out, "MESSAGES:")?;
        for (kind, count) in more.messages.iter().filter(|(_, count)| **count > 0) {
            write!(out, "  {kind}: {count}")?;
            match *kind {
                "EventBatch" => write!(out, " (with {} events)", more.batched_events)?,
                "ExecutionTrace" => write!(out, " (completed: {})", more.completed_traces)?,
                _ => {}
            }
            writeln!(out)?;
        }
        writeln!(out)?;
    }
    Ok(())
}
