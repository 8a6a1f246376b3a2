//! A letter that is retried with success stands in the tables as if it had been read there from the beginning.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use quipu_ingest::dead_letters::{LetterChoice, LetterPlace, WhyLeft, retry};
use quipu_ingest::{PartitionStart, Pipeline, Progress};
use quipu_proto::frames::FramesReader;
use quipu_proto::{Policy, Reason, Table};
use quipu_store::{Head, StoreErrorKind, Writer, WriterOptions};

use crate::common::{
    count, event, fact_rows, fixture, ingest, ints, ledger, log, missing, push, retry_all, rows, snapshot,
    store_of, strict_store, texts, under, unframed, unresolved,
};

/// What a number means depends on when it arrives, and of two copies the one that came first is no copy.
const BY_ARRIVAL: [&str; 2] = ["sequence_verdict", "repeated"];

/// Rows that are no copies.
fn originals(store: &Path) -> usize {
    Table::ALL
        .into_iter()
        .filter(|table| table.is_fact())
        .flat_map(|table| rows(store, table))
        .map(|batch| {
            batch
                .column_by_name("repeated")
                .unwrap()
                .as_boolean()
                .false_count()
        })
        .sum()
}

#[test]
fn letters_that_are_retried_stand_where_a_wider_policy_would_have_put_them() {
    for (policy, resolved) in [(Policy::Compatible, 16), (Policy::Forward, 36)] {
        let store = strict_store();
        let missing_before = missing(store.path());
        let positions = snapshot(store.path()).manifest().partitions.clone();
        let report = retry_all(store.path(), policy);
        assert_eq!(report.resolved.len(), resolved, "{policy}");
        assert_eq!(report.left.len(), 100 - resolved, "{policy}");
        assert_eq!(report.commits.len(), 1, "{policy}");

        let direct = tempfile::tempdir().unwrap();
        ingest(direct.path(), &fixture("faulty.frames"), policy);
        let (ours, theirs) = (
            fact_rows(store.path(), &BY_ARRIVAL),
            fact_rows(direct.path(), &BY_ARRIVAL),
        );
        assert_eq!(ours.len(), theirs.len(), "{policy}");
        for (identity, row) in &theirs {
            assert_eq!(ours.get(identity), Some(row), "{policy} {identity:?}");
        }
        assert_eq!(originals(store.path()), originals(direct.path()), "{policy}");
        assert_eq!(ledger(store.path()), ledger(direct.path()), "{policy}");
        assert_eq!(unresolved(store.path()), unresolved(direct.path()), "{policy}");
        assert!(missing(store.path()) < missing_before, "{policy}: gaps closed");
        assert_eq!(snapshot(store.path()).manifest().partitions, positions);
        assert_eq!(
            count(store.path(), Table::DeadLetters),
            100,
            "a letter is never deleted"
        );
        snapshot(store.path()).verify().unwrap();
        let books: Vec<_> = snapshot(store.path())
            .segments(Table::SequenceBook)
            .map(|segment| segment.added_by)
            .collect();
        assert_eq!(books, report.commits, "no rebuild replays across a retry");
    }
}

#[test]
fn a_resolution_says_what_a_letter_became() {
    let store = strict_store();
    let report = retry_all(store.path(), Policy::Forward);
    let facts = fact_rows(store.path(), &[]);
    let mut told = 0;
    for batch in rows(store.path(), Table::DeadLetterResolutions) {
        let (partition, offset) = (ints(&batch, "partition"), ints(&batch, "offset"));
        let (policy, table) = (texts(&batch, "policy"), texts(&batch, "first_table"));
        for (row, number) in ints(&batch, "rows").into_iter().enumerate() {
            let at = (partition[row], offset[row]);
            let of_letter = facts
                .keys()
                .filter(|(_, partition, offset, _)| (*partition, *offset) == at);
            assert_eq!(of_letter.clone().count() as i64, number);
            assert!(of_letter.clone().any(|(found, ..)| found.name() == table[row]));
            assert_eq!(policy[row], "forward");
            told += 1;
        }
    }
    assert_eq!(told, report.resolved.len());
}

#[test]
fn retrying_again_and_in_steps_adds_each_letter_once() {
    let steps = strict_store();
    assert_eq!(retry_all(steps.path(), Policy::Strict).resolved, []);
    assert_eq!(retry_all(steps.path(), Policy::Compatible).resolved.len(), 16);
    let again = retry_all(steps.path(), Policy::Compatible);
    assert_eq!(
        (again.resolved.len(), again.left.len(), again.commits.len()),
        (0, 84, 0)
    );
    assert_eq!(retry_all(steps.path(), Policy::Forward).resolved.len(), 20);
    let at_once = strict_store();
    retry_all(at_once.path(), Policy::Forward);
    assert_eq!(
        fact_rows(steps.path(), &BY_ARRIVAL),
        fact_rows(at_once.path(), &BY_ARRIVAL)
    );
    assert_eq!(ledger(steps.path()), ledger(at_once.path()));
    assert_eq!(unresolved(steps.path()), unresolved(at_once.path()));
}

#[test]
fn chosen_letters_alone_are_retried_and_each_that_stays_says_why() {
    let store = strict_store();
    let would = retry(store.path(), &LetterChoice::Unresolved, under(Policy::Strict)).unwrap();
    let unknown_marker = would
        .left
        .iter()
        .find(|left| {
            matches!(
                left.why,
                WhyLeft::Refused {
                    reason: Reason::UnknownMarker,
                    ..
                }
            )
        })
        .unwrap()
        .place
        .clone();
    let choice = |place: &LetterPlace| LetterChoice::places([place.clone()]);
    let report = retry(store.path(), &choice(&unknown_marker), under(Policy::Compatible)).unwrap();
    assert_eq!(report.resolved.len() + report.left.len(), 1);

    let forward = retry_all(store.path(), Policy::Forward);
    let resolved = &forward.resolved[0].place;
    let report = retry(store.path(), &choice(resolved), under(Policy::Forward)).unwrap();
    assert_eq!(report.left[0].why, WhyLeft::Resolved);
    assert_eq!(report.commits, []);
    let nowhere = LetterPlace::new(log(7), 7);
    let report = retry(store.path(), &choice(&nowhere), under(Policy::Forward)).unwrap();
    assert_eq!(report.left[0].why, WhyLeft::Unknown);
    assert_eq!(report.left[0].place, nowhere);
}

#[test]
fn a_store_that_is_not_there_is_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("nothing");
    retry(&store, &LetterChoice::Unresolved, under(Policy::Forward)).unwrap_err();
    assert!(!store.exists());
}

#[test]
fn a_store_that_another_process_writes_is_left_alone() {
    let store = strict_store();
    let _writer = Writer::open(store.path(), WriterOptions::default()).unwrap();
    let error = retry(store.path(), &LetterChoice::Unresolved, under(Policy::Forward)).unwrap_err();
    let quipu_ingest::IngestError::Store(error) = error else {
        panic!("{error}")
    };
    assert_eq!(error.kind(), StoreErrorKind::Locked);
}

/// Offset to (verdict, repeated) of the events.
fn verdicts(store: &Path) -> BTreeMap<i64, (String, bool)> {
    let mut verdicts = BTreeMap::new();
    for batch in rows(store, Table::Events) {
        let repeated = batch.column_by_name("repeated").unwrap().as_boolean().clone();
        let told = texts(&batch, "sequence_verdict");
        for (row, offset) in ints(&batch, "offset").into_iter().enumerate() {
            verdicts.insert(offset, (told[row].clone(), repeated.value(row)));
        }
    }
    verdicts
}

#[test]
fn a_retried_letter_keeps_time_and_key_and_closes_its_gap() {
    let store = store_of(&[Some(event(1, 1)), Some(unframed(&event(2, 2))), Some(event(3, 3))]);
    assert_eq!(missing(store.path()), 1);
    retry_all(store.path(), Policy::Compatible);
    assert_eq!(missing(store.path()), 0);
    let with = fact_rows(store.path(), &BY_ARRIVAL);
    let direct = store_of(&[Some(event(1, 1)), Some(event(2, 2)), Some(event(3, 3))]);
    assert_eq!(with, fact_rows(direct.path(), &BY_ARRIVAL));
    assert_eq!(verdicts(store.path())[&1], ("reordered".to_owned(), false));
}

/// The copy was read when its original was a letter still, so that it is the original now.
#[test]
fn a_retried_letter_whose_copy_is_in_the_tables_is_the_copy() {
    // More ids between copy and retry than the book remembers.
    for others in [0, 20] {
        let mut values = vec![Some(unframed(&event(1, 1))), Some(event(1, 1))];
        values.extend((0..others).map(|other| Some(event(u64::from(other) + 2, other + 2))));
        let store = store_of(&values);
        retry_all(store.path(), Policy::Compatible);
        let verdicts = verdicts(store.path());
        assert!(verdicts[&0].1, "{others} between");
        assert!(!verdicts[&1].1, "{others} between");
    }
}

#[test]
fn two_letters_of_one_message_become_an_original_and_a_copy() {
    let letter = Some(unframed(&event(1, 1)));
    let mut values = vec![letter.clone(), letter];
    values.extend((0..20).map(|other| Some(event(u64::from(other) + 2, other + 2))));
    let store = store_of(&values);
    retry_all(store.path(), Policy::Compatible);
    let verdicts = verdicts(store.path());
    assert_eq!((verdicts[&0].1, verdicts[&1].1), (false, true));
}

#[test]
fn tombstones_and_damaged_batches_are_not_retried() {
    let store = store_of(&[None, Some(event(1, 1))]);
    let mut pipeline =
        Pipeline::open(store.path(), under(Policy::Strict), Arc::new(Progress::default())).unwrap();
    let start = PartitionStart {
        start_offset: 0,
        log_start: 0,
        head: Head::FromOne,
    };
    let slot = pipeline.open_partition(&log(0), start);
    // Even one whose bytes happen to be a message.
    let error = std::io::Error::other("checksum");
    pipeline.push_corrupt(slot, (2, 4), &event(2, 2), &error).unwrap();
    pipeline.close().unwrap();
    let report = retry_all(store.path(), Policy::Forward);
    let why: Vec<String> = report.left.iter().map(|left| left.why.to_string()).collect();
    assert_eq!(
        why,
        [
            "tombstone: it holds no whole message",
            "corrupt_batch: it holds no whole message"
        ]
    );
    assert_eq!(count(store.path(), Table::Events), 1);
}

#[test]
fn a_book_that_is_rebuilt_after_a_retry_goes_on_as_the_one_that_saw_it() {
    let bytes = std::fs::read(fixture("faulty.frames")).unwrap();
    let mut values: Vec<Vec<Option<Vec<u8>>>> = vec![Vec::new(); 4];
    for frame in FramesReader::new(&bytes) {
        let frame = frame.unwrap();
        values[frame.partition as usize].push(Some(frame.payload.to_vec()));
    }
    // The halves of one partition, with a retry between them.
    let values = &values[1];
    let (before, after) = values.split_at(values.len() / 2);
    let open =
        |store: &Path| Pipeline::open(store, under(Policy::Strict), Arc::new(Progress::default())).unwrap();
    let run = |restart: bool| {
        let store = tempfile::tempdir().unwrap();
        let mut pipeline = open(store.path());
        push(&mut pipeline, 0, before);
        let report = pipeline
            .retry(&LetterChoice::Unresolved, Policy::Forward)
            .unwrap();
        assert!(report.resolved.len() >= 3, "{}", report.resolved.len());
        if restart {
            pipeline.close().unwrap();
            let _ = std::fs::remove_dir_all(store.path().join("book"));
            pipeline = open(store.path());
        }
        push(&mut pipeline, before.len() as i64, after);
        pipeline.close().unwrap();
        store
    };
    let (one, other) = (run(false), run(true));
    assert_eq!(fact_rows(one.path(), &[]), fact_rows(other.path(), &[]));
    assert_eq!(ledger(one.path()), ledger(other.path()));
}

#[test]
fn a_retry_beyond_the_bounds_of_a_commit_makes_several_and_the_same_rows() {
    let whole = strict_store();
    retry_all(whole.path(), Policy::Forward);
    let parts = strict_store();
    let mut options = under(Policy::Forward);
    options.flush.rows_max = 10;
    let report = retry(parts.path(), &LetterChoice::Unresolved, options).unwrap();
    assert!(report.commits.len() > 2, "{} commits", report.commits.len());
    assert_eq!(report.resolved.len(), 36);
    assert_eq!(fact_rows(whole.path(), &[]), fact_rows(parts.path(), &[]));
    assert_eq!(ledger(whole.path()), ledger(parts.path()));
}
