//! `quipu ingest` and `quipu demo` as processes, over a broker of the test's own.

#![cfg(feature = "demo")]
#![allow(clippy::unwrap_used)]

mod common;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{Told, quipu};
use quipu_broker::{BrokerOptions, BrokerThread, Record, TopicOptions};
use quipu_fleet::{Compression, Fleet, FleetOptions};

const TOPIC: &str = "dashstream-events";

/// A broker whose topic holds the messages of a fleet, and their number.
fn broker_with(messages: u64) -> (BrokerThread, usize) {
    let broker = BrokerThread::start(BrokerOptions::default()).unwrap();
    broker.create_topic(TOPIC, TopicOptions::partitions(4)).unwrap();
    let sent = append(&broker, messages, 1);
    (broker, sent)
}

/// Appends the messages of a fleet and returns their number.
fn append(broker: &BrokerThread, messages: u64, seed: u64) -> usize {
    let options = FleetOptions {
        messages: Some(messages),
        seed,
        ..FleetOptions::default()
    };
    let mut partitions: [Vec<Record>; 4] = Default::default();
    for sent in Fleet::new(options) {
        let value = sent.payload(Compression::default());
        partitions[usize::try_from(sent.partition).unwrap()].push(Record::new(value));
    }
    let sent = partitions.iter().map(Vec::len).sum();
    for (partition, records) in (0..).zip(partitions) {
        broker.append(TOPIC, partition, records).unwrap();
    }
    sent
}

fn ingest(broker: &BrokerThread, store: &Path, arguments: &[&str]) -> Command {
    let mut command = quipu();
    command
        .args(["ingest", "--brokers", &broker.address(), "--store"])
        .arg(store)
        .args(arguments);
    command
}

/// Records that the store accounts for.
fn records(store: &Path) -> usize {
    let sql = "select sum(next_offset) from system.partitions";
    let told = Told::of(
        quipu()
            .args(["sql", "--format", "csv", "--no-header", "-c", sql, "--store"])
            .arg(store),
    );
    assert_eq!(told.code, 0, "{}", told.err);
    told.out.trim().parse().unwrap_or(0)
}

fn signal(child: &Child, name: &str) {
    assert!(
        Command::new("kill")
            .args([name, &child.id().to_string()])
            .status()
            .unwrap()
            .success()
    );
}

#[test]
fn until_end_takes_in_everything_and_a_second_run_only_what_is_new() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let (broker, sent) = broker_with(2_000);
    let first = Told::of(&mut ingest(&broker, &store, &["--until", "end"]));
    assert_eq!((first.code, first.out.as_str()), (0, ""), "{}", first.err);
    assert_eq!(records(&store), sent);
    let sent = sent + append(&broker, 500, 2);
    let second = Told::of(&mut ingest(
        &broker,
        &store,
        &["--until", "end", "--topic", TOPIC],
    ));
    assert_eq!(second.code, 0, "{}", second.err);
    assert_eq!(records(&store), sent);
}

#[test]
fn without_a_topic_it_says_which_it_reads() {
    let folder = tempfile::tempdir().unwrap();
    let (broker, _) = broker_with(10);
    let told = Told::of(&mut ingest(
        &broker,
        &folder.path().join("store"),
        &["--until", "end"],
    ));
    assert!(told.err.contains(TOPIC), "{}", told.err);
}

#[test]
fn a_signal_commits_what_was_read_and_ends_well() {
    for name in ["-INT", "-TERM"] {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("store");
        let (broker, sent) = broker_with(2_000);
        // So old and so many that only the signal commits.
        let mut child = ingest(&broker, &store, &["--flush-age", "1h"])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let progress = lines
            .find(|line| line.as_ref().unwrap().contains("lag 0,"))
            .unwrap()
            .unwrap();
        assert!(
            progress.contains("messages, ") && progress.contains("0 dead letters"),
            "{progress}"
        );
        let asked = Instant::now();
        signal(&child, name);
        let rest: Vec<String> = lines.map(Result::unwrap).collect();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{name}: {rest:?}");
        // Generous: what matters is that it does not wait for the age.
        assert!(asked.elapsed() < Duration::from_secs(60));
        assert_eq!(records(&store), sent, "{name}");
    }
}

#[test]
fn a_broker_that_is_not_there_is_a_failure_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let told = Told::of(
        quipu()
            .args(["ingest", "--brokers", "not a broker", "--store"])
            .arg(folder.path()),
    );
    assert_eq!(told.code, 2, "{}", told.err);
}

#[test]
fn a_secured_connection_is_refused_and_the_secret_is_not_told() {
    let folder = tempfile::tempdir().unwrap();
    let (broker, _) = broker_with(10);
    let mut command = ingest(&broker, &folder.path().join("store"), &["--until", "end"]);
    let told = Told::of(command.env("KAFKA_SASL_PASSWORD", "hunter2"));
    assert_eq!(told.code, 1);
    assert!(
        !told.err.contains("hunter2") && told.err.contains("KAFKA_SASL_PASSWORD"),
        "{}",
        told.err
    );
}

#[test]
fn the_demo_finds_what_it_planted() {
    let folder = tempfile::tempdir().unwrap();
    let told = Told::of(
        quipu()
            .current_dir(folder.path())
            .args(["demo", "--messages", "3000"]),
    );
    assert_eq!(told.code, 0, "{}", told.err);
    for part in [
        "Runs by graph",
        "Tools",
        "dead_lettered",
        "13 missing, 1 dead letters",
        "12 messages lost",
        "Try next:",
    ] {
        assert!(told.out.contains(part), "no {part:?} in\n{}", told.out);
    }
    let next = told
        .out
        .lines()
        .find(|line| line.contains("sql --store quipu-demo"))
        .unwrap();
    let pasted = Command::new("sh")
        .args(["-c", next])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(
        pasted.status.success(),
        "{}",
        String::from_utf8_lossy(&pasted.stderr)
    );

    let again = Told::of(
        quipu()
            .current_dir(folder.path())
            .args(["demo", "--messages", "100"]),
    );
    assert_eq!(again.code, 0, "{}", again.err);
    assert!(
        folder.path().join("quipu-demo-2").is_dir(),
        "a demo must not write into the store of another"
    );
}

#[test]
fn the_demo_leaves_a_store_that_is_there_alone() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mine"), "").unwrap();
    let told = Told::of(quipu().args(["demo", "--store"]).arg(folder.path()));
    assert_eq!(told.code, 2);
    assert!(told.err.contains("--store"), "{}", told.err);
}

/// One HTTP request, as a scraper makes it.
fn get(address: &str, path: &str) -> String {
    use std::io::{Read, Write};
    let mut connection = std::net::TcpStream::connect(address).unwrap();
    write!(
        connection,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_run_serves_its_metrics_and_says_when_it_is_ready() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let (broker, sent) = broker_with(2_000);
    let mut child = ingest(&broker, &store, &["--flush-age", "50ms", "--metrics", "0"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let line = lines.find(|line| line.starts_with("metrics at http://")).unwrap();
    let address = line
        .trim_start_matches("metrics at http://")
        .trim_end_matches("/metrics")
        .to_owned();
    // Its standard error is read on, or it would wait for us.
    let reader = std::thread::spawn(move || lines.for_each(drop));
    let began = Instant::now();
    let soon = |what: &str| assert!(began.elapsed() < Duration::from_secs(60), "{what}");
    while !get(&address, "/readyz").starts_with("HTTP/1.1 200") {
        soon("it gets ready");
    }
    while records(&store) < sent {
        soon("it takes in what is there");
    }
    assert!(get(&address, "/healthz").starts_with("HTTP/1.1 200"));
    let metrics = get(&address, "/metrics");
    assert!(metrics.contains("application/openmetrics-text"), "{metrics}");
    assert!(
        metrics.contains(&format!("quipu_records_total {sent}\n")),
        "{metrics}"
    );
    for name in [
        "dashstream_sequence_gaps_total ",
        "dashstream_sequence_gap_size_bucket{le=\"+Inf\"}",
        "quipu_commit_age_seconds ",
        "quipu_lag_records{topic=\"dashstream-events\"",
        "# EOF",
    ] {
        assert!(metrics.contains(name), "no {name} in {metrics}");
    }
    signal(&child, "-TERM");
    assert!(child.wait().unwrap().success());
    reader.join().unwrap();
}
