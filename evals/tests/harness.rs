//! The test harness, as users of dashflow-streaming have used it.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot write its baseline fails by panicking"
)]

use std::panic::catch_unwind;

use quipu_evals::{
    EvalMetrics, EvalTestRunner, RegressionSeverity, RegressionThresholds, assert_metric_within_threshold,
    assert_no_critical_regressions, assert_quality_maintained, mock_baseline, mock_metrics,
};
use tempfile::NamedTempFile;

/// A runner over a baseline with these latencies and tokens. The file must outlive it.
fn runner(
    p95: f64,
    avg: f64,
    tokens: u64,
    thresholds: RegressionThresholds,
) -> (EvalTestRunner, NamedTempFile) {
    let file = NamedTempFile::new().unwrap();
    mock_baseline("app", "1.0.0", p95, avg, tokens)
        .save(file.path())
        .unwrap();
    (EvalTestRunner::with_thresholds(file.path(), thresholds), file)
}

fn severities(runner: &mut EvalTestRunner, metrics: &EvalMetrics) -> Vec<RegressionSeverity> {
    runner
        .run(metrics)
        .iter()
        .map(|regression| regression.severity)
        .collect()
}

#[test]
fn better_metrics_are_no_regression() {
    let (mut runner, _file) = runner(1850.0, 1047.5, 150, RegressionThresholds::default());
    assert!(runner.run(&mock_metrics(1800.0, 1000.0, 145)).is_empty());
    assert!(
        runner
            .run_with_mock_metrics(&mock_metrics(1850.0, 1047.5, 150))
            .is_empty()
    );
}

#[test]
fn slower_is_a_warning_and_no_failure() {
    let (mut runner, _file) = runner(1000.0, 500.0, 150, RegressionThresholds::default());
    let slower = mock_metrics(1250.0, 625.0, 150);
    assert_eq!(severities(&mut runner, &slower), [RegressionSeverity::Warning; 2]);
    assert_eq!(runner.run_and_check(&slower), Ok(()));
}

#[test]
fn worse_quality_fails_and_says_which() {
    let (mut runner, _file) = runner(1000.0, 500.0, 150, RegressionThresholds::default());
    let worse = EvalMetrics {
        correctness: Some(0.88),
        ..mock_metrics(1250.0, 625.0, 240)
    };
    let found = severities(&mut runner, &worse);
    assert_eq!(found[0], RegressionSeverity::Critical);
    assert_eq!(found[1..], [RegressionSeverity::Warning; 3]);
    let text = runner.run_and_check(&worse).unwrap_err();
    assert_eq!(
        text,
        "Critical regressions detected:\n  - ✗ correctness: 0.8800 (baseline: 0.9500, dropped 7.0%)"
    );
}

#[test]
fn percent_on_one_side_hides_nothing() {
    let (mut runner, _file) = runner(1000.0, 500.0, 150, RegressionThresholds::default());
    // Half as correct as the baseline, in percent.
    let worse = EvalMetrics {
        correctness: Some(48.0),
        relevance: Some(90.0),
        safety: Some(100.0),
        hallucination_rate: Some(5.0),
        success_rate: 50.0,
        ..mock_metrics(1000.0, 500.0, 150)
    };
    let found: Vec<String> = runner.run(&worse).into_iter().map(|of| of.metric).collect();
    assert_eq!(found, ["correctness", "success_rate"]);
    assert!(runner.run_and_check(&worse).is_err());
    let baseline = mock_metrics(1000.0, 500.0, 150);
    let text = said(move || {
        assert_no_critical_regressions!(worse, baseline, RegressionThresholds::default());
    });
    assert!(text.contains("correctness: 0.4800"), "{text}");

    let broken = mock_metrics(f64::NAN, 500.0, 150);
    let text = runner.run_and_check(&broken).unwrap_err();
    assert!(text.starts_with("current metrics: p95_latency is NaN"), "{text}");
}

#[test]
fn thresholds_are_those_of_the_caller() {
    let (mut strict, _file) = runner(1000.0, 500.0, 150, RegressionThresholds::strict());
    assert_eq!(strict.run(&mock_metrics(1150.0, 575.0, 150)).len(), 2);
    assert_eq!(strict.run_and_check(&mock_metrics(1050.0, 525.0, 150)), Ok(()));
    let (mut lenient, _file) = runner(1000.0, 500.0, 150, RegressionThresholds::lenient());
    assert!(lenient.run(&mock_metrics(1200.0, 600.0, 180)).is_empty());
}

#[test]
fn a_missing_baseline_is_an_error_where_one_can_be_returned() {
    let mut runner = EvalTestRunner::new("no/such/baseline.json");
    let metrics = mock_metrics(1.0, 1.0, 1);
    assert!(runner.load_baseline().is_err());
    let text = runner.run_and_check(&metrics).unwrap_err();
    assert!(text.starts_with("Failed to load baseline: "), "{text}");
    let panicked = catch_unwind(move || runner.run(&metrics)).unwrap_err();
    let text = panicked.downcast_ref::<String>().unwrap();
    assert!(text.starts_with("Failed to load baseline: "), "{text}");
}

#[test]
fn a_baseline_is_read_once() {
    let (mut runner, file) = runner(1850.0, 1047.5, 150, RegressionThresholds::default());
    assert_eq!(runner.baseline().metrics.total_tokens, 150);
    drop(file);
    assert_eq!(runner.baseline().app_name, "app");
    assert_eq!(runner.clone().baseline().version, "1.0.0");
}

/// What an assertion says when it fails.
fn said(assertion: impl FnOnce() + std::panic::UnwindSafe) -> String {
    catch_unwind(assertion)
        .unwrap_err()
        .downcast_ref::<String>()
        .unwrap()
        .clone()
}

#[test]
fn assertions_hold_and_fail_with_numbers() {
    let baseline = mock_metrics(1850.0, 1047.5, 150);
    let thresholds = RegressionThresholds::default();
    let current = mock_metrics(1620.0, 980.0, 145);
    assert_no_critical_regressions!(current, baseline, thresholds);
    assert_no_critical_regressions!(&current, &baseline, &thresholds);
    assert_metric_within_threshold!(current.p95_latency, baseline.p95_latency, 1.2, "P95 latency");
    assert_quality_maintained!(0.94, 0.95, 0.05, "Correctness");
    assert_quality_maintained!(0.7, 0.8, 0.1, "Relevance");

    let unsafe_now = EvalMetrics {
        safety: Some(0.9),
        ..current
    };
    let text = said(move || assert_no_critical_regressions!(unsafe_now, baseline, thresholds));
    assert!(
        text.starts_with("Critical regressions detected:\n  - ✗ safety: 0.9000"),
        "{text}"
    );
    assert_eq!(
        said(|| assert_metric_within_threshold!(2300.0, 1850.0, 1.2, "P95 latency")),
        "P95 latency regressed: 2300 > 2220 (baseline 1850 × threshold 1.2)"
    );
    let text = said(|| assert_quality_maintained!(0.85, 0.95, 0.05, "Correctness"));
    assert!(text.starts_with("Correctness degraded: 0.85 < 0.89"), "{text}");
    assert!(text.ends_with("(baseline 0.95 - threshold 0.05)"), "{text}");
}

#[test]
fn what_is_not_a_number_holds_nowhere() {
    assert!(said(|| assert_metric_within_threshold!(f64::NAN, 1.0, 1.2, "P95")).contains("regressed"));
    assert!(said(|| assert_quality_maintained!(f64::NAN, 0.9, 0.05, "Safety")).contains("degraded"));
}
