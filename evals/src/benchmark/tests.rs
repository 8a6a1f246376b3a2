//! Statistics of small samples; vectors of the reference are in `tests/` of this crate.

use super::*;
use crate::metrics::EvalMetrics;
use crate::{Overwrite, Verdict};

fn runs(latencies: &[f64]) -> Vec<EvalMetrics> {
    latencies
        .iter()
        .map(|latency| EvalMetrics {
            p95_latency: *latency,
            total_tokens: 100,
            cost_per_run: 0.001,
            ..EvalMetrics::default()
        })
        .collect()
}

fn result(latencies: &[f64]) -> BenchmarkResult {
    BenchmarkResult::of_metrics(&runs(latencies), 0.95).unwrap()
}

/// As a file of dashflow-streaming: without runs, with an interval of its own.
fn old(latencies: &[f64], upper: f64) -> BenchmarkResult {
    BenchmarkResult {
        latency_ci_upper: upper,
        samples: None,
        ..result(latencies)
    }
}

#[test]
fn warm_up_is_not_kept_and_more_than_asked_for_counts() {
    let mut runner = BenchmarkRunner::new(BenchmarkConfig {
        iterations: 2,
        warmup_iterations: 1,
        ..BenchmarkConfig::default()
    });
    let mut complete = Vec::new();
    for metrics in runs(&[9000.0, 1.0, 2.0, 3.0]) {
        runner.add_sample(metrics);
        complete.push(runner.is_complete());
    }
    assert_eq!(complete, [false, false, true, true]);
    assert_eq!(runner.sample_count(), 3);
    assert_eq!(runner.analyze().max_latency, 3.0);
}

#[test]
#[should_panic(expected = "No samples to analyze")]
fn nothing_cannot_be_analysed() {
    let _ = BenchmarkRunner::new(BenchmarkConfig::default()).analyze();
}

#[test]
fn percentiles_are_values_by_the_nearest_place() {
    let latencies: Vec<f64> = (10..20).map(|hundreds| f64::from(hundreds) * 100.0).collect();
    let result = result(&latencies);
    assert_eq!((result.p50_latency, result.p95_latency), (1500.0, 1900.0));
    assert!((result.stddev_latency - 287.228_132_326_901_46).abs() < 1e-9);
    // Student's t with 9 degrees of freedom, 2.262157, and the deviation with n - 1, 302.765: wider than [1271.97, 1628.03].
    assert!(
        (result.latency_ci_lower - 1233.415).abs() < 1e-2,
        "{}",
        result.latency_ci_lower
    );
    assert!(
        (result.latency_ci_upper - 1666.585).abs() < 1e-2,
        "{}",
        result.latency_ci_upper
    );
}

#[test]
fn one_run_has_no_interval_and_its_file_can_be_read() {
    let one = result(&[100.0]);
    assert!(format_benchmark_report(&one).contains("  95% CI:  not known from one sample\n"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/one.json");
    one.save_as(&path, Overwrite::No).unwrap();
    let read = BenchmarkResult::load(&path).unwrap();
    assert_eq!(read, one);
    assert_eq!(read.latency_ci_upper, f64::INFINITY);
    assert!(one.save_as(&path, Overwrite::No).is_err());
}

#[test]
fn no_latency_at_all_is_an_infinite_throughput_that_can_be_read() {
    let text = serde_json::to_string(&result(&[0.0, 0.0])).unwrap();
    assert!(text.contains(r#""throughput":null"#), "{text}");
    assert_eq!(
        BenchmarkResult::from_json(&text).unwrap().throughput,
        f64::INFINITY
    );
}

#[test]
fn the_interval_is_labelled_with_its_level() {
    let result = BenchmarkResult::of_metrics(&runs(&[1.0, 2.0, 3.0]), 0.99).unwrap();
    assert!(format_benchmark_report(&result).contains("  99% CI:  ["));
}

#[test]
fn what_cannot_be_analysed_is_an_error() {
    for (latencies, level, part) in [
        (&[][..], 0.95, "no samples to analyze"),
        (&[f64::NAN, 1.0], 0.95, "a latency is not a finite number"),
        (&[1.0], 1.0, "the confidence level is 1"),
        (&[1.0], f64::NAN, "the confidence level is NaN"),
    ] {
        let error = BenchmarkResult::of_metrics(&runs(latencies), level)
            .unwrap_err()
            .to_string();
        assert!(error.contains(part), "{error}");
    }
    let newer = serde_json::to_string(&BenchmarkResult {
        schema_version: Some(2),
        ..result(&[1.0])
    });
    let error = BenchmarkResult::from_json(&newer.unwrap())
        .unwrap_err()
        .to_string();
    assert!(error.contains("use a newer version"), "{error}");
}

#[test]
fn a_file_without_runs_is_judged_by_the_limit_of_its_interval() {
    let baseline = old(&[100.0], 110.0);
    let current = |latency| old(&[latency], latency);
    for (latency, threshold, expected) in [
        (133.0, 0.2, Verdict::Regressed),
        (132.0, 0.2, Verdict::Pass),
        (133.0, 0.5, Verdict::Pass),
        (50.0, 0.2, Verdict::Pass),
    ] {
        let judgement = judge_performance(&baseline, &current(latency), threshold);
        assert_eq!(judgement.verdict, expected, "{latency} {threshold}");
        assert_eq!(judgement.rule, PerformanceRule::ConfidenceLimit);
    }
    assert!(format_comparison_report(&baseline, &current(50.0), 0.2).contains("-50.00% ✅ IMPROVED"));
    assert!(format_comparison_report(&baseline, &current(120.0), 0.2).contains("+20.00% ✅ ACCEPTABLE"));
    let unknown = judge_performance(&old(&[100.0], f64::INFINITY), &current(1e9), 0.2);
    assert_eq!(unknown.verdict, Verdict::Inconclusive);
}
