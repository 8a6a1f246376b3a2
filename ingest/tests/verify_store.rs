//! A store that is whole is clean in every part, at rest and in use.
#![allow(clippy::unwrap_used)]

mod verify_support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use quipu_ingest::verify::{FindingPlace, Part, VerifyOptions, verify};
use quipu_ingest::{FramesFile, IngestError, PipelineOptions, Progress, Stop, ingest_frames};
use quipu_proto::Policy;
use quipu_store::StoreErrorKind;
use verify_support::{against, clean, cut, fixture, report, store};

#[test]
fn a_store_that_nobody_touched_is_clean_in_every_part() {
    let files = ["small.frames", "faulty.frames"];
    for (rows_max, hot_threads_max, memory_bytes) in [
        (500_000, 1_000_000, 256 << 20),
        (700, 1_000_000, 100_000),
        (700, 10, 100_000),
    ] {
        let folder = store(&files, cut(rows_max, hot_threads_max));
        let options = VerifyOptions {
            memory_bytes,
            ..against(&files)
        };
        let report = report(folder.path(), &options);
        clean(&report);
        assert_eq!(report.parts, Part::ALL);
        assert_eq!(report.notes, []);
        let counts = report.counts;
        // 2,090 records and 4,999 records.
        assert_eq!((counts.records, counts.offsets), (7_089, 7_089));
        assert!(counts.rows > counts.messages && counts.threads > 10, "{counts:?}");
        assert_eq!(counts.book_threads > 0, hot_threads_max == 10, "{counts:?}");
    }
}

#[test]
fn the_records_are_judged_under_the_policy_that_took_them_in() {
    let folder = store(
        &["faulty.frames"],
        PipelineOptions {
            policy: Policy::Strict,
            ..PipelineOptions::default()
        },
    );
    let strict = VerifyOptions {
        policy: Policy::Strict,
        ..against(&["faulty.frames"])
    };
    clean(&report(folder.path(), &strict));
    let other = report(folder.path(), &against(&["faulty.frames"]));
    assert!(!other.is_clean(), "dead letters of another policy are told");
}

#[test]
fn a_store_is_clean_at_every_moment_while_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    let done = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&done);
    let writer = std::thread::spawn(move || {
        let progress = Arc::new(Progress::default());
        for (round, name) in ["small.frames", "faulty.frames"].into_iter().enumerate() {
            let file = FramesFile::new(fixture(name)).with_topic(format!("topic-{round}"));
            ingest_frames(&path, &[file], cut(400, 10), &Stop::default(), &progress).unwrap();
        }
        told.store(true, Ordering::Release);
    });
    let options = VerifyOptions::default();
    let mut manifests = Vec::new();
    loop {
        let is_last = done.load(Ordering::Acquire);
        match verify(folder.path(), &options, |_| {}) {
            Ok(report) => {
                clean(&report);
                manifests.extend(report.manifest);
            }
            Err(IngestError::Store(error)) if error.kind() == StoreErrorKind::NotFound => {}
            Err(error) => panic!("{error}"),
        }
        if is_last {
            break;
        }
    }
    writer.join().unwrap();
    manifests.dedup();
    assert!(manifests.len() > 2, "{manifests:?}");
}

#[test]
fn files_of_nobody_are_noted_and_are_no_difference() {
    let folder = store(&["small.frames"], cut(700, 1_000_000));
    for name in [
        "readme.txt",
        "manifest/notes",
        "segments/events/.tmp-0000000000000aaa.parquet",
        "segments/events/0000000000000aaa.parquet",
        "segments/pets",
    ] {
        std::fs::write(folder.path().join(name), "x").unwrap();
    }
    let report = report(folder.path(), &VerifyOptions::default());
    clean(&report);
    let mut noted: Vec<String> = report.notes.iter().map(|note| note.place.to_string()).collect();
    noted.sort();
    assert_eq!(
        noted,
        [
            "manifest/notes",
            "readme.txt",
            "segments/events/.tmp-0000000000000aaa.parquet",
            "segments/events/0000000000000aaa.parquet",
            "segments/pets",
        ]
    );
}

#[test]
fn where_there_is_no_store_there_is_an_error_and_no_report() {
    let folder = tempfile::tempdir().unwrap();
    let error = verify(&folder.path().join("none"), &VerifyOptions::default(), |_| {}).unwrap_err();
    assert!(error.to_string().contains("no store at"), "{error}");
}

#[test]
fn a_store_whose_newest_manifest_is_gone_bad_is_named_and_the_rest_still_checked() {
    let folder = store(&["small.frames"], cut(700, 1_000_000));
    let newest = std::fs::read_dir(folder.path().join("manifest"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .max()
        .unwrap();
    std::fs::write(&newest, "torn").unwrap();
    let report = report(folder.path(), &VerifyOptions::default());
    let name = format!("manifest/{}", newest.file_name().unwrap().to_string_lossy());
    assert_eq!(report.findings.len(), 1, "{:?}", report.findings);
    assert_eq!(report.findings[0].place, FindingPlace::File(name));
    assert_eq!((report.manifest, report.parts), (None, vec![Part::Files]));
    assert!(report.counts.rows > 0);
}
