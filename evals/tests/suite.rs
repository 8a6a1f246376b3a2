//! Suites over what the `eval_runner` of dashflow-streaming was given and what it said.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot read its fixtures fails by panicking"
)]

mod common;

use common::{Call, assert_codes, calls, fixture};
use quipu_evals::dataset::{Answers, Missing};
use quipu_evals::{EvalError, EvalErrorKind, EvalSuite, ScoringMethod, SuiteOptions, SuiteResult, run_suite};
use serde_json::Value;

fn suite() -> EvalSuite {
    EvalSuite::from_json(&fixture("suite/suite.json")).unwrap()
}

fn run(answers: &str, method: ScoringMethod, threshold: Option<f64>) -> Result<SuiteResult, EvalError> {
    let suite = suite();
    let answers = Answers::from_json(&suite, &fixture(answers), Missing::Refuse)?;
    let options = SuiteOptions {
        scoring: Some(method),
        threshold,
        ..SuiteOptions::default()
    };
    run_suite(&suite, &answers, &options)
}

fn code(name: &str, call: &Call) -> u8 {
    let refused = |error: &EvalError| match error.kind() {
        EvalErrorKind::Usage => 2,
        EvalErrorKind::Input => 3,
        EvalErrorKind::Output => 1,
    };
    let answers = match name {
        "one-answer-short" => "suite/answers.short.json",
        _ => "suite/answers.json",
    };
    let threshold = call
        .option("--correctness-threshold")
        .map(|text| text.parse().unwrap());
    match call
        .option("--scoring-method")
        .unwrap_or("fuzzy")
        .parse::<ScoringMethod>()
    {
        Ok(method) => run(answers, method, threshold).map_or_else(
            |error| refused(&error),
            |result| result.summary.conclusion.exit_code(),
        ),
        Err(error) => refused(&error.into()),
    }
}

#[test]
fn exit_codes_are_the_same_but_for_those_listed() {
    let differing = [
        (
            "unknown-method",
            2,
            "a mistyped method is wrong usage, as every other option",
        ),
        (
            "one-answer-short",
            3,
            "a gate that cannot judge is told from one that judged and failed",
        ),
    ];
    assert_codes(&calls("suite"), &differing, code);
}

/// Cases whose old fuzzy score divided by bytes, with the score by characters.
const BY_CHARACTERS: [(&str, f64); 2] = [("uni_006", 0.0), ("uni_007", 0.0)];

#[test]
fn scores_are_the_same_but_for_texts_measured_in_bytes() {
    for method in [
        ScoringMethod::ExactMatch,
        ScoringMethod::CaseInsensitiveMatch,
        ScoringMethod::FuzzyMatch,
        ScoringMethod::Contains,
    ] {
        let found: Value =
            serde_json::from_str(&run("suite/answers.json", method, None).unwrap().to_json()).unwrap();
        let expected: Value = serde_json::from_str(&fixture(&format!("suite/{method}.json.out"))).unwrap();
        assert_eq!(found["suite"], expected["suite"]);
        assert_eq!(
            found["summary"]["total_cases"],
            expected["summary"]["total_cases"]
        );
        let (found, expected) = (&found["results"], expected["results"].as_array().unwrap());
        for (index, expected) in expected.iter().enumerate() {
            let found = &found[index];
            for key in ["id", "query", "expected_answer", "actual_answer", "metadata"] {
                assert_eq!(found[key], expected[key], "{method}");
            }
            let right = BY_CHARACTERS.iter().find(|(id, _)| expected["id"] == *id);
            match right.filter(|_| method == ScoringMethod::FuzzyMatch) {
                Some((_, score)) => assert_eq!(found["score"], *score, "{}", found["id"]),
                None => assert_eq!(found["score"], expected["score"], "{method} {}", found["id"]),
            }
        }
    }
}

#[test]
fn the_old_rule_gives_the_old_average() {
    let expected: Value = serde_json::from_str(&fixture("suite/fuzzy.json.out")).unwrap();
    let found = run("suite/answers.json", ScoringMethod::FuzzyBytes, None).unwrap();
    let average = expected["summary"]["average_correctness"].as_f64().unwrap();
    assert!((found.summary.average_correctness - average).abs() < 1e-12);
}

/// The report of the reference is within ours, line by line: ours has an interval and groups besides.
#[test]
fn reports_have_the_lines_that_users_know() {
    for method in [
        ScoringMethod::ExactMatch,
        ScoringMethod::CaseInsensitiveMatch,
        ScoringMethod::FuzzyBytes,
        ScoringMethod::Contains,
    ] {
        let result = run("suite/answers.json", method, None).unwrap();
        let text = result.to_text();
        let mut ours = text.lines();
        let name = method.name().replace("-bytes", "");
        for line in fixture(&format!("suite/{name}.text.out")).lines() {
            assert!(ours.any(|other| other == line), "{method}: no '{line}' in order");
        }
        let complaint = result.summary.conclusion.complaint().unwrap();
        assert_eq!(
            format!("\n{complaint}\n"),
            fixture(&format!("suite/{name}.text.err"))
        );
    }
}
