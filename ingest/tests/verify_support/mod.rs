//! Stores to be verified, and ways to put something wrong in them.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, RecordBatch, UInt32Array};
use arrow_select::concat::concat_batches;
use arrow_select::filter::filter_record_batch;
use arrow_select::take::take_record_batch;
use quipu_ingest::verify::{Finding, FindingKind, Part, VerifyOptions, VerifyReport, VerifySource, verify};
use quipu_ingest::{FlushPolicy, FramesFile, PipelineOptions, Progress, Stop, ingest_frames};
use quipu_proto::Table;
use quipu_proto::frames::FramesReader;
use quipu_store::sequence::BookOptions;
use quipu_store::{Commit, Writer, WriterOptions, read_segment};

pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/fixtures")
        .join(name)
}

/// Options that cut a store into several commits, and close its book with an index where `hot_threads_max` is small.
pub(crate) fn cut(rows_max: usize, hot_threads_max: usize) -> PipelineOptions {
    PipelineOptions {
        flush: FlushPolicy {
            rows_max,
            ..FlushPolicy::default()
        },
        book: BookOptions {
            hot_threads_max,
            ..BookOptions::default()
        },
        ..PipelineOptions::default()
    }
}

pub(crate) fn store(files: &[&str], options: PipelineOptions) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<FramesFile> = files.iter().map(|name| FramesFile::new(fixture(name))).collect();
    let progress = Arc::new(Progress::default());
    ingest_frames(folder.path(), &files, options, &Stop::default(), &progress).unwrap();
    folder
}

/// A store of the first frames of `small.frames`.
pub(crate) fn store_of_first(frames: usize, options: PipelineOptions) -> tempfile::TempDir {
    let bytes = std::fs::read(fixture("small.frames")).unwrap();
    let mut reader = FramesReader::new(&bytes);
    for _ in 0..frames {
        reader.next().unwrap().unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &bytes[..reader.position()]).unwrap();
    let source = FramesFile::new(file.path()).with_topic("first");
    let progress = Arc::new(Progress::default());
    ingest_frames(folder.path(), &[source], options, &Stop::default(), &progress).unwrap();
    folder
}

pub(crate) fn against(files: &[&str]) -> VerifyOptions {
    let files = files.iter().map(|name| FramesFile::new(fixture(name))).collect();
    VerifyOptions {
        source: Some(VerifySource::Frames(files)),
        ..VerifyOptions::default()
    }
}

pub(crate) fn only(part: Part) -> VerifyOptions {
    VerifyOptions {
        parts: vec![part],
        ..VerifyOptions::default()
    }
}

pub(crate) fn report(store: &Path, options: &VerifyOptions) -> VerifyReport {
    verify(store, options, |_| {}).unwrap()
}

pub(crate) fn lines(report: &VerifyReport) -> String {
    let lines: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

#[track_caller]
pub(crate) fn clean(report: &VerifyReport) {
    assert!(report.is_clean(), "{}", lines(report));
}

/// The findings of a part and kind, of which there must be some.
#[track_caller]
pub(crate) fn found(report: &VerifyReport, part: Part, kind: FindingKind) -> Vec<&Finding> {
    let found: Vec<&Finding> = report
        .findings
        .iter()
        .filter(|finding| (finding.part, finding.kind) == (part, kind))
        .collect();
    assert!(!found.is_empty(), "no {part} {kind} among:\n{}", lines(report));
    found
}

/// All rows of a table.
pub(crate) fn rows(writer: &mut Writer, table: Table) -> RecordBatch {
    let snapshot = writer.snapshot();
    let batches: Vec<RecordBatch> = snapshot
        .segments(table)
        .flat_map(|segment| read_segment(&snapshot.path_of(segment), segment, &[]).unwrap())
        .map(Result::unwrap)
        .collect();
    concat_batches(&table.schema(), &batches).unwrap()
}

/// Puts other rows in place of those of a table, in a commit that leaves nothing else wrong.
pub(crate) fn replace(store: &Path, table: Table, change: impl FnOnce(RecordBatch) -> RecordBatch) {
    let mut writer = Writer::open(store, WriterOptions::default()).unwrap();
    let batch = change(rows(&mut writer, table));
    let remove_segments = writer
        .manifest()
        .segments_of(table)
        .map(|segment| segment.id)
        .collect();
    writer
        .commit(Commit {
            batches: vec![(table, vec![batch])],
            partitions: Vec::new(),
            remove_segments,
        })
        .unwrap();
}

/// The batch without a row.
pub(crate) fn without(batch: &RecordBatch, row: usize) -> RecordBatch {
    let keep: BooleanArray = (0..batch.num_rows()).map(|at| Some(at != row)).collect();
    filter_record_batch(batch, &keep).unwrap()
}

/// The batch with a row once more, at its end.
pub(crate) fn with_again(batch: &RecordBatch, row: usize) -> RecordBatch {
    let rows: UInt32Array = (0..batch.num_rows()).chain([row]).map(|row| row as u32).collect();
    take_record_batch(batch, &rows).unwrap()
}

/// The batch with another column.
pub(crate) fn with_column(
    batch: &RecordBatch,
    name: &str,
    change: impl FnOnce(&ArrayRef) -> ArrayRef,
) -> RecordBatch {
    let index = batch.schema().index_of(name).unwrap();
    let mut columns = batch.columns().to_vec();
    columns[index] = change(&columns[index]);
    RecordBatch::try_new(batch.schema(), columns).unwrap()
}
