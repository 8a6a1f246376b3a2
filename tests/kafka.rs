//! Against a node of Apache Kafka: what was committed arrives, exactly so, whatever happens on the way.
//!
//! Where neither Kafka nor `KAFKA_BROKERS` is to be had the tests say so and pass, unless `QUIPU_REQUIRE_KAFKA` is set.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot go on fails by panicking"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use quipu_ingest::{FramesFile, PipelineOptions, Progress, Stop, ingest_frames};
use quipu_store::Snapshot;
use quipu_tests::child::Process;
use quipu_tests::ingest::{self, Ingest, stored_offsets};
use quipu_tests::kafka::{self, Produced, Production, Recording, own_node, produce};
use quipu_tests::ledger::holes;
use quipu_tests::rows::{Rows, assert_accounted, record_tables, snapshot};

/// Columns that tell of a record's place and of what arrived before it, and not of its payload.
const OF_THE_PLACE: [&str; 6] = [
    "topic",
    "incarnation",
    "offset",
    "kafka_time",
    "sequence_verdict",
    "repeated",
];

const PATIENCE: Duration = Duration::from_secs(120);

/// A name that no earlier run has used: a broker that is not ours keeps its topics.
fn topic(name: &str) -> String {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    format!("quipu-test-{name}-{}", since.as_micros())
}

#[test]
fn what_was_committed_arrives_from_topics_of_every_codec() {
    let Some(node) = kafka::node() else { return };
    let folder = tempfile::tempdir().unwrap();
    let recording = Recording::canonical(folder.path().join("recorded.frames"), 1, 6_000);
    let expected = recorded(folder.path(), &recording);
    for compression in ["zstd", "lz4", "gzip", "snappy", "none"] {
        let topic = topic(compression);
        let production = Production {
            topic: &topic,
            compression,
            first: 0,
            count: 6_000,
            existing: false,
        };
        let Some(produced) = produce(&node, &recording, production) else {
            return;
        };
        assert!(
            produced.aborted_count() > 100 && produced.committed_count() > 1_000,
            "{compression}"
        );
        let store = folder.path().join(compression);
        Ingest::to_end(node.brokers(), &topic).run(&store);
        assert_arrived(&snapshot(&store), &expected, &recording, &produced);
        eprintln!(
            "{compression}: {} committed, {} aborted",
            produced.committed_count(),
            produced.aborted_count()
        );
    }
}

#[test]
fn two_hundred_thousand_messages_of_a_zstd_topic_arrive_and_nothing_else() {
    let Some(node) = kafka::node() else { return };
    let folder = tempfile::tempdir().unwrap();
    let count = 280_000;
    let recording = Recording::canonical(folder.path().join("recorded.frames"), 2, count as u64);
    let expected = recorded(folder.path(), &recording);
    let topic = topic("large");
    let production = Production {
        topic: &topic,
        compression: "zstd",
        first: 0,
        count,
        existing: false,
    };
    let Some(produced) = produce(&node, &recording, production) else {
        return;
    };
    assert!(
        produced.committed_count() >= 200_000,
        "{} committed",
        produced.committed_count()
    );
    assert_eq!(produced.committed.len(), 4);
    let store = folder.path().join("store");
    let began = Instant::now();
    let counts = Ingest::to_end(node.brokers(), &topic).run(&store);
    let took = began.elapsed();
    assert_eq!(counts.records, produced.committed_count() as u64);
    assert_arrived(&snapshot(&store), &expected, &recording, &produced);
    eprintln!(
        "{} committed, {} aborted, ingested in {took:?}",
        produced.committed_count(),
        produced.aborted_count()
    );
    // Asked again, the topic has nothing that the store has not.
    let again = Ingest::to_end(node.brokers(), &topic).run(&store);
    assert_eq!((again.records, again.rows), (0, 0));
}

#[test]
fn restarts_of_broker_and_ingester_lose_and_repeat_nothing() {
    let Some(node) = own_node() else { return };
    let folder = tempfile::tempdir().unwrap();
    let part = 15_000;
    let recording = Recording::canonical(folder.path().join("recorded.frames"), 3, 4 * part as u64);
    let expected = recorded(folder.path(), &recording);
    let topic = topic("restarts");
    let store = folder.path().join("store");
    let run = Ingest::following(node.brokers(), &topic, 2_000, Duration::from_millis(200));
    let produce_part = |number: usize| {
        let production = Production {
            topic: &topic,
            compression: "zstd",
            first: number * part,
            count: part,
            existing: number > 0,
        };
        produce(&node, &recording, production)
    };

    let Some(mut produced) = produce_part(0) else {
        return;
    };
    let ingester = run.spawn("ingester", &store);
    wait_until_read(&store, &topic, &produced);
    node.stop();
    std::thread::sleep(Duration::from_secs(2));
    node.start_again();
    produced.extend(produce_part(1).unwrap());
    wait_until_read(&store, &topic, &produced);
    eprintln!(
        "the broker was restarted: {} records",
        stored_offsets(&store, &topic)
    );

    // The ingester dies in the middle of what comes now.
    ingester.kill();
    produced.extend(produce_part(2).unwrap());
    let ingester = run.spawn("ingester", &store);
    let before = stored_offsets(&store, &topic);
    wait_for(|| stored_offsets(&store, &topic) > before);
    ingester.kill();
    let ingester = run.spawn("ingester", &store);
    wait_until_read(&store, &topic, &produced);
    eprintln!(
        "the ingester was killed twice: {} records",
        stored_offsets(&store, &topic)
    );

    // The broker dies while it is followed.
    node.kill();
    node.start_again();
    produced.extend(produce_part(3).unwrap());
    wait_until_read(&store, &topic, &produced);
    stopped(ingester);
    let rest = Ingest::to_end(node.brokers(), &topic).run(&store);
    assert_eq!(rest.records, 0, "all was read");
    assert_arrived(&snapshot(&store), &expected, &recording, &produced);
    eprintln!(
        "{} committed, {} aborted",
        produced.committed_count(),
        produced.aborted_count()
    );
}

fn stopped(ingester: Process) {
    let took = ingester.terminate();
    assert!(took < Duration::from_secs(2), "it took {took:?} to stop");
}

/// Waits until every record that was produced is in the store or known not to count.
fn wait_until_read(store: &Path, topic: &str, produced: &Produced) {
    let last = |partition: i32| {
        let offsets = [&produced.committed, &produced.aborted].map(|offsets| offsets.get(&partition));
        offsets
            .into_iter()
            .flatten()
            .filter_map(|offsets| offsets.keys().next_back().copied())
            .max()
            .unwrap_or(-1)
    };
    wait_for(|| {
        let Ok(reader) = quipu_store::Reader::open(store) else {
            return false;
        };
        let Ok(snapshot) = reader.snapshot() else {
            return false;
        };
        let states: Vec<_> = snapshot
            .manifest()
            .partitions
            .iter()
            .filter(|state| &*state.log.log.topic == topic)
            .collect();
        states.len() == 4
            && states
                .iter()
                .all(|state| state.next_offset.0 > last(state.log.partition.0))
    });
}

fn wait_for(mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(
            Instant::now() < deadline,
            "it did not come about within {PATIENCE:?}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The rows of a recording, taken in from its file.
fn recorded(folder: &Path, recording: &Recording) -> Snapshot {
    let store = folder.join("recorded");
    let file = FramesFile::new(&recording.path);
    let progress = Arc::new(Progress::default());
    ingest_frames(
        &store,
        &[file],
        PipelineOptions::default(),
        &Stop::default(),
        &progress,
    )
    .unwrap();
    snapshot(&store)
}

/// Asserts that the rows are those of the committed records, in all that a payload holds, and that all other offsets
/// are holes: those of aborted records by that cause, the others as the ends of transactions.
fn assert_arrived(ours: &Snapshot, recorded: &Snapshot, recording: &Recording, produced: &Produced) {
    ours.verify().unwrap();
    assert_accounted(ours);
    let mut arrived: BTreeMap<i32, BTreeMap<i64, usize>> = BTreeMap::new();
    for table in record_tables() {
        let rows = Rows::read(ours, table);
        let file = Rows::read(recorded, table);
        let by_place: BTreeMap<(i32, i64, i32), usize> = file
            .identities
            .iter()
            .enumerate()
            .map(|(row, identity)| ((identity.partition, identity.offset, identity.item), row))
            .collect();
        let mut picked = Vec::with_capacity(rows.identities.len());
        for identity in &rows.identities {
            let frame = produced
                .committed
                .get(&identity.partition)
                .and_then(|offsets| offsets.get(&identity.offset));
            let frame = *frame.unwrap_or_else(|| panic!("{table}: {identity:?} was not committed"));
            arrived
                .entry(identity.partition)
                .or_default()
                .insert(identity.offset, frame);
            let (partition, offset) = recording.places[frame];
            picked.push(by_place[&(partition, offset, identity.item)]);
        }
        // A record with several rows in this table has all of them.
        let frames_rows = |rows: &Rows| {
            let mut counts: BTreeMap<(i32, i64), usize> = BTreeMap::new();
            for identity in &rows.identities {
                *counts.entry((identity.partition, identity.offset)).or_default() += 1;
            }
            counts
        };
        let of_file = frames_rows(&file);
        for ((partition, offset), rows) in frames_rows(&rows) {
            let frame = produced.committed[&partition][&offset];
            assert_eq!(
                rows, of_file[&recording.places[frame]],
                "rows of {table} at {partition}/{offset}"
            );
        }
        rows.assert_same_columns(&file.pick(&picked), &OF_THE_PLACE);
    }
    assert!(arrived == produced.committed, "every committed record has a row");
    let mut causes: BTreeMap<String, usize> = BTreeMap::new();
    for hole in holes(ours) {
        let aborted = &produced.aborted[&hole.partition];
        for offset in hole.first..=hole.last {
            let expected = if aborted.contains_key(&offset) {
                "aborted"
            } else {
                "control"
            };
            assert_eq!(hole.cause, expected, "offset {offset} of {hole:?}");
            *causes.entry(hole.cause.clone()).or_default() += 1;
        }
    }
    assert_eq!(
        causes.get("aborted").copied().unwrap_or_default(),
        produced.aborted_count()
    );
    assert!(causes["control"] > 0);
}

/// Not a test: the child of the tests above.
#[test]
fn ingester() {
    ingest::role();
}
