//! The ingester dies at any moment, and nothing is lost or taken in twice: the store is the same as that of a run which
//! was never disturbed, row by row, in all columns.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot go on fails by panicking"
)]

use std::path::Path;
use std::time::{Duration, Instant};

use quipu_broker::{BrokerHandle, BrokerOptions, BrokerThread, TopicOptions};
use quipu_ingest::verify::{VerifyOptions, verify};
use quipu_tests::child::Process;
use quipu_tests::dice::Dice;
use quipu_tests::ingest::{self, Ingest, newest_manifest, stored_offsets};
use quipu_tests::rows::{Rows, assert_same_store, snapshot};
use quipu_tests::traffic::{PARTITIONS, Traffic};

const TOPIC: &str = "dashstream-events";

/// Times that the ingester is killed; `QUIPU_TEST_KILLS` says otherwise.
const KILLS: usize = 200;

/// Messages that are there when the ingester starts once more. Now and then the broker is quiet, so that it catches up.
const MESSAGES_PER_LIFE: usize = 1_250;

/// How long a life may be that waits for commits: there may be nothing left to commit.
const LIFE_MAX: Duration = Duration::from_secs(3);

fn kills() -> usize {
    std::env::var("QUIPU_TEST_KILLS")
        .ok()
        .map_or(KILLS, |text| text.parse().unwrap())
}

#[test]
fn two_hundred_kills_lose_and_repeat_nothing() {
    let kills = kills();
    let mut dice = Dice::from_environment(20_261_123);
    let broker = BrokerThread::start(BrokerOptions::default()).unwrap();
    broker
        .create_topic(TOPIC, TopicOptions::partitions(PARTITIONS))
        .unwrap();
    let mut traffic = Traffic::new(dice.number(), (kills * MESSAGES_PER_LIFE) as u64);
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("killed");
    // Most threads are on disk, in the index of the sequence book, so that this takes part.
    let run = Ingest::following(&broker.address(), TOPIC, 500, Duration::from_millis(40));
    let run = Ingest {
        hot_threads_max: 12,
        ..run
    };
    let (mut under_way, mut books_deleted, mut clean_stops) = (0, 0, 0);
    for life in 0..kills {
        traffic.append(&broker, TOPIC, MESSAGES_PER_LIFE);
        if dice.once_in(8) {
            // A clean end writes the index: the next life finds it current, or stale, or gone.
            let process = ready(run.spawn("ingester", &store));
            std::thread::sleep(Duration::from_millis(dice.within(0..500)));
            let _ = process.terminate();
            clean_stops += 1;
        }
        let process = run.spawn("ingester", &store);
        let life_of = lived(&mut dice, process, &store);
        let (stored, end) = (stored_offsets(&store, TOPIC), log_end(&broker));
        under_way += usize::from(stored < end);
        eprintln!("life {life}: {life_of}, then killed at {stored} of {end} offsets");
        if dice.once_in(4) {
            match std::fs::remove_dir_all(store.join("book")) {
                Ok(()) => books_deleted += 1,
                Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{error}"),
            }
        }
    }
    while traffic.append(&broker, TOPIC, 10_000) > 0 {}
    Ingest::to_end(&broker.address(), TOPIC).run(&store);
    assert_eq!(
        stored_offsets(&store, TOPIC),
        log_end(&broker),
        "the last run reads to the end"
    );

    let undisturbed = folder.path().join("undisturbed");
    Ingest::to_end(&broker.address(), TOPIC).run(&undisturbed);
    let rows = assert_same_store(&store, &undisturbed);
    assert_nothing_is_trivial(&store);
    let verified = verify(&store, &VerifyOptions::default(), |_| {}).unwrap();
    assert!(verified.is_clean(), "{:#?}", verified.findings);
    eprintln!(
        "{rows} rows; {under_way} of {kills} kills with records left to read, {clean_stops} clean stops between them, \
         the book deleted {books_deleted} times"
    );
    assert!(books_deleted > 0, "the book was there to be deleted");
    assert!(
        under_way * 2 > kills,
        "most kills come while there is something to read: {under_way}"
    );
}

/// Waits until the ingester can be told to stop.
fn ready(process: Process) -> Process {
    assert_eq!(process.line(Duration::from_secs(60)).as_deref(), Some("ready"));
    process
}

/// Lets the ingester live until a random moment, then kills it. Gives what that was.
fn lived(dice: &mut Dice, mut process: Process, store: &Path) -> String {
    let born = Instant::now();
    let life_of = if dice.once_in(3) {
        let life = Duration::from_micros(dice.within(1_000..500_000));
        std::thread::sleep(life);
        format!("{life:?}")
    } else {
        // Some time into a commit: it takes a few milliseconds.
        let commits = dice.within(1..7);
        let more = Duration::from_micros(dice.within(0..25_000));
        let last = newest_manifest(store) + commits;
        while newest_manifest(store) < last && born.elapsed() < LIFE_MAX {
            assert!(process.is_running(), "the ingester follows until it is killed");
            std::thread::sleep(Duration::from_micros(300));
        }
        std::thread::sleep(more);
        format!("{commits} commits and {more:?}")
    };
    process.kill();
    life_of
}

fn log_end(broker: &BrokerHandle) -> i64 {
    (0..PARTITIONS)
        .map(|partition| broker.high_watermark(TOPIC, partition).unwrap())
        .sum()
}

/// Asserts that the traffic had what the comparison is about.
fn assert_nothing_is_trivial(store: &Path) {
    let snapshot = snapshot(store);
    let events = Rows::read(&snapshot, quipu_proto::Table::Events);
    let verdicts = events.texts("sequence_verdict");
    for verdict in ["first", "in_order", "gap", "duplicate", "reordered"] {
        assert!(
            verdicts.iter().any(|found| found == verdict),
            "no event is {verdict}"
        );
    }
    let reasons = Rows::read(&snapshot, quipu_proto::Table::DeadLetters).texts("reason");
    assert!(reasons.len() > 100, "{} dead letters", reasons.len());
    let holes = quipu_tests::ledger::holes(&snapshot);
    for cause in ["aborted", "control"] {
        assert!(holes.iter().any(|hole| hole.cause == cause), "no hole is {cause}");
    }
    let gaps: usize = quipu_tests::ledger::runs(&snapshot)
        .values()
        .map(|runs| runs.len() - 1)
        .sum();
    assert!(gaps > 50, "{gaps} gaps");
}

#[test]
fn told_to_stop_it_commits_within_two_seconds_and_goes_on_later() {
    let mut dice = Dice::from_environment(7);
    let broker = BrokerThread::start(BrokerOptions::default()).unwrap();
    broker
        .create_topic(TOPIC, TopicOptions::partitions(PARTITIONS))
        .unwrap();
    let mut traffic = Traffic::new(dice.number(), 60_000);
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("stopped");
    // Nothing but the end of the run makes a commit due.
    let run = Ingest::following(&broker.address(), TOPIC, usize::MAX, Duration::from_secs(3_600));
    for round in 0..3 {
        traffic.append(&broker, TOPIC, 20_000);
        let before = stored_offsets(&store, TOPIC);
        let process = ready(run.spawn("ingester", &store));
        let line = process.line(Duration::from_secs(60)).expect("it begins to read");
        assert!(line.starts_with("records "), "{line}");
        std::thread::sleep(Duration::from_millis(dice.within(0..300)));
        assert_eq!(
            stored_offsets(&store, TOPIC),
            before,
            "nothing was committed so far"
        );
        let took = process.terminate();
        let stored = stored_offsets(&store, TOPIC);
        eprintln!(
            "round {round}: stopped in {took:?} at {stored} of {} offsets",
            log_end(&broker)
        );
        assert!(stored > before, "what was read is committed");
        assert!(took < Duration::from_secs(2), "it took {took:?} to stop");
    }
    while traffic.append(&broker, TOPIC, 10_000) > 0 {}
    Ingest::to_end(&broker.address(), TOPIC).run(&store);
    let undisturbed = folder.path().join("undisturbed");
    Ingest::to_end(&broker.address(), TOPIC).run(&undisturbed);
    assert_same_store(&store, &undisturbed);
}

/// Not a test: the child of the tests above.
#[test]
fn ingester() {
    ingest::role();
}
