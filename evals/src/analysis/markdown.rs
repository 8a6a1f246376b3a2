//! The report as Markdown.

use std::fmt::{self, Write};

use super::report::{Report, Summary};

/// A report as Markdown tables. Sections without rows are left out, but for the summary.
#[must_use]
pub fn to_markdown(report: &Report) -> String {
    let mut out = String::new();
    // Writing into memory does not fail.
    let _ = write_report(&mut out, report);
    out
}

/// Writes one table with its title, if it has rows.
fn table(out: &mut String, title: &str, columns: &[&str], rows: &[Vec<String>]) -> fmt::Result {
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(out, "## {title}\n")?;
    for column in columns {
        write!(out, "| {column} ")?;
    }
    writeln!(out, "|")?;
    for column in columns {
        write!(out, "|{}", "-".repeat(column.len() + 2))?;
    }
    writeln!(out, "|")?;
    for row in rows {
        for cell in row {
            write!(out, "| {cell} ")?;
        }
        writeln!(out, "|")?;
    }
    writeln!(out)
}

/// A name as one cell: what would end the cell or the row is escaped.
fn name(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '|' => out.push_str("\\|"),
            c if c.is_control() => out.extend(c.escape_default()),
            c => out.push(c),
        }
    }
    out
}

fn ms(value: f64) -> String {
    format!("{value:.2}")
}

fn percent(value: f64) -> String {
    format!("{value:.1}%")
}

fn write_report(out: &mut String, report: &Report) -> fmt::Result {
    writeln!(out, "# DashFlow Streaming Analytics Report\n")?;
    write_summary(out, &report.summary)?;
    write_sessions(out, report)?;
    write_nodes(out, report)?;
    write_tools(out, report)?;
    let rows: Vec<_> = (report.errors.iter())
        .map(|row| {
            vec![
                name(&row.severity),
                row.count.to_string(),
                percent(row.percentage),
            ]
        })
        .collect();
    table(out, "Error Summary", &["Severity", "Count", "Percentage"], &rows)?;
    write_more(out, report)
}

fn write_summary(out: &mut String, summary: &Summary) -> fmt::Result {
    let row = |title: &str, value: String| vec![title.to_owned(), value];
    let mut rows = vec![
        row("Total Sessions", summary.total_sessions.to_string()),
        row("Total Events", summary.total_events.to_string()),
        row("Total Duration", format!("{:.2} ms", summary.total_duration_ms)),
        row("Total Tokens", summary.total_tokens.to_string()),
        row("Prompt Tokens", summary.total_prompt_tokens.to_string()),
        row("Completion Tokens", summary.total_completion_tokens.to_string()),
        row("Total Errors", summary.total_errors.to_string()),
    ];
    if let Some(more) = &summary.more {
        rows.push(row("Tool Calls", more.total_tool_calls.to_string()));
        rows.push(row("Failed Tool Calls", more.failed_tool_calls.to_string()));
        rows.push(row("Tool Attempts", more.tool_attempts.to_string()));
    }
    table(out, "Summary", &["Metric", "Value"], &rows)
}

fn write_sessions(out: &mut String, report: &Report) -> fmt::Result {
    let mut columns = vec![
        "Thread ID",
        "Events",
        "Duration (ms)",
        "Nodes",
        "Tool Calls",
        "Errors",
        "Tokens",
    ];
    if report.more.is_some() {
        columns.extend(["Prompt Tokens", "Completion Tokens", "Tenant ID"]);
    }
    let rows = report.sessions.iter().map(|row| {
        let mut cells = vec![
            name(&row.thread_id),
            row.event_count.to_string(),
            ms(row.duration_ms),
            row.node_count.to_string(),
            row.tool_calls.to_string(),
            row.error_count.to_string(),
            row.total_tokens.to_string(),
        ];
        if row.more.is_some() {
            cells.push(row.prompt_tokens.to_string());
            cells.push(row.completion_tokens.to_string());
            cells.push(name(&row.tenant_id));
        }
        cells
    });
    table(out, "Session Details", &columns, &rows.collect::<Vec<_>>())
}

fn write_nodes(out: &mut String, report: &Report) -> fmt::Result {
    let mut columns = vec![
        "Node ID", "Count", "Avg (ms)", "P50 (ms)", "P95 (ms)", "P99 (ms)", "Min (ms)", "Max (ms)",
    ];
    if report.more.is_some() {
        columns.extend(["Total (ms)", "Errors"]);
    }
    let rows = report.node_performance.iter().map(|row| {
        let mut cells = vec![
            name(&row.node_id),
            row.execution_count.to_string(),
            ms(row.avg_duration_ms),
            ms(row.p50_duration_ms),
            ms(row.p95_duration_ms),
            ms(row.p99_duration_ms),
            ms(row.min_duration_ms),
            ms(row.max_duration_ms),
        ];
        if let Some(more) = &row.more {
            cells.push(ms(row.total_duration_ms));
            cells.push(more.error_count.to_string());
        }
        cells
    });
    table(out, "Node Performance", &columns, &rows.collect::<Vec<_>>())
}

fn write_tools(out: &mut String, report: &Report) -> fmt::Result {
    let mut columns = vec![
        "Tool Name",
        "Calls",
        "Success Rate",
        "Avg Duration (ms)",
        "P95 (ms)",
    ];
    if report.more.is_some() {
        columns.extend([
            "Failed",
            "Unfinished",
            "Attempts",
            "Retry Rate",
            "Min (ms)",
            "Max (ms)",
            "Total (ms)",
        ]);
    }
    let rows = report.tool_performance.iter().map(|row| {
        let mut cells = vec![
            name(&row.tool_name),
            row.total_calls.to_string(),
            percent(row.success_rate),
            ms(row.avg_duration_ms),
            ms(row.p95_duration_ms),
        ];
        if let Some(more) = &row.more {
            cells.extend([
                row.failed.to_string(),
                more.unfinished.to_string(),
                more.attempts.to_string(),
                percent(row.retry_rate),
                ms(more.min_duration_ms),
                ms(more.max_duration_ms),
                ms(more.total_duration_ms),
            ]);
        }
        cells
    });
    table(out, "Tool Performance", &columns, &rows.collect::<Vec<_>>())
}

fn write_more(out: &mut String, report: &Report) -> fmt::Result {
    let Some(more) = &report.more else {
        return Ok(());
    };
    let row = |title: &str, value: String| vec![title.to_owned(), value];
    let runs = &more.graph_runs;
    if runs.started + runs.completed + runs.failed + runs.quality_alerts > 0 {
        let rows = [
            row("Started", runs.started.to_string()),
            row("Completed", runs.completed.to_string()),
            row("Failed", runs.failed.to_string()),
            row("Success Rate", percent(runs.success_rate)),
            row("Quality Alerts", runs.quality_alerts.to_string()),
            row("Avg (ms)", ms(runs.avg_duration_ms)),
            row("P50 (ms)", ms(runs.p50_duration_ms)),
            row("P95 (ms)", ms(runs.p95_duration_ms)),
            row("P99 (ms)", ms(runs.p99_duration_ms)),
            row("Min (ms)", ms(runs.min_duration_ms)),
            row("Max (ms)", ms(runs.max_duration_ms)),
        ];
        table(out, "Graph Runs", &["Metric", "Value"], &rows)?;
    }
    let sources = &more.error_sources;
    if sources.error_messages + sources.failed_tool_calls > 0 || !sources.error_events.is_empty() {
        let mut rows = vec![
            row("Error messages", sources.error_messages.to_string()),
            row(
                "of these ERROR or FATAL",
                sources.severe_error_messages.to_string(),
            ),
        ];
        for (kind, count) in &sources.error_events {
            rows.push(row(&format!("{} events", name(kind)), count.to_string()));
        }
        rows.push(row("Failed tool calls", sources.failed_tool_calls.to_string()));
        table(out, "Error Sources", &["Source", "Count"], &rows)?;
    }
    let rows: Vec<_> = (more.messages.iter())
        .filter(|(_, count)| **count > 0)
        .map(|(kind, count)| row(kind, count.to_string()))
        .collect();
    table(out, "Messages", &["Type", "Count"], &rows)
}
