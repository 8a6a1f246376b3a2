//! `quipu bench` as a user meets it. Nothing here asserts how fast something is: the commands differ by so much that it does
//! not matter.

#![allow(clippy::unwrap_used)]
#![cfg(unix)]

mod common;

use std::fs;

use common::{Told, quipu, text};
use serde_json::Value;

fn bench(arguments: &[&str]) -> Told {
    Told::of(quipu().env_remove("GITHUB_ACTIONS").arg("bench").args(arguments))
}

#[test]
fn every_run_is_a_sample_and_is_saved() {
    let folder = tempfile::tempdir().unwrap();
    let (log, file) = (folder.path().join("log"), folder.path().join("saved.json"));
    let script = format!("echo run >> {}", log.display());
    let arguments = [
        "run",
        "-n",
        "6",
        "--warmup",
        "2",
        "--save",
        text(&file),
        "--",
        "sh",
        "-c",
        &script,
    ];
    let told = bench(&arguments);
    assert_eq!(told.code, 0, "{}", told.err);
    assert!(told.out.contains("6 runs after 2 of warm-up"), "{}", told.out);
    assert!(told.out.contains("95 % CI ["), "{}", told.out);
    assert_eq!(fs::read_to_string(&log).unwrap().lines().count(), 8);
    let saved: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(saved["samples"].as_array().unwrap().len(), 6);

    let again = bench(&arguments);
    assert_eq!(again.code, 2, "a saved benchmark is not replaced unasked");
    assert_eq!(
        fs::read_to_string(&log).unwrap().lines().count(),
        8,
        "and nothing ran for it"
    );

    let shown = bench(&["show", text(&file), "--format", "json"]);
    let json: Value = serde_json::from_str(&shown.out).unwrap();
    assert_eq!((&json["runs"], &json["failed"]), (&6.into(), &0.into()));
}

#[test]
fn a_slower_command_fails_the_gate_and_a_quicker_one_does_not() {
    let slow = "sh -c 'sleep 0.3'";
    let told = bench(&[
        "run",
        "-n",
        "5",
        "--warmup",
        "0",
        "--vs",
        "true",
        "--",
        "sh",
        "-c",
        "sleep 0.3",
    ]);
    assert_eq!(told.code, 1, "{}{}", told.out, told.err);
    assert!(told.out.contains("\nFAILED: wall_time_ms: +"), "{}", told.out);
    let told = bench(&["run", "-n", "5", "--warmup", "0", "--vs", slow, "--", "true"]);
    assert_eq!(told.code, 0, "{}{}", told.out, told.err);
    assert!(
        told.out.contains("\nPASSED (improved): wall_time_ms: -"),
        "{}",
        told.out
    );
}

#[test]
fn too_few_runs_are_inconclusive_and_fail_only_when_asked_to() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("saved.json");
    let told = bench(&["run", "-n", "4", "--save", text(&file), "--", "true"]);
    assert!(told.out.contains("4 runs are too few"), "{}", told.out);
    let arguments = ["compare", text(&file), text(&file), "--format", "json"];
    let told = bench(&arguments);
    let json: Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!((told.code, &json["verdict"]), (0, &"inconclusive".into()));
    let told = bench(&[&arguments[..], &["--fail-on", "inconclusive"]].concat());
    assert_eq!(told.code, 1, "{}", told.err);
}

#[test]
fn a_command_that_fails_is_told() {
    let told = bench(&[
        "run",
        "-n",
        "9",
        "--max-failures",
        "2",
        "--",
        "sh",
        "-c",
        "exit 3",
    ]);
    assert_eq!((told.code, told.out.as_str()), (1, ""));
    assert!(
        told.err.contains("3 runs of sh -c 'exit 3' failed, 2 may"),
        "{}",
        told.err
    );
    let told = bench(&["run", "--vs", "quipu-no-such-program", "--", "true"]);
    assert_eq!(told.code, 3, "a comparison that cannot be made: {}", told.err);
    let told = bench(&["compare", "missing.json", "missing.json"]);
    assert_eq!(told.code, 3, "{}", told.err);
}

#[test]
fn what_needs_a_verdict_is_refused_without_one() {
    for arguments in [
        &["--format", "junit"][..],
        &["--output", "x.xml"],
        &["-n", "0"],
        &["--vs", "'open"],
    ] {
        let told = bench(&[&["run"], arguments, &["--", "true"]].concat());
        assert_eq!(
            (told.code, told.out.as_str()),
            (2, ""),
            "{arguments:?}: {}",
            told.err
        );
    }
}
