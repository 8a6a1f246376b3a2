//! `eval_runner` and `benchmark_runner` as processes, behind `analyze_events` and on files. What they judge is tested in
//! `evals`, over the library.

#![allow(clippy::unwrap_used)]

mod common;

use std::path::Path;
use std::process::{Command, Stdio};

use common::{SMALL_FRAMES, Told, program, text};
use serde_json::Value;
use tempfile::TempDir;

fn fixture(name: &str) -> String {
    format!("{}/../tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn eval_runner(arguments: &[&str]) -> Command {
    let mut command = program(env!("CARGO_BIN_EXE_eval_runner"));
    command.args(arguments);
    command
}

fn benchmark_runner(arguments: &[&str]) -> Command {
    let mut command = program(env!("CARGO_BIN_EXE_benchmark_runner"));
    command.args(arguments);
    command
}

/// What `parse_events | analyze_events --format json` says of the recorded messages: the pipe of the README.
fn analytics() -> String {
    let mut parse = program(env!("CARGO_BIN_EXE_parse_events"))
        .args(["--frames", SMALL_FRAMES])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut command = program(env!("CARGO_BIN_EXE_analyze_events"));
    command
        .args(["--format", "json"])
        .stdin(parse.stdout.take().unwrap());
    let told = Told::of(&mut command);
    assert!(parse.wait().unwrap().success());
    assert_eq!(told.code, 0, "{}", told.err);
    told.out
}

fn json(out: &str) -> Value {
    serde_json::from_str(out).unwrap()
}

#[test]
fn the_pipeline_saves_a_baseline_and_compares_with_it() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("baselines/librarian.json");
    let path = text(&path);
    let analytics = analytics();
    let run = |arguments: &[&str]| Told::with_input(&mut eval_runner(arguments), &analytics);

    let save = [
        "--app-name",
        "librarian",
        "--save-baseline",
        path,
        "--correctness",
        "0.95",
    ];
    let saved = run(&save);
    assert_eq!(
        (saved.code, saved.out),
        (0, format!("✓ Baseline saved to {path}\n"))
    );
    let again = run(&save);
    assert_eq!(again.code, 2);
    assert!(again.err.contains("--update"), "{}", again.err);
    assert_eq!(run(&[&save[..], &["--update"]].concat()).code, 0);

    let same = run(&["--baseline", path, "--correctness", "0.95"]);
    assert_eq!(same.code, 0, "{}{}", same.out, same.err);
    assert!(
        same.out
            .starts_with("=== Evaluation Report ===\n\nApp: librarian\nBaseline: "),
        "{}",
        same.out
    );
    assert!(
        !same.out.contains('\u{1b}'),
        "no colour where there is no terminal"
    );

    let worse = ["--baseline", path, "--correctness", "0.5", "--fail-on-regression"];
    let failed = run(&[&worse[..], &["true"]].concat());
    assert_eq!(failed.code, 1, "{}{}", failed.out, failed.err);
    assert!(
        failed.out.contains("✗ FAILED: 1 critical regression(s)"),
        "{}",
        failed.out
    );
    let told = run(&[&worse[..], &["false", "--format", "json"]].concat());
    assert_eq!(told.code, 0, "{}", told.err);
    assert_eq!(json(&told.out)["status"], "FAILED");

    let other = run(&["--baseline", path, "--app-name", "other"]);
    assert_eq!(other.code, 3);
    assert!(other.err.contains("--any-app"), "{}", other.err);
    assert_eq!(
        run(&["--baseline", path, "--app-name", "other", "--any-app"]).code,
        0
    );
}

#[test]
fn qualities_come_from_files() {
    let folder = TempDir::new().unwrap();
    let write = |name: &str, content: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let scores = write("scores.json", r#"{"safety": 99}"#);
    let suite = write("suite.json", r#"{"summary": {"average_correctness": 0.75}}"#);
    let (scores, suite) = (text(&scores), text(&suite));
    let arguments = ["--format", "json", "--scores", scores, "--suite-result", suite];
    let told = Told::with_input(&mut eval_runner(&arguments), &analytics());
    let metrics = json(&told.out);
    assert_eq!(
        (&metrics["safety"], &metrics["correctness"]),
        (&0.99.into(), &0.75.into())
    );
}

#[test]
fn wrong_usage_and_missing_input_have_codes_of_their_own() {
    let baseline = fixture("eval/baseline.json");
    for (arguments, code, part) in [
        (&["--pricing", "gpt-3.5"][..], 2, "gpt-3.5"),
        (
            &["--baseline", &baseline, "--threshold-mode", "nonsense"],
            2,
            "nonsense",
        ),
        (
            &["--baseline", &baseline, "--threshold", "latency=2"],
            2,
            "no metric 'latency'",
        ),
        (
            &["--baseline", "nosuch.json"],
            3,
            "failed to read baseline file nosuch.json",
        ),
        (
            &["--baseline", &baseline, "--counting", "default"],
            3,
            "use --counting reference",
        ),
        (&["--correctness", "-1"], 2, ""),
        (&["--correctness=-1"], 2, "correctness is -1"),
    ] {
        let told = Told::with_input(&mut eval_runner(arguments), &analytics());
        assert_eq!(told.code, code, "{arguments:?}: {}", told.err);
        assert!(told.err.contains(part), "{arguments:?}: {}", told.err);
    }
    let told = Told::with_input(&mut eval_runner(&[]), "no JSON");
    assert_eq!(told.code, 3);
    assert!(
        told.err.starts_with("error: failed to parse analytics JSON"),
        "{}",
        told.err
    );
}

#[test]
fn a_suite_is_scored_from_standard_input_and_linted() {
    let suite = fixture("suite/suite.json");
    let answers = std::fs::read_to_string(fixture("suite/answers.json")).unwrap();
    let run = |arguments: &[&str]| {
        let all = [&["--eval-suite", &suite], arguments].concat();
        Told::with_input(&mut eval_runner(&all), &answers)
    };
    let failed = run(&["--scoring-method", "exact"]);
    assert_eq!(failed.code, 1);
    assert!(failed.out.ends_with("\n✗ FAILED\n"), "{}", failed.out);
    assert_eq!(
        failed.err,
        "✗ FAILED: Correctness 25.0% is below threshold 80.0%\n"
    );
    let passed = run(&["--correctness-threshold", "0.5", "--format", "json"]);
    assert_eq!(passed.code, 0, "{}", passed.err);
    assert_eq!(json(&passed.out)["summary"]["status"], "PASSED");
    assert_eq!(run(&["--scoring-method", "cosine"]).code, 2);
    assert_eq!(run(&["--correctness-threshold", "80"]).code, 2);
    let lint = run(&["--lint"]);
    assert_eq!(lint.code, 0);
    assert!(
        lint.out.contains("suite.json: line 17: warning: case empty_012"),
        "{}",
        lint.out
    );
}

#[test]
fn the_examples_pass() {
    let example = |name: &str| format!("{}/../examples/evals/{name}", env!("CARGO_MANIFEST_DIR"));
    let told = Told::of(&mut eval_runner(&[
        "--eval-suite",
        &example("suite.json"),
        "--input",
        &example("answers.json"),
    ]));
    assert_eq!(told.code, 0, "{}{}", told.out, told.err);
}

#[test]
fn a_benchmark_is_written_also_when_it_regressed() {
    let folder = TempDir::new().unwrap();
    let output = folder.path().join("new/result.json");
    let (run2, baseline) = (fixture("eval/run2.json"), fixture("benchmark/baseline.json"));
    let told = Told::of(&mut benchmark_runner(&[
        "-a",
        &run2,
        "-b",
        &baseline,
        "-o",
        text(&output),
    ]));
    assert_eq!(told.code, 1, "{}{}", told.out, told.err);
    assert!(
        told.out.ends_with("❌ PERFORMANCE REGRESSION DETECTED\n"),
        "{}",
        told.out
    );
    assert!(output.exists());

    let accepted = Told::of(&mut benchmark_runner(&[
        "-a", &run2, "-b", &baseline, "-t", "0.5",
    ]));
    assert_eq!(accepted.code, 0, "{}{}", accepted.out, accepted.err);
    for (arguments, code) in [
        (&["-a", &run2, "-b", "nosuch.json"][..], 3),
        (&["-a", "nosuch.json"], 3),
        (&["-a", &run2, "-c", "95"], 2),
        (&["-a", &run2, "-i", "0"], 2),
    ] {
        assert_eq!(
            Told::of(&mut benchmark_runner(arguments)).code,
            code,
            "{arguments:?}"
        );
    }
}

#[test]
fn a_saved_benchmark_compares_with_itself() {
    let folder = TempDir::new().unwrap();
    let saved = folder.path().join("baseline.json");
    let saved = text(&saved);
    let analytics = fixture("analyze.json");
    let save = ["-a", &analytics, "-s", saved];
    assert_eq!(Told::of(&mut benchmark_runner(&save)).code, 0);
    assert_eq!(
        Told::of(&mut benchmark_runner(&save)).code,
        2,
        "a baseline is not replaced unasked"
    );
    assert!(Path::new(saved).exists());
    let told = Told::of(&mut benchmark_runner(&[
        "-a", &analytics, "-b", saved, "--format", "json",
    ]));
    assert_eq!(told.code, 0, "{}", told.err);
    assert_eq!(json(&told.out)["rule"], "samples");
}
