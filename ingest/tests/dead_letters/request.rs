//! Retrying while another process writes the store.

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use quipu_ingest::dead_letters::{LetterChoice, LetterPlace, RetryReport, WhyLeft, retry_or_ask};
use quipu_ingest::{IngestError, Pipeline, Progress, Stop};
use quipu_proto::Policy;
use quipu_store::{Writer, WriterOptions};

use crate::common::{fact_rows, ledger, log, retry_all, strict_store, under, unresolved};

const LONG: Duration = Duration::from_secs(60);

fn ask(store: &Path, choice: LetterChoice) -> JoinHandle<Result<RetryReport, IngestError>> {
    let store = store.to_owned();
    std::thread::spawn(move || retry_or_ask(&store, &choice, &under(Policy::Forward), LONG, &Stop::default()))
}

fn running(store: &Path) -> Pipeline {
    Pipeline::open(store, under(Policy::Strict), Arc::new(Progress::default())).unwrap()
}

/// What lies in the folder of requests.
fn requests(store: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(store.join("requests")) else {
        return Vec::new();
    };
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

fn wait_for_request(store: &Path) {
    while !requests(store).iter().any(|name| name.ends_with(".request.json")) {
        std::thread::yield_now();
    }
}

#[test]
fn a_running_ingester_retries_for_a_command_and_reports() {
    let store = strict_store();
    let alone = strict_store();
    let expected = retry_all(alone.path(), Policy::Forward);

    let mut pipeline = running(store.path());
    let command = ask(store.path(), LetterChoice::Unresolved);
    wait_for_request(store.path());
    while !command.is_finished() {
        pipeline.attend().unwrap();
        std::thread::yield_now();
    }
    let report = command.join().unwrap().unwrap();
    assert_eq!(report.resolved, expected.resolved);
    assert_eq!(report.left, expected.left);
    assert_eq!(requests(store.path()), [""; 0], "nothing is left behind");

    let nowhere = LetterPlace::new(log(7), 7);
    let choice = LetterChoice::places([nowhere.clone(), report.resolved[0].place.clone()]);
    let command = ask(store.path(), choice);
    while !command.is_finished() {
        pipeline.attend().unwrap();
        std::thread::yield_now();
    }
    let again = command.join().unwrap().unwrap();
    let why: Vec<_> = again.left.iter().map(|left| left.why.clone()).collect();
    assert_eq!(why, [WhyLeft::Resolved, WhyLeft::Unknown]);
    pipeline.close().unwrap();
    assert_eq!(fact_rows(store.path(), &[]), fact_rows(alone.path(), &[]));
    assert_eq!(ledger(store.path()), ledger(alone.path()));
    assert_eq!(unresolved(store.path()), unresolved(alone.path()));
}

#[test]
fn a_command_retries_itself_once_the_writer_is_gone() {
    let store = strict_store();
    let writer = Writer::open(store.path(), WriterOptions::default()).unwrap();
    let command = ask(store.path(), LetterChoice::Unresolved);
    wait_for_request(store.path());
    drop(writer);
    assert_eq!(command.join().unwrap().unwrap().resolved.len(), 36);
    assert_eq!(requests(store.path()), [""; 0]);
}

#[test]
fn a_request_that_nobody_answers_is_withdrawn() {
    let store = strict_store();
    let _writer = Writer::open(store.path(), WriterOptions::default()).unwrap();
    let error = retry_or_ask(
        store.path(),
        &LetterChoice::Unresolved,
        &under(Policy::Forward),
        Duration::ZERO,
        &Stop::default(),
    )
    .unwrap_err();
    assert!(matches!(error, IngestError::Unanswered { .. }), "{error}");
    assert_eq!(requests(store.path()), [""; 0]);
}

#[test]
fn a_request_without_sense_is_answered_with_what_is_wrong() {
    let store = strict_store();
    let folder = store.path().join("requests");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(
        folder.join("a.request.json"),
        "{\"policy\":\"lenient\",\"letters\":null}",
    )
    .unwrap();
    std::fs::write(folder.join("b.request.json"), "no json").unwrap();
    let mut pipeline = running(store.path());
    pipeline.attend().unwrap();
    for (name, told) in [("a", "lenient"), ("b", "cannot be read")] {
        let answer = std::fs::read_to_string(folder.join(format!("{name}.answer.json"))).unwrap();
        assert!(answer.contains(told), "{answer}");
        assert!(!folder.join(format!("{name}.request.json")).exists());
    }
    pipeline.close().unwrap();
    assert_eq!(unresolved(store.path()).len(), 100);
}
