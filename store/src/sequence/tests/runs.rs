//! Runs of a commit against an oracle that keeps every number.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use quipu_proto::Emitter;

use super::support::{RunRow, arrival, partition, run_rows};
use crate::manifest::ManifestId;
use crate::sequence::*;

fn book() -> (SequenceBook, PartitionKey) {
    let mut book = SequenceBook::new(BookOptions::default());
    let key = book.open_partition(&partition("a", 3), Head::FromOne);
    (book, key)
}

/// The runs of one thread's numbers, as (first, last, messages, first offset, last offset).
fn runs(numbers: &[u64]) -> Vec<(u64, u64, i64, i64, i64)> {
    let (mut book, key) = book();
    for (offset, number) in numbers.iter().enumerate() {
        book.observe(key, &arrival("thread", *number, b"", offset as i64));
    }
    let rows = run_rows(&book.seal(ManifestId(1)).unwrap());
    rows.iter()
        .map(|row| {
            (
                row.first,
                row.last,
                row.messages,
                row.first_offset,
                row.last_offset,
            )
        })
        .collect()
}

#[test]
fn a_stream_in_order_is_one_run() {
    assert_eq!(runs(&[1, 2, 3, 4]), [(1, 4, 4, 0, 3)]);
}

#[test]
fn late_messages_join_the_runs_around_them() {
    assert_eq!(runs(&[1, 2, 5, 6, 4, 3]), [(1, 6, 6, 0, 3)]);
    assert_eq!(runs(&[6, 5, 4, 9]), [(4, 6, 3, 2, 0), (9, 9, 1, 3, 3)]);
}

#[test]
fn copies_count_as_messages_and_leave_the_extent_and_the_earliest_offsets() {
    assert_eq!(runs(&[1, 2, 3, 3, 1, 2, 3]), [(1, 3, 7, 0, 2)]);
    assert_eq!(runs(&[5, 9, 5, 6, 7]), [(5, 7, 4, 0, 4), (9, 9, 1, 1, 1)]);
}

#[test]
fn the_highest_numbers_make_runs_like_others() {
    const MAX: u64 = u64::MAX;
    assert_eq!(
        runs(&[MAX, MAX - 1, MAX, 1]),
        [(1, 1, 1, 3, 3), (MAX - 1, MAX, 3, 1, 0)]
    );
}

#[test]
fn a_commit_begins_its_own_runs() {
    let (mut book, key) = book();
    book.observe(key, &arrival("thread", 1, b"", 0));
    assert_eq!(run_rows(&book.seal(ManifestId(1)).unwrap()).len(), 1);
    book.observe(key, &arrival("thread", 2, b"", 1));
    let rows = run_rows(&book.seal(ManifestId(2)).unwrap());
    assert_eq!((rows[0].first, rows[0].last, rows[0].messages), (2, 2, 1));
    assert!(book.seal(ManifestId(3)).unwrap().is_empty());
}

#[test]
fn emitters_that_share_a_number_have_runs_of_their_own_and_rows_carry_every_column() {
    let (mut book, key) = book();
    let other = book.open_partition(&partition("a", 1), Head::Unknown);
    book.observe(key, &arrival("b", 1, b"", 7));
    book.observe(
        key,
        &Arrival {
            emitter: Emitter::Node,
            ..arrival("b", 1, b"", 8)
        },
    );
    book.observe(
        key,
        &Arrival {
            time_us: None,
            ..arrival("a", 4, b"", 9)
        },
    );
    book.observe(other, &arrival("z", 1, b"", 2));
    let batches = book.seal(ManifestId(1)).unwrap();
    assert_eq!(batches[0].schema(), quipu_proto::Table::SequenceRuns.schema());
    assert_eq!(batches[0].column_by_name("first_time").unwrap().null_count(), 1);
    let rows = run_rows(&batches);
    let row = |partition, thread_id: &str, emitter: &str, number, offset, time, head: &str| RunRow {
        partition,
        tenant_id: "t".to_owned(),
        thread_id: thread_id.to_owned(),
        emitter: emitter.to_owned(),
        first: number,
        last: number,
        messages: 1,
        first_time: time,
        last_time: time,
        first_offset: offset,
        last_offset: offset,
        head: head.to_owned(),
    };
    assert_eq!(
        rows,
        [
            row(1, "z", "graph", 1, 2, 20, "unknown"),
            row(3, "a", "graph", 4, 9, 0, "from_one"),
            row(3, "b", "graph", 1, 7, 70, "from_one"),
            row(3, "b", "node", 1, 8, 80, "from_one"),
        ]
    );
}

#[test]
fn emitters_that_share_no_number_have_runs_together() {
    let (mut book, key) = book();
    for (number, emitter) in [
        (1, Emitter::Graph),
        (2, Emitter::Node),
        (3, Emitter::Graph),
        (5, Emitter::Node),
    ] {
        book.observe(
            key,
            &Arrival {
                emitter,
                ..arrival("thread", number, b"", 0)
            },
        );
    }
    let rows = run_rows(&book.seal(ManifestId(1)).unwrap());
    let runs: Vec<_> = rows
        .iter()
        .map(|row| (row.emitter.as_str(), row.first, row.last, row.messages))
        .collect();
    assert_eq!(runs, [("mixed", 1, 3, 3), ("node", 5, 5, 1)]);
}

#[test]
fn rows_are_sorted_by_whole_names() {
    let (mut book, key) = book();
    let names = [
        "same-sixteen-bytes-b",
        "same-sixteen-bytes-a",
        "",
        "same-sixteen-byte",
        "zz",
        "ab\0",
        "ab",
    ];
    for (offset, name) in names.iter().enumerate() {
        for number in [3, 1] {
            book.observe(key, &arrival(name, number, b"", offset as i64));
            book.observe(
                key,
                &Arrival {
                    tenant_id: "aa",
                    ..arrival(name, number, b"", offset as i64)
                },
            );
        }
    }
    let rows = run_rows(&book.seal(ManifestId(1)).unwrap());
    assert_eq!(rows.len(), 24, "two runs for each of six threads of two tenants");
    assert!(rows.is_sorted());
}

/// Number → (messages, offset of the first, from which follows its time).
type Numbers = BTreeMap<u64, (i64, i64)>;
/// What each thread's emitters sent.
type Seen = BTreeMap<(i32, String, String, String), Numbers>;
/// The emitters of one thread.
type Emitters<'a> = Vec<(&'a String, &'a Numbers)>;

fn oracle(seen: &Seen) -> Vec<RunRow> {
    let mut threads: BTreeMap<(i32, &String, &String), Emitters<'_>> = BTreeMap::new();
    for ((partition, tenant_id, thread_id, emitter), numbers) in seen {
        threads
            .entry((*partition, tenant_id, thread_id))
            .or_default()
            .push((emitter, numbers));
    }
    let mut rows = Vec::new();
    for (thread, emitters) in threads {
        let collide = emitters.len() == 2
            && emitters[0]
                .1
                .keys()
                .any(|number| emitters[1].1.contains_key(number));
        let lists = if collide {
            emitters.iter().map(|one| vec![*one]).collect()
        } else {
            vec![emitters]
        };
        for list in lists {
            rows.extend(islands(thread, &list));
        }
    }
    rows
}

/// The unbroken runs of numbers that one or both emitters sent.
fn islands(
    (partition, tenant_id, thread_id): (i32, &String, &String),
    emitters: &[(&String, &Numbers)],
) -> Vec<RunRow> {
    let numbers: BTreeMap<u64, (&String, i64, i64)> = emitters
        .iter()
        .flat_map(|(emitter, numbers)| {
            numbers
                .iter()
                .map(|(number, (messages, offset))| (*number, (*emitter, *messages, *offset)))
        })
        .collect();
    let mut rows: Vec<RunRow> = Vec::new();
    for (number, (emitter, messages, offset)) in numbers {
        match rows.last_mut() {
            Some(row) if row.last + 1 == number => {
                row.last = number;
                row.messages += messages;
                (row.last_offset, row.last_time) = (offset, offset * 10);
                if row.emitter != *emitter {
                    row.emitter = "mixed".to_owned();
                }
            }
            _ => rows.push(RunRow {
                partition,
                tenant_id: tenant_id.clone(),
                thread_id: thread_id.clone(),
                emitter: emitter.clone(),
                first: number,
                last: number,
                messages,
                first_time: offset * 10,
                last_time: offset * 10,
                first_offset: offset,
                last_offset: offset,
                head: "from_one".to_owned(),
            }),
        }
    }
    rows
}

proptest! {
    #[test]
    fn runs_equal_those_of_an_oracle_that_keeps_every_number(
        messages in vec((0..2_i32, 0..2_u8, 0..3_u8, any::<bool>(), 0..30_u64), 0..400),
        cuts in vec(0..400_usize, 0..4),
    ) {
        let mut book = SequenceBook::new(BookOptions::default());
        let keys = [0, 1].map(|number| book.open_partition(&partition("a", number), Head::FromOne));
        let mut seen = Seen::new();
        for (offset, (number, tenant, thread, node, sequence)) in messages.iter().enumerate() {
            if cuts.contains(&offset) {
                prop_assert_eq!(run_rows(&book.seal(ManifestId(offset as u64)).unwrap()), oracle(&std::mem::take(&mut seen)));
            }
            let (tenant_id, thread_id) = (format!("tenant-{tenant}"), format!("a-long-thread-name-{thread}"));
            let emitter = if *node { Emitter::Node } else { Emitter::Graph };
            let message = Arrival { tenant_id: &tenant_id, emitter, ..arrival(&thread_id, *sequence, b"", offset as i64) };
            book.observe(keys[*number as usize], &message);
            if *sequence > 0 {
                let key = (*number, tenant_id.clone(), thread_id.clone(), emitter.as_str().to_owned());
                seen.entry(key).or_default().entry(*sequence).or_insert((0, offset as i64)).0 += 1;
            }
        }
        prop_assert_eq!(run_rows(&book.seal(ManifestId(1000)).unwrap()), oracle(&seen));
    }
}
