//! `quipu eval` as a user meets it, over a recorded file with 39 runs in 21 threads.

#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Told, quipu, recorded_store, text};
use serde_json::Value;
use tempfile::TempDir;

/// A gate outside of GitHub Actions, whatever runs the tests.
fn eval() -> Command {
    let mut command = quipu();
    command.env_remove("GITHUB_ACTIONS").arg("eval");
    command
}

fn run(arguments: &[&str]) -> Told {
    Told::of(eval().args(arguments).arg("--store").arg(recorded_store()))
}

/// A store of its own with the recorded file.
fn own_store() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy(recorded_store(), folder.path());
    folder
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// A baseline of the recorded file, saved into a folder.
fn baseline(folder: &Path) -> PathBuf {
    let path = folder.join("baselines/demo.json");
    let told = run(&["save", "--app", "demo", "--file", text(&path)]);
    assert_eq!(told.code, 0, "{}", told.err);
    path
}

fn json(told: &Told) -> Value {
    serde_json::from_str(&told.out).unwrap_or_else(|error| panic!("{error}: {} {}", told.out, told.err))
}

fn finding<'a>(outcome: &'a Value, name: &str) -> &'a Value {
    let findings = outcome["findings"].as_array().unwrap();
    findings.iter().find(|of| of["name"] == name).unwrap()
}

#[test]
fn runs_compared_with_themselves_pass() {
    let folder = tempfile::tempdir().unwrap();
    let path = baseline(folder.path());
    let saved: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(
        (&saved["app_name"], &saved["sample_unit"]),
        (&"demo".into(), &"run".into())
    );
    assert_eq!(saved["samples"]["success_rate"].as_array().unwrap().len(), 39);
    let success = saved["metrics"]["success_rate"].as_f64().unwrap();
    assert!((success - 37.0 / 39.0).abs() < 1e-12, "{success}");
    assert!(saved["parts"]["nodes"].as_object().unwrap().len() > 1);
    let told = run(&["compare", "--baseline", text(&path), "--format", "json"]);
    assert_eq!(told.code, 0, "{}", told.err);
    let outcome = json(&told);
    assert_eq!(finding(&outcome, "success_rate")["status"], "passed");
    assert_eq!(finding(&outcome, "safety")["status"], "skipped");
    assert!(
        outcome["notes"].to_string().contains("completeness 100.000 %"),
        "{outcome}"
    );
}

#[test]
fn a_baseline_is_replaced_only_when_asked_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = baseline(folder.path());
    let again = run(&["save", "--app", "demo", "--file", text(&path)]);
    assert_ne!(again.code, 0);
    assert!(again.err.contains("--update"), "{}", again.err);
    let update = run(&["save", "--app", "demo", "--file", text(&path), "--update"]);
    assert_eq!(update.code, 0, "{}", update.err);
}

#[test]
fn a_slowdown_is_found_explained_and_kept() {
    let store = own_store();
    let folder = tempfile::tempdir().unwrap();
    let path = baseline(folder.path());
    // The past as it would be had every run taken a fifth of the time.
    let mut saved: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    for metric in ["avg_latency", "p95_latency"] {
        for value in saved["samples"][metric].as_array_mut().unwrap() {
            *value = (value.as_f64().unwrap() / 5.0).into();
        }
    }
    for (_, amount) in saved["parts"]["nodes"].as_object_mut().unwrap() {
        *amount = (amount.as_f64().unwrap() / 5.0).into();
    }
    fs::write(&path, saved.to_string()).unwrap();
    let compare = |arguments: &[&str]| {
        Told::of(
            eval()
                .args(["compare", "--baseline", text(&path), "--metric", "avg_latency"])
                .args(arguments)
                .arg("--store")
                .arg(store.path()),
        )
    };
    let told = compare(&[]);
    assert_eq!(
        told.code, 0,
        "a warning does not fail the gate: {}{}",
        told.out, told.err
    );
    let told = compare(&["--fail-on", "warning", "--keep"]);
    assert_eq!(told.code, 1, "{}{}", told.out, told.err);
    assert!(
        told.out.contains("(+400.0 %): regressed, significant"),
        "{}",
        told.out
    );
    assert!(told.out.contains("a 95 % interval from +"), "{}", told.out);
    assert!(
        told.out.contains("      nodes "),
        "the node that carries it: {}",
        told.out
    );
    assert!(told.out.contains("compare: quipu report diff "), "{}", told.out);
    assert!(told.out.contains("sql: SELECT node_id AS part"), "{}", told.out);
    let asked = Told::of(quipu().args([
        "sql",
        "--format",
        "csv",
        "-c",
        "select app_name, metric, round(relative, 6), severity from regressions",
        "--store",
        text(store.path()),
    ]));
    assert_eq!(
        asked.out,
        "app_name,metric,\"round(regressions.relative,Int64(6))\",severity\ndemo,avg_latency,4.0,warning\n"
    );
}

#[test]
fn two_selections_of_one_store_are_compared() {
    let told = run(&[
        "compare",
        "--baseline-where",
        "graph_name = 'no such graph'",
        "--metric",
        "avg_latency",
    ]);
    assert_eq!(told.code, 3, "{}", told.err);
    assert!(
        told.err.contains("no run is selected for the baseline"),
        "{}",
        told.err
    );
    let told = run(&[
        "compare",
        "--baseline-where",
        "true",
        "--where",
        "true",
        "--metric",
        "avg_latency",
        "--format",
        "json",
    ]);
    assert_eq!(told.code, 0, "{}", told.err);
    let outcome = json(&told);
    assert_eq!(
        outcome["notes"][0].as_str().unwrap().split(' ').next(),
        Some("39"),
        "{outcome}"
    );
    let compared = &outcome["document"]["comparisons"][0];
    assert_eq!(
        (&compared["metric"], &compared["difference"]),
        (&"avg_latency".into(), &0.0.into())
    );
}

#[test]
fn a_metric_that_was_not_measured_is_no_zero() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("one.json");
    let saved = run(&["save", "--file", text(&path), "--metric", "avg_latency"]);
    assert_eq!(saved.code, 0, "{}", saved.err);
    let told = run(&["compare", "--baseline", text(&path), "--fail-on", "warning"]);
    assert_eq!(told.code, 0, "{}{}", told.out, told.err);
    let told = run(&["compare", "--baseline", text(&path), "--metric", "tool_calls"]);
    assert_eq!(told.code, 3, "nothing was compared: {}", told.out);
}

#[test]
fn a_baseline_of_another_application_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = baseline(folder.path());
    let told = run(&["compare", "--baseline", text(&path), "--app", "other"]);
    assert_eq!(told.code, 3);
    assert!(told.err.contains("--any-app"), "{}", told.err);
    let told = run(&[
        "compare",
        "--baseline",
        text(&path),
        "--app",
        "other",
        "--any-app",
    ]);
    assert_eq!(told.code, 0, "{}", told.err);
}

#[test]
fn what_is_wrong_with_the_command_line_is_told_in_a_line() {
    for (arguments, code, said) in [
        (&["compare", "--baseline", "no/such.json"][..], 3, "no/such.json"),
        (
            &["compare", "--baseline", "x", "--metric", "speed"],
            2,
            "there is no metric \"speed\"",
        ),
        (
            &["compare", "--baseline", "x", "--threshold", "avg_latency=much"],
            2,
            "is no threshold",
        ),
        (
            &["compare", "--baseline", "x", "--threshold-mode", "severe"],
            2,
            "default, strict or lenient",
        ),
        (&["show", "--metrics", "no/such"], 2, "no/such"),
        (&["selftest", "--tenant", "nobody"], 3, "no metric has 5 values"),
        (&["save", "--tenant", "nobody"], 3, "no run is selected"),
    ] {
        let told = run(arguments);
        assert_eq!(told.code, code, "{arguments:?}: {}", told.err);
        assert!(told.err.contains(said), "{arguments:?}: {}", told.err);
        assert_eq!(told.out, "", "{arguments:?}");
    }
}

#[test]
fn metrics_of_ones_own_are_measured() {
    let folder = tempfile::tempdir().unwrap();
    let metric = "-- messages_per_run: messages of a run\n-- Unit: count\n-- Better: lower\n\
                  -- Filter: time = started, tenant = tenant_id, thread = thread_id, graph = graph_name\n\
                  select run_id, messages as value from runs where $filter";
    fs::write(folder.path().join("messages_per_run.sql"), metric).unwrap();
    let told = run(&[
        "show",
        "--metrics",
        text(folder.path()),
        "--metric",
        "messages_per_run",
        "--format",
        "json",
    ]);
    let rows = json(&told);
    assert_eq!(rows[0]["metric"], "messages_per_run");
    assert_eq!(rows[0]["samples"], 39);
    fs::write(
        folder.path().join("messages_per_run.sql"),
        metric.replace("as value", "as number"),
    )
    .unwrap();
    let told = run(&[
        "show",
        "--metrics",
        text(folder.path()),
        "--metric",
        "messages_per_run",
    ]);
    assert_eq!(told.code, 2);
    assert!(
        told.err.contains("gives no column value, but run_id, number"),
        "{}",
        told.err
    );
}

#[test]
fn a_gate_is_tried_on_the_past() {
    let told = run(&[
        "selftest",
        "--metric",
        "avg_latency",
        "--metric",
        "success_rate",
        "--runs",
        "15",
        "--trials",
        "20",
        "--format",
        "json",
    ]);
    assert_eq!(told.code, 0, "{}", told.err);
    let rows = json(&told);
    let names: Vec<&str> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["metric"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["avg_latency", "success_rate"]);
    assert_eq!(rows[0]["history"], 39);
    assert!(
        told.err.contains("2 metrics over 15 runs a side, 20 trials"),
        "{}",
        told.err
    );
}

const SUITE: &str = r#"{
  "name": "capitals", "description": "capitals of countries", "version": "1.0.0",
  "cases": [
    {"id": "fr", "query": "France?", "expected_answer": "Paris", "metadata": {"category": "europe"}},
    {"id": "jp", "query": "Japan?", "expected_answer": "Tokyo", "metadata": {"category": "asia"}}
  ]
}"#;

#[test]
fn a_failed_case_is_annotated_at_its_line_in_github_actions() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("suite.json"), SUITE).unwrap();
    fs::write(
        folder.path().join("answers.json"),
        r#"{"fr": "Paris", "jp": "Osaka"}"#,
    )
    .unwrap();
    let summary = folder.path().join("summary.md");
    let told = Told::of(
        quipu()
            .current_dir(folder.path())
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_STEP_SUMMARY", &summary)
            .args(["eval", "suite", "suite.json", "--answers", "answers.json"]),
    );
    assert_eq!(told.code, 1, "{}{}", told.out, told.err);
    assert!(
        told.out.contains("::error file=suite.json,line=5,"),
        "{}",
        told.out
    );
    assert!(!told.out.contains("line=4"), "{}", told.out);
    let summary = fs::read_to_string(summary).unwrap();
    assert!(summary.contains("jp"), "{summary}");
}

#[test]
fn answers_come_from_a_query_and_results_are_kept() {
    let store = own_store();
    let folder = tempfile::tempdir().unwrap();
    let suite = folder.path().join("suite.json");
    fs::write(&suite, SUITE).unwrap();
    let told = Told::of(
        eval()
            .args(["suite", text(&suite), "--keep", "--answers-sql"])
            .arg("select 'fr' as id, 'Paris' as answer union all select 'jp', 'Tokyo'")
            .arg("--store")
            .arg(store.path()),
    );
    assert_eq!(told.code, 0, "{}{}", told.out, told.err);
    assert!(
        told.out.contains("PASSED: average correctness 100.0%"),
        "{}",
        told.out
    );
    let asked = Told::of(quipu().args([
        "sql",
        "--format",
        "csv",
        "-c",
        "select case_id, score, passed, category from suite_results order by 1",
        "--store",
        text(store.path()),
    ]));
    assert_eq!(
        asked.out,
        "case_id,score,passed,category\nfr,1.0,true,europe\njp,1.0,true,asia\n"
    );
}

#[test]
fn mistakes_in_suites_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let suite = folder.path().join("suite.json");
    fs::write(&suite, SUITE).unwrap();
    assert_eq!(Told::of(eval().args(["lint", text(&suite)])).code, 0);
    fs::write(&suite, SUITE.replace("\"jp\"", "\"fr\"")).unwrap();
    let told = Told::of(eval().args(["lint", text(&suite)]));
    assert_eq!(told.code, 1, "{}", told.out);
    assert!(told.out.contains("fr"), "{}", told.out);
}
