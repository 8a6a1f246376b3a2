//! Merging the tail: the same rows before and after, whatever happens on the way.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{ArrayRef, DictionaryArray, Int64Array, RecordBatch, UInt64Array};
use quipu_proto::Table;
use quipu_store::merge::{INLINE_ROWS_MAX, SEGMENTS_MAX, SMALL_ROWS};
use quipu_store::segment::schema_fingerprint;
use quipu_store::{Commit, Reader, Snapshot, StoreErrorKind, Writer, read_segment};

use crate::common::{files_like, open, position, read, rows};
use crate::dying::{each_death, options};

const TABLES: [Table; 2] = [Table::Events, Table::TokenChunks];

/// A commit of ten rows to each of two tables, and of a row of `sequence_runs` that goes on where the last one ended.
fn ten(first: i64) -> Commit {
    let mut batches: Vec<_> = TABLES
        .into_iter()
        .map(|table| (table, vec![rows(table, first, 10)]))
        .collect();
    batches.push((Table::SequenceRuns, vec![run(first)]));
    Commit {
        batches,
        partitions: vec![position(0, first + 10)],
        remove_segments: Vec::new(),
    }
}

/// Numbers `first + 1` to `first + 10` of one thread.
fn run(first: i64) -> RecordBatch {
    let batch = rows(Table::SequenceRuns, first, 1);
    let number = |number: i64| Arc::new(UInt64Array::from(vec![number as u64])) as ArrayRef;
    let word = |word| Arc::new(DictionaryArray::<Int32Type>::from_iter([Some(word)])) as ArrayRef;
    with(
        &batch,
        &[
            ("first_sequence", number(first + 1)),
            ("last_sequence", number(first + 10)),
            ("messages", Arc::new(Int64Array::from(vec![10]))),
            ("last_offset", Arc::new(Int64Array::from(vec![first + 9]))),
            ("emitter", word("graph")),
            ("head", word("from_one")),
        ],
    )
}

fn with(batch: &RecordBatch, columns: &[(&str, ArrayRef)]) -> RecordBatch {
    let mut all = batch.columns().to_vec();
    for (name, column) in columns {
        all[batch.schema().index_of(name).unwrap()] = Arc::clone(column);
    }
    RecordBatch::try_new(batch.schema(), all).unwrap()
}

fn snapshot(path: &Path) -> Snapshot {
    Reader::open(path).unwrap().snapshot().unwrap()
}

fn segments(snapshot: &Snapshot, table: Table) -> usize {
    snapshot.segments(table).count()
}

/// Checks that the store is whole and has exactly the rows up to its position, in order. Gives the position.
fn whole(path: &Path) -> i64 {
    let snapshot = snapshot(path);
    snapshot.verify().unwrap();
    let manifest = snapshot.manifest();
    let next = manifest.partitions.first().map_or(0, |state| state.next_offset.0);
    for table in TABLES {
        assert_eq!(read(&snapshot, table), (0..next).collect::<Vec<_>>(), "{table}");
        let committed = manifest.rows_committed.iter().find(|rows| rows.table == table);
        assert_eq!(committed.map_or(0, |rows| rows.rows), next as u64, "{table}");
    }
    let (mut numbers, mut messages) = (0, 0);
    for segment in snapshot.segments(Table::SequenceRuns) {
        for batch in read_segment(&snapshot.path_of(segment), segment, &[]).unwrap() {
            let batch = batch.unwrap();
            let column = |name: &str| batch.column_by_name(name).unwrap();
            let first = column("first_sequence").as_primitive::<arrow_array::types::UInt64Type>();
            let last = column("last_sequence").as_primitive::<arrow_array::types::UInt64Type>();
            messages += column("messages")
                .as_primitive::<Int64Type>()
                .values()
                .iter()
                .sum::<i64>();
            for (first, last) in first.values().iter().zip(last.values()) {
                assert_eq!(*first, numbers + 1, "runs stand one behind the other");
                numbers = *last;
            }
        }
    }
    assert_eq!((numbers as i64, messages), (next, next));
    next
}

/// Commits so often, with a merge after each.
fn commits(writer: &mut Writer, from: i64, count: i64) {
    for commit in 0..count {
        writer.commit(ten(from + commit * 10)).unwrap();
        writer.merge_tail().unwrap();
    }
}

#[test]
fn a_store_that_commits_often_keeps_few_segments_and_every_row() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = open(folder.path());
    let mut most = 0;
    for commit in 0..400 {
        writer.commit(ten(commit * 10)).unwrap();
        writer.merge_tail().unwrap();
        let snapshot = writer.snapshot();
        most = most.max(segments(&snapshot, Table::Events));
        let small = snapshot
            .segments(Table::Events)
            .filter(|segment| segment.rows == 10);
        // Some more may come while a larger merge is under way.
        assert!(small.count() <= 2 * SEGMENTS_MAX, "after commit {commit}");
    }
    writer.close();
    assert_eq!(whole(folder.path()), 4_000);
    assert!(most <= 3 * SEGMENTS_MAX, "{most} segments of a table");
    let snapshot = snapshot(folder.path());
    assert!(segments(&snapshot, Table::SequenceRuns) <= SEGMENTS_MAX);
    let added: u64 = snapshot
        .manifest()
        .commits
        .iter()
        .map(|note| note.rows_added())
        .sum();
    assert_eq!(added % 21, 0, "a merge counts no rows as new");
}

#[test]
fn merged_segments_know_their_commits_ranges_and_threads() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = open(folder.path());
    commits(&mut writer, 0, 17);
    let snapshot = writer.snapshot();
    let merged: Vec<_> = snapshot.segments(Table::Events).collect();
    let [merged] = merged[..] else {
        panic!("{} segments", merged.len())
    };
    assert_eq!((merged.first_commit.0, merged.last_commit.0), (2, 18));
    assert_eq!(merged.added_by.0, 19);
    assert_eq!(merged.rows, 170);
    let range = merged.stats.column("offset").unwrap();
    assert_eq!(
        (&range.min, &range.max),
        (
            &Some(quipu_store::StatValue::Int(0)),
            &Some(quipu_store::StatValue::Int(169))
        )
    );
    let threads = merged.stats.threads.as_ref().unwrap();
    assert_eq!(threads.threads(), 3);
    assert!(threads.may_contain("thread_id-2"));
    let read_back = Reader::open(folder.path()).unwrap().snapshot().unwrap();
    assert_eq!(
        read_back.manifest(),
        snapshot.manifest(),
        "a manifest reads back as it was"
    );
}

/// All columns of all rows, by whatever segments hold them.
fn content(snapshot: &Snapshot, table: Table) -> Vec<String> {
    let mut rows = Vec::new();
    for segment in snapshot.segments(table) {
        for batch in read_segment(&snapshot.path_of(segment), segment, &[]).unwrap() {
            let batch = batch.unwrap();
            for row in 0..batch.num_rows() {
                let mut text = String::new();
                for column in batch.columns() {
                    let one = column.slice(row, 1);
                    match one.as_dictionary_opt::<Int32Type>() {
                        Some(choice) => {
                            let values = choice.values().as_string::<i32>();
                            text += choice.key(0).map_or("null", |key| values.value(key));
                        }
                        None => text += &format!("{one:?}"),
                    }
                }
                rows.push(text);
            }
        }
    }
    rows
}

#[test]
fn every_column_of_every_row_is_what_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = open(folder.path());
    for commit in 0..17 {
        writer.commit(ten(commit * 10)).unwrap();
    }
    let before = writer.snapshot();
    let reports = writer.merge_all().unwrap();
    assert_eq!(reports.len(), 1);
    assert_eq!(reports[0].segments_removed, 51);
    assert_eq!(reports[0].tables.len(), 3);
    let after = writer.snapshot();
    for table in TABLES {
        assert_eq!(content(&after, table), content(&before, table), "{table}");
        assert_eq!(segments(&after, table), 1);
    }
}

#[test]
fn readers_keep_the_segments_that_a_merge_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = open(folder.path());
    for commit in 0..17 {
        writer.commit(ten(commit * 10)).unwrap();
    }
    let held = snapshot(folder.path());
    writer.merge_all().unwrap();
    commits(&mut writer, 170, 40);
    held.verify().unwrap();
    assert_eq!(read(&held, Table::Events), (0..170).collect::<Vec<_>>());
    drop(held);
    commits(&mut writer, 570, 1);
    let on_disk = files_like(folder.path(), "segments/events").len();
    assert!(on_disk < 60, "{on_disk} files of a table are left");
    drop(writer);
    assert_eq!(whole(folder.path()), 580);
}

#[test]
fn a_large_merge_goes_on_beside_the_commits() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = open(folder.path());
    let each = INLINE_ROWS_MAX as i64 / 8;
    let mut next = 0;
    for _ in 0..40 {
        let batches = vec![(Table::Events, vec![rows(Table::Events, next, each as usize)])];
        next += each;
        let partitions = vec![position(0, next)];
        writer
            .commit(Commit {
                batches,
                partitions,
                remove_segments: Vec::new(),
            })
            .unwrap();
        writer.merge_tail().unwrap();
    }
    writer.close();
    let snapshot = snapshot(folder.path());
    snapshot.verify().unwrap();
    assert_eq!(read(&snapshot, Table::Events), (0..next).collect::<Vec<_>>());
    assert!(
        snapshot
            .segments(Table::Events)
            .any(|segment| segment.rows >= 17 * each as u64)
    );
    assert!(files_like(folder.path(), ".tmp-").is_empty());
}

#[test]
fn segments_that_are_not_small_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = open(folder.path());
    let large = rows(Table::Events, 0, SMALL_ROWS as usize);
    for _ in 0..18 {
        let batches = vec![(Table::Events, vec![large.clone()])];
        writer
            .commit(Commit {
                batches,
                ..Commit::default()
            })
            .unwrap();
    }
    assert!(writer.merge_all().unwrap().is_empty());
}

/// Rows that a rebuild of the sequence book would replay must be told from those in its snapshot.
#[test]
fn message_rows_are_never_merged_across_the_newest_snapshot_of_the_book() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = open(folder.path());
    let book = |writer: &Writer| Commit {
        batches: vec![(Table::SequenceBook, vec![rows(Table::SequenceBook, 0, 1)])],
        partitions: Vec::new(),
        remove_segments: writer
            .manifest()
            .segments_of(Table::SequenceBook)
            .map(|segment| segment.id)
            .collect(),
    };
    let mut next = 0;
    for snapshot_after in [5, 9, 3, 30, 16, 1, 40] {
        commits(&mut writer, next, snapshot_after);
        next += snapshot_after * 10;
        writer.commit(book(&writer)).unwrap();
        let taken_at = writer.manifest().id;
        commits(&mut writer, next, 7);
        next += 70;
        for segment in &writer.manifest().segments {
            let both_sides = segment.first_commit <= taken_at && segment.last_commit > taken_at;
            assert!(!segment.table.is_fact() || !both_sides, "{segment:?}");
        }
    }
    writer.close();
    assert_eq!(whole(folder.path()), next);
    let snapshot = snapshot(folder.path());
    assert!(segments(&snapshot, Table::Events) <= 3 * SEGMENTS_MAX);
    assert!(segments(&snapshot, Table::SequenceBook) == 1);
}

#[test]
fn a_death_in_a_merge_loses_no_row_and_doubles_none() {
    let mut outcomes = BTreeSet::new();
    let steps = each_death(|disk, loss| {
        let folder = tempfile::tempdir().unwrap();
        let mut before = crate::dying::open(folder.path());
        for commit in 0..17 {
            before.commit(ten(commit * 10)).unwrap();
        }
        drop(before);
        let mut merged = false;
        if let Ok(mut writer) = Writer::open(folder.path(), options(disk)) {
            merged = matches!(writer.merge_tail(), Ok(Some(_)));
        }
        disk.lose(loss);
        assert_eq!(whole(folder.path()), 170);
        drop(open(folder.path()));
        assert_eq!(whole(folder.path()), 170, "recovery changes no answer");
        assert!(files_like(folder.path(), ".tmp-").is_empty());
        let left = segments(&snapshot(folder.path()), Table::Events);
        assert!(
            left == 1 || !merged && left == 17,
            "{left} segments, merge done: {merged}"
        );
        outcomes.insert((merged, left));
        let mut writer = open(folder.path());
        commits(&mut writer, 170, 3);
        drop(writer);
        assert_eq!(whole(folder.path()), 200);
    });
    assert_eq!(outcomes, BTreeSet::from([(false, 1), (false, 17), (true, 1)]));
    assert!(steps > 20, "{steps} steps");
}

/// Fails a merge at each step once, and looks what the writer may still do when the disk is well again.
#[test]
fn a_merge_that_fails_takes_the_right_to_write_only_where_a_sync_failed_or_visibility_is_in_doubt() {
    let (mut went_on, mut refused) = (0, BTreeSet::new());
    each_death(|disk, _| {
        let folder = tempfile::tempdir().unwrap();
        let mut before = crate::dying::open(folder.path());
        for commit in 0..17 {
            before.commit(ten(commit * 10)).unwrap();
        }
        drop(before);
        let Ok(mut writer) = Writer::open(folder.path(), options(disk)) else {
            return;
        };
        let error = match writer.merge_tail() {
            Ok(_) => return,
            Err(error) => error.to_string(),
        };
        disk.revive();
        match writer.commit(ten(170)) {
            Ok(_) => {
                went_on += 1;
                drop(writer);
                assert_eq!(whole(folder.path()), 180);
                assert!(segments(&snapshot(folder.path()), Table::Events) == 18);
            }
            Err(refusal) => {
                assert_eq!(refusal.kind(), StoreErrorKind::Poisoned, "{refusal}");
                refused.insert(error.split(' ').take(2).collect::<Vec<_>>().join(" "));
                drop(writer);
                assert_eq!(whole(folder.path()), 170);
            }
        }
    });
    assert!(went_on > 20, "{went_on} failures that harmed nothing");
    assert_eq!(
        refused,
        BTreeSet::from(["cannot publish".to_owned(), "cannot sync".to_owned()])
    );
}

/// Else a damaged segment would cost every commit a merge.
#[test]
fn after_a_failed_merge_some_commits_pass_before_the_next_try() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = open(folder.path());
    for commit in 0..17 {
        writer.commit(ten(commit * 10)).unwrap();
    }
    let damaged = writer.snapshot();
    let damaged = damaged.path_of(damaged.segments(Table::Events).next().unwrap());
    let bytes = std::fs::read(&damaged).unwrap();
    std::fs::write(&damaged, &bytes[..bytes.len() / 2]).unwrap();
    let mut failures = Vec::new();
    for commit in 17..120 {
        writer.commit(ten(commit * 10)).unwrap();
        if let Err(error) = writer.merge_tail() {
            assert!(error.to_string().contains(damaged.to_str().unwrap()), "{error}");
            failures.push(commit);
        }
    }
    let pauses: Vec<i64> = failures.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(failures[0], 17);
    assert!(
        pauses[0] > 16 && pauses[1] > 32 && pauses.len() == 2,
        "{failures:?}"
    );
    std::fs::write(&damaged, &bytes).unwrap();
    writer.merge_all().unwrap();
    drop(writer);
    assert_eq!(whole(folder.path()), 1_200);
}

/// A segment of before a column was added has nulls there when it is rewritten; one that would lose a column stays.
#[test]
fn segments_of_other_schemas_are_adapted_or_left() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = open(folder.path());
    for commit in 0..17 {
        writer.commit(ten(commit * 10)).unwrap();
    }
    drop(writer);
    let path = folder.path();
    let oldest = |writer: &mut Writer| writer.snapshot().segments(Table::Events).next().unwrap().id;
    for (missing, is_merged) in [("attributes", true), ("sequence", false)] {
        crate::foreign::rewrite_oldest(path, Table::Events, missing);
        let mut writer = open(path);
        let before = oldest(&mut writer);
        assert_eq!(
            writer.merge_all().unwrap().len(),
            1,
            "the others are merged in any case"
        );
        assert_eq!(oldest(&mut writer) != before, is_merged, "without {missing}");
        let next = writer.manifest().partitions[0].next_offset.0;
        for commit in 0..17 {
            writer.commit(ten(next + commit * 10)).unwrap();
        }
        drop(writer);
        if is_merged {
            assert_eq!(whole(path), next + 170);
            let snapshot = snapshot(path);
            let oldest = snapshot.segments(Table::Events).next().unwrap();
            assert_eq!(
                oldest.schema_fingerprint,
                schema_fingerprint(&Table::Events.schema())
            );
        }
    }
}
