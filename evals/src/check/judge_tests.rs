//! What follows from rows that are made up.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::claim::Claim;
use super::error::ClaimError;
use super::judge::{Answer, Answered, judge};
use super::violation::{Violation, Violations};
use crate::output::Severity;
use crate::verdict::Verdict;

/// A claim with this header that returned so many rows, of which two are shown.
fn answered(name: &str, header: &str, count: usize) -> Answered {
    let text = format!("{header}\nselect run_id, node from runs");
    let row = |id: &str| Violation {
        values: vec![Some(id.to_owned()), None],
    };
    Answered {
        claim: Claim::parse(Path::new(&format!("checks/{name}.sql")), &text).unwrap(),
        answer: Answer::Rows(Violations {
            columns: vec!["run_id".to_owned(), "node".to_owned()],
            shown: [row("r1"), row("r2")].into_iter().take(count).collect(),
            count,
        }),
        duration: Some(Duration::from_millis(3)),
    }
}

fn failed(name: &str) -> Answered {
    Answered {
        answer: Answer::Failed("no table runs".to_owned()),
        ..answered(name, "-- A claim.", 0)
    }
}

fn verdict(answered: &[Answered], fail_on: Severity) -> (Option<Verdict>, u8) {
    let outcome = judge("checks", answered, &[], fail_on);
    (outcome.verdict, outcome.exit_code())
}

#[test]
fn a_violation_fails_the_gate_if_it_matters_enough() {
    let holds = || answered("a", "-- A claim.", 0);
    let critical = || answered("b", "-- A claim.", 1);
    let warning = || answered("c", "-- Severity: warning", 1);
    let passed = (Some(Verdict::Pass), 0);
    let regressed = (Some(Verdict::Regressed), 1);
    assert_eq!(verdict(&[holds()], Severity::Critical), passed);
    assert_eq!(verdict(&[holds(), critical()], Severity::Critical), regressed);
    assert_eq!(verdict(&[holds(), warning()], Severity::Critical), passed);
    assert_eq!(verdict(&[holds(), warning()], Severity::Warning), regressed);
    assert_eq!(verdict(&[critical()], Severity::Warning), regressed);
}

#[test]
fn a_claim_that_cannot_be_run_leaves_the_gate_without_a_verdict() {
    let holds = || answered("a", "-- A claim.", 0);
    let critical = || answered("b", "-- A claim.", 1);
    assert_eq!(verdict(&[holds(), failed("z")], Severity::Critical), (None, 3));
    assert_eq!(verdict(&[], Severity::Critical), (None, 3));
    assert_eq!(
        verdict(&[critical(), failed("z")], Severity::Critical),
        (Some(Verdict::Regressed), 1),
        "no answer could make it pass"
    );
    let unread = ClaimError::Empty {
        path: PathBuf::from("checks/empty.sql"),
    };
    let outcome = judge("checks", &[holds()], &[unread], Severity::Critical);
    assert_eq!(outcome.exit_code(), 3);
    assert_eq!(
        outcome.verdict_line(),
        "NOT JUDGED: 1 of 2 claims hold, 1 could not be judged"
    );
    assert_eq!(outcome.findings[1].name, "empty");
}

#[test]
fn violations_are_told_by_the_message_of_the_claim() {
    let told = |header: &str, count| {
        let outcome = judge("checks", &[answered("a", header, count)], &[], Severity::Critical);
        (
            outcome.findings[0].message.clone(),
            outcome.findings[0].details.clone(),
        )
    };
    let message = "-- Message: {run_id} never ended";
    assert_eq!(
        told(message, 1),
        ("r1 never ended".to_owned(), vec!["r1 never ended".to_owned()])
    );
    assert_eq!(
        told(message, 5),
        (
            "r1 never ended (and 4 more)".to_owned(),
            vec![
                "r1 never ended".to_owned(),
                "r2 never ended".to_owned(),
                "... and 3 more".to_owned()
            ]
        )
    );
    assert_eq!(
        told("-- Message: a run never ended", 1),
        (
            "a run never ended (1 row)".to_owned(),
            vec!["run_id = r1, node = null".to_owned()]
        )
    );
    assert_eq!(told("-- a: runs end.", 2).0, "violated: runs end (2 rows)");
    assert_eq!(told("", 2).0, "violated (2 rows)");
    assert_eq!(told("-- a: runs end.", 0), ("runs end.".to_owned(), Vec::new()));
}

#[test]
fn a_message_that_names_an_unknown_column_is_an_error_although_the_claim_holds() {
    let outcome = judge(
        "checks",
        &[answered("a", "-- Message: {runid} never ended", 0)],
        &[],
        Severity::Critical,
    );
    assert_eq!(outcome.exit_code(), 3);
    assert_eq!(
        outcome.findings[0].message,
        "the message names the column \"runid\", which the query does not return: it returns run_id, node"
    );
}

#[test]
fn findings_come_in_the_order_of_their_files_and_name_the_line() {
    let outcome = judge(
        "checks",
        &[
            answered("z", "-- Z.\n-- more", 1),
            answered("a", "", 0),
            failed("m"),
        ],
        &[],
        Severity::Critical,
    );
    let names: Vec<&str> = outcome
        .findings
        .iter()
        .map(|finding| finding.name.as_str())
        .collect();
    assert_eq!(names, ["a", "m", "z"]);
    let place = outcome.findings[2].location.as_ref().unwrap();
    assert_eq!(place.to_string(), "checks/z.sql:3");
    assert_eq!(outcome.findings[2].duration, Some(Duration::from_millis(3)));
    assert_eq!(outcome.findings[1].message, "no table runs");
    assert_eq!(
        outcome.verdict_line(),
        "FAILED: 1 of 3 claims hold, 1 violated, 1 could not be judged"
    );
}
