//! Evaluations over what the `eval_runner` of dashflow-streaming was given and what it said.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot read its fixtures fails by panicking"
)]

mod common;

use common::{Call, assert_codes, calls, fixture};
use quipu_evals::eval_runner::{
    AppCheck, Colour, Enforcement, Evaluation, EvaluationOptions, FailFrom, MetricsReport, QualityScores,
    Status, evaluate,
};
use quipu_evals::{
    AnalyticsConverter, Baseline, Conversion, Converted, EvalError, EvalErrorKind, EvalMetric, LlmPricing,
    RegressionSeverity, ThresholdMode, Verdict, mock_baseline,
};
use serde_json::Value;

fn convert(path: &str, conversion: Conversion) -> Converted {
    AnalyticsConverter::convert(&fixture(path), conversion, None).unwrap()
}

fn old_baseline() -> Baseline {
    Baseline::from_json(&fixture("eval/baseline.json")).unwrap()
}

fn compare(current: Converted, baseline: Baseline, options: &EvaluationOptions) -> Evaluation {
    evaluate("demo", current, "baseline.json", baseline, options).unwrap()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Equal, numbers up to the last digit: the reference and our reader of JSON round some of them differently.
fn assert_same(found: &Value, expected: &Value, what: &str) {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => {
            for (key, expected) in expected {
                let found = found.get(key).unwrap_or_else(|| panic!("{what} has no {key}"));
                assert_same(found, expected, &format!("{what}.{key}"));
            }
        }
        (Value::Array(found), Value::Array(expected)) => {
            assert_eq!(found.len(), expected.len(), "{what}");
            for (found, expected) in found.iter().zip(expected) {
                assert_same(found, expected, what);
            }
        }
        (Value::Number(found), Value::Number(expected)) => {
            let (found, expected) = (found.as_f64().unwrap(), expected.as_f64().unwrap());
            assert!(
                (found - expected).abs() <= 1e-12 * expected.abs(),
                "{what}: {found} {expected}"
            );
        }
        _ => assert_eq!(found, expected, "{what}"),
    }
}

/// What a call gives here, where it is one of the library: the exit code of the program follows from it.
fn code(name: &str, call: &Call) -> u8 {
    let refused = |error: &EvalError| match error.kind() {
        EvalErrorKind::Usage => 2,
        EvalErrorKind::Input => 3,
        EvalErrorKind::Output => 1,
    };
    let analytics = match name {
        "from-analyze-json" => "analyze.json",
        name if name.starts_with("compare.same") || !name.starts_with("compare") => "eval/run1.json",
        _ => "eval/run2.json",
    };
    let pricing = match call.option("--pricing") {
        None => None,
        Some(name) => match LlmPricing::NAMES.iter().find(|(known, _)| *known == name) {
            Some((_, pricing)) => Some(*pricing),
            None => return 2,
        },
    };
    let Some(baseline) = call.option("--baseline") else {
        let converted = AnalyticsConverter::convert(&fixture(analytics), Conversion::Default, pricing);
        return converted.map_or_else(|error| refused(&error), |_| 0);
    };
    let mode = call
        .option("--threshold-mode")
        .unwrap_or("default")
        .parse::<ThresholdMode>();
    let options = match mode {
        Ok(mode) => EvaluationOptions {
            thresholds: mode.thresholds(),
            ..EvaluationOptions::default()
        },
        Err(error) => return refused(&error),
    };
    let path = format!("{}/../tests/fixtures/eval/{baseline}", env!("CARGO_MANIFEST_DIR"));
    match Baseline::load(path) {
        Ok(baseline) => {
            let current = convert(analytics, baseline.conversion());
            compare(current, baseline, &options).conclusion.exit_code()
        }
        Err(error) => refused(&error),
    }
}

#[test]
fn exit_codes_are_the_same_but_for_those_listed() {
    let differing = [
        ("from-analyze-json", 0, "what analyze_events prints is read"),
        (
            "compare.unknown-mode.text",
            2,
            "a mistyped mode must not pass as the default",
        ),
        (
            "compare.missing-baseline",
            3,
            "a gate that cannot judge is told from one that judged and failed",
        ),
        (
            "fail-on-regression-with-value",
            0,
            "the flag takes true and false, as the documentation has it",
        ),
    ];
    assert_codes(&calls("eval"), &differing, code);
}

#[test]
fn reference_metrics_are_the_same() {
    for (name, pricing) in LlmPricing::NAMES {
        let text = fixture("eval/run1.json");
        let converted = AnalyticsConverter::convert(&text, Conversion::Reference, Some(pricing)).unwrap();
        let report = MetricsReport {
            app_name: "demo",
            converted: &converted,
        };
        let expected = json(&fixture(&format!("eval/metrics.{name}.json.out")));
        assert_same(&json(&report.to_json()), &expected, name);
        assert_eq!(
            report.to_text(),
            fixture(&format!("eval/metrics.{name}.text.out"))
        );
    }
}

#[test]
fn both_spellings_of_analytics_come_to_the_same() {
    let (ours, old) = (
        convert("analyze.json", Conversion::Reference),
        convert("eval/run1.json", Conversion::Reference),
    );
    let value = |converted: &Converted| serde_json::to_value(&converted.metrics).unwrap();
    assert_same(&value(&ours), &value(&old), "metrics");
}

#[test]
fn comparisons_with_an_old_baseline_are_the_same() {
    for (mode, thresholds) in ThresholdMode::NAMES {
        let options = EvaluationOptions {
            thresholds: thresholds.thresholds(),
            ..EvaluationOptions::default()
        };
        let current = convert("eval/run2.json", Conversion::Reference);
        let evaluation = compare(current, old_baseline(), &options);
        let expected = json(&fixture(&format!("eval/compare.{mode}.json.out")));
        assert_same(&json(&evaluation.to_json()), &expected, mode);
        // The lines have another layout; the conclusion is the same.
        let text = evaluation.to_text(Colour::Plain);
        let expected = fixture(&format!("eval/compare.{mode}.text.out"));
        assert_eq!(text.lines().last(), expected.lines().last(), "{mode}");
        assert!(
            text.contains("Note: the baseline has no schema version"),
            "{text}"
        );
    }
}

/// A baseline and metrics of now from analytics with `sessions` of about `latency` milliseconds.
fn analytics(sessions: usize, latency: f64) -> Converted {
    let rows: Vec<String> = (0..sessions)
        .map(|index| {
            let duration = latency * (1.0 + 0.1 * ((index * 7 % 11) as f64 / 11.0 - 0.5));
            format!(
                r#"{{"thread_id": "{index}", "event_count": 4, "duration_ms": {duration}, "tool_calls": 1, "error_count": 0,
                "prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150, "runs_completed": 1, "runs_failed": 0}}"#
            )
        })
        .collect();
    let text = format!(
        r#"{{"summary": {{"total_sessions": {sessions}, "total_events": {}, "total_duration_ms": 1.0, "total_prompt_tokens": {},
        "total_completion_tokens": {}, "total_tokens": {}, "total_errors": 0}}, "sessions": [{}], "counting": "default"}}"#,
        4 * sessions,
        100 * sessions,
        50 * sessions,
        150 * sessions,
        rows.join(",")
    );
    AnalyticsConverter::convert(&text, Conversion::Default, None).unwrap()
}

fn baseline(converted: &Converted) -> Baseline {
    Baseline::of_converted("demo".into(), "1.0.0".into(), converted)
}

#[test]
fn a_report_has_the_layout_of_the_documentation() {
    let evaluation = compare(
        analytics(1, 1500.0),
        baseline(&analytics(1, 1000.0)),
        &EvaluationOptions::default(),
    );
    let expected = "=== Evaluation Report ===

App: demo
Baseline: baseline.json

QUALITY:
  (not evaluated)

PERFORMANCE:
  ⚠ P95 Latency:  1425.00ms (baseline: 950.00ms, 1.5x slower)
  ⚠ Avg Latency:  1425.00ms (baseline: 950.00ms, 1.5x slower)
  ✓ Success Rate: 100.0% (baseline: 100.0%, delta: +0.0%)
  ✓ Error Rate:   0.0% (baseline: 0.0%, delta: +0.0%)

COST:
  ✓ Total Tokens: 150 (baseline: 150, 1.0x)
  ✓ Cost per Run: $0.00075 (baseline: $0.00075, 1.0x)
  ✓ Tool Calls:   1 (baseline: 1, 1.0x)

Note: fewer than 5 sessions on one side, so the fixed thresholds decide alone; noise cannot be told from change

⚠ PASSED (with warnings): 2 warning(s)
";
    assert_eq!(evaluation.to_text(Colour::Plain), expected);
    let coloured = evaluation.to_text(Colour::Ansi);
    assert!(coloured.contains("  \u{1b}[33m⚠ P95 Latency:"), "{coloured}");
}

#[test]
fn many_sessions_are_compared_with_their_noise() {
    let judged = |latency| {
        let before = baseline(&analytics(40, 1000.0));
        compare(analytics(40, latency), before, &EvaluationOptions::default())
    };
    let same = judged(1000.0);
    assert!(same.regressions.is_empty(), "{:?}", same.regressions);
    for metric in EvalMetric::ALL
        .into_iter()
        .filter_map(|metric| same.comparison(metric))
    {
        assert_eq!(metric.verdict, Verdict::Pass, "{}", metric.name());
    }
    assert_eq!(same.conclusion.status(), Status::Passed);
    // 40 sessions of 40 do not rule out that one in twenty fails, and that is said.
    let [success, error] = &same.notes[..] else {
        panic!("{:?}", same.notes)
    };
    for (note, name) in [(success, "success_rate"), (error, "error_rate")] {
        let expected = format!("{name} has not become worse, but 40 and 40 runs do not rule out +8.8 points");
        assert!(note.starts_with(&expected), "{note}");
    }
    assert_eq!(json(&same.to_json())["verdict"], "pass");
    let slower = judged(1300.0);
    let regression = slower.regression(EvalMetric::AvgLatency).unwrap();
    assert_eq!(regression.severity, RegressionSeverity::Warning);
    let text = slower.to_text(Colour::Plain);
    assert!(text.contains("1.3x slower, p = 0.00"), "{text}");
    assert!(text.contains("n = 40 and 40"), "{text}");
    let faster = judged(500.0).to_text(Colour::Plain);
    assert!(faster.contains("0.5x, improved"), "{faster}");
}

/// Real sessions, of which nine have latencies: enough for a mean, too few for a 95th percentile.
#[test]
fn a_run_compared_with_itself_shows_no_change() {
    let run = || convert("analyze.json", Conversion::Default);
    let evaluation = compare(run(), baseline(&run()), &EvaluationOptions::default());
    assert!(evaluation.regressions.is_empty(), "{:?}", evaluation.regressions);
    let verdict = |metric| evaluation.comparison(metric).map(|comparison| comparison.verdict);
    assert_eq!(verdict(EvalMetric::P95Latency), Some(Verdict::Pass));
    assert!(
        evaluation.notes.contains(
            &"p95_latency needs 10 sessions on each side, so its fixed threshold decides alone".to_owned()
        ),
        "{:?}",
        evaluation.notes
    );
    let text = evaluation.to_text(Colour::Plain);
    assert!(
        text.contains("✓ Tool Calls:   3.4 (baseline: 3.4, 1.0x)"),
        "{text}"
    );
    assert!(
        text.contains("? Avg Latency:  97008.99ms (baseline: 97008.99ms, 1.0x, inconclusive: too noisy)"),
        "{text}"
    );
}

#[test]
fn a_percentile_of_few_sessions_regresses_by_its_fixed_threshold() {
    let before = baseline(&analytics(7, 1000.0));
    let evaluation = compare(analytics(7, 3000.0), before, &EvaluationOptions::default());
    let regression = evaluation.regression(EvalMetric::P95Latency).unwrap();
    assert_eq!(regression.severity, RegressionSeverity::Warning);
}

#[test]
fn a_metric_without_noise_regresses_by_what_counts() {
    let before = || baseline(&analytics(40, 1000.0));
    let mut current = analytics(40, 1000.0);
    // One call in ten sessions more: not significant, and 10 % more.
    let calls = current.samples.get_mut("tool_calls").unwrap();
    calls.iter_mut().step_by(10).for_each(|calls| *calls += 1.0);
    let judged = |exact: &[EvalMetric]| {
        let options = EvaluationOptions {
            exact: exact.to_vec(),
            ..EvaluationOptions::default()
        };
        compare(current.clone(), before(), &options).conclusion.info
    };
    assert_eq!(judged(&[]), 0);
    assert_eq!(judged(&[EvalMetric::ToolCalls]), 1);
}

#[test]
fn a_regression_within_its_threshold_is_told_without_contradiction() {
    let before = baseline(&analytics(60, 1000.0));
    let evaluation = compare(analytics(60, 1150.0), before, &EvaluationOptions::default());
    assert_eq!(evaluation.conclusion.info, 2, "{:?}", evaluation.regressions);
    assert_eq!(
        evaluation.conclusion.line(),
        "✓ PASSED: No regression beyond its threshold, 2 within thresholds"
    );
    let document = json(&evaluation.to_json());
    assert_eq!(
        (&document["status"], &document["verdict"]),
        (&"PASSED".into(), &"pass".into())
    );
}

#[test]
fn of_nothing_there_is_no_multiple() {
    let mut before = baseline(&analytics(1, 1000.0));
    before.means.insert("tool_calls".into(), 0.0);
    before.samples.remove("tool_calls");
    let evaluation = compare(analytics(1, 1000.0), before, &EvaluationOptions::default());
    let regression = evaluation.regression(EvalMetric::ToolCalls).unwrap();
    assert_eq!(regression.description, "up from 0");
    assert!(
        !evaluation.to_json().contains("Infinity") && !evaluation.to_json().contains("infx"),
        "{}",
        evaluation.to_json()
    );
}

#[test]
fn what_the_baseline_did_not_measure_is_no_rise_from_0() {
    let mut before = baseline(&analytics(3, 1000.0));
    before.samples.insert("p95_latency".into(), Vec::new());
    before.samples.insert("avg_latency".into(), Vec::new());
    (before.metrics.p95_latency, before.metrics.avg_latency) = (0.0, 0.0);
    let evaluation = compare(analytics(3, 1000.0), before, &EvaluationOptions::default());
    assert!(evaluation.regressions.is_empty(), "{:?}", evaluation.regressions);
    let text = evaluation.to_text(Colour::Plain);
    assert_eq!(text.matches("(not in the baseline)").count(), 2, "{text}");
}

#[test]
fn a_baseline_of_runs_is_told_beside_sessions() {
    let mut before = baseline(&analytics(3, 1000.0));
    assert_eq!(before.sample_unit.as_deref(), Some(Baseline::SESSION));
    before.sample_unit = Some(Baseline::RUN.to_owned());
    let evaluation = compare(analytics(3, 1000.0), before, &EvaluationOptions::default());
    assert!(
        evaluation
            .notes
            .iter()
            .any(|note| note.starts_with("the baseline is of runs")),
        "{:?}",
        evaluation.notes
    );
}

#[test]
fn bad_quality_fails_the_gate_and_telling_it_alone_does_not() {
    let worse = || {
        let mut current = analytics(1, 1000.0);
        let scores = QualityScores::from_json(r#"{"correctness": 0.5}"#).unwrap();
        scores.put_into(&mut current.metrics, &mut current.values);
        current
    };
    let mut before = baseline(&analytics(1, 1000.0));
    before.metrics.correctness = Some(0.95);
    let evaluation = compare(worse(), before.clone(), &EvaluationOptions::default());
    assert_eq!(evaluation.conclusion.exit_code(), 1);
    let text = evaluation.to_text(Colour::Plain);
    assert!(
        text.contains("  ✗ Correctness:        50.00% (baseline: 95.00%, dropped 45.0%)"),
        "{text}"
    );
    assert!(
        text.ends_with("✗ FAILED: 1 critical regression(s), 0 warning(s)\n"),
        "{text}"
    );
    let document = json(&evaluation.to_json());
    assert_eq!(
        (&document["status"], &document["exit_code"]),
        (&"FAILED".into(), &1.into())
    );
    let options = EvaluationOptions {
        enforcement: Enforcement::Tell,
        ..EvaluationOptions::default()
    };
    assert_eq!(compare(worse(), before, &options).conclusion.exit_code(), 0);
}

#[test]
fn a_quality_that_was_lost_is_not_a_pass() {
    let mut before = baseline(&analytics(1, 1000.0));
    before.metrics.safety = Some(1.0);
    let options = EvaluationOptions {
        fail_on: FailFrom::Inconclusive,
        ..EvaluationOptions::default()
    };
    let evaluation = compare(analytics(1, 1000.0), before, &options);
    assert_eq!(evaluation.conclusion.inconclusive, 1);
    assert_eq!(evaluation.conclusion.exit_code(), 1);
    let text = evaluation.to_text(Colour::Plain);
    assert!(
        text.contains("? Safety:             not evaluated (baseline: 100.00%)"),
        "{text}"
    );
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let current = || analytics(1, 1000.0);
    let refused = |current, baseline| {
        evaluate("demo", current, "b.json", baseline, &EvaluationOptions::default())
            .unwrap_err()
            .to_string()
    };
    let other = mock_baseline("other", "1.0.0", 1.0, 1.0, 1);
    let error = refused(current(), other.clone());
    assert!(
        error.contains("'other'") && error.contains("--any-app"),
        "{error}"
    );
    let error = refused(current(), old_baseline());
    assert!(error.contains("use --counting reference"), "{error}");
    let error = refused(analytics(0, 1.0), baseline(&current()));
    assert!(error.contains("no session"), "{error}");
    let options = EvaluationOptions {
        app_check: AppCheck::Any,
        ..EvaluationOptions::default()
    };
    assert!(evaluate("demo", current(), "b.json", other, &options).is_ok());
}

#[test]
fn other_prices_are_told() {
    let mut before = baseline(&analytics(1, 1000.0));
    before.pricing = Some(LlmPricing::CLAUDE_35_SONNET.into());
    let evaluation = compare(analytics(1, 1000.0), before, &EvaluationOptions::default());
    assert!(
        evaluation
            .notes
            .iter()
            .any(|note| note.contains("other prices (claude35)")),
        "{:?}",
        evaluation.notes
    );
}
