//! The index of the sequence book is deleted, rolled back or damaged at every commit, after a clean end and after a
//! kill: the next messages get the same verdicts, and the store says the same.

use std::path::Path;
use std::sync::Arc;

use quipu_disk::Dice;
use quipu_ingest::{Pipeline, PipelineOptions, Progress};
use quipu_store::sequence::{BookOptions, BookStart, SequenceBook};

use crate::account::Account;
use crate::book::{Harm, copy};
use crate::log::{self, Partition};
use crate::seen::{self, compare};
use crate::source::Source;

/// Commits, and entries of each partition in one of them.
const COMMITS: usize = 6;
const ENTRIES: usize = 40;

/// So few that nearly every thread is in the index.
const HOT_THREADS: usize = 2;

/// Takes the next entries of each partition in, and commits them.
fn commit(store: &Path, log: &[Partition]) -> Pipeline {
    let book = BookOptions {
        hot_threads_max: HOT_THREADS,
        ..BookOptions::default()
    };
    let options = PipelineOptions {
        book,
        ..PipelineOptions::default()
    };
    let mut pipeline = Pipeline::open(store, options, Arc::new(Progress::default())).unwrap();
    let mut source = Source::open(log, &mut pipeline, &mut Dice::new(0));
    for _ in 0..ENTRIES {
        for partition in source.unread() {
            source.hand(partition, &mut pipeline).unwrap();
        }
    }
    pipeline.flush().unwrap().unwrap();
    pipeline
}

/// What opening the index of a copy of a store finds, and how many threads it holds.
fn index(store: &Path) -> (BookStart, u64) {
    let scratch = tempfile::tempdir().unwrap();
    copy(&store.join("book"), scratch.path());
    let snapshot = seen::snapshot(store).unwrap().unwrap();
    let manifest = snapshot.manifest();
    let (book, start) = SequenceBook::open(
        scratch.path(),
        &manifest.store_id,
        manifest.id,
        BookOptions::default(),
    );
    (start, book.threads())
}

#[test]
fn an_index_that_was_deleted_rolled_back_or_damaged_at_any_commit_changes_no_answer() {
    let mut dice = Dice::new(20_261_125);
    let log = log::draw(&mut dice, 2, (COMMITS + 1) * ENTRIES);
    let folder = tempfile::tempdir().unwrap();
    let boundary = |end: &str, number: usize| folder.path().join(format!("{end}-{number}"));
    let store = folder.path().join("store");
    for number in 0..COMMITS {
        let pipeline = commit(&store, &log);
        copy(&store, &boundary("killed", number));
        pipeline.close().unwrap();
        copy(&store, &boundary("closed", number));
        let (start, threads) = index(&boundary("closed", number));
        assert_eq!(start, BookStart::Current);
        assert!(threads > HOT_THREADS as u64, "{threads} threads");
    }
    let mut rebuilt = 0;
    for number in 0..COMMITS {
        for end in ["closed", "killed"] {
            for harm in Harm::ALL {
                let harmed = boundary("harmed", 0);
                let _ = std::fs::remove_dir_all(&harmed);
                copy(&boundary(end, number), &harmed);
                let earlier = boundary("closed", dice.below(number + 1).saturating_sub(1)).join("book");
                harm.befall(&harmed, &earlier, &mut dice);
                let (start, _) = index(&harmed);
                assert!(
                    harm == Harm::Nothing || number == 0 || start != BookStart::Current,
                    "{harm:?} of the index that was {end} at commit {number} is not noticed"
                );
                rebuilt += usize::from(start != BookStart::Current);

                drop(commit(&harmed, &log));
                let snapshot = seen::snapshot(&harmed).unwrap().unwrap();
                let expected = Account::of(&log, &seen::positions(&snapshot));
                if let Err(what) = compare(&seen::account(&snapshot).unwrap(), &expected) {
                    panic!("{harm:?} of the index that was {end} at commit {number}: {what}");
                }
            }
        }
    }
    assert!(
        rebuilt > COMMITS * Harm::ALL.len(),
        "{rebuilt} indexes were rebuilt"
    );
}
