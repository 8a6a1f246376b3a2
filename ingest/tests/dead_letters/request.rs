//! Retrying while another process writes the store.

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use quipu_broker::{Broker, BrokerOptions, Record, TopicOptions};
use quipu_ingest::dead_letters::{LetterChoice, LetterPlace, RetryReport, WhyLeft, retry_or_ask};
use quipu_ingest::kafka::KafkaOptions;
use quipu_ingest::kafka::address::BrokerAddress;
use quipu_ingest::kafka::batch::OnCorrupt;
use quipu_ingest::{IngestError, KafkaRunOptions, Pipeline, Progress, Stop, ingest_kafka};
use quipu_proto::{Policy, Table};
use quipu_store::{Reader, Writer, WriterOptions};

use crate::common::{
    event, fact_rows, ledger, log, missing, push, retry_all, snapshot, strict_store, under, unframed,
    unresolved,
};

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

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_follows_kafka_retries_for_a_command() {
    let broker = Broker::start(BrokerOptions::default()).await.unwrap();
    broker.create_topic("t", TopicOptions::partitions(1)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().to_owned();
    for value in [event(1, 1), unframed(&event(2, 2)), event(3, 3)] {
        broker.append("t", 0, [Record::new(value)]).unwrap();
    }
    let mut source = KafkaOptions::new(BrokerAddress::parse_list(&broker.address()).unwrap());
    source.topics = vec!["t".to_owned()];
    let mut pipeline = under(Policy::Strict);
    pipeline.flush.age_max = Duration::ZERO;
    let options = KafkaRunOptions {
        source,
        on_corrupt: OnCorrupt::DeadLetter,
        pipeline,
    };
    let stop = Stop::default();
    let (stopped, writes) = (stop.clone(), store.clone());
    let run = std::thread::spawn(move || {
        ingest_kafka(&writes, options, &stopped, &Arc::new(Progress::default()), |_| {})
    });
    let report = tokio::task::spawn_blocking(move || {
        let letters = || Reader::open(&store).and_then(|reader| reader.snapshot());
        while !letters().is_ok_and(|snapshot| snapshot.manifest().rows(Table::DeadLetters) == 1) {
            std::thread::yield_now();
        }
        let report = ask(&store, LetterChoice::Unresolved).join().unwrap();
        stop.raise();
        run.join().unwrap().unwrap();
        assert_eq!(missing(&store), 0);
        report
    });
    assert_eq!(report.await.unwrap().unwrap().resolved.len(), 1);
}

#[test]
fn letters_that_cannot_be_read_do_not_end_the_ingester() {
    let store = strict_store();
    let segment = {
        let snapshot = snapshot(store.path());
        let segment = snapshot.segments(Table::DeadLetters).next().unwrap();
        snapshot.path_of(segment)
    };
    let mut pipeline = running(store.path());
    // Of the same length, so that only reading finds it.
    let bytes = std::fs::metadata(&segment).unwrap().len();
    std::fs::write(&segment, vec![0; usize::try_from(bytes).unwrap()]).unwrap();
    let command = ask(store.path(), LetterChoice::Unresolved);
    wait_for_request(store.path());
    while !command.is_finished() {
        pipeline.attend().unwrap();
        std::thread::yield_now();
    }
    let error = command.join().unwrap().unwrap_err().to_string();
    assert!(error.contains("dead_letters"), "{error}");
    push(&mut pipeline, 0, &[Some(event(1, 1))]);
    pipeline.close().unwrap();
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
