//! One test per row of the recovery table.

use std::fs;
use std::path::Path;

use quipu_store::manifest::{Action, Finding, RECOVERY};
use quipu_store::{Reader, StoreError, StoreErrorKind, Writer, WriterOptions};

use crate::common::{files, files_like, open, ten, whole};

/// A store with two commits, closed.
fn store() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = open(folder.path());
    writer.commit(ten(0)).unwrap();
    writer.commit(ten(10)).unwrap();
    folder
}

/// What opening for writing says against a store.
fn refusal(path: &Path) -> StoreError {
    let before = files(path);
    let error = Writer::open(path, WriterOptions::default()).unwrap_err();
    let after: Vec<String> = files(path).into_iter().filter(|name| name != "lock").collect();
    let before: Vec<String> = before.into_iter().filter(|name| name != "lock").collect();
    assert_eq!(after, before, "a refused store is not touched");
    error
}

fn action(finding: Finding) -> Action {
    RECOVERY.iter().find(|row| row.0 == finding).unwrap().1
}

#[test]
fn each_finding_has_exactly_one_row() {
    let findings: std::collections::HashSet<Finding> = RECOVERY.iter().map(|row| row.0).collect();
    assert_eq!(findings.len(), RECOVERY.len());
}

#[test]
fn nothing_becomes_a_new_store() {
    assert_eq!(action(Finding::Nothing), Action::Create);
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().join("new/deeper"), folder.path().join("empty")] {
        assert_eq!(Reader::open(&path).unwrap_err().kind(), StoreErrorKind::NotFound);
        if path.ends_with("empty") {
            fs::create_dir(&path).unwrap();
        }
        open(&path).commit(ten(0)).unwrap();
        assert_eq!(whole(&path), 10);
    }
}

#[test]
fn an_absent_store_tells_a_reader_where_it_looked_and_what_to_run() {
    let folder = tempfile::tempdir().unwrap();
    let message = Reader::open(folder.path().join("nowhere"))
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("nowhere") && message.contains("quipu ingest"),
        "{message}"
    );
}

#[test]
fn a_half_made_store_is_made_whole() {
    assert_eq!(action(Finding::HalfMadeStore), Action::Create);
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    fs::remove_file(folder.path().join("FORMAT")).unwrap();
    assert_eq!(
        Reader::open(folder.path()).unwrap_err().kind(),
        StoreErrorKind::NotFound
    );
    open(folder.path()).commit(ten(0)).unwrap();
    assert_eq!(whole(folder.path()), 10);
}

#[test]
fn a_foreign_folder_is_refused() {
    assert_eq!(action(Finding::ForeignFolder), Action::Refuse);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("thesis.tex"), "dear").unwrap();
    let error = refusal(folder.path());
    assert_eq!(error.kind(), StoreErrorKind::Invalid);
    assert!(error.to_string().contains("thesis.tex"), "{error}");
    assert_eq!(files(folder.path()), ["thesis.tex"]);
}

#[test]
fn a_store_without_its_format_is_refused() {
    assert_eq!(action(Finding::NoFormat), Action::Refuse);
    let folder = store();
    fs::remove_file(folder.path().join("FORMAT")).unwrap();
    let error = refusal(folder.path());
    assert_eq!(error.kind(), StoreErrorKind::Damaged);
    assert!(
        error.to_string().contains("FORMAT is damaged: it is missing"),
        "{error}"
    );
}

#[test]
fn another_format_is_refused() {
    assert_eq!(action(Finding::OtherFormat), Action::Refuse);
    let folder = store();
    let format = folder.path().join("FORMAT");
    fs::write(&format, "quipu store\nversion 2\n").unwrap();
    assert_eq!(refusal(folder.path()).kind(), StoreErrorKind::Unsupported);
    assert_eq!(
        Reader::open(folder.path()).unwrap_err().kind(),
        StoreErrorKind::Unsupported
    );
    for text in [
        "",
        "tar archive\nversion 1\n",
        "quipu store\nversion one\n",
        "quipu store",
    ] {
        fs::write(&format, text).unwrap();
        assert_eq!(refusal(folder.path()).kind(), StoreErrorKind::Damaged, "{text:?}");
    }
}

#[test]
fn segments_without_any_manifest_are_refused() {
    assert_eq!(action(Finding::NoManifest), Action::Refuse);
    let folder = store();
    for manifest in files_like(folder.path(), ".manifest") {
        fs::remove_file(manifest).unwrap();
    }
    let error = refusal(folder.path());
    assert_eq!(error.kind(), StoreErrorKind::Damaged);
    assert!(error.to_string().contains("it has no manifest"), "{error}");
    assert_eq!(
        Reader::open(folder.path())
            .unwrap()
            .snapshot()
            .unwrap_err()
            .kind(),
        StoreErrorKind::Damaged
    );
}

#[test]
fn a_damaged_newest_manifest_is_refused_and_never_passed_over() {
    assert_eq!(action(Finding::DamagedManifest), Action::Refuse);
    let folder = store();
    let newest = files_like(folder.path(), ".manifest").pop().unwrap();
    let bytes = fs::read(&newest).unwrap();
    let mut altered = bytes.clone();
    altered[60] ^= 1;
    for damaged in [altered, bytes[..bytes.len() / 2].to_vec(), Vec::new()] {
        fs::write(&newest, damaged).unwrap();
        for error in [
            refusal(folder.path()),
            Reader::open(folder.path()).unwrap().snapshot().unwrap_err(),
        ] {
            assert_eq!(error.kind(), StoreErrorKind::Damaged);
            assert!(
                error.to_string().contains("00000000000000000003.manifest"),
                "{error}"
            );
        }
    }
}

#[test]
fn a_manifest_under_anothers_number_is_refused() {
    let folder = store();
    let manifests = files_like(folder.path(), ".manifest");
    fs::copy(
        &manifests[1],
        folder.path().join("manifest/00000000000000000009.manifest"),
    )
    .unwrap();
    assert_eq!(refusal(folder.path()).kind(), StoreErrorKind::Damaged);
}

#[test]
fn a_newer_manifest_is_refused() {
    assert_eq!(action(Finding::NewerManifest), Action::Refuse);
    let folder = store();
    let newest = files_like(folder.path(), ".manifest").pop().unwrap();
    let mut bytes = fs::read(&newest).unwrap();
    bytes[8] += 1;
    let covered = bytes.len() - 16;
    let checksum = xxhash_rust::xxh3::xxh3_128(&bytes[..covered]).to_le_bytes();
    bytes[covered..].copy_from_slice(&checksum);
    fs::write(&newest, bytes).unwrap();
    assert_eq!(refusal(folder.path()).kind(), StoreErrorKind::Unsupported);
    assert_eq!(
        Reader::open(folder.path())
            .unwrap()
            .snapshot()
            .unwrap_err()
            .kind(),
        StoreErrorKind::Unsupported
    );
}

#[test]
fn a_damaged_older_manifest_stays_and_so_does_every_segment() {
    assert_eq!(action(Finding::DamagedOlderManifest), Action::LeaveAndTell);
    let folder = store();
    let older = &files_like(folder.path(), ".manifest")[1];
    fs::write(older, "torn").unwrap();
    let segments = files_like(folder.path(), ".parquet");
    open(folder.path()).commit(ten(20)).unwrap();
    assert!(older.exists());
    assert!(segments.iter().all(|segment| segment.exists()));
    assert_eq!(whole(folder.path()), 30);
}

#[test]
fn unfinished_files_are_removed() {
    assert_eq!(action(Finding::UnfinishedFile), Action::Remove);
    let folder = store();
    for unfinished in [
        ".tmp-FORMAT",
        "manifest/.tmp-00000000000000000004.manifest",
        "segments/events/.tmp-00000000000000ff.parquet",
        "leases/.tmp-x.lease",
    ] {
        fs::write(folder.path().join(unfinished), "half").unwrap();
    }
    open(folder.path()).commit(ten(20)).unwrap();
    assert!(files_like(folder.path(), ".tmp-").is_empty());
    assert_eq!(whole(folder.path()), 30);
}

#[test]
fn orphan_segments_are_removed() {
    assert_eq!(action(Finding::OrphanSegment), Action::Remove);
    let folder = store();
    let orphans = [
        "segments/events/0000000000000007.parquet",
        "segments/errors/00000000000000ff.parquet",
    ];
    for orphan in orphans {
        fs::write(folder.path().join(orphan), "rows that were never committed").unwrap();
    }
    let mut writer = open(folder.path());
    assert!(orphans.iter().all(|orphan| !folder.path().join(orphan).exists()));
    writer.commit(ten(20)).unwrap();
    assert_eq!(whole(folder.path()), 30);
}

#[test]
fn a_missing_segment_is_named() {
    assert_eq!(action(Finding::MissingSegment), Action::Refuse);
    let folder = store();
    let segment = files_like(folder.path(), ".parquet").pop().unwrap();
    fs::remove_file(&segment).unwrap();
    let error = refusal(folder.path());
    assert_eq!(error.kind(), StoreErrorKind::Damaged);
    assert!(error.to_string().contains(segment.to_str().unwrap()), "{error}");
}

#[test]
fn a_segment_of_another_length_is_named() {
    assert_eq!(action(Finding::SegmentOfAnotherLength), Action::Refuse);
    let folder = store();
    let segment = files_like(folder.path(), ".parquet").pop().unwrap();
    let bytes = fs::read(&segment).unwrap();
    fs::write(&segment, &bytes[..bytes.len() - 1]).unwrap();
    let error = refusal(folder.path());
    assert_eq!(error.kind(), StoreErrorKind::Damaged);
    assert!(error.to_string().contains(segment.to_str().unwrap()), "{error}");
}

#[test]
fn a_segment_with_other_bytes_is_found_by_verify() {
    let folder = store();
    let segment = files_like(folder.path(), ".parquet").pop().unwrap();
    let mut bytes = fs::read(&segment).unwrap();
    bytes[10] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let error = Reader::open(folder.path())
        .unwrap()
        .snapshot()
        .unwrap()
        .verify()
        .unwrap_err();
    assert!(error.to_string().contains(segment.to_str().unwrap()), "{error}");
}

#[test]
fn dead_leases_are_removed() {
    assert_eq!(action(Finding::DeadLease), Action::Remove);
    let folder = store();
    let lease = folder
        .path()
        .join("leases/00000000000000000002-1-0000000000000001.lease");
    fs::write(&lease, "").unwrap();
    drop(open(folder.path()));
    assert!(!lease.exists());
}

#[test]
fn foreign_files_are_left_alone() {
    assert_eq!(action(Finding::ForeignFile), Action::LeaveAndTell);
    let folder = store();
    let foreign = [
        "notes.txt",
        "manifest/notes.txt",
        "segments/notes.txt",
        "segments/events/notes.parquet",
        "leases/x",
    ];
    for name in foreign {
        fs::write(folder.path().join(name), "dear").unwrap();
    }
    fs::create_dir(folder.path().join("segments/events/deeper")).unwrap();
    let mut writer = open(folder.path());
    for commit in 2..30 {
        writer.commit(ten(commit * 10)).unwrap();
    }
    assert!(foreign.iter().all(|name| folder.path().join(name).exists()));
    assert_eq!(whole(folder.path()), 300);
}
