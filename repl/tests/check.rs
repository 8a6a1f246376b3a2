//! `quipu check` as a user meets it, over a recorded file of which it is known that 37 of 39 runs completed, 2 failed and
//! nothing is missing.

#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::Path;

use common::{Told, quipu, recorded_store, text};
use serde_json::Value;
use tempfile::TempDir;

const HOLDS: &str = "-- holds: nothing is missing.\nselect * from gaps";

const FAILED_RUNS: &str = "\
-- no_run_fails: every run completes.
-- Message: run {run_number} of {thread_id} is {status}
-- Param: status text = failed
select thread_id, run_number, status from runs where status = $status order by thread_id, run_number
";

fn claims(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn check(folder: &Path, arguments: &[&str]) -> Told {
    Told::of(
        quipu()
            .env_remove("GITHUB_ACTIONS")
            .args(["check", text(folder)])
            .args(arguments)
            .arg("--store")
            .arg(recorded_store()),
    )
}

#[test]
fn claims_that_hold_pass_and_completeness_is_stated() {
    let folder = claims(&[("holds.sql", HOLDS)]);
    let told = check(folder.path(), &[]);
    assert_eq!(told.code, 0, "{}", told.err);
    assert!(
        told.out.contains("✓ passed        holds  nothing is missing."),
        "{}",
        told.out
    );
    assert!(told.out.contains("note: completeness 100.000 %"), "{}", told.out);
    assert!(
        told.out.ends_with("\nPASSED: 1 of 1 claims hold\n"),
        "{}",
        told.out
    );
}

#[test]
fn each_row_is_a_violation() {
    let folder = claims(&[("a.sql", HOLDS), ("no_run_fails.sql", FAILED_RUNS)]);
    let told = check(folder.path(), &["--format", "json"]);
    assert_eq!(told.code, 1, "{}", told.err);
    let json: Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(
        (&json["result"], &json["exit_code"]),
        (&"failed".into(), &1.into())
    );
    let finding = &json["findings"][1];
    assert_eq!(finding["status"], "failed");
    assert_eq!(finding["line"], 4);
    assert_eq!(finding["details"].as_array().unwrap().len(), 2);
    let message = finding["message"].as_str().unwrap();
    assert!(message.ends_with(" is failed (and 1 more)"), "{message}");
}

#[test]
fn what_matters_less_than_asked_for_is_a_warning() {
    let warning = format!("-- Severity: warning\n{FAILED_RUNS}");
    let folder = claims(&[("no_run_fails.sql", &warning)]);
    let told = check(folder.path(), &[]);
    assert_eq!(told.code, 0, "{}", told.err);
    assert!(told.out.contains("! warning"), "{}", told.out);
    assert_eq!(check(folder.path(), &["--fail-on", "warning"]).code, 1);
}

#[test]
fn parameters_reach_the_claims_that_have_them() {
    let folder = claims(&[("a.sql", HOLDS), ("no_run_fails.sql", FAILED_RUNS)]);
    assert_eq!(check(folder.path(), &["-p", "status=abandoned"]).code, 0);
    let told = check(folder.path(), &["-p", "state=abandoned"]);
    assert_eq!(told.code, 2);
    assert!(
        told.err.contains("no claim has a parameter \"state\""),
        "{}",
        told.err
    );
}

#[test]
fn a_claim_that_cannot_be_run_is_no_pass() {
    for broken in [
        "select * from no_such_view",
        "select 1 where",
        "-- Severity: fatal\nselect 1",
        "-- Message: {missing}\nselect thread_id from gaps",
        "select $value",
        "select 1; select 2",
    ] {
        let folder = claims(&[("a.sql", HOLDS), ("broken.sql", broken)]);
        let told = check(folder.path(), &[]);
        assert_eq!(told.code, 3, "{broken}: {}{}", told.out, told.err);
        assert!(told.out.contains("✗ error         broken"), "{}", told.out);
        assert!(
            told.err.starts_with("error: NOT JUDGED: 1 of 2 claims hold"),
            "{}",
            told.err
        );
    }
}

#[test]
fn what_is_not_there_cannot_be_judged() {
    let folder = claims(&[]);
    assert_eq!(check(folder.path(), &[]).code, 3, "no claim");
    assert_eq!(check(&folder.path().join("missing"), &[]).code, 3);
    let told = Told::of(
        quipu()
            .args(["check", text(claims(&[("a.sql", HOLDS)]).path()), "--store"])
            .arg(folder.path().join("no-store")),
    );
    assert_eq!(told.code, 3, "{}", told.err);
}

#[test]
fn github_is_told_where_the_environment_says_so() {
    let folder = claims(&[("no_run_fails.sql", FAILED_RUNS)]);
    let summary = folder.path().join("summary.md");
    let junit = folder.path().join("out/check.xml");
    let told = Told::of(
        quipu()
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_WORKSPACE", folder.path())
            .env("GITHUB_STEP_SUMMARY", &summary)
            .args([
                "check",
                text(folder.path()),
                "--format",
                "junit",
                "--output",
                text(&junit),
            ])
            .arg("--store")
            .arg(recorded_store()),
    );
    assert_eq!(told.code, 1, "{}", told.err);
    assert!(
        told.out
            .contains("\n::error file=no_run_fails.sql,line=4,title=no_run_fails::run "),
        "{}",
        told.out
    );
    assert!(
        fs::read_to_string(summary)
            .unwrap()
            .contains("| ❌ failed | no_run_fails |")
    );
    let xml = fs::read_to_string(junit).unwrap();
    assert!(xml.contains("tests=\"1\" failures=\"1\" errors=\"0\""), "{xml}");
}

#[test]
fn the_example_claims_run_over_the_recording() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/checks");
    let told = check(&examples, &["--format", "json"]);
    let json: Value = serde_json::from_str(&told.out).unwrap();
    let findings = json["findings"].as_array().unwrap();
    assert_eq!(json["counts"]["error"], 0, "{}", told.out);
    for name in ["every_run_ends", "no_gaps", "no_dead_letters"] {
        let finding = findings.iter().find(|finding| finding["name"] == name).unwrap();
        assert_eq!(finding["status"], "passed", "{finding}");
    }
    let all = check(
        &examples,
        &[
            "--format",
            "json",
            "-p",
            "max_ms=0",
            "-p",
            "runs=1",
            "-p",
            "max_usd=0",
        ],
    );
    let json: Value = serde_json::from_str(&all.out).unwrap();
    let slow = json["findings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|finding| finding["name"] == "latency_p95");
    assert_eq!(slow.unwrap()["status"], "warning", "{}", all.out);
}
