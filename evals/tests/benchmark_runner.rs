//! Benchmarks over what the `benchmark_runner` of dashflow-streaming was given and what it said.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot read its fixtures fails by panicking"
)]

mod common;

use common::{Call, assert_codes, calls, fixture};
use quipu_evals::benchmark::PerformanceRule;
use quipu_evals::benchmark_runner::{BenchmarkOptions, BenchmarkOutcome, Warmup, benchmark, select};
use quipu_evals::{
    AnalyticsConverter, BenchmarkResult, Conversion, Converted, EvalErrorKind, EvalMetrics, FailOn, Verdict,
};

fn convert(path: &str, conversion: Conversion) -> Converted {
    AnalyticsConverter::convert(&fixture(path), conversion, None).unwrap()
}

fn old_baseline() -> BenchmarkResult {
    BenchmarkResult::from_json(&fixture("benchmark/baseline.json")).unwrap()
}

fn outcome(path: &str, baseline: Option<BenchmarkResult>, options: &BenchmarkOptions) -> BenchmarkOutcome {
    let conversion = baseline
        .as_ref()
        .map_or(Conversion::Default, BenchmarkResult::conversion);
    benchmark(&[convert(path, conversion)], baseline, options).unwrap()
}

fn code(_: &str, call: &Call) -> u8 {
    let number = |name: &str| call.option(name).map(|text| text.parse::<f64>().unwrap());
    let options = BenchmarkOptions {
        confidence_level: number("--confidence").unwrap_or(0.95),
        threshold: number("--threshold").unwrap_or(0.2),
        ..BenchmarkOptions::default()
    };
    let path = call.option("--analytics").unwrap().trim_start_matches("../");
    let baseline = call.option("--baseline").map(|_| old_baseline());
    outcome(path, baseline, &options).exit_code(FailOn::Regressed)
}

#[test]
fn exit_codes_are_the_same_but_for_those_listed() {
    let differing = [
        ("confidence-0.9", 0, "Student's interval is known at every level"),
        ("from-analyze-json", 0, "what analyze_events prints is read"),
    ];
    assert_codes(&calls("benchmark"), &differing, code);
}

#[test]
fn an_old_baseline_is_compared_by_its_rule_and_that_is_said() {
    let outcome = outcome(
        "eval/run2.json",
        Some(old_baseline()),
        &BenchmarkOptions::default(),
    );
    let (_, judgement) = outcome.comparison.as_ref().unwrap();
    assert_eq!(judgement.rule, PerformanceRule::ConfidenceLimit);
    assert!(
        outcome
            .report()
            .contains("Note: the baseline has no runs of its own")
    );
    let report = outcome.comparison_report().unwrap();
    for line in fixture("benchmark/run2.threshold-0.2.out")
        .lines()
        .filter(|line| line.contains("Change:"))
    {
        // Throughput is that of the same latency, up to its last digits.
        assert!(report.contains(line), "{line} is not in {report}");
    }
    // One file is one run, not fifty.
    assert_eq!(outcome.result.sample_count, 1);
}

#[test]
fn sessions_are_the_runs_of_one_file() {
    let outcome = outcome("analyze.json", None, &BenchmarkOptions::default());
    // Of 21 sessions the events of 12 came in batches, which the reference does not count.
    assert_eq!(outcome.result.sample_count, 9);
    assert_eq!(outcome.result.sample_unit.as_deref(), Some("session"));
    assert!(outcome.result.stddev_latency > 0.0);
    let report = outcome.report();
    assert!(
        report.contains("9 sessions are there and up to 50 were asked for"),
        "{report}"
    );
    assert_eq!(
        outcome.exit_code(FailOn::Inconclusive),
        0,
        "without a baseline there is no gate"
    );
}

#[test]
fn a_bound_takes_sessions_of_every_size() {
    let file = convert("analyze.json", Conversion::Default);
    let options = BenchmarkOptions {
        iterations: 3,
        ..BenchmarkOptions::default()
    };
    let selection = select(std::slice::from_ref(&file), &options).unwrap();
    assert_eq!(selection.runs.len(), 3);
    for (index, run) in selection.runs.iter().enumerate() {
        assert_eq!(run.p95_latency, file.sessions[3 * index].p95_latency);
    }
    let none = BenchmarkOptions {
        iterations: 0,
        ..options
    };
    assert!(
        select(&[file], &none)
            .unwrap_err()
            .to_string()
            .contains("0 iterations")
    );
}

#[test]
fn several_files_are_runs_of_which_the_first_warm_up() {
    let files = vec![convert("analyze.json", Conversion::Default); 8];
    let selected = |iterations, warmup| {
        let options = BenchmarkOptions {
            iterations,
            warmup,
            ..BenchmarkOptions::default()
        };
        select(&files, &options).map(|selection| (selection.runs.len(), selection.warmup))
    };
    assert_eq!(selected(50, Warmup::OfSurplus(5)).unwrap(), (8, 0));
    assert_eq!(selected(6, Warmup::OfSurplus(5)).unwrap(), (6, 2));
    assert_eq!(selected(50, Warmup::Exactly(5)).unwrap(), (3, 5));
    let error = selected(50, Warmup::Exactly(8)).unwrap_err().to_string();
    assert!(error.contains("no file is left"), "{error}");
}

/// The sessions of a file, each slower by a factor.
fn slower(factor: f64) -> Converted {
    let mut file = convert("analyze.json", Conversion::Default);
    // Alike but for 2 % of noise: the sessions of the fixture differ by more than any change would.
    let template = file.sessions[0].clone();
    let latency = |index: u32| 1000.0 * factor * (1.0 + 0.02 * (f64::from(index * 8 % 21) / 21.0 - 0.5));
    file.sessions = (0..21)
        .map(|index| EvalMetrics {
            p95_latency: latency(index),
            ..template.clone()
        })
        .collect();
    file
}

#[test]
fn runs_are_compared_by_their_means() {
    let options = BenchmarkOptions::default();
    let saved = benchmark(&[slower(1.0)], None, &options).unwrap().result;
    let text = serde_json::to_string(&saved).unwrap();
    let verdict = |factor| {
        let baseline = BenchmarkResult::from_json(&text).unwrap();
        benchmark(&[slower(factor)], Some(baseline), &options).unwrap()
    };
    for (factor, expected, word) in [
        (1.0, Verdict::Pass, "ACCEPTABLE"),
        (1.1, Verdict::Pass, "ACCEPTABLE"),
        (1.3, Verdict::Regressed, "REGRESSION DETECTED"),
        (0.5, Verdict::Improved, "IMPROVED"),
    ] {
        let outcome = verdict(factor);
        assert_eq!(outcome.verdict(), Some(expected), "{factor}");
        assert_eq!(
            outcome.comparison.as_ref().unwrap().1.rule,
            PerformanceRule::Samples
        );
        let report = outcome.comparison_report().unwrap();
        // Mean and 95th percentile have a word each, and the noise of 2 % hides neither.
        assert_eq!(report.matches(word).count(), 2, "{report}");
        assert!(
            report.starts_with("=== Benchmark Comparison ===\n\nMean Latency:\n"),
            "{report}"
        );
        assert_eq!(report.matches("  Because:  ").count(), 2, "{report}");
    }
    let regressed = verdict(1.3);
    assert_eq!(regressed.exit_code(FailOn::Regressed), 1);
    assert_eq!(regressed.line(), Some("❌ PERFORMANCE REGRESSION DETECTED"));
    let document: serde_json::Value = serde_json::from_str(&regressed.to_json(FailOn::Regressed)).unwrap();
    assert_eq!(document["verdict"], "regressed");
    assert_eq!(document["rule"], "samples");
    assert_eq!(document["mean"]["verdict"], "regressed");
    assert!(document["p95"]["difference"].as_f64() > Some(250.0));
}

/// A file whose sessions have these latencies.
fn with_latencies(latencies: &[f64]) -> Converted {
    let mut file = convert("analyze.json", Conversion::Default);
    let template = file.sessions[0].clone();
    file.sessions = latencies
        .iter()
        .map(|latency| EvalMetrics {
            p95_latency: *latency,
            ..template.clone()
        })
        .collect();
    file
}

fn compared(before: &[f64], now: &[f64]) -> BenchmarkOutcome {
    let options = BenchmarkOptions::default();
    let saved = benchmark(&[with_latencies(before)], None, &options)
        .unwrap()
        .result;
    benchmark(&[with_latencies(now)], Some(saved), &options).unwrap()
}

#[test]
fn a_slow_tail_is_a_regression_that_the_mean_does_not_show() {
    let before: Vec<f64> = (0..50).map(|at| 1000.0 + f64::from(at)).collect();
    let mut now = before.clone();
    for slow in &mut now[36..] {
        *slow *= 1.4;
    }
    let outcome = compared(&before, &now);
    let judgement = &outcome.comparison.as_ref().unwrap().1;
    assert_ne!(judgement.mean.as_ref().unwrap().verdict, Verdict::Regressed);
    let p95 = judgement.p95.as_ref().unwrap();
    assert_eq!(p95.verdict, Verdict::Regressed, "{}", p95.evidence);
    assert_eq!(outcome.verdict(), Some(Verdict::Regressed));
    let few = compared(&before[..9], &now[..9]);
    let p95 = few.comparison.as_ref().unwrap().1.p95.as_ref().unwrap();
    assert_eq!(p95.verdict, Verdict::Inconclusive);
    assert!(
        p95.evidence.contains("9 samples on one side, and 10 are needed"),
        "{}",
        p95.evidence
    );
    assert_eq!(few.verdict(), Some(Verdict::Pass), "the mean decides alone");
}

#[test]
fn what_may_be_beyond_the_threshold_does_not_pass() {
    // The mean rises by 14 %, certainly by something and perhaps by more than 20 %.
    let noise = |scale: f64, centre: f64| -> Vec<f64> {
        (0..20).map(|at| centre + scale * (f64::from(at) - 9.5)).collect()
    };
    let outcome = compared(&noise(30.0, 1000.0), &noise(30.0, 1140.0));
    let judgement = &outcome.comparison.as_ref().unwrap().1;
    let found = judgement.mean.as_ref().unwrap().difference.unwrap();
    assert!(found.lower > 0.0 && found.upper > 200.0, "{found:?}");
    assert_eq!(outcome.verdict(), Some(Verdict::Inconclusive));
}

#[test]
fn the_order_of_runs_does_not_change_the_judgement() {
    let before: Vec<f64> = (0..12).map(|at| 900.0 + 30.0 * f64::from(at)).collect();
    let mut now: Vec<f64> = before.iter().map(|latency| latency * 1.1).collect();
    let one = compared(&before, &now).to_json(FailOn::Regressed);
    now.reverse();
    let two = compared(&before, &now).to_json(FailOn::Regressed);
    let of = |text: &str| {
        let document: serde_json::Value = serde_json::from_str(text).unwrap();
        (document["mean"].clone(), document["p95"].clone())
    };
    assert_eq!(of(&one), of(&two));
}

/// Analytics in which nothing happened.
const EMPTY: &str = r#"{"summary": {"total_sessions": 0, "total_events": 0, "total_duration": 0, "prompt_tokens": 0,
    "completion_tokens": 0, "total_tokens": 0, "total_errors": 0}, "sessions": [], "node_performance": []}"#;

#[test]
fn a_file_without_a_measurement_is_refused_and_not_the_fastest_run() {
    for conversion in [Conversion::Default, Conversion::Reference] {
        let empty = AnalyticsConverter::convert(EMPTY, conversion, None).unwrap();
        let files = [convert("analyze.json", conversion), empty.clone()];
        let several = vec![empty; 5];
        for files in [&files[..], &several, &several[..1]] {
            let error = benchmark(files, None, &BenchmarkOptions::default()).unwrap_err();
            assert_eq!(error.kind(), EvalErrorKind::Input);
            assert!(error.to_string().contains("has no latency"), "{error}");
        }
    }
}

#[test]
fn runs_of_another_unit_are_refused() {
    let saved = |unit: &str| {
        let result = benchmark(&[slower(1.0)], None, &BenchmarkOptions::default())
            .unwrap()
            .result;
        BenchmarkResult {
            sample_unit: Some(unit.to_owned()),
            ..result
        }
    };
    let options = BenchmarkOptions::default();
    assert!(benchmark(&[slower(1.0)], Some(saved("session")), &options).is_ok());
    let error = benchmark(&[slower(1.0)], Some(saved("file")), &options).unwrap_err();
    assert_eq!(error.kind(), EvalErrorKind::Input);
    assert!(
        error
            .to_string()
            .contains("one file and each of these one session"),
        "{error}"
    );
}

#[test]
fn one_file_is_measured_whatever_warms_up_and_notes_are_told_once() {
    let options = BenchmarkOptions {
        warmup: Warmup::Exactly(5),
        ..BenchmarkOptions::default()
    };
    let told = outcome("eval/run2.json", Some(old_baseline()), &options);
    assert_eq!(told.exit_code(FailOn::Regressed), 1);
    assert!(
        told.notes.iter().any(|note| note.contains("none warms up")),
        "{:?}",
        told.notes
    );

    let mut files = [
        convert("analyze.json", Conversion::Default),
        convert("analyze.json", Conversion::Default),
    ];
    files[0].notes = vec!["a".into(), "b".into()];
    files[1].notes = vec!["a".into(), "b".into()];
    let told = benchmark(&files, None, &BenchmarkOptions::default()).unwrap();
    assert_eq!(told.notes[told.notes.len() - 2..], ["a", "b"]);
    assert_eq!(told.notes.iter().filter(|note| *note == "a").count(), 1);
}

#[test]
fn too_few_runs_prove_nothing() {
    let options = BenchmarkOptions {
        iterations: 4,
        ..BenchmarkOptions::default()
    };
    let saved = benchmark(&[slower(1.0)], None, &options).unwrap().result;
    let outcome = benchmark(&[slower(2.0)], Some(saved), &options).unwrap();
    assert_eq!(outcome.verdict(), Some(Verdict::Inconclusive));
    assert_eq!(outcome.exit_code(FailOn::Regressed), 0);
    assert_eq!(outcome.exit_code(FailOn::Inconclusive), 1);
    assert!(outcome.comparison_report().unwrap().contains("❔ INCONCLUSIVE"));
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let default = convert("analyze.json", Conversion::Default);
    let error = benchmark(
        std::slice::from_ref(&default),
        Some(old_baseline()),
        &BenchmarkOptions::default(),
    )
    .unwrap_err();
    assert!(error.to_string().contains("use --counting reference"), "{error}");
    for threshold in [-0.1, f64::NAN] {
        let options = BenchmarkOptions {
            threshold,
            ..BenchmarkOptions::default()
        };
        let error = benchmark(std::slice::from_ref(&default), None, &options).unwrap_err();
        assert!(error.to_string().starts_with("the threshold is "), "{error}");
    }
}
