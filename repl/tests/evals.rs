//! `eval_runner` and `benchmark_runner` as processes, behind `analyze_events` and on files. What they judge is tested in
//! `evals`, over the library.

#![allow(clippy::unwrap_used)]

mod common;

use std::path::Path;
use std::process::{Command, Stdio};

use common::{Told, program, text};
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

/// What `analyze_events --format json` says of the recorded documents.
fn analytics() -> String {
    let mut command = program(env!("CARGO_BIN_EXE_analyze_events"));
    let told = Told::of(command.args(["--format", "json", &fixture("parsed.jsonl")]));
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
    let (baseline, analytics, scores) = (
        example("baseline.json"),
        example("analytics.json"),
        example("scores.json"),
    );
    let compare = [
        "--baseline",
        &baseline,
        "--input",
        &analytics,
        "--scores",
        &scores,
    ];
    let told = Told::of(&mut eval_runner(&compare));
    assert_eq!(told.code, 0, "{}{}", told.out, told.err);
    assert!(
        told.out
            .contains("✓ Correctness:        94.00% (baseline: 95.00%, "),
        "{}",
        told.out
    );
    let told = Told::of(&mut eval_runner(
        &[&compare[..], &["--correctness", "0.5"]].concat(),
    ));
    assert_eq!(told.code, 1, "{}{}", told.out, told.err);
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

/// What `parse_events --frames .. | analyze_events --format json | eval_runner ..` says, with real processes and real pipes.
fn pipeline(arguments: &[&str]) -> Told {
    let mut parsing = program(env!("CARGO_BIN_EXE_parse_events"))
        .args(["--frames", &fixture("small.frames")])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut analyzing = program(env!("CARGO_BIN_EXE_analyze_events"))
        .args(["--format", "json"])
        .stdin(parsing.stdout.take().unwrap())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let told = Told::of(eval_runner(arguments).stdin(analyzing.stdout.take().unwrap()));
    assert!(parsing.wait().unwrap().success());
    assert!(analyzing.wait().unwrap().success());
    told
}

#[test]
fn the_pipeline_of_the_documentation_fails_on_a_critical_regression() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("baselines/librarian_v1.0.0.json");
    let path = text(&path);
    let scores = |name: &str, correctness: f64| {
        let file = folder.path().join(name);
        std::fs::write(
            &file,
            format!(r#"{{"correctness": {correctness}, "safety": 1.0}}"#),
        )
        .unwrap();
        text(&file).to_owned()
    };
    let (good, bad) = (scores("good.json", 0.95), scores("bad.json", 0.6));
    let saved = pipeline(&[
        "--save-baseline",
        path,
        "--app-name",
        "librarian",
        "--scores",
        &good,
    ]);
    assert_eq!(saved.code, 0, "{}", saved.err);

    let same = pipeline(&[
        "--baseline",
        path,
        "--scores",
        &good,
        "--fail-on-regression",
        "true",
    ]);
    assert_eq!(same.code, 0, "{}{}", same.out, same.err);
    assert!(!same.out.contains('⚠') && !same.out.contains('✗'), "{}", same.out);
    let failed = pipeline(&[
        "--baseline",
        path,
        "--scores",
        &bad,
        "--fail-on-regression",
        "true",
    ]);
    assert_eq!(failed.code, 1, "{}{}", failed.out, failed.err);
    assert!(
        failed
            .out
            .ends_with("✗ FAILED: 1 critical regression(s), 0 warning(s)\n")
            || failed
                .out
                .contains("✗ FAILED: 1 critical regression(s), 0 warning(s), "),
        "{}",
        failed.out
    );
}

/// Whoever reads the first lines only is still told by the exit code, and files are there.
#[test]
fn a_closed_pipe_does_not_pass_a_gate() {
    let folder = TempDir::new().unwrap();
    let output = folder.path().join("result.json");
    let (run1, run2) = (fixture("eval/run1.json"), fixture("eval/run2.json"));
    let (baseline, benchmark) = (fixture("eval/baseline.json"), fixture("benchmark/baseline.json"));
    let (suite, answers) = (fixture("suite/suite.json"), fixture("suite/answers.json"));
    let result = text(&output);
    for mut command in [
        eval_runner(&["--input", &run2, "--baseline", &baseline, "--fail-on", "warning"]),
        eval_runner(&[
            "--input",
            &answers,
            "--eval-suite",
            &suite,
            "--scoring-method",
            "exact",
        ]),
        benchmark_runner(&["-a", &run2, "-b", &benchmark, "-o", result]),
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let told = command.stdout(writer).stderr(Stdio::null()).status().unwrap();
        assert_eq!(told.code(), Some(1), "{command:?}");
    }
    assert!(output.exists());

    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let saved = folder.path().join("baseline.json");
    let mut command = eval_runner(&["--input", &run1, "--save-baseline", text(&saved)]);
    assert_eq!(command.stdout(writer).status().unwrap().code(), Some(0));
    assert!(saved.exists());
}

#[cfg(target_os = "linux")]
#[test]
fn a_result_may_go_to_standard_output() {
    let run1 = fixture("eval/run1.json");
    let told = Told::of(&mut benchmark_runner(&["-a", &run1, "-o", "/dev/stdout"]));
    assert_eq!(told.code, 0, "{}", told.err);
    assert!(told.out.starts_with("{\n  \"sample_count\": "), "{}", told.out);
    assert!(told.out.contains("=== Benchmark Report ==="), "{}", told.out);
}

#[test]
fn what_was_not_measured_is_neither_saved_nor_judged() {
    let folder = TempDir::new().unwrap();
    let empty = folder.path().join("empty.json");
    let analytics = r#"{"summary": {"total_sessions": 0, "total_events": 0, "total_duration": 0, "prompt_tokens": 0,
        "completion_tokens": 0, "total_tokens": 0, "total_errors": 0}, "sessions": []}"#;
    std::fs::write(&empty, analytics).unwrap();
    let (empty, saved) = (text(&empty), folder.path().join("saved.json"));
    let told = Told::of(&mut eval_runner(&[
        "--input",
        empty,
        "--save-baseline",
        text(&saved),
    ]));
    assert_eq!(told.code, 3, "{}", told.err);
    assert!(
        told.err.contains("empty.json: there is no session in them"),
        "{}",
        told.err
    );
    assert!(!saved.exists());
    let told = Told::of(&mut benchmark_runner(&["-a", empty, "-a", empty, "-a", empty]));
    assert_eq!(told.code, 3, "{}", told.err);

    // By the old formulas it has sessions, and a latency that no baseline could be read with.
    let negative = fixture_with("eval/run1.json", |document| {
        for node in document["node_performance"].as_array_mut().unwrap() {
            node["avg_duration"] = (-5.0).into();
        }
    });
    let arguments = ["--counting", "reference", "--save-baseline", text(&saved)];
    let told = Told::with_input(&mut eval_runner(&arguments), &negative);
    assert_eq!(told.code, 3, "{}", told.err);
    assert!(told.err.contains("avg_latency is -5"), "{}", told.err);
    assert!(!saved.exists());
}

/// A fixture that is JSON, changed.
fn fixture_with(name: &str, change: impl Fn(&mut Value)) -> String {
    let mut document = json(&std::fs::read_to_string(fixture(name)).unwrap());
    change(&mut document);
    document.to_string()
}

#[test]
fn a_target_that_is_taken_is_told_before_anything_is_judged() {
    let folder = TempDir::new().unwrap();
    let taken = folder.path().join("taken.json");
    std::fs::write(&taken, "mine").unwrap();
    let run1 = fixture("eval/run1.json");
    for mut command in [
        benchmark_runner(&["-a", &run1, "-s", text(&taken)]),
        eval_runner(&["--input", "nosuch.json", "--save-baseline", text(&taken)]),
    ] {
        let told = Told::of(&mut command);
        assert_eq!((told.code, told.out.as_str()), (2, ""), "{}", told.err);
        assert!(told.err.contains("--update"), "{}", told.err);
    }
    assert_eq!(std::fs::read_to_string(&taken).unwrap(), "mine");
}

#[test]
fn errors_in_files_name_them_and_ignored_options_are_told() {
    let folder = TempDir::new().unwrap();
    let write = |name: &str, content: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        text(&path).to_owned()
    };
    let (scores, suite) = (
        write("scores.json", r#"{"safety": -1}"#),
        write("result.json", "{}"),
    );
    let (run1, answers) = (fixture("eval/run1.json"), write("answers.json", "7"));
    let (golden, baseline) = (fixture("suite/suite.json"), fixture("eval/baseline.json"));
    let limits = write("limits.json", r#"{"safety": "low"}"#);
    for (arguments, code, file) in [
        (&["--input", &run1, "--scores", &scores][..], 3, "scores.json"),
        (&["--input", &run1, "--suite-result", &suite], 3, "result.json"),
        (&["--input", &scores], 3, "scores.json"),
        (&["--input", &answers, "--eval-suite", &golden], 3, "answers.json"),
        (
            &["--input", &run1, "--baseline", &baseline, "--thresholds", &limits],
            2,
            "safety",
        ),
    ] {
        let told = Told::of(&mut eval_runner(arguments));
        assert_eq!(told.code, code, "{arguments:?}: {}", told.err);
        assert!(told.err.contains(file), "{arguments:?}: {}", told.err);
    }
    let answers = fixture("suite/answers.json");
    let told = Told::of(&mut eval_runner(&[
        "--eval-suite",
        &golden,
        "--input",
        &answers,
        "--baseline",
        &baseline,
        "--pass-at",
        "1,7",
    ]));
    assert!(
        told.err.contains("note: --baseline has no effect"),
        "{}",
        told.err
    );
    assert!(told.err.contains("note: pass@7 is not known"), "{}", told.err);
}

#[test]
fn qualities_are_part_of_a_benchmark() {
    let run1 = fixture("eval/run1.json");
    let told = Told::of(&mut benchmark_runner(&[
        "-a",
        &run1,
        "--correctness",
        "95",
        "--safety",
        "100",
    ]));
    assert_eq!(told.code, 0, "{}", told.err);
    assert!(
        told.out
            .contains("Quality:\n  Correctness: 0.95\n  Safety:      1.00\n"),
        "{}",
        told.out
    );
}

/// A folder with the fixtures that a call of dashflow-streaming's programs names, as it was when they were called.
fn called(folder: &str, saves: bool) -> TempDir {
    let all = TempDir::new().unwrap();
    for part in ["eval", "suite", "benchmark"] {
        std::fs::create_dir(all.path().join(part)).unwrap();
        for file in std::fs::read_dir(fixture(part)).unwrap().map(Result::unwrap) {
            let is_to_be_saved = saves && part == folder && file.file_name() == "baseline.json";
            if !is_to_be_saved && file.file_name().to_string_lossy().ends_with(".json") {
                std::fs::copy(file.path(), all.path().join(part).join(file.file_name())).unwrap();
            }
        }
    }
    std::fs::copy(fixture("analyze.json"), all.path().join("analyze.json")).unwrap();
    all
}

/// Every recorded call of dashflow-streaming's programs, as it stands in `exit-codes.tsv`, and where a user wants another code.
#[test]
fn recorded_calls_end_as_they_did_but_for_those_listed() {
    let differing = [
        ("eval/from-analyze-json", 0, "what analyze_events prints is read"),
        (
            "eval/compare.unknown-mode.text",
            2,
            "a mistyped mode must not pass as the default",
        ),
        (
            "eval/compare.missing-baseline",
            3,
            "a gate that cannot judge is told from one that failed",
        ),
        (
            "eval/fail-on-regression-with-value",
            0,
            "the flag takes true and false, as documented",
        ),
        (
            "suite/unknown-method",
            2,
            "a mistyped method is wrong usage, as every other option",
        ),
        (
            "suite/one-answer-short",
            3,
            "a gate that cannot judge is told from one that failed",
        ),
        (
            "benchmark/confidence-0.9",
            0,
            "Student's interval is known at every level",
        ),
        (
            "benchmark/from-analyze-json",
            0,
            "what analyze_events prints is read",
        ),
    ];
    let mut met = 0;
    for folder in ["eval", "suite", "benchmark"] {
        for line in std::fs::read_to_string(fixture(&format!("{folder}/exit-codes.tsv")))
            .unwrap()
            .lines()
        {
            let cells: Vec<&str> = line.split('\t').collect();
            let [name, code, call] = cells[..] else {
                panic!("{line} has not three cells")
            };
            let name = format!("{folder}/{name}");
            let other = differing.iter().find(|(other, _, _)| *other == name);
            met += usize::from(other.is_some());
            let expected = other.map_or(code.parse().unwrap(), |(_, code, _)| *code);
            let mut words = call.split(' ');
            let mut command = match words.next() {
                Some("eval_runner") => eval_runner(&[]),
                Some("benchmark_runner") => benchmark_runner(&[]),
                other => panic!("{other:?} is no program"),
            };
            let files = called(folder, call.contains("--save-baseline"));
            let input = match name.as_str() {
                "eval/from-analyze-json" => "analyze.json",
                "eval/compare.same.text" => "eval/run1.json",
                "suite/one-answer-short" => "suite/answers.short.json",
                _ if folder == "suite" => "suite/answers.json",
                _ if name.contains("compare") || name.contains("run2") => "eval/run2.json",
                _ => "eval/run1.json",
            };
            let input = std::fs::File::open(files.path().join(input)).unwrap();
            let told = Told::of(
                command
                    .args(words)
                    .current_dir(files.path().join(folder))
                    .stdin(input),
            );
            assert_eq!(told.code, expected, "{name}: {}{}", told.out, told.err);
        }
    }
    assert_eq!(met, differing.len());
}

/// `scripts/run_eval.sh`, with the programs of a folder.
fn run_eval(programs: &Path, arguments: &[&str]) -> Told {
    let mut command = program("bash");
    command
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/run_eval.sh"))
        .args(arguments)
        .env("QUIPU_BIN", programs);
    Told::of(&mut command)
}

#[test]
fn the_script_is_the_whole_pipe() {
    let programs = Path::new(env!("CARGO_BIN_EXE_eval_runner")).parent().unwrap();
    let folder = TempDir::new().unwrap();
    let (saved, frames) = (folder.path().join("baseline.json"), fixture("small.frames"));
    let saved = text(&saved);
    let told = run_eval(
        programs,
        &[
            "--frames",
            &frames,
            "--",
            "--save-baseline",
            saved,
            "--app-name",
            "a",
        ],
    );
    assert_eq!(told.code, 0, "{}{}", told.out, told.err);
    let told = run_eval(programs, &["--frames", &frames, "--", "--baseline", saved]);
    assert_eq!(told.code, 0, "{}{}", told.out, told.err);
    assert!(told.out.contains("App: a\n"), "{}", told.out);
    let missing = run_eval(
        programs,
        &["--frames", "nosuch.frames", "--", "--baseline", saved],
    );
    assert_ne!(missing.code, 0);
    assert_eq!(missing.out, "", "{}", missing.err);
}

#[cfg(unix)]
#[test]
fn the_script_judges_nothing_where_a_program_before_fails() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let folder = TempDir::new().unwrap();
    let programs = folder.path().join("bin");
    std::fs::create_dir(&programs).unwrap();
    symlink(env!("CARGO_BIN_EXE_eval_runner"), programs.join("eval_runner")).unwrap();
    let stub = |name: &str, script: &str| {
        let path = programs.join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    let analytics = fixture("analyze.json");
    let saved = folder.path().join("half.json");
    stub("analyze_events", &format!("cat > /dev/null; cat '{analytics}'"));
    stub("parse_events", "echo '{}'; exit 1");
    for arguments in [&[][..], &["--save-baseline", text(&saved)], &["--format", "json"]] {
        let told = run_eval(&programs, arguments);
        assert_eq!(
            (told.code, told.out.as_str()),
            (3, ""),
            "{arguments:?}: {}",
            told.err
        );
        assert!(told.err.contains("parse_events ended with 1"), "{}", told.err);
    }
    assert!(!saved.exists());
    // Options that are wrong, and help, are answered before anything is read.
    let read = folder.path().join("read");
    stub("parse_events", &format!("touch '{}'", text(&read)));
    let told = run_eval(&programs, &["--help"]);
    assert_eq!(told.code, 0, "{}", told.err);
    assert!(told.out.contains("--save-baseline"), "{}", told.out);
    for wrong in [&["--pricing", "gold"][..], &["--threshold", "latency=2"]] {
        let told = run_eval(&programs, wrong);
        assert_eq!((told.code, told.out.as_str()), (2, ""), "{wrong:?}: {}", told.err);
        assert!(!told.err.is_empty());
    }
    assert!(!read.exists());
    assert_eq!(run_eval(&programs, &[]).code, 0);
    assert!(read.exists());
}
