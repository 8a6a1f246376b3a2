//! Formulas against small documents; real ones are in `tests/` of this crate.

use super::*;
use crate::metrics::EvalMetric;

/// Two sessions as our `analyze_events` tells of them: the second failed, after a tool failed.
const OURS: &str = r#"{
  "summary": {"total_sessions": 2, "total_events": 10, "total_duration_ms": 400.0, "total_prompt_tokens": 1000,
    "total_completion_tokens": 100, "total_tokens": 1100, "total_errors": 1, "total_tool_calls": 3},
  "sessions": [
    {"thread_id": "a", "tenant_id": "", "event_count": 6, "duration_ms": 100.0, "node_count": 1, "tool_calls": 2,
      "error_count": 0, "prompt_tokens": 600, "completion_tokens": 60, "total_tokens": 660, "runs_completed": 1,
      "runs_failed": 0, "error_events": 0, "failed_tool_calls": 0},
    {"thread_id": "b", "tenant_id": "", "event_count": 4, "duration_ms": 300.0, "node_count": 1, "tool_calls": 1,
      "error_count": 1, "prompt_tokens": 400, "completion_tokens": 40, "total_tokens": 440, "runs_completed": 0,
      "runs_failed": 1, "error_events": 0, "failed_tool_calls": 1}],
  "node_performance": [
    {"node_id": "x", "execution_count": 2, "total_duration_ms": 30.0, "avg_duration_ms": 15.0, "p95_duration_ms": 20.0},
    {"node_id": "y", "execution_count": 1, "total_duration_ms": 5.0, "avg_duration_ms": 5.0, "p95_duration_ms": 5.0}],
  "tool_performance": [{"tool_name": "t", "total_calls": 3, "completed": 2, "failed": 1}],
  "errors": [{"severity": "ERROR", "count": 1, "percentage": 100.0}],
  "counting": "default",
  "graph_runs": {"started": 2, "completed": 1, "failed": 1}
}"#;

fn convert(text: &str, conversion: Conversion) -> Converted {
    AnalyticsConverter::convert(text, conversion, None).unwrap()
}

#[test]
fn default_metrics_are_those_of_a_session() {
    let converted = convert(OURS, Conversion::Default);
    let metrics = &converted.metrics;
    assert_eq!(metrics.avg_latency, 200.0);
    assert_eq!(metrics.p95_latency, 290.0);
    assert_eq!((metrics.success_rate, metrics.error_rate), (0.5, 0.5));
    assert_eq!(metrics.total_tokens, 550);
    // 1000 x 2.50 and 100 x 10.00 USD per million, by two sessions.
    assert!((metrics.cost_per_run - 0.00175).abs() < 1e-12);
    assert_eq!(converted.values.get(EvalMetric::ToolCalls), Some(1.5));
    assert_eq!(converted.totals.tool_calls, 3);
    assert!(converted.notes.is_empty(), "{:?}", converted.notes);
}

#[test]
fn samples_have_one_value_a_session() {
    let samples = convert(OURS, Conversion::Default).samples;
    assert_eq!(samples["avg_latency"], [100.0, 300.0]);
    assert_eq!(samples["total_tokens"], [660.0, 440.0]);
    assert_eq!(samples["tool_calls"], [2.0, 1.0]);
    assert_eq!(samples["success_rate"], [1.0, 0.0]);
    assert_eq!(samples["error_rate"], [0.0, 1.0]);
    assert!((samples["cost_per_run"][0] - 0.0021).abs() < 1e-12);
}

#[test]
fn reference_metrics_are_those_of_nodes_and_sums() {
    let metrics = convert(OURS, Conversion::Reference).metrics;
    assert_eq!((metrics.p95_latency, metrics.avg_latency), (20.0, 10.0));
    assert_eq!((metrics.success_rate, metrics.error_rate), (0.5, 0.1));
    assert_eq!((metrics.total_tokens, metrics.tool_calls), (1100, 10));
    assert!((metrics.cost_per_run - 0.0035).abs() < 1e-12);
}

#[test]
fn a_session_without_an_end_is_no_success() {
    let text = OURS.replacen(r#""runs_completed": 1"#, r#""runs_completed": 0"#, 1);
    let converted = convert(&text, Conversion::Default);
    assert_eq!(converted.metrics.success_rate, 0.0);
    assert_eq!(converted.totals.unfinished_sessions, 1);
    assert!(converted.notes[0].starts_with("1 of 2 sessions have no end"));
}

#[test]
fn without_graphs_a_session_succeeds_that_has_no_error() {
    let text = OURS
        .replace(
            r#""started": 2, "completed": 1, "failed": 1"#,
            r#""started": 0, "completed": 0, "failed": 0"#,
        )
        .replace(r#""runs_completed": 1"#, r#""runs_completed": 0"#)
        .replace(r#""runs_failed": 1"#, r#""runs_failed": 0"#);
    let converted = convert(&text, Conversion::Default);
    assert_eq!(converted.samples["success_rate"], [1.0, 0.0]);
    assert_eq!(converted.totals.unfinished_sessions, 0);
}

#[test]
fn an_error_of_any_kind_is_no_success() {
    let text = OURS
        .replace(
            r#""graph_runs": {"started": 2, "completed": 1, "failed": 1}"#,
            r#""graph_runs": null"#,
        )
        .replace(r#""runs_completed": 1"#, r#""runs_completed": 0"#)
        .replace(r#""runs_failed": 1"#, r#""runs_failed": 0"#)
        .replacen(r#""failed_tool_calls": 0"#, r#""failed_tool_calls": 1"#, 1);
    let samples = convert(&text, Conversion::Default).samples;
    assert_eq!(samples["error_rate"], [1.0, 1.0]);
    assert_eq!(samples["success_rate"], [0.0, 0.0]);
}

#[test]
fn sums_of_all_sessions_are_not_divided_by_those_that_are_listed() {
    let text = OURS
        .replace(r#""total_sessions": 2"#, r#""total_sessions": 10"#)
        .replace(r#""total_tokens": 1100"#, r#""total_tokens": 5500"#);
    let values = convert(&text, Conversion::Default).values;
    assert_eq!(values.get(EvalMetric::TotalTokens), Some(550.0));
    // Without the tokens of prompts by session the cost is known of all ten alone.
    let text = text.replace(r#""prompt_tokens": 600, "#, "");
    let cost = convert(&text, Conversion::Default)
        .values
        .get(EvalMetric::CostPerRun);
    assert!((cost.unwrap() - 0.00035).abs() < 1e-12, "{cost:?}");
}

#[test]
fn stages_of_tools_are_not_taken_for_calls() {
    let text = OURS.replace(r#""counting": "default","#, "");
    let converted = convert(&text, Conversion::Default);
    // Two completed and one failed, whatever the sessions say.
    assert_eq!(converted.values.get(EvalMetric::ToolCalls), Some(1.5));
    assert!(!converted.samples.contains_key("tool_calls"));
    assert!(converted.notes[0].contains("stages of tool calls"));
}

#[test]
fn errors_may_be_rows_counts_or_absent() {
    let rows = r#"[{"severity": "ERROR", "count": 1, "percentage": 100.0}]"#;
    for errors in [r#"{"debug": 0, "error": 1}"#, "null", "[]"] {
        convert(&OURS.replace(rows, errors), Conversion::Reference);
    }
    let bad = AnalyticsConverter::from_json(&OURS.replace(rows, r#""many""#), None);
    assert!(
        bad.unwrap_err()
            .to_string()
            .starts_with("failed to parse analytics JSON")
    );
}

#[test]
fn what_is_no_analytics_is_told_with_the_place() {
    for (text, part) in [
        ("", "EOF while parsing"),
        ("{}", "missing field `summary`"),
        (
            &OURS.replace(r#""total_events": 10"#, r#""total_events": 4.5"#),
            "invalid type",
        ),
        (
            &OURS.replace(r#""total_duration_ms""#, r#""duration""#),
            "missing field `total_duration`",
        ),
    ] {
        let error = AnalyticsConverter::from_json(text, None).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn without_sessions_nothing_is_measured() {
    let text = r#"{"summary": {"total_sessions": 0, "total_events": 0, "total_duration": 0, "prompt_tokens": 0,
        "completion_tokens": 0, "total_tokens": 0, "total_errors": 0}, "sessions": []}"#;
    let converted = convert(text, Conversion::Default);
    assert_eq!(converted.values.get(EvalMetric::AvgLatency), None);
    assert!(converted.notes[0].starts_with("there is no session"));
    let reference = convert(text, Conversion::Reference);
    assert_eq!(reference.metrics.success_rate, 1.0);
    for metric in [
        EvalMetric::P95Latency,
        EvalMetric::SuccessRate,
        EvalMetric::ErrorRate,
    ] {
        assert_eq!(reference.values.get(metric), None, "{metric}");
    }
    for unmeasured in [converted, reference] {
        let error = unmeasured.check_measured().unwrap_err().to_string();
        assert!(error.contains("no session"), "{error}");
    }
}
