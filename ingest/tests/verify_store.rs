//! A store is verified: a whole one is clean in every part, and whatever is put wrong is found and named.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use quipu_ingest::verify::{Part, VerifyOptions, VerifyReport, VerifySource, verify};
use quipu_ingest::{FlushPolicy, FramesFile, PipelineOptions, Progress, Stop, ingest_frames};
use quipu_store::sequence::BookOptions;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/fixtures")
        .join(name)
}

/// A store of several commits, whose book was closed with an index where `hot_threads_max` is small.
fn store(files: &[&str], rows_max: usize, hot_threads_max: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<FramesFile> = files.iter().map(|name| FramesFile::new(fixture(name))).collect();
    let options = PipelineOptions {
        flush: FlushPolicy {
            rows_max,
            ..FlushPolicy::default()
        },
        book: BookOptions {
            hot_threads_max,
            ..BookOptions::default()
        },
        ..PipelineOptions::default()
    };
    let progress = Arc::new(Progress::default());
    ingest_frames(folder.path(), &files, options, &Stop::default(), &progress).unwrap();
    folder
}

fn against(files: &[&str]) -> VerifyOptions {
    let files = files.iter().map(|name| FramesFile::new(fixture(name))).collect();
    VerifyOptions {
        source: Some(VerifySource::Frames(files)),
        ..VerifyOptions::default()
    }
}

fn report(store: &Path, options: &VerifyOptions) -> VerifyReport {
    verify(store, options, |_| {}).unwrap()
}

fn clean(report: &VerifyReport) {
    let lines: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    assert!(
        report.is_clean(),
        "{} findings:\n{}",
        lines.len(),
        lines.join("\n")
    );
}

#[test]
fn a_store_that_nobody_touched_is_clean_in_every_part() {
    let files = ["small.frames", "faulty.frames"];
    for (rows_max, hot_threads_max, memory_bytes) in [
        (500_000, 1_000_000, 256 << 20),
        (700, 1_000_000, 100_000),
        (700, 10, 20_000),
    ] {
        let folder = store(&files, rows_max, hot_threads_max);
        let options = VerifyOptions {
            memory_bytes,
            ..against(&files)
        };
        let report = report(folder.path(), &options);
        clean(&report);
        assert_eq!(report.parts, Part::ALL);
        assert_eq!(report.notes, []);
        let counts = report.counts;
        // 2,090 records and 4,999 records, of which a part are batches.
        assert_eq!((counts.records, counts.offsets), (7_089, 7_089));
        assert!(counts.messages > counts.records - 1_000, "{counts:?}");
        assert!(counts.rows > counts.messages && counts.threads > 10, "{counts:?}");
        assert_eq!(counts.book_threads > 0, hot_threads_max == 10, "{counts:?}");
    }
}
