//! Against a node of Apache Kafka: what was committed arrives, exactly so, whatever happens on the way.
//!
//! Where neither Kafka nor `KAFKA_BROKERS` is to be had the tests say so and pass, unless `QUIPU_REQUIRE_KAFKA` is set.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot go on fails by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use quipu_ingest::{FramesFile, PipelineOptions, Progress, Stop, ingest_frames};
use quipu_store::Snapshot;
use quipu_tests::child::Process;
use quipu_tests::ingest::{self, Ingest, stored_offsets};
use quipu_tests::kafka::{
    self, Node, Produced, Production, Recording, delete_records, delete_topic, own_node, produce,
};
use quipu_tests::ledger::{Hole, holes};
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
            settings: &[],
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
        settings: &[],
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
    let produce_quarter = |number: usize| {
        let production = Production {
            topic: &topic,
            compression: "zstd",
            first: number * part,
            count: part,
            existing: number > 0,
            settings: &[],
        };
        produce(&node, &recording, production)
    };

    let Some(mut produced) = produce_quarter(0) else {
        return;
    };
    let ingester = run.spawn("ingester", &store);
    wait_until_read(&store, &topic, &produced);
    node.stop();
    std::thread::sleep(Duration::from_secs(2));
    node.start_again();
    produced.extend(produce_quarter(1).unwrap());
    wait_until_read(&store, &topic, &produced);
    eprintln!(
        "the broker was restarted: {} records",
        stored_offsets(&store, &topic)
    );

    // The ingester dies in the middle of what comes now.
    ingester.kill();
    produced.extend(produce_quarter(2).unwrap());
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
    produced.extend(produce_quarter(3).unwrap());
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

#[test]
fn a_broker_that_is_gone_for_a_minute_costs_nothing_and_is_told() {
    let Some(node) = own_node() else { return };
    let folder = tempfile::tempdir().unwrap();
    let part = 2_000;
    let recording = Recording::canonical(folder.path().join("recorded.frames"), 4, 2 * part as u64);
    let expected = recorded(folder.path(), &recording);
    let topic = topic("gone");
    let store = folder.path().join("store");
    let run = Ingest::following(node.brokers(), &topic, 2_000, Duration::from_millis(200));
    let Some(mut produced) = produce_part(&node, &recording, &topic, (0, part), false) else {
        return;
    };
    let ingester = run.spawn("ingester", &store);
    wait_until_read(&store, &topic, &produced);
    node.stop();
    std::thread::sleep(Duration::from_secs(60));
    node.start_again();
    produced.extend(produce_part(&node, &recording, &topic, (part, part), true).unwrap());
    wait_until_read(&store, &topic, &produced);
    let mut warnings = Vec::new();
    while let Some(line) = ingester.line(Duration::from_millis(100)) {
        warnings.extend(line.strip_prefix("warning ").map(str::to_owned));
    }
    stopped(ingester);
    assert!(
        warnings
            .iter()
            .any(|warning| warning.contains("has not answered")),
        "{warnings:#?}"
    );
    assert!(warnings.len() < 60, "{warnings:#?}");
    assert_arrived(&snapshot(&store), &expected, &recording, &produced);
}

#[test]
fn a_compacted_topic_is_read_to_its_end_and_its_holes_say_so() {
    let Some(node) = kafka::node() else { return };
    let folder = tempfile::tempdir().unwrap();
    let part = 3_000;
    let recording = Recording::canonical(folder.path().join("recorded.frames"), 5, 2 * part as u64);
    let topic = topic("compacted");
    let production = Production {
        topic: &topic,
        compression: "zstd",
        first: 0,
        count: part,
        existing: false,
        settings: &[
            "cleanup.policy=compact",
            "min.cleanable.dirty.ratio=0.001",
            "max.compaction.lag.ms=100",
            "delete.retention.ms=100",
            "segment.ms=100",
        ],
    };
    let Some(mut produced) = produce(&node, &recording, production) else {
        return;
    };
    // The newest segment is never compacted: more has to come.
    produced.extend(produce_part(&node, &recording, &topic, (part, part), true).unwrap());
    let mut attempt = 0;
    let deadline = Instant::now() + PATIENCE;
    let (ours, holes) = loop {
        attempt += 1;
        let store = folder.path().join(format!("store-{attempt}"));
        Ingest::to_end(node.brokers(), &topic).run(&store);
        let ours = snapshot(&store);
        let found = holes(&ours);
        if found.iter().any(|hole| hole.cause == "compacted") {
            break (ours, found);
        }
        assert!(
            Instant::now() < deadline,
            "nothing was compacted within {PATIENCE:?}"
        );
        std::thread::sleep(Duration::from_secs(1));
    };
    ours.verify().unwrap();
    assert_accounted(&ours);
    // What is neither a row nor compacted is what it was before.
    let rows = arrived(&ours);
    let is_compacted = |partition, offset| {
        let here = |hole: &&Hole| hole.partition == partition && (hole.first..=hole.last).contains(&offset);
        holes
            .iter()
            .find(here)
            .is_some_and(|hole| hole.cause == "compacted")
    };
    for (partition, committed) in &produced.committed {
        for offset in committed.keys() {
            let is_row = rows
                .iter()
                .any(|((_, at), offsets)| at == partition && offsets.contains(offset));
            assert!(
                is_row || is_compacted(*partition, *offset),
                "{partition}/{offset} is a hole of another cause"
            );
        }
    }
    for hole in &holes {
        let aborted = &produced.aborted[&hole.partition];
        for offset in hole.first..=hole.last {
            match hole.cause.as_str() {
                "aborted" => assert!(aborted.contains_key(&offset), "{offset} of {hole:?}"),
                "control" => assert!(!aborted.contains_key(&offset), "{offset} of {hole:?}"),
                cause => assert_eq!(cause, "compacted", "{hole:?}"),
            }
        }
    }
}

#[test]
fn offsets_removed_before_they_were_read_are_holes_of_retention_and_nothing_else() {
    let Some(node) = kafka::node() else { return };
    let folder = tempfile::tempdir().unwrap();
    let part = 2_000;
    let recording = Recording::canonical(folder.path().join("recorded.frames"), 6, 2 * part as u64);
    let topic = topic("retention");
    let store = folder.path().join("store");
    let Some(first) = produce_part(&node, &recording, &topic, (0, part), false) else {
        return;
    };
    Ingest::to_end(node.brokers(), &topic).run(&store);
    let position = |partition: i32| {
        let ours = snapshot(&store);
        let mut states = ours.manifest().partitions.iter();
        let state = states.find(|state| state.log.partition.0 == partition).unwrap();
        state.next_offset.0
    };
    let second = produce_part(&node, &recording, &topic, (part, part), true).unwrap();
    // In each partition the log begins at a committed record in the middle of what was not read yet.
    let log_starts: BTreeMap<i32, i64> = second
        .committed
        .iter()
        .map(|(partition, offsets)| (*partition, *offsets.keys().nth(offsets.len() / 2).unwrap()))
        .collect();
    let removed: Vec<(i32, i64, i64)> = log_starts
        .iter()
        .map(|(partition, log_start)| (*partition, position(*partition), log_start - 1))
        .collect();
    if delete_records(&node, &topic, &log_starts).is_none() {
        return;
    }
    Ingest::to_end(node.brokers(), &topic).run(&store);
    let ours = snapshot(&store);
    ours.verify().unwrap();
    assert_accounted(&ours);
    let told: Vec<(i32, i64, i64)> = holes(&ours)
        .into_iter()
        .filter(|hole| hole.cause == "retention")
        .map(|hole| (hole.partition, hole.first, hole.last))
        .collect();
    assert_eq!(told, removed);
    for ((_, partition), offsets) in arrived(&ours) {
        let early = first.committed[&partition].keys();
        let late = second.committed[&partition].range(log_starts[&partition]..);
        let expected: BTreeSet<i64> = early.copied().chain(late.map(|(offset, _)| *offset)).collect();
        assert_eq!(offsets, expected, "partition {partition}");
    }
}

#[test]
fn a_topic_created_anew_is_another_incarnation_read_from_its_start() {
    let Some(node) = kafka::node() else { return };
    let folder = tempfile::tempdir().unwrap();
    let part = 2_000;
    let recording = Recording::canonical(folder.path().join("recorded.frames"), 7, 3 * part as u64);
    let topic = topic("recreated");
    let store = folder.path().join("store");
    let run = Ingest::following(node.brokers(), &topic, 2_000, Duration::from_millis(200));
    let Some(first) = produce_part(&node, &recording, &topic, (0, part), false) else {
        return;
    };
    let ingester = run.spawn("ingester", &store);
    wait_until_read(&store, &topic, &first);
    if delete_topic(&node, &topic).is_none() {
        return;
    }
    // More records than the first life had: its positions would point into the second.
    let second = produce_part(&node, &recording, &topic, (part, 2 * part), false).unwrap();
    wait_for(|| {
        let lives = arrived(&snapshot(&store));
        let rows: usize = lives.values().map(BTreeSet::len).sum();
        rows == first.committed_count() + second.committed_count()
    });
    stopped(ingester);
    let rest = Ingest::to_end(node.brokers(), &topic).run(&store);
    assert_eq!(rest.records, 0, "all was read");
    let ours = snapshot(&store);
    ours.verify().unwrap();
    assert_accounted(&ours);
    let mut lives: BTreeMap<String, BTreeMap<i32, BTreeSet<i64>>> = BTreeMap::new();
    for ((incarnation, partition), offsets) in arrived(&ours) {
        lives.entry(incarnation).or_default().insert(partition, offsets);
    }
    let offsets_of = |produced: &Produced| -> BTreeMap<i32, BTreeSet<i64>> {
        let partitions = produced.committed.iter();
        partitions
            .map(|(partition, offsets)| (*partition, offsets.keys().copied().collect()))
            .collect()
    };
    let found: BTreeSet<_> = lives.into_values().collect();
    assert_eq!(found, BTreeSet::from([offsets_of(&first), offsets_of(&second)]));
}

/// Produces so many frames from this one on.
fn produce_part(
    node: &Node,
    recording: &Recording,
    topic: &str,
    (first, count): (usize, usize),
    existing: bool,
) -> Option<Produced> {
    let production = Production {
        topic,
        compression: "zstd",
        first,
        count,
        existing,
        settings: &[],
    };
    produce(node, recording, production)
}

/// The offsets that have rows, by incarnation and partition.
fn arrived(ours: &Snapshot) -> BTreeMap<(String, i32), BTreeSet<i64>> {
    let mut arrived: BTreeMap<(String, i32), BTreeSet<i64>> = BTreeMap::new();
    for table in record_tables() {
        for identity in Rows::read(ours, table).identities {
            let log = (identity.incarnation, identity.partition);
            arrived.entry(log).or_default().insert(identity.offset);
        }
    }
    arrived
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
