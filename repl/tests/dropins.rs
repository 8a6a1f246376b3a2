//! `parse_events` and `analyze_events` as processes: on files, on a store, and on a broker of the test's own.

#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use common::{SMALL_FRAMES, Told, program, quipu};
use serde_json::{Deserializer, Value};

fn fixture(name: &str) -> String {
    format!("{}/../tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn parse_events() -> Command {
    program(env!("CARGO_BIN_EXE_parse_events"))
}

fn analyze_events() -> Command {
    program(env!("CARGO_BIN_EXE_analyze_events"))
}

fn parsed(arguments: &[&str]) -> Told {
    Told::of(parse_events().args(arguments))
}

fn values(text: &str) -> Vec<Value> {
    Deserializer::from_str(text)
        .into_iter()
        .map(Result::unwrap)
        .collect()
}

/// What `parse_events .. | analyze_events ..` says, with real processes and a real pipe.
fn piped(parse: &[&str], analyze: &[&str]) -> Told {
    let mut parsing = parse_events()
        .args(parse)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let told = Told::of(
        analyze_events()
            .args(analyze)
            .stdin(parsing.stdout.take().unwrap()),
    );
    assert!(parsing.wait().unwrap().success());
    told
}

fn close(one: &Value, two: &Value) -> bool {
    match (one, two) {
        (Value::Number(a), Value::Number(b)) if a.is_f64() && b.is_f64() => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            (a - b).abs() <= 1e-9 * b.abs().max(1.0)
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| close(a, b)))
        }
        _ => one == two,
    }
}

/// Two reports are alike; rows that tie stand in any order.
fn assert_same_report(found: &Value, expected: &Value) {
    for (key, expected) in expected.as_object().unwrap() {
        let found = &found[key];
        match expected.as_array() {
            None => assert!(close(found, expected), "{key}: {found} is not {expected}"),
            Some(rows) => {
                let others = found.as_array().unwrap();
                assert_eq!(others.len(), rows.len(), "{key}");
                for row in rows {
                    assert!(others.iter().any(|other| close(other, row)), "{key}: no {row}");
                }
            }
        }
    }
}

#[test]
fn a_recorded_file_becomes_the_documents_of_the_reference() {
    let told = parsed(&["--frames", SMALL_FRAMES]);
    assert_eq!(told.code, 0, "{}", told.err);
    let expected = values(&std::fs::read_to_string(fixture("parsed.jsonl")).unwrap());
    // One document a line, as standard output is no terminal.
    assert_eq!(told.out.lines().count(), expected.len());
    assert_eq!(values(&told.out), expected);
    assert!(told.err.contains("Processed 2090 messages"), "{}", told.err);
    assert!(told.err.contains("Rejected 0 records"), "{}", told.err);
    assert!(told.err.contains(" 0 gaps (0 numbers skipped)"), "{}", told.err);

    let pretty = parsed(&["--frames", SMALL_FRAMES, "--pretty", "--limit", "60"]);
    let reference = std::fs::read_to_string(fixture("parsed.pretty60.txt")).unwrap();
    assert_eq!(values(&pretty.out), values(&reference));
    assert_eq!(pretty.out.lines().count(), reference.lines().count());
}

#[test]
fn the_pipe_counts_as_the_reference_where_it_should() {
    for (frames, report) in [
        ("small.frames", "analyze.json"),
        ("faulty.frames", "faulty.analyze.json"),
    ] {
        let told = piped(
            &["--frames", &fixture(frames)],
            &["--counting", "reference", "--format", "json"],
        );
        assert_eq!(told.code, 0, "{}", told.err);
        let expected: Value =
            serde_json::from_str(&std::fs::read_to_string(fixture(report)).unwrap()).unwrap();
        assert_same_report(&serde_json::from_str(&told.out).unwrap(), &expected);
    }
}

#[test]
fn the_pipe_works_in_every_form() {
    let one_per_line = piped(&["--frames", SMALL_FRAMES], &["--format", "json"]);
    let pretty = piped(&["--frames", SMALL_FRAMES, "--pretty"], &["--format", "json"]);
    assert_eq!(one_per_line.out, pretty.out);
    let report: Value = serde_json::from_str(&one_per_line.out).unwrap();
    assert_eq!(report["counting"], "default");
    assert_eq!(report["summary"]["total_tool_calls"], 72);
    // What batches hold is told to be missing.
    assert!(
        one_per_line.err.contains("--expand-batches"),
        "{}",
        one_per_line.err
    );
    let text = piped(&["--frames", SMALL_FRAMES], &[]);
    assert!(
        text.out
            .starts_with("=== DashFlow Streaming Analytics Report ===")
    );
    let markdown = piped(&["--frames", SMALL_FRAMES], &["--format=markdown"]);
    assert!(markdown.out.contains("\n## Tool Performance\n"));
}

#[test]
fn a_store_says_the_same_as_the_documents_of_its_messages() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let taken = Told::of(
        quipu()
            .args(["ingest", "frames", SMALL_FRAMES, "--store"])
            .arg(&store),
    );
    assert_eq!(taken.code, 0, "{}", taken.err);
    let of_store = Told::of(analyze_events().args(["--format", "json", "--store"]).arg(&store));
    assert_eq!(of_store.code, 0, "{}", of_store.err);
    assert!(of_store.err.contains("complete"), "{}", of_store.err);
    let documents = piped(
        &["--frames", SMALL_FRAMES, "--expand-batches"],
        &["--format", "json"],
    );
    let mut found: Value = serde_json::from_str(&of_store.out).unwrap();
    let mut expected: Value = serde_json::from_str(&documents.out).unwrap();
    // Batches have rows, and no document once they are expanded.
    assert_eq!(found["messages"]["EventBatch"], 193);
    assert_eq!(expected["messages"]["EventBatch"], 0);
    for report in [&mut found, &mut expected] {
        report["messages"]["EventBatch"] = Value::Null;
        report["batched_events"] = Value::Null;
        report.as_object_mut().unwrap().remove("input");
    }
    assert_same_report(&found, &expected);
    let missing = Told::of(analyze_events().args(["--store", "no-such-store"]));
    assert_eq!((missing.code, missing.out.as_str()), (1, ""));
    assert!(missing.err.contains("no-such-store"), "{}", missing.err);
}

#[test]
fn filters_leave_out_what_is_not_wanted() {
    let all = values(&parsed(&["--frames", SMALL_FRAMES]).out);
    let thread = all[0]["header"]["thread_id"].as_str().unwrap();
    let found = values(
        &parsed(&[
            "--frames",
            SMALL_FRAMES,
            "--thread",
            thread,
            "--type",
            "tokenchunk",
        ])
        .out,
    );
    let expected: Vec<Value> = all
        .iter()
        .filter(|document| document["header"]["thread_id"] == thread && document["type"] == "TokenChunk")
        .cloned()
        .collect();
    assert!(!expected.is_empty());
    assert_eq!(found, expected);

    let last = values(&parsed(&["--frames", SMALL_FRAMES, "--last", "7"]).out);
    assert_eq!(last, all[all.len() - 7..]);
    let first = parsed(&["--frames", SMALL_FRAMES, "-n", "1500"]);
    assert_eq!(values(&first.out), all[..1500]);
    assert!(first.err.contains("Processed 1500 messages"), "{}", first.err);
    assert_eq!(parsed(&["--frames", SMALL_FRAMES, "-n", "0"]).out, "");

    // The partitions together are everything, each thread in one of them.
    let mut threads = BTreeSet::new();
    let mut count = 0;
    for partition in ["0", "1", "2", "3"] {
        let some = values(&parsed(&["--frames", SMALL_FRAMES, "--partition", partition]).out);
        count += some.len();
        for document in some {
            threads.insert((
                document["header"]["thread_id"].as_str().unwrap().to_owned(),
                partition,
            ));
        }
    }
    assert_eq!((count, threads.len()), (all.len(), 21));

    let expanded = values(&parsed(&["--frames", SMALL_FRAMES, "--expand-batches"]).out);
    let batched: u64 = all
        .iter()
        .filter_map(|document| document["event_count"].as_u64())
        .sum();
    assert_eq!(expanded.len() as u64, all.len() as u64 - 193 + batched);
    assert!(expanded.iter().all(|document| document["type"] != "EventBatch"));

    let named = parsed(&["--frames", SMALL_FRAMES, "--names", "all"]).out;
    assert!(named.contains("\"NODE_THINKING\"") && !named.contains("UNKNOWN("));
}

#[test]
fn what_is_rejected_is_told_and_so_are_gaps() {
    let faulty = fixture("faulty.frames");
    let told = parsed(&["--frames", &faulty]);
    assert_eq!(told.code, 0, "{}", told.err);
    let truth: Value =
        serde_json::from_str(&std::fs::read_to_string(fixture("faulty.truth.json")).unwrap()).unwrap();
    let strict = &truth["reference"]["strict_exact"];
    let rejected = strict["rejected"].as_u64().unwrap();
    assert!(
        told.err.contains(&format!("Rejected {rejected} records")),
        "{}",
        told.err
    );
    assert_eq!(
        told.out.lines().count() as u64,
        strict["decoded"].as_u64().unwrap()
    );
    let lines = told
        .err
        .lines()
        .filter(|line| line.starts_with("rejected: frame "))
        .count();
    assert_eq!(lines, 20, "the first twenty are told one by one");
    let verdicts = &strict["sequence_validator"];
    let expected = format!(
        "{} gaps ({} numbers skipped), {} duplicate, {} reordered",
        verdicts["gap"], verdicts["gap_total_size"], verdicts["duplicate"], verdicts["reordered"]
    );
    assert!(told.err.contains(&expected), "no {expected:?} in {}", told.err);
    let forward = parsed(&["--frames", &faulty, "--policy", "forward"]);
    assert!(forward.out.lines().count() > told.out.lines().count());
}

#[test]
fn standard_input_is_a_file_too_and_a_damaged_one_is_told() {
    let bytes = std::fs::read(SMALL_FRAMES).unwrap();
    let of_input = |bytes: &[u8]| {
        let mut child = parse_events()
            .args(["--frames", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        let bytes = bytes.to_vec();
        let writing = std::thread::spawn(move || input.write_all(&bytes));
        let output = child.wait_with_output().unwrap();
        writing.join().unwrap().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (code, whole, _) = of_input(&bytes);
    assert_eq!((code, whole.lines().count()), (Some(0), 2_090));
    let (code, part, err) = of_input(&bytes[..bytes.len() - 3]);
    assert_eq!((code, part.lines().count()), (Some(1), 2_089));
    assert!(
        err.contains("frame 2089") && err.contains("the 2089 frames before it"),
        "{err}"
    );
    assert_eq!(
        part,
        whole
            .lines()
            .take(2_089)
            .map(|line| format!("{line}\n"))
            .collect::<String>()
    );
}

#[test]
fn a_closed_pipe_is_a_quiet_end() {
    let mut child = parse_events()
        .args(["--frames", SMALL_FRAMES])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::with_capacity(64, child.stdout.take().unwrap())
        .read_line(&mut first)
        .unwrap();
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{err}");
    assert!(
        first.starts_with("{\"type\":") && !err.contains("panic") && !err.contains("error"),
        "{err}"
    );
}

#[test]
fn what_cannot_be_done_is_said_with_the_right_code() {
    for (program, arguments, code, part) in [
        (
            parse_events as fn() -> Command,
            &["--limit", "x"][..],
            2,
            "--limit",
        ),
        (parse_events, &["--limit=x"], 2, "--limit"),
        (parse_events, &["--frames", "no-such-file"], 1, "no-such-file"),
        (parse_events, &["--frames", "/"], 1, "cannot read /"),
        (parse_events, &["--broker", "127.0.0.1:1"], 1, "127.0.0.1:1"),
        (parse_events, &["--broker", "not a broker"], 2, "not a broker"),
        (analyze_events, &["--format", "yaml"], 2, "yaml"),
        (analyze_events, &["--counting", "old"], 2, "old"),
        (analyze_events, &["no-such-file"], 1, "no-such-file"),
        (analyze_events, &["/"], 1, "cannot read /"),
    ] {
        let told = Told::of(program().args(arguments));
        assert_eq!(
            (told.code, told.out.as_str()),
            (code, ""),
            "{arguments:?}: {}",
            told.err
        );
        assert!(told.err.contains(part), "{arguments:?}: {}", told.err);
    }
    for program in [parse_events, analyze_events] {
        let help = Told::of(program().arg("--help"));
        assert_eq!((help.code, help.err.as_str()), (0, ""));
        assert!(help.out.contains("Examples:"));
    }
}

#[test]
fn input_that_cannot_be_counted_is_told() {
    let told = Told::with_input(&mut analyze_events(), "not json\n");
    assert_eq!((told.code, told.out.as_str()), (1, ""));
    assert!(
        told.err.contains("document 1") && told.err.contains("parse_events"),
        "{}",
        told.err
    );

    let line = std::fs::read_to_string(fixture("parsed.jsonl")).unwrap();
    let line = line.lines().next().unwrap();
    let told = Told::with_input(
        analyze_events().args(["--format", "json"]),
        &format!("{line}\n{{\"type\":\"Novel\"}}\n{{\"a\n"),
    );
    assert_eq!(told.code, 0);
    let report: Value = serde_json::from_str(&told.out).unwrap();
    let input =
        serde_json::json!({"documents": 1, "unreadable": 1, "unfit": 0, "unknown_types": {"Novel": 1}});
    assert_eq!(report["input"], input);
    assert!(
        told.err.contains("2 of 3 documents were not counted"),
        "{}",
        told.err
    );
    assert!(
        told.err.contains("the first is document 2: type Novel"),
        "{}",
        told.err
    );

    let nothing = Told::with_input(analyze_events().args(["--format", "json"]), "");
    assert_eq!(nothing.code, 0);
    let report: Value = serde_json::from_str(&nothing.out).unwrap();
    assert_eq!(report["summary"]["total_sessions"], 0);

    let pretty = std::fs::read_to_string(fixture("parsed.pretty60.txt")).unwrap();
    let told = Told::with_input(analyze_events().args(["--counting", "reference"]), &pretty);
    assert_eq!(told.code, 1);
    assert!(told.err.contains("--compact"), "{}", told.err);

    // A directory as standard input is an error and no endless loop.
    let folder = std::fs::File::open(Path::new("/")).unwrap();
    let told = Told::of(analyze_events().stdin(folder));
    assert_eq!(told.code, 1);
    assert!(told.err.contains("standard input"), "{}", told.err);
}

#[cfg(feature = "demo")]
mod on_kafka {
    use std::time::Duration;

    use quipu_broker::{BrokerOptions, BrokerThread, Record, TopicOptions};
    use quipu_fleet::{Compression, Fleet, FleetOptions};

    use super::*;

    const TOPIC: &str = "dashstream-events";

    /// A broker whose topic holds the messages of a fleet, and their number by partition.
    fn broker() -> (BrokerThread, [usize; 4]) {
        let broker = BrokerThread::start(BrokerOptions::default()).unwrap();
        broker.create_topic(TOPIC, TopicOptions::partitions(4)).unwrap();
        let sent = append(&broker, 2_000, 1);
        (broker, sent)
    }

    fn append(broker: &BrokerThread, messages: u64, seed: u64) -> [usize; 4] {
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
        let sent = partitions.each_ref().map(Vec::len);
        for (partition, records) in (0..).zip(partitions) {
            broker.append(TOPIC, partition, records).unwrap();
        }
        sent
    }

    #[test]
    fn all_partitions_are_read_up_to_their_end() {
        let (broker, sent) = broker();
        let total: usize = sent.iter().sum();
        let told = parsed(&["--broker", &broker.address()]);
        assert_eq!(told.code, 0, "{}", told.err);
        assert_eq!(told.out.lines().count(), total, "{}", told.err);
        assert!(told.err.contains(TOPIC), "the topic is named: {}", told.err);
        assert!(
            told.err.contains(&format!("Processed {total} messages")),
            "{}",
            told.err
        );

        let one = parsed(&["-b", &broker.address(), "-t", TOPIC, "--partition", "2"]);
        assert_eq!(one.out.lines().count(), sent[2]);
        let report = piped(&["-b", &broker.address()], &["--format", "json"]);
        let report: Value = serde_json::from_str(&report.out).unwrap();
        let messages = report["messages"].as_object().unwrap().values();
        assert_eq!(
            messages.map(|count| count.as_u64().unwrap()).sum::<u64>(),
            total as u64
        );
    }

    #[test]
    fn the_environment_names_broker_and_topic() {
        let (broker, sent) = broker();
        let told = Told::of(
            parse_events()
                .env("KAFKA_BROKERS", broker.address())
                .env("KAFKA_TOPIC", TOPIC),
        );
        assert_eq!(
            told.out.lines().count(),
            sent.iter().sum::<usize>(),
            "{}",
            told.err
        );
        let told = Told::of(
            parse_events()
                .env("KAFKA_BROKERS", broker.address())
                .env("KAFKA_TOPIC", "no-such-topic"),
        );
        assert_eq!(told.code, 1);
        assert!(told.err.contains("no-such-topic"), "{}", told.err);
    }

    #[test]
    fn the_newest_are_the_newest_of_all_partitions() {
        let (broker, _) = broker();
        let all = values(&parsed(&["-b", &broker.address()]).out);
        let newest = parsed(&["-b", &broker.address(), "--last", "50"]);
        let newest = values(&newest.out);
        assert_eq!(newest.len(), 50);
        assert!(newest.iter().all(|document| all.contains(document)));
        let more = parsed(&["-b", &broker.address(), "--last", "100000"]);
        assert_eq!(more.out.lines().count(), all.len());
        let kind = values(&parsed(&["-b", &broker.address(), "--last", "3", "--type", "Error"]).out);
        assert!(kind.iter().all(|document| document["type"] == "Error"));
        assert_eq!(
            kind.len(),
            3.min(all.iter().filter(|document| document["type"] == "Error").count())
        );
    }

    #[test]
    fn tail_begins_at_the_end_and_follows_until_interrupted() {
        let (broker, _) = broker();
        let mut child = parse_events()
            .args(["-b", &broker.address(), "-t", TOPIC, "--tail"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // What is appended until the first message comes may still lie before the end that is begun at.
        let (done, waiting) = std::sync::mpsc::sync_channel::<()>(0);
        let appending = std::thread::spawn(move || {
            let (mut rounds, mut appended) = (0, 0);
            while waiting
                .recv_timeout(Duration::from_millis(200))
                .is_err_and(|error| error == std::sync::mpsc::RecvTimeoutError::Timeout)
            {
                rounds += 1;
                appended += append(&broker, 20, 100 + rounds).iter().sum::<usize>();
            }
            (broker, appended)
        });
        let mut lines = lines.map(Result::unwrap);
        let first = lines.next().unwrap();
        drop(done);
        let (_broker, appended) = appending.join().unwrap();
        assert!(
            Command::new("kill")
                .args(["-INT", &child.id().to_string()])
                .status()
                .unwrap()
                .success()
        );
        let read = 1 + lines.count();
        let mut err = String::new();
        child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{err}");
        assert!(first.starts_with("{\"type\":"));
        assert!(read <= appended, "{read} messages are more than came");
        assert!(err.contains(&format!("Processed {read} messages")), "{err}");
    }
}
