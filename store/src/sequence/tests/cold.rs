//! Threads on disk: when they are trusted, when not, and what is told.

use std::fs;

use quipu_proto::SequenceVerdict::*;

use super::support::{arrival, partition};
use crate::manifest::ManifestId;
use crate::sequence::*;

fn small(hot_threads_max: usize) -> BookOptions {
    BookOptions {
        hot_threads_max,
        ..BookOptions::default()
    }
}

/// A book with ten threads, each with number 1, sealed as manifest 1.
fn filled(folder: &std::path::Path, options: BookOptions) -> (SequenceBook, PartitionKey) {
    let (mut book, start) = SequenceBook::open(folder, "store", ManifestId(0), options);
    assert_ne!(start, BookStart::Current);
    let key = book.open_partition(&partition("a", 0), Head::FromOne);
    for thread in 0..10 {
        let name = format!("thread-{thread}");
        book.observe(key, &arrival(&name, 1, name.as_bytes(), thread));
    }
    book.seal(ManifestId(1)).unwrap();
    (book, key)
}

#[test]
fn surplus_threads_go_to_disk_at_seal_and_come_back_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let (mut book, key) = filled(folder.path(), small(4));
    assert_eq!((book.hot_threads(), book.threads()), (4, 10));
    for thread in 0..10 {
        let name = format!("thread-{thread}");
        let seen = book.observe(key, &arrival(&name, 1, name.as_bytes(), 100));
        assert_eq!(
            seen,
            Observation {
                verdict: Duplicate,
                missing: 0,
                repeated: Repeated::Yes
            }
        );
        assert_eq!(book.observe(key, &arrival(&name, 2, b"", 101)).verdict, InOrder);
    }
    assert_eq!(book.threads(), 10);
    assert_eq!(book.observe(key, &arrival("new", 1, b"", 101)).verdict, First);
    assert_eq!(book.threads(), 11);
}

#[test]
fn threads_untouched_for_longest_go_first() {
    let folder = tempfile::tempdir().unwrap();
    let (mut book, key) = filled(folder.path(), small(10));
    assert_eq!(book.hot_threads(), 10);
    for thread in 4..10 {
        book.observe(key, &arrival(&format!("thread-{thread}"), 2, b"", 20));
    }
    for thread in 10..14 {
        book.observe(key, &arrival(&format!("thread-{thread}"), 1, b"", 30));
    }
    book.seal(ManifestId(2)).unwrap();
    assert_eq!(book.hot_threads(), 10);
    for thread in 4..14 {
        book.observe(key, &arrival(&format!("thread-{thread}"), 3, b"", 40));
    }
    assert_eq!(
        book.hot_threads(),
        10,
        "all threads of the last commit were still in memory"
    );
}

#[test]
fn a_book_that_never_had_too_many_threads_makes_no_folder_while_it_runs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("book");
    let (book, _) = filled(&path, small(100));
    assert!(!path.exists());
    assert_eq!(book.close(ManifestId(1)), BookClose::Clean);
    assert!(path.join("clean").exists());
}

#[test]
fn the_marker_goes_before_the_first_commit_and_not_earlier() {
    let folder = tempfile::tempdir().unwrap();
    let marker = folder.path().join("clean");
    let (book, _) = filled(folder.path(), small(4));
    assert_eq!(book.close(ManifestId(1)), BookClose::Clean);
    let (mut book, start) = SequenceBook::open(folder.path(), "store", ManifestId(1), small(4));
    assert_eq!(start, BookStart::Current);
    assert_eq!((book.hot_threads(), book.threads()), (0, 10));
    let key = book.open_partition(&partition("a", 0), Head::FromOne);
    assert_eq!(
        book.observe(key, &arrival("thread-3", 2, b"", 50)).verdict,
        InOrder
    );
    assert!(marker.exists());
    book.seal(ManifestId(2)).unwrap();
    assert!(!marker.exists());
}

#[test]
fn messages_that_were_not_committed_forbid_a_clean_close() {
    let folder = tempfile::tempdir().unwrap();
    let (mut book, key) = filled(folder.path(), small(4));
    book.observe(key, &arrival("thread-1", 2, b"", 50));
    assert!(matches!(book.close(ManifestId(1)), BookClose::Rebuild { .. }));
    assert_ne!(
        SequenceBook::open(folder.path(), "store", ManifestId(1), small(4)).1,
        BookStart::Current
    );

    // Sealed for a manifest that never came to be.
    let (mut book, key) = filled(folder.path(), small(4));
    book.observe(key, &arrival("thread-1", 2, b"", 50));
    book.seal(ManifestId(2)).unwrap();
    assert!(matches!(book.close(ManifestId(1)), BookClose::Rebuild { .. }));
    assert_ne!(
        SequenceBook::open(folder.path(), "store", ManifestId(1), small(4)).1,
        BookStart::Current
    );
}

#[test]
fn too_many_threads_in_memory_are_left_to_the_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let (book, _) = filled(
        folder.path(),
        BookOptions {
            close_threads_max: 9,
            ..BookOptions::default()
        },
    );
    let BookClose::Rebuild { reason } = book.close(ManifestId(1)) else {
        panic!("closed cleanly")
    };
    assert_eq!(reason, "10 threads in memory are more than close_threads_max = 9");
}

#[test]
fn an_empty_book_is_taken_over_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("book");
    let (book, _) = SequenceBook::open(&path, "store", ManifestId(5), BookOptions::default());
    assert_eq!(book.close(ManifestId(5)), BookClose::Clean);
    assert_eq!(
        SequenceBook::open(&path, "store", ManifestId(5), BookOptions::default()).1,
        BookStart::Current
    );
}

#[test]
fn every_reason_to_rebuild_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let reason = |store: &str, manifest| match SequenceBook::open(
        folder.path(),
        store,
        ManifestId(manifest),
        small(4),
    )
    .1
    {
        BookStart::Rebuild { reason } => reason,
        BookStart::Current => panic!("taken over"),
    };
    let closed = || {
        assert_eq!(
            filled(folder.path(), small(4)).0.close(ManifestId(1)),
            BookClose::Clean
        )
    };
    assert_eq!(reason("store", 1), "it was not closed cleanly");
    closed();
    assert_eq!(reason("other", 1), "it belongs to store store");
    closed();
    assert_eq!(reason("store", 2), "it reflects manifest 1, the newest is 2");
    closed();
    fs::write(folder.path().join("clean"), b"QPBK").unwrap();
    assert_eq!(reason("store", 1), "its marker is damaged or of another version");
    closed();
    fs::write(folder.path().join("sled/db"), b"not a database").unwrap();
    assert_eq!(reason("store", 1), "its files were changed after it was closed");
    closed();
    fs::remove_dir_all(folder.path().join("sled")).unwrap();
    assert!(reason("store", 1).starts_with("its files cannot be read"));
}

#[test]
fn an_index_that_cannot_be_written_leaves_threads_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("book");
    // A file where the folder should be: nothing below it can be made.
    let (mut book, _) = SequenceBook::open(&path, "store", ManifestId(0), small(4));
    fs::write(&path, b"").unwrap();
    let key = book.open_partition(&partition("a", 0), Head::FromOne);
    for manifest in 1..5 {
        for thread in 0..10 {
            let seen = book.observe(key, &arrival(&format!("thread-{thread}"), manifest, b"", 0));
            assert_eq!(seen.verdict, if manifest == 1 { First } else { InOrder });
        }
        book.seal(ManifestId(manifest)).unwrap();
    }
    assert_eq!((book.hot_threads(), book.threads()), (10, 10));
    assert!(matches!(book.close(ManifestId(4)), BookClose::Rebuild { .. }));
}

#[test]
fn names_too_long_for_the_index_stay_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let (mut book, _) = SequenceBook::open(folder.path(), "store", ManifestId(0), small(1));
    let key = book.open_partition(&partition("a", 0), Head::FromOne);
    let names: Vec<String> = (0..3)
        .map(|thread| format!("{thread}{}", "x".repeat(5000)))
        .collect();
    for manifest in 1..3 {
        for name in &names {
            let seen = book.observe(key, &arrival(name, manifest, b"", 0));
            assert_eq!(seen.verdict, if manifest == 1 { First } else { InOrder });
        }
        book.seal(ManifestId(manifest)).unwrap();
    }
    assert_eq!(book.hot_threads(), 3);
}

#[test]
fn a_snapshot_is_due_after_many_messages_and_the_count_survives_a_close() {
    let folder = tempfile::tempdir().unwrap();
    let (mut book, key) = filled(folder.path(), small(100));
    for offset in 0..300_000 {
        book.observe(key, &arrival("thread-0", 2, b"", offset));
    }
    book.seal(ManifestId(2)).unwrap();
    assert!(!book.snapshot_due());
    assert_eq!(book.close(ManifestId(2)), BookClose::Clean);
    let (mut book, start) = SequenceBook::open(folder.path(), "store", ManifestId(2), small(100));
    assert_eq!(start, BookStart::Current);
    let key = book.open_partition(&partition("a", 0), Head::FromOne);
    for offset in 0..200_000 {
        book.observe(key, &arrival("thread-0", 2, b"", offset));
    }
    assert!(book.snapshot_due());
    assert_eq!(
        book.snapshot_batches()
            .map(|batch| batch.unwrap().num_rows())
            .sum::<usize>(),
        10
    );
    assert!(!book.snapshot_due());
}
