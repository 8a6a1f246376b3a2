//! What a store says of sequences, offset holes and positions, joined over commits: where commits are cut does not
//! matter then.

use std::collections::BTreeMap;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type, TimestampMicrosecondType, UInt64Type};
use arrow_array::{Array, RecordBatch};
use quipu_proto::Table;
use quipu_store::Snapshot;

use crate::rows::{read, texts};

/// Whose numbers a run counts: topic, incarnation, partition, tenant, thread. Not the emitter: whether the runs of both
/// are told apart depends on what one commit holds.
type Counter = (String, String, i32, String, String);

/// An unbroken run of numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Its lowest number.
    pub first: u64,
    last: u64,
    messages: i64,
    /// Offset and time of the message with the lowest number; of copies the one with the smallest offset.
    first_seen: (i64, Option<i64>),
    /// Likewise of the highest.
    last_seen: (i64, Option<i64>),
    head: String,
}

/// A range of offsets without a record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hole {
    /// Topic.
    pub topic: String,
    /// Its life.
    pub incarnation: String,
    /// Partition.
    pub partition: i32,
    /// First offset.
    pub first: i64,
    /// Last offset, inclusive.
    pub last: i64,
    /// Why.
    pub cause: String,
}

/// The runs of all commits, those joined that touch or overlap.
#[must_use]
pub fn runs(snapshot: &Snapshot) -> BTreeMap<Counter, Vec<Run>> {
    let batch = read(snapshot, Table::SequenceRuns);
    let [topic, incarnation, tenant, thread, head] =
        ["topic", "incarnation", "tenant_id", "thread_id", "head"].map(|name| texts(&batch, name));
    let partition = batch["partition"].as_primitive::<Int32Type>();
    let unsigned = |name: &str| batch[name].as_primitive::<UInt64Type>();
    let (first, last) = (unsigned("first_sequence"), unsigned("last_sequence"));
    let mut runs: BTreeMap<Counter, Vec<Run>> = BTreeMap::new();
    for row in 0..batch.num_rows() {
        let counter = (
            topic[row].clone(),
            incarnation[row].clone(),
            partition.value(row),
            tenant[row].clone(),
            thread[row].clone(),
        );
        runs.entry(counter).or_default().push(Run {
            first: first.value(row),
            last: last.value(row),
            messages: integer(&batch, "messages", row),
            first_seen: (
                integer(&batch, "first_offset", row),
                time(&batch, "first_time", row),
            ),
            last_seen: (
                integer(&batch, "last_offset", row),
                time(&batch, "last_time", row),
            ),
            head: head[row].clone(),
        });
    }
    for runs in runs.values_mut() {
        runs.sort_by_key(|run| (run.first, run.first_seen.0));
        *runs = std::mem::take(runs).into_iter().fold(Vec::new(), joined);
    }
    runs
}

fn integer(batch: &RecordBatch, column: &str, row: usize) -> i64 {
    batch[column].as_primitive::<Int64Type>().value(row)
}

fn time(batch: &RecordBatch, column: &str, row: usize) -> Option<i64> {
    let times = batch[column].as_primitive::<TimestampMicrosecondType>();
    times.is_valid(row).then(|| times.value(row))
}

fn joined(mut runs: Vec<Run>, next: Run) -> Vec<Run> {
    match runs.last_mut() {
        Some(run) if next.first <= run.last.saturating_add(1) => {
            assert_eq!(run.head, next.head);
            run.messages += next.messages;
            if next.first == run.first && next.first_seen.0 < run.first_seen.0 {
                run.first_seen = next.first_seen;
            }
            if next.last > run.last || next.last == run.last && next.last_seen.0 < run.last_seen.0 {
                (run.last, run.last_seen) = (next.last, next.last_seen);
            }
        }
        _ => runs.push(next),
    }
    runs
}

/// The offset holes of all commits, those joined that touch and have one cause.
#[must_use]
pub fn holes(snapshot: &Snapshot) -> Vec<Hole> {
    let batch = read(snapshot, Table::OffsetHoles);
    let [topic, incarnation, cause] = ["topic", "incarnation", "cause"].map(|name| texts(&batch, name));
    let partition = batch["partition"].as_primitive::<Int32Type>();
    let mut holes: Vec<Hole> = (0..batch.num_rows())
        .map(|row| Hole {
            topic: topic[row].clone(),
            incarnation: incarnation[row].clone(),
            partition: partition.value(row),
            first: integer(&batch, "first_offset", row),
            last: integer(&batch, "last_offset", row),
            cause: cause[row].clone(),
        })
        .collect();
    holes.sort();
    let mut joined: Vec<Hole> = Vec::new();
    for hole in holes {
        match joined.last_mut() {
            Some(last)
                if (&last.topic, &last.incarnation, last.partition, &last.cause)
                    == (&hole.topic, &hole.incarnation, hole.partition, &hole.cause)
                    && last.last + 1 == hole.first =>
            {
                last.last = hole.last;
            }
            _ => joined.push(hole),
        }
    }
    joined
}

/// Asserts that two snapshots say the same of sequences, offset holes and positions.
///
/// # Panics
/// Where they do not, with the first difference.
pub fn assert_same(ours: &Snapshot, theirs: &Snapshot) {
    let (our_runs, their_runs) = (runs(ours), runs(theirs));
    for (counter, expected) in &their_runs {
        assert_eq!(our_runs.get(counter), Some(expected), "runs of {counter:?}");
    }
    assert_eq!(our_runs.len(), their_runs.len(), "counters");
    assert_eq!(holes(ours), holes(theirs));
    let positions = |snapshot: &Snapshot| -> Vec<_> {
        let states = snapshot.manifest().partitions.iter().cloned();
        states
            .map(|state| quipu_store::PartitionState {
                high_watermark: None,
                ..state
            })
            .collect()
    };
    assert_eq!(positions(ours), positions(theirs));
}
