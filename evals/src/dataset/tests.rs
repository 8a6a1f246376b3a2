//! Suites with their answers.

use quipu_stats::score::ScoringMethod;

use super::*;

const SUITE: &str = r#"{"name": "s", "description": "d", "version": "1", "cases": [
  {"id": "a", "query": "qa", "expected_answer": "Paris", "metadata": {"category": "geography"}},
  {"id": "b", "query": "qb", "expected_answer": "144", "scoring": "numeric", "metadata": {"category": "maths", "difficulty": 2}},
  {"id": "c", "query": "qc", "expected_answer": "red, green", "scoring": "set", "weight": 2,
    "metadata": {"category": "maths"}}]}"#;

fn suite() -> EvalSuite {
    EvalSuite::from_json(SUITE).unwrap()
}

fn run(suite: &EvalSuite, answers: &str, options: &SuiteOptions) -> SuiteResult {
    let answers = Answers::from_json(suite, answers, Missing::LeaveOut).unwrap();
    run_suite(suite, &answers, options).unwrap()
}

fn exact() -> SuiteOptions {
    SuiteOptions {
        scoring: Some(ScoringMethod::ExactMatch),
        ..SuiteOptions::default()
    }
}

#[test]
fn cases_are_scored_by_their_own_method_and_weight() {
    let result = run(&suite(), r#"["paris", "It is 144.0", "green; blue"]"#, &exact());
    let scores: Vec<f64> = result.results.iter().map(|case| case.score).collect();
    assert_eq!(scores, [0.0, 1.0, 1.0 / 3.0]);
    assert!((result.summary.average_correctness - (0.0 + 1.0 + 2.0 / 3.0) / 4.0).abs() < 1e-12);
    assert_eq!((result.summary.passed, result.summary.failed), (1, 2));
    assert_eq!(result.summary.interval, None, "weights differ");
    assert_eq!(result.summary.conclusion.status, "FAILED");
    assert_eq!(result.summary.conclusion.exit_code(), 1);
}

#[test]
fn groups_tell_which_topic_fails() {
    let summary = run(&suite(), r#"["Paris", "12", "red, green"]"#, &exact()).summary;
    let maths = &summary.groups["category"]["maths"];
    assert_eq!((maths.cases, maths.passed), (2, 1));
    assert!((maths.average_correctness - 2.0 / 3.0).abs() < 1e-12);
    assert_eq!(summary.groups["difficulty"]["2"].cases, 1);
}

#[test]
fn a_case_with_a_threshold_of_its_own_must_pass() {
    let mut suite = suite();
    let options = SuiteOptions {
        threshold: Some(0.5),
        ..exact()
    };
    let answers = r#"["Rome", "144", "red, green"]"#;
    assert_eq!(run(&suite, answers, &options).summary.conclusion.status, "PASSED");
    suite.cases[0].threshold = Some(0.9);
    let conclusion = run(&suite, answers, &options).summary.conclusion;
    assert_eq!(
        conclusion.complaint().unwrap(),
        "✗ FAILED: Case a has 0.0%, below its threshold 90.0%"
    );
}

#[test]
fn several_answers_give_a_mean_and_pass_at_k() {
    let suite = suite();
    let options = SuiteOptions {
        pass_at: vec![1, 2, 5],
        ..exact()
    };
    let result = run(
        &suite,
        r#"{"a": ["Paris", "Rome", "Paris"], "b": "144"}"#,
        &options,
    );
    let case = &result.results[0];
    assert!((case.score - 2.0 / 3.0).abs() < 1e-12);
    assert_eq!(case.answers.len(), 3);
    assert!((case.pass_at[&1] - 2.0 / 3.0).abs() < 1e-12);
    assert!((case.pass_at[&2] - 1.0).abs() < 1e-12);
    assert!(
        !case.pass_at.contains_key(&5),
        "three answers tell nothing of five"
    );
    assert_eq!(result.summary.missing, ["c"]);
    assert_eq!(result.summary.total_cases, 2);
}

#[test]
fn repeats_are_held_against_the_answers() {
    let mut suite = suite();
    suite.cases[0].repeats = Some(2);
    let answers = Answers::from_json(&suite, r#"["Paris", "144", "red"]"#, Missing::Refuse).unwrap();
    let error = run_suite(&suite, &answers, &exact()).unwrap_err().to_string();
    assert!(
        error.contains("case a: it asks for 2 answers and 1 are given"),
        "{error}"
    );
}

#[test]
fn an_interval_of_scores_stays_on_their_scale() {
    let mut suite = suite();
    suite.cases[2].weight = None;
    let all = run(&suite, r#"["Paris", "144", "red, green"]"#, &exact());
    let interval = all.summary.interval.unwrap();
    // Wilson: three of three do not prove that all will be.
    assert!(interval.lower < 0.6 && interval.upper == 1.0, "{interval:?}");
    let some = run(&suite, r#"["Paris", "144", "red"]"#, &exact());
    let interval = some.summary.interval.unwrap();
    assert!(
        (0.0..0.6).contains(&interval.lower) && interval.upper == 1.0,
        "{interval:?}"
    );
}

#[test]
fn an_empty_suite_fails() {
    let suite = EvalSuite {
        cases: Vec::new(),
        ..suite()
    };
    let result = run(&suite, "[]", &SuiteOptions::default());
    assert_eq!(result.summary.average_correctness, 0.0);
    assert_eq!(result.summary.conclusion.exit_code(), 1);
}

#[test]
fn what_cannot_be_scored_is_told_with_its_case() {
    let refused = |change: fn(&mut EvalSuite), options: &SuiteOptions| {
        let mut suite = suite();
        change(&mut suite);
        let answers = Answers::from_json(&suite, r#"["1", "2", "3"]"#, Missing::Refuse).unwrap();
        run_suite(&suite, &answers, options).unwrap_err().to_string()
    };
    let options = SuiteOptions::default();
    let error = refused(|suite| suite.cases[1].expected_answer = "many".into(), &options);
    assert!(
        error.starts_with("case b: the expected text 'many' has 0 numbers"),
        "{error}"
    );
    let error = refused(|suite| suite.cases[1].scoring = Some("cosine".into()), &options);
    assert!(
        error.contains("case b: invalid scoring method 'cosine'"),
        "{error}"
    );
    let error = refused(|suite| suite.scoring = Some("cosine".into()), &options);
    assert!(error.contains("invalid scoring method 'cosine'"), "{error}");
    let error = refused(|suite| suite.cases[0].weight = Some(-1.0), &options);
    assert!(error.contains("case a: its weight is -1"), "{error}");
    let error = refused(|suite| suite.cases[1].tolerance = Some(-1.0), &options);
    assert!(error.contains("case b: its tolerance is -1"), "{error}");
    let too_high = SuiteOptions {
        threshold: Some(80.0),
        ..options
    };
    let error = refused(|_| (), &too_high);
    assert!(
        error.contains("threshold is 80; give a number from 0 to 1"),
        "{error}"
    );
}

#[test]
fn a_suite_of_old_is_saved_as_it_was() {
    let text = r#"{
  "name": "s",
  "description": "d",
  "version": "1",
  "cases": [
    {
      "id": "a",
      "query": "q",
      "expected_answer": "e",
      "metadata": {
        "category": "x"
      }
    }
  ]
}"#;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/suite.json");
    EvalSuite::from_json(text).unwrap().save(&path).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    assert_eq!(EvalSuite::load(&path).unwrap().len(), 1);
    let error = EvalSuite::load(folder.path().join("none.json"))
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("failed to read eval suite "), "{error}");
}

#[test]
fn an_average_at_its_threshold_passes() {
    let cases: Vec<String> = (0..3)
        .map(|at| format!(r#"{{"id": "{at}", "query": "q", "expected_answer": "Paris", "threshold": 0.8}}"#))
        .collect();
    let suite = EvalSuite::from_json(&format!(
        r#"{{"name": "s", "description": "d", "version": "1", "threshold": 0.8, "cases": [{}]}}"#,
        cases.join(",")
    ));
    let mut suite = suite.unwrap();
    // By these weights the mean of three times 0.8 falls short of 0.8 in its last digit.
    for (case, weight) in suite.cases.iter_mut().zip([0.1, 0.1, 0.6]) {
        case.weight = Some(weight);
    }
    let result = run(&suite, r#"["Parus", "Parus", "Parus"]"#, &SuiteOptions::default());
    assert!(
        result.summary.average_correctness < 0.8,
        "{}",
        result.summary.average_correctness
    );
    assert_eq!(result.summary.conclusion.status, "PASSED");
}

#[test]
fn an_answer_cannot_write_a_line_of_the_report() {
    let mut suite = suite();
    suite.cases[0].id = "a\n✓ PASSED".into();
    let report = run(&suite, r#"["Rome\n✓ PASSED\r✓ PASSED", "1", "blue"]"#, &exact()).to_text();
    let verdicts: Vec<&str> = report
        .lines()
        .filter(|line| line.starts_with(['✓', '✗']))
        .collect();
    assert_eq!(verdicts, ["✗ FAILED"], "{report}");
    assert!(
        report.contains("    Actual:   Rome\n              ✓ PASSED\n"),
        "{report}"
    );
}

#[test]
fn a_byte_order_mark_costs_no_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("suite.json");
    std::fs::write(&path, format!("\u{feff}{SUITE}")).unwrap();
    let text = EvalSuite::read(&path).unwrap();
    assert_eq!(case_lines(&text), [2, 3, 4]);
    assert_eq!(EvalSuite::load(&path).unwrap().len(), 3);
}

#[test]
fn scores_alone_are_those_of_the_methods() {
    assert_eq!(score_answer("Parus", "Paris", ScoringMethod::FuzzyMatch), 0.8);
    assert_eq!(score_answer("a", "(", ScoringMethod::Regex), 0.0);
    assert_eq!(average_correctness(&[]), 0.0);
    let answers = ["Paris".to_owned(), "144".to_owned(), "red, green".to_owned()];
    assert_eq!(
        score_suite(&suite(), &answers, ScoringMethod::ExactMatch).unwrap(),
        [1.0, 1.0, 1.0]
    );
    let error = score_suite(&suite(), &answers[..1], ScoringMethod::ExactMatch).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("Mismatch: 1 actual answers but 3 test cases")
    );
}
