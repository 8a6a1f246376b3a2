//! Merged rows of `sequence_runs`: as few as threads and gaps, and the same account.
#![allow(
    clippy::print_stdout,
    reason = "figures, for who asks for them with --nocapture"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int32Type, Int64Type, TimestampMicrosecondType, UInt64Type};
use arrow_array::{Array as _, RecordBatch};
use proptest::prelude::*;
use quipu_proto::{Emitter, Table};
use quipu_store::merge::SMALL_ROWS;
use quipu_store::sequence::{Arrival, BookOptions, SequenceBook};
use quipu_store::{Commit, Head, Segment, Snapshot, Writer, read_segment};

use crate::common::{log, open};

/// A row of `sequence_runs`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Run {
    counter: (i32, String, String),
    first: u64,
    last: u64,
    emitter: String,
    messages: i64,
    first_seen: (i64, i64),
    last_seen: (i64, i64),
    head: String,
}

fn word(batch: &RecordBatch, name: &str, row: usize) -> String {
    let column = batch.column_by_name(name).unwrap();
    if let Some(texts) = column.as_string_opt::<i32>() {
        return texts.value(row).to_owned();
    }
    let choices = column.as_dictionary::<Int32Type>();
    let values = choices.values().as_string::<i32>();
    values.value(choices.key(row).unwrap()).to_owned()
}

/// The rows of each segment, in their order.
fn segments(snapshot: &Snapshot) -> Vec<Vec<Run>> {
    let of_batch = |batch: RecordBatch| {
        let column = |name: &str| batch.column_by_name(name).unwrap();
        let long = |name: &str, row| column(name).as_primitive::<Int64Type>().value(row);
        let number = |name: &str, row| column(name).as_primitive::<UInt64Type>().value(row);
        let time = |name: &str, row| {
            let times = column(name).as_primitive::<TimestampMicrosecondType>();
            if times.is_null(row) { -1 } else { times.value(row) }
        };
        let rows = (0..batch.num_rows()).map(|row| Run {
            counter: (
                column("partition").as_primitive::<Int32Type>().value(row),
                word(&batch, "tenant_id", row),
                word(&batch, "thread_id", row),
            ),
            first: number("first_sequence", row),
            last: number("last_sequence", row),
            emitter: word(&batch, "emitter", row),
            messages: long("messages", row),
            first_seen: (long("first_offset", row), time("first_time", row)),
            last_seen: (long("last_offset", row), time("last_time", row)),
            head: word(&batch, "head", row),
        });
        rows.collect::<Vec<_>>()
    };
    let of_segment = |segment: &Arc<Segment>| {
        let batches = read_segment(&snapshot.path_of(segment), segment, &[]).unwrap();
        batches.flat_map(|batch| of_batch(batch.unwrap())).collect()
    };
    snapshot.segments(Table::SequenceRuns).map(of_segment).collect()
}

/// All runs, those of one counter joined that touch or overlap, whoever emitted them.
fn account(snapshot: &Snapshot) -> Vec<Run> {
    let mut runs: Vec<Run> = segments(snapshot).into_iter().flatten().collect();
    runs.sort();
    let mut joined: Vec<Run> = Vec::new();
    for next in runs {
        match joined.last_mut() {
            Some(run) if run.counter == next.counter && next.first <= run.last.saturating_add(1) => {
                assert_eq!(run.head, next.head);
                run.messages += next.messages;
                if next.first == run.first {
                    run.first_seen = run.first_seen.min(next.first_seen);
                }
                if next.last > run.last {
                    (run.last, run.last_seen) = (next.last, next.last_seen);
                } else if next.last == run.last {
                    run.last_seen = run.last_seen.min(next.last_seen);
                }
                run.emitter.clear();
            }
            _ => joined.push(Run {
                emitter: String::new(),
                ..next
            }),
        }
    }
    joined
}

#[derive(Clone, Debug)]
struct Message {
    partition: i32,
    thread: u64,
    emitter: Emitter,
    sequence: u64,
}

fn observe(book: &mut SequenceBook, message: &Message, thread_id: &str, offset: i64) {
    let head = if message.partition == 0 {
        Head::FromOne
    } else {
        Head::Unknown
    };
    let key = book.open_partition(&log(message.partition), head);
    book.observe(
        key,
        &Arrival {
            tenant_id: if message.thread.is_multiple_of(3) {
                "a"
            } else {
                "b"
            },
            thread_id,
            emitter: message.emitter,
            sequence: message.sequence,
            message_id: &offset.to_le_bytes(),
            time_us: (!message.sequence.is_multiple_of(5)).then_some(offset * 10),
            offset,
        },
    );
}

fn commit(writer: &mut Writer, book: &mut SequenceBook) {
    let runs = book.seal(writer.manifest().id.next()).unwrap();
    writer
        .commit(Commit {
            batches: vec![(Table::SequenceRuns, runs)],
            ..Commit::default()
        })
        .unwrap();
}

/// A store that has committed these messages, each `per_commit` of them.
fn store(path: &Path, messages: &[Message], per_commit: usize) -> Writer {
    let mut writer = open(path);
    let mut book = SequenceBook::new(BookOptions::default());
    for (number, message) in messages.iter().enumerate() {
        observe(
            &mut book,
            message,
            &format!("thread-{}", message.thread),
            number as i64,
        );
        if number % per_commit == per_commit - 1 {
            commit(&mut writer, &mut book);
        }
    }
    commit(&mut writer, &mut book);
    writer
}

fn message() -> impl Strategy<Value = Message> {
    (0..2, 0..12_u64, prop::bool::weighted(0.2), 1..40_u64).prop_map(
        |(partition, thread, is_node, sequence)| Message {
            partition,
            thread,
            emitter: if is_node { Emitter::Node } else { Emitter::Graph },
            sequence,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// Messages in any order, copies and gaps included.
    #[test]
    fn merged_runs_give_the_same_account_in_as_few_sorted_rows(
        messages in prop::collection::vec(message(), 400..900),
        per_commit in 20..40_usize,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = store(folder.path(), &messages, per_commit);
        let before = writer.snapshot();
        let expected = account(&before);
        while writer.manifest().segments_of(Table::SequenceRuns).count() <= 17 {
            writer.commit(Commit {
                batches: vec![(Table::SequenceRuns, vec![lone_row()])],
                ..Commit::default()
            }).unwrap();
        }
        let filled = account(&writer.snapshot());
        writer.merge_all().unwrap();
        let after = writer.snapshot();
        prop_assert_eq!(&account(&after), &filled);
        prop_assert!(filled.len() >= expected.len());
        for rows in segments(&after) {
            let counters: Vec<_> = rows.iter().map(|run| &run.counter).collect();
            prop_assert!(counters.is_sorted());
            for thread in rows.chunk_by(|a, b| a.counter == b.counter) {
                for pair in thread.windows(2) {
                    let same = pair[0].emitter == pair[1].emitter;
                    prop_assert!(!same || pair[1].first > pair[0].last + 1, "{:?}", pair);
                }
            }
        }
    }
}

/// One row of a thread of its own.
fn lone_row() -> RecordBatch {
    let mut book = SequenceBook::new(BookOptions::default());
    let message = Message {
        partition: 0,
        thread: 99,
        emitter: Emitter::Graph,
        sequence: 1,
    };
    observe(&mut book, &message, "thread-99", 1_000_000);
    book.seal(quipu_store::ManifestId(1)).unwrap().remove(0)
}

/// The emitters of the rows that one thread has after commits with these messages: (commit, emitter, number).
fn merged(commits: &[&[(Emitter, u64)]]) -> Vec<(String, u64, u64, i64)> {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = open(folder.path());
    let mut book = SequenceBook::new(BookOptions::default());
    let mut offset = 0;
    for number in 0..17 {
        for (emitter, sequence) in commits.get(number).copied().unwrap_or_default() {
            let message = Message {
                partition: 0,
                thread: 1,
                emitter: *emitter,
                sequence: *sequence,
            };
            observe(&mut book, &message, "thread-1", offset);
            offset += 1;
        }
        // Another thread, so that each commit has a segment.
        let other = Message {
            partition: 0,
            thread: 2,
            emitter: Emitter::Graph,
            sequence: number as u64 + 1,
        };
        observe(&mut book, &other, "thread-2", 1_000 + number as i64);
        commit(&mut writer, &mut book);
    }
    assert_eq!(writer.merge_all().unwrap().len(), 1);
    let rows = segments(&writer.snapshot()).into_iter().flatten();
    rows.filter(|run| run.counter.2 == "thread-1")
        .map(|run| (run.emitter, run.first, run.last, run.messages))
        .collect()
}

#[test]
fn runs_of_both_emitters_become_mixed_while_no_number_came_from_both() {
    use Emitter::{Graph, Node};
    let row = |emitter: &str, first, last, messages| (emitter.to_owned(), first, last, messages);
    assert_eq!(
        merged(&[&[(Graph, 1), (Graph, 2)], &[(Node, 3)], &[(Graph, 4)]]),
        [row("mixed", 1, 4, 4)]
    );
    // Number 2 came from both: the counters are told apart.
    assert_eq!(
        merged(&[&[(Graph, 1), (Graph, 2)], &[(Node, 2), (Node, 3)], &[(Graph, 3)]]),
        [row("graph", 1, 3, 3), row("node", 2, 3, 2)]
    );
    // A copy is counted, and a gap stays one.
    assert_eq!(
        merged(&[&[(Graph, 1)], &[(Graph, 1)], &[(Graph, 3)]]),
        [row("graph", 1, 1, 2), row("graph", 3, 3, 1)]
    );
    // What one commit called mixed is disjoint from what another called by one name.
    assert_eq!(
        merged(&[&[(Graph, 1), (Node, 2)], &[(Graph, 3)]]),
        [row("mixed", 1, 3, 3)]
    );
}

/// Numbers that come in an order that looks random.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}

/// Threads with 10 messages each, interleaved in random order, committed and merged as ingestion does. Gives the rows of
/// `sequence_runs` that were committed and those that are left.
fn interleaved(threads: u32, per_commit: usize) -> (u64, u64) {
    let mut order: Vec<u32> = (0..threads * 10).map(|message| message % threads).collect();
    let mut random = Random(1);
    for last in (1..order.len()).rev() {
        order.swap(last, random.below(last as u64 + 1) as usize);
    }
    let folder = tempfile::tempdir().unwrap();
    let mut writer = open(folder.path());
    let mut book = SequenceBook::new(BookOptions::default());
    let mut next = vec![0; threads as usize];
    let mut merges = Vec::new();
    let began = Instant::now();
    for (offset, thread) in order.into_iter().enumerate() {
        next[thread as usize] += 1;
        let message = Message {
            partition: 0,
            thread: u64::from(thread),
            emitter: Emitter::Graph,
            sequence: next[thread as usize],
        };
        let name = format!(
            "{:08x}-7d1f-4c2b-9e3a-{thread:012x}",
            thread.wrapping_mul(0x9e37_79b1)
        );
        observe(&mut book, &message, &name, offset as i64);
        if offset % per_commit == per_commit - 1 {
            commit(&mut writer, &mut book);
            merges.extend(writer.merge_tail().unwrap());
        }
    }
    commit(&mut writer, &mut book);
    merges.extend(writer.merge_all().unwrap());
    let merging: Duration = merges.iter().map(|report| report.press).sum();
    let read: u64 = merges.iter().map(|report| report.rows_read).sum();
    let manifest = writer.manifest();
    let committed = manifest
        .rows_committed
        .iter()
        .find(|rows| rows.table == Table::SequenceRuns);
    let (committed, left) = (committed.unwrap().rows, manifest.rows(Table::SequenceRuns));
    let by_segment: Vec<u64> = manifest
        .segments_of(Table::SequenceRuns)
        .map(|segment| segment.rows)
        .collect();
    println!(
        "{threads} threads, commits of {per_commit}: {committed} rows committed, {left} left in segments of {by_segment:?}; \
         {:?} in all; {} merges read {read} rows in {merging:?}",
        began.elapsed(),
        merges.len()
    );
    let mut seen: BTreeMap<String, (i64, u64)> = BTreeMap::new();
    for run in segments(&writer.snapshot()).into_iter().flatten() {
        let thread = seen.entry(run.counter.2).or_default();
        thread.0 += run.messages;
        thread.1 = thread.1.max(run.last);
    }
    assert_eq!(seen.len(), threads as usize);
    assert!(
        seen.values().all(|seen| *seen == (10, 10)),
        "no message is lost or counted twice"
    );
    (committed, left)
}

#[test]
fn rows_of_interleaved_threads_come_down_to_little_more_than_one_a_thread() {
    let (committed, left) = interleaved(20_000, 2_000);
    assert!(committed > 180_000, "{committed} rows committed");
    assert!(left <= 20_000 + SMALL_ROWS, "{left} rows left");
}

#[test]
#[ignore = "ten million messages: by hand, with --nocapture for its figures"]
fn a_million_threads_of_ten_interleaved_messages_are_at_most_1_200_000_rows() {
    let (committed, left) = interleaved(1_000_000, 250_000);
    assert!(committed > 8_000_000, "{committed} rows committed");
    assert!(left <= 1_200_000, "{left} rows left");
}
