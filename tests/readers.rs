//! Readers in processes of their own ask while a writer commits five times a second: they see no error, and counts never
//! shrink. A second writer is refused.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot go on fails by panicking"
)]

use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use quipu::arrow::array::{AsArray, RecordBatch};
use quipu::arrow::datatypes::Int64Type;
use quipu::ingest::{Progress, Stop, ingest_kafka};
use quipu::{ErrorKind, Quipu, Table};
use quipu_broker::{BrokerOptions, BrokerThread, TopicOptions};
use quipu_tests::child::{self, Process};
use quipu_tests::ingest::Ingest;
use quipu_tests::rows::snapshot;
use quipu_tests::traffic::{PARTITIONS, Traffic};

const TOPIC: &str = "dashstream-events";

/// How long the writer commits.
const WRITING: Duration = Duration::from_secs(10);

const COMMIT_EVERY: Duration = Duration::from_millis(200);

/// Tables that readers count.
const TABLES: [Table; 5] = [
    Table::Events,
    Table::TokenChunks,
    Table::ToolExecutions,
    Table::DeadLetters,
    Table::SequenceRuns,
];

#[test]
fn readers_beside_a_writer_see_no_error_and_counts_that_never_shrink() {
    let broker = BrokerThread::start(BrokerOptions::default()).unwrap();
    broker
        .create_topic(TOPIC, TopicOptions::partitions(PARTITIONS))
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    drop(Quipu::create(folder.path()).unwrap());
    let stop = Stop::default();
    let writer = {
        let run = Ingest::following(&broker.address(), TOPIC, 500_000, COMMIT_EVERY);
        let (store, stop) = (folder.path().to_owned(), stop.clone());
        std::thread::spawn(move || {
            ingest_kafka(
                store,
                run.options(),
                &stop,
                &Arc::new(Progress::default()),
                |_| {},
            )
            .unwrap()
        })
    };
    let store = folder.path().to_str().unwrap();
    let mut readers = vec![
        child::spawn("reader", &[store, "one handle"]),
        child::spawn("reader", &[store, "many handles"]),
    ];
    let mut traffic = Traffic::new(5, u64::MAX);
    let began = Instant::now();
    while began.elapsed() < WRITING {
        traffic.append(&broker, TOPIC, 300);
        std::thread::sleep(Duration::from_millis(20));
        if readers.len() == 2 && began.elapsed() > WRITING / 2 {
            readers.push(child::spawn("reader", &[store, "held snapshots"]));
        }
        for reader in &mut readers {
            assert!(reader.is_running(), "a reader ends only when it is told to");
        }
    }
    stop.raise();
    let counts = writer.join().unwrap();
    assert!(counts.commits > 20, "{} commits", counts.commits);
    let snapshot = snapshot(folder.path());
    let last: Vec<u64> = TABLES
        .iter()
        .map(|table| snapshot.manifest().rows(*table))
        .collect();
    for reader in readers {
        let (asked, seen) = answers(reader);
        eprintln!(
            "{asked} rounds of questions, {} different counts of events, {} commits",
            seen.len(),
            counts.commits
        );
        assert!(asked >= 2 && seen.len() >= 2, "{asked} rounds, {seen:?}");
        assert!(seen.last().unwrap() <= &last[0]);
    }
}

/// Ends a reader. Gives how often it asked, and the counts of events that it saw.
fn answers(reader: Process) -> (usize, Vec<u64>) {
    let lines = reader.succeed(Duration::from_secs(60));
    let mut counts: Vec<u64> = lines.iter().map(|line| line.parse().unwrap()).collect();
    let asked = counts.len();
    assert!(counts.is_sorted());
    counts.dedup();
    (asked, counts)
}

/// Not a test: a child that counts rows until its standard input closes.
#[test]
fn reader() {
    let Some(arguments) = child::arguments() else {
        return;
    };
    let ended = Arc::new(AtomicBool::new(false));
    let is_ended = Arc::clone(&ended);
    child::with_parent(move || ended.store(true, Ordering::Relaxed));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let open = || Quipu::open(&arguments[0]).unwrap();
    let quipu = open();
    let mut before = [0; TABLES.len()];
    while !is_ended.load(Ordering::Relaxed) {
        let counts = match arguments[1].as_str() {
            "one handle" => runtime.block_on(counts(&quipu)),
            "many handles" => runtime.block_on(counts(&open())),
            _ => runtime.block_on(held(&quipu)),
        };
        for ((table, before), count) in TABLES.iter().zip(before).zip(counts) {
            assert!(count >= before, "{table} had {before} and has {count}");
        }
        before = counts;
        child::say(&counts[0].to_string());
    }
}

async fn counts(quipu: &Quipu) -> [u64; TABLES.len()] {
    let mut counts = [0; TABLES.len()];
    for (count, table) in counts.iter_mut().zip(TABLES) {
        // Runs are joined when segments are merged: it is their messages that never become fewer.
        let what = match table {
            Table::SequenceRuns => "coalesce(sum(messages), 0)",
            _ => "count(*)",
        };
        let rows = quipu
            .sql(&format!("select {what} from {table} where partition >= 0"))
            .await
            .unwrap();
        *count = single(&rows.collect().await.unwrap());
    }
    counts
}

/// Counts of one snapshot, read again after many commits: it stays as it is, and its files stay.
async fn held(quipu: &Quipu) -> [u64; TABLES.len()] {
    let session = quipu.session().unwrap();
    let mut counts = [0; TABLES.len()];
    for wait in [Duration::ZERO, Duration::from_millis(700)] {
        tokio::time::sleep(wait).await;
        for (count, table) in counts.iter_mut().zip(TABLES) {
            let answer = session.sql(&format!("select * from {table}")).await.unwrap();
            let batches = answer.collect().await.unwrap();
            let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
            assert_eq!(rows as u64, session.snapshot().manifest().rows(table), "{table}");
            let counted = match table {
                Table::SequenceRuns => messages(&batches),
                _ => rows as u64,
            };
            assert!(
                wait.is_zero() || *count == counted,
                "{table} changed within a snapshot"
            );
            *count = counted;
        }
    }
    counts
}

/// Messages that rows of `sequence_runs` account for.
fn messages(batches: &[RecordBatch]) -> u64 {
    let of = |batch: &RecordBatch| -> i64 {
        let messages = batch.column_by_name("messages").unwrap();
        messages.as_primitive::<Int64Type>().values().iter().sum()
    };
    u64::try_from(batches.iter().map(of).sum::<i64>()).unwrap()
}

fn single(batches: &[RecordBatch]) -> u64 {
    u64::try_from(batches[0].column(0).as_primitive::<Int64Type>().value(0)).unwrap()
}

#[test]
fn a_second_writer_is_refused_by_the_name_of_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().to_str().unwrap();
    let first = child::spawn("writer", &[store]);
    assert_eq!(first.line(Duration::from_secs(60)).as_deref(), Some("writing"));
    let quipu = Quipu::open(folder.path()).unwrap();
    let error = quipu.ingest(&[]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy);
    let text = error.to_string();
    assert!(
        text.contains(&format!("process {}", first.id())) && text.contains(store),
        "{text}"
    );
    assert!(
        text.contains("stop it or use another --store"),
        "says what to do: {text}"
    );
    first.kill();
    quipu.ingest(&[]).unwrap();
}

/// Not a test: a child that has a store open for writing until its standard input closes.
#[test]
fn writer() {
    let Some(arguments) = child::arguments() else {
        return;
    };
    let writer = quipu::store::Writer::open(&arguments[0], quipu::store::WriterOptions::default()).unwrap();
    child::say("writing");
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    writer.close();
}
