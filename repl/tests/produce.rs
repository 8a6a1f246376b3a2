//! `quipu produce` as a process, over a broker of the test's own.

#![cfg(feature = "demo")]
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use common::{SMALL_FRAMES, Told, quipu};
use quipu_broker::{BrokerLogin, BrokerOptions, BrokerSecurity, BrokerThread};

const TOPIC: &str = "dashstream-events";

fn produce(broker: &BrokerThread, arguments: &[&str]) -> Told {
    Told::of(
        quipu()
            .args(["produce", "--brokers", &broker.address()])
            .args(arguments),
    )
}

/// What a store that took in the whole topic says to a question of one number.
fn asked(broker: &BrokerThread, store: &Path, sql: &str) -> u64 {
    let told = Told::of(
        quipu()
            .args([
                "ingest",
                "--until",
                "end",
                "--brokers",
                &broker.address(),
                "--store",
            ])
            .arg(store),
    );
    assert_eq!(told.code, 0, "{}", told.err);
    let told = Told::of(
        quipu()
            .args(["sql", "--format", "csv", "--no-header", "-c", sql, "--store"])
            .arg(store),
    );
    told.out
        .trim()
        .parse()
        .unwrap_or_else(|_| panic!("{}{}", told.out, told.err))
}

const MESSAGES: &str = "select sum(messages) from throughput";

#[test]
fn a_recording_arrives_whole_and_a_second_time_as_copies() {
    let broker = BrokerThread::start(BrokerOptions::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    for round in 0..2 {
        let told = produce(&broker, &["--frames", SMALL_FRAMES, "--create", "dev"]);
        assert_eq!(told.code, 0, "{}", told.err);
        assert!(
            told.err.contains("2,090 records to dashstream-events") && told.err.contains(" 0 failed"),
            "{}",
            told.err
        );
        let copies = asked(&broker, &store, "select count(*) from events where repeated");
        let events = asked(&broker, &store, "select count(*) from events");
        assert_eq!((events, copies), (954 * (round + 1), 954 * round));
    }
    let has = |partition| broker.high_watermark(TOPIC, partition).is_ok();
    assert!(has(2) && !has(3), "as many partitions as the profile says");
}

#[test]
fn generated_and_exported_telemetry_is_sent_too() {
    let broker = BrokerThread::start(BrokerOptions::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let told = produce(
        &broker,
        &[
            "--demo",
            "--messages",
            "3000",
            "--create",
            "--compression",
            "none",
            "--batch-compression",
            "zstd",
        ],
    );
    assert_eq!(told.code, 0, "{}", told.err);
    let messages = asked(&broker, &folder.path().join("store"), MESSAGES);
    assert!(messages >= 3_000, "{messages}");

    // An event of thread "t", as the file backend keeps it.
    let line = r#"{"offset":0,"timestamp_us":1764300000000000,"data":"CgUKAyIBdA=="}"#;
    let file = folder.path().join("topic.jsonl");
    fs::write(&file, format!("{line}\n{line}\n")).unwrap();
    let file = file.to_str().unwrap();
    let told = produce(
        &broker,
        &["--jsonl", file, "--topic", "dashstream_events", "--create", "dev"],
    );
    assert_eq!(told.code, 0, "{}", told.err);
    assert!(
        told.err.contains("2 records to dashstream_events"),
        "{}",
        told.err
    );
}

#[test]
fn what_cannot_be_sent_is_told_with_a_code_of_its_own() {
    let broker = BrokerThread::start(BrokerOptions::default()).unwrap();
    // Nothing to send, two things to send, no such file: before anything is sent.
    let usage: [&[&str]; 3] = [
        &[],
        &["--demo", "--frames", SMALL_FRAMES],
        &["--demo", "--speed", "fast"],
    ];
    for arguments in usage {
        let told = produce(&broker, arguments);
        assert_eq!(told.code, 2, "{arguments:?}: {}", told.err);
    }
    let told = produce(&broker, &["--frames", SMALL_FRAMES, "no-such.frames", "--create"]);
    assert_eq!(told.code, 1, "{}", told.err);
    assert!(told.err.contains("no-such.frames"), "{}", told.err);
    assert!(broker.topics().is_empty(), "no topic is made for nothing");

    // A recording that is cut: what is whole was sent.
    let folder = tempfile::tempdir().unwrap();
    let cut = folder.path().join("cut.frames");
    let bytes = fs::read(SMALL_FRAMES).unwrap();
    fs::write(&cut, &bytes[..bytes.len() - 7]).unwrap();
    let told = produce(&broker, &["--frames", cut.to_str().unwrap(), "--create", "dev"]);
    assert_eq!(told.code, 1, "{}", told.err);
    assert!(
        told.err.contains("2,089 records to") && told.err.contains("record 2090"),
        "{}",
        told.err
    );

    // Nobody listens there.
    let told = Told::of(quipu().args([
        "produce",
        "--demo",
        "--messages",
        "5",
        "--brokers",
        "127.0.0.1:1",
        "--timeout",
        "1s",
    ]));
    assert_eq!(told.code, 1, "{}", told.err);
    assert!(told.err.contains("were not delivered"), "{}", told.err);
}

#[test]
fn a_signal_stops_the_reading_and_what_was_sent_arrives() {
    let broker = BrokerThread::start(BrokerOptions::default()).unwrap();
    assert_eq!(
        produce(&broker, &["--demo", "--messages", "1", "--create", "dev"]).code,
        0
    );
    let mut child = quipu()
        .args([
            "produce",
            "--demo",
            "--speed",
            "100/s",
            "--brokers",
            &broker.address(),
        ])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let progress = told.next().unwrap();
    assert!(progress.contains(" on their way"), "{progress}");
    let killed = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(killed.unwrap().success());
    let told: Vec<String> = told.collect();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{told:?}");
    let said = |text: &str| told.iter().any(|line| line.contains(text));
    assert!(
        said("stopping: waiting for what was sent") && said(" 0 failed"),
        "{told:?}"
    );
}

#[test]
fn a_broker_that_wants_a_login_gets_it_from_the_environment() {
    let login = BrokerLogin::new("alice", "open sesame");
    let options = BrokerOptions {
        security: BrokerSecurity {
            logins: vec![login],
            ..BrokerSecurity::default()
        },
        ..BrokerOptions::default()
    };
    let broker = BrokerThread::start(options).unwrap();
    let produce = |password: &str| {
        Told::of(
            quipu()
                .args([
                    "produce",
                    "--demo",
                    "--messages",
                    "5",
                    "--create",
                    "dev",
                    "--timeout",
                    "5s",
                ])
                .env("KAFKA_BROKERS", broker.address())
                .env("KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT")
                .env("KAFKA_SASL_MECHANISM", "SCRAM-SHA-256")
                .env("KAFKA_SASL_USERNAME", "alice")
                .env("KAFKA_SASL_PASSWORD", password),
        )
    };
    let told = produce("open sesame");
    assert_eq!(told.code, 0, "{}", told.err);
    let told = produce("wrong secret");
    assert_eq!(told.code, 1, "{}", told.err);
    assert!(
        told.err.contains("alice") && !told.err.contains("secret"),
        "{}",
        told.err
    );
}
