//! The library against what the evaluation functions of dashflow-streaming 1.11.3 gave for the same input
//! (`library.vectors.json`). Where another answer is right the test lists it.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot read its vectors fails by panicking"
)]

use quipu_evals::{
    BenchmarkConfig, BenchmarkResult, BenchmarkRunner, EvalMetrics, LlmPricing, RegressionThresholds,
    ScoringMethod, detect_performance_regression, detect_regressions, format_benchmark_report,
    format_comparison_report, has_critical_regressions, score_answer,
};
use serde_json::{Value, json};

fn vectors(kind: &str) -> Vec<Value> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../tests/fixtures/library.vectors.json"
    );
    let all: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let vectors = all[kind].as_array().unwrap().clone();
    assert!(!vectors.is_empty());
    vectors
}

fn metrics(value: &Value) -> EvalMetrics {
    serde_json::from_value(value.clone()).unwrap()
}

/// Equal up to the last digits of a sum in another order.
fn assert_close(found: f64, expected: f64, what: &str) {
    let bound = 1e-12 * expected.abs().max(1.0);
    assert!(
        (found - expected).abs() <= bound,
        "{what}: {found} is not {expected}"
    );
}

#[test]
fn regressions_are_the_same_in_all_modes() {
    let modes = [
        ("default", RegressionThresholds::default()),
        ("strict", RegressionThresholds::strict()),
        ("lenient", RegressionThresholds::lenient()),
    ];
    for vector in vectors("regressions") {
        let (baseline, current) = (metrics(&vector["baseline"]), metrics(&vector["current"]));
        for (mode, thresholds) in &modes {
            let what = format!("{} {mode}", vector["name"]);
            let expected = &vector["modes"][mode];
            let found = detect_regressions(&baseline, &current, thresholds);
            assert_eq!(json!(found), expected["regressions"], "{what}");
            assert_eq!(
                json!(has_critical_regressions(&found)),
                expected["critical"],
                "{what}"
            );
            let lines: Vec<String> = found.iter().map(|regression| regression.format_plain()).collect();
            assert_eq!(json!(lines), expected["plain_text"], "{what}");
        }
    }
}

#[test]
fn prices_are_the_same() {
    for vector in vectors("pricing") {
        let count = |key: &str| vector[key].as_u64().unwrap();
        let (prompt, completion) = (count("prompt_tokens"), count("completion_tokens"));
        for (name, pricing) in LlmPricing::NAMES {
            let cost = pricing.calculate_cost(prompt, completion);
            assert_close(cost, vector[name].as_f64().unwrap(), name);
        }
    }
}

/// Pairs (answer, expected) whose old fuzzy score divided by bytes, with the score by characters.
const BY_CHARACTERS: [(&str, &str, f64); 5] = [
    // Nothing in common.
    ("東京", "大阪", 0.0),
    // One of three characters is missing.
    ("東京", "東京都", 2.0 / 3.0),
    // One of four letters differs,
    ("café", "cafe", 0.75),
    // here all do.
    ("CAFÉ", "café", 0.0),
    // The same in one letter, with the expected one decomposed.
    ("É", "e\u{301}", 0.0),
];

#[test]
fn scores_are_the_same_but_for_texts_measured_in_bytes() {
    let mut in_bytes = 0;
    for vector in vectors("scores") {
        let text = |key: &str| vector[key].as_str().unwrap();
        let (actual, expected) = (text("actual"), text("expected"));
        let score = |method| score_answer(actual, expected, method);
        for method in [
            ScoringMethod::ExactMatch,
            ScoringMethod::CaseInsensitiveMatch,
            ScoringMethod::Contains,
        ] {
            assert_eq!(
                json!(score(method)),
                vector[method.name()],
                "{actual} {expected} {method}"
            );
        }
        let old = vector["fuzzy"].as_f64().unwrap();
        assert_close(score(ScoringMethod::FuzzyBytes), old, actual);
        let right = BY_CHARACTERS
            .iter()
            .find(|(one, two, _)| (*one, *two) == (actual, expected))
            .map(|(_, _, right)| *right);
        in_bytes += usize::from(right.is_some());
        assert_close(score(ScoringMethod::FuzzyMatch), right.unwrap_or(old), actual);
    }
    assert_eq!(in_bytes, BY_CHARACTERS.len());
}

fn samples(vector: &Value) -> Vec<EvalMetrics> {
    vector["samples_in_order"]
        .as_array()
        .unwrap()
        .iter()
        .map(|sample| EvalMetrics {
            correctness: sample["correctness"].as_f64(),
            p95_latency: sample["p95_latency"].as_f64().unwrap(),
            total_tokens: sample["total_tokens"].as_u64().unwrap(),
            cost_per_run: sample["cost_per_run"].as_f64().unwrap(),
            ..EvalMetrics::default()
        })
        .collect()
}

/// Everything but the interval, which is Student's here.
#[test]
fn benchmarks_are_the_same_but_for_the_interval() {
    for vector in vectors("benchmarks") {
        let count = |key: &str| usize::try_from(vector[key].as_u64().unwrap()).unwrap();
        let mut runner = BenchmarkRunner::new(BenchmarkConfig {
            iterations: count("iterations"),
            warmup_iterations: count("warmup"),
            confidence_level: vector["confidence"].as_f64().unwrap(),
            parallel: false,
        });
        for sample in samples(&vector) {
            runner.add_sample(sample);
        }
        assert!(runner.is_complete());
        let found = json!(runner.analyze());
        let expected = vector["result"].as_object().unwrap();
        assert_eq!(expected.len(), 25);
        for (key, expected) in expected {
            match (found[key].as_f64(), expected.as_f64()) {
                _ if key.starts_with("latency_ci_") => {}
                (Some(found), Some(expected)) => assert_close(found, expected, key),
                _ => assert_eq!(&found[key], expected, "{key}"),
            }
        }
        let (lower, upper) = (
            found["latency_ci_lower"].as_f64(),
            found["latency_ci_upper"].as_f64(),
        );
        if let (Some(lower), Some(upper)) = (lower, upper) {
            let old = |key: &str| expected[key].as_f64().unwrap();
            assert!(lower < old("latency_ci_lower") && upper > old("latency_ci_upper"));
        } else {
            assert_eq!(runner.sample_count(), 1);
        }
    }
}

/// The result that a vector holds, as it would be read from a file.
fn saved(index: usize) -> BenchmarkResult {
    BenchmarkResult::from_json(&vectors("benchmarks")[index]["result"].to_string()).unwrap()
}

#[test]
fn reports_of_saved_benchmarks_are_the_same() {
    for (index, vector) in vectors("benchmarks").iter().enumerate() {
        let expected = vector["report"].as_str().unwrap();
        assert_eq!(format_benchmark_report(&saved(index)), expected);
    }
}

#[test]
fn comparisons_of_saved_benchmarks_are_the_same() {
    for vector in vectors("benchmark_comparisons") {
        let side = |key: &str| saved(usize::try_from(vector[key].as_u64().unwrap()).unwrap());
        let (baseline, current) = (side("baseline_index"), side("current_index"));
        let threshold = vector["threshold"].as_f64().unwrap();
        assert_eq!(
            json!(detect_performance_regression(&baseline, &current, threshold)),
            vector["regression"]
        );
        assert_eq!(
            format_comparison_report(&baseline, &current, threshold),
            vector["report"].as_str().unwrap()
        );
    }
}
