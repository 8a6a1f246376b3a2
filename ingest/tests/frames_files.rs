//! Frames files into a store: what arrives, what is refused, and that neither cuts nor repetition change a row.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array as _, RecordBatch};
use quipu_ingest::{
    FlushPolicy, FramesFile, IngestError, PipelineOptions, Progress, ProgressCounts, Stop, ingest_frames,
};
use quipu_proto::frames::FramesReader;
use quipu_proto::{Policy, Table};
use quipu_store::{Reader, read_segment};
use serde_json::Value;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/fixtures")
        .join(name)
}

fn ingest(store: &Path, file: &Path, options: PipelineOptions) -> Result<ProgressCounts, IngestError> {
    ingest_frames(
        store,
        &[FramesFile::new(file)],
        options,
        &Stop::default(),
        &Arc::new(Progress::default()),
    )
}

fn under(policy: Policy) -> PipelineOptions {
    PipelineOptions {
        policy,
        ..PipelineOptions::default()
    }
}

fn cut_every(rows_max: usize) -> PipelineOptions {
    let flush = FlushPolicy {
        rows_max,
        ..FlushPolicy::default()
    };
    PipelineOptions {
        flush,
        ..PipelineOptions::default()
    }
}

fn rows(store: &Path, table: Table) -> Vec<RecordBatch> {
    let snapshot = Reader::open(store).unwrap().snapshot().unwrap();
    let segments: Vec<_> = snapshot.segments(table).cloned().collect();
    segments
        .iter()
        .flat_map(|segment| read_segment(&snapshot.path_of(segment), segment, &[]).unwrap())
        .map(Result::unwrap)
        .collect()
}

fn text(batch: &RecordBatch, name: &str, row: usize) -> String {
    let column = batch.column_by_name(name).unwrap();
    let column = arrow_cast(column);
    column.as_string::<i32>().value(row).to_owned()
}

/// Dictionary columns as plain text.
fn arrow_cast(column: &arrow_array::ArrayRef) -> arrow_array::ArrayRef {
    match column.as_dictionary_opt::<Int32Type>() {
        Some(dictionary) => {
            let values = dictionary.values().as_string::<i32>();
            let texts = (0..dictionary.len()).map(|row| dictionary.key(row).map(|key| values.value(key)));
            Arc::new(texts.collect::<arrow_array::StringArray>())
        }
        None => Arc::clone(column),
    }
}

const MESSAGES: [Table; 9] = [
    Table::Events,
    Table::TokenChunks,
    Table::ToolExecutions,
    Table::StateDiffs,
    Table::Checkpoints,
    Table::EventBatches,
    Table::Metrics,
    Table::Errors,
    Table::ExecutionTraces,
];

/// Every row that was numbered, once per message: (partition, offset, rank in the record) to (verdict, repeated).
fn verdicts(store: &Path) -> BTreeMap<(i32, i64, i32), (String, bool)> {
    let mut verdicts = BTreeMap::new();
    for table in MESSAGES {
        for batch in rows(store, table) {
            let partition = batch
                .column_by_name("partition")
                .unwrap()
                .as_primitive::<Int32Type>();
            let offset = batch
                .column_by_name("offset")
                .unwrap()
                .as_primitive::<Int64Type>();
            let item = batch.column_by_name("item").unwrap().as_primitive::<Int32Type>();
            let repeated = batch.column_by_name("repeated").unwrap().as_boolean();
            for row in 0..batch.num_rows() {
                let rank = match table {
                    Table::Metrics => 0,
                    Table::Events => item.value(row) + 1,
                    _ => 0,
                };
                let key = (partition.value(row), offset.value(row), rank);
                verdicts.insert(key, (text(&batch, "sequence_verdict", row), repeated.value(row)));
            }
        }
    }
    verdicts
}

fn count(verdicts: &BTreeMap<(i32, i64, i32), (String, bool)>, verdict: &str) -> u64 {
    verdicts.values().filter(|(found, _)| found == verdict).count() as u64
}

fn truth() -> Value {
    serde_json::from_slice(&std::fs::read(fixture("faulty.truth.json")).unwrap()).unwrap()
}

const REFERENCE: [(Policy, &str); 3] = [
    (Policy::Strict, "strict_exact"),
    (Policy::Compatible, "compatible_exact"),
    (Policy::Forward, "compatible_forward"),
];

#[test]
fn faulty_frames_are_accepted_refused_and_numbered_as_the_reference_does() {
    for (policy, name) in REFERENCE {
        let folder = tempfile::tempdir().unwrap();
        let counts = ingest(folder.path(), &fixture("faulty.frames"), under(policy)).unwrap();
        let reference = &truth()["reference"][name];
        let number = |value: &Value| value.as_u64().unwrap();

        let empty = reference["decoded_types"].get("Empty").map_or(0, number);
        assert_eq!(counts.records, 4_999, "{name}");
        assert_eq!(
            counts.dead_letters,
            number(&reference["rejected"]) + empty,
            "{name}"
        );
        for (table, kind) in MESSAGES.iter().zip([
            "Event",
            "TokenChunk",
            "ToolExecution",
            "StateDiff",
            "Checkpoint",
            "EventBatch",
            "Metrics",
            "Error",
            "ExecutionTrace",
        ]) {
            let records: std::collections::BTreeSet<(i32, i64)> = rows(folder.path(), *table)
                .iter()
                .flat_map(|batch| {
                    let partition = batch
                        .column_by_name("partition")
                        .unwrap()
                        .as_primitive::<Int32Type>()
                        .clone();
                    let offset = batch
                        .column_by_name("offset")
                        .unwrap()
                        .as_primitive::<Int64Type>()
                        .clone();
                    let in_batch = batch
                        .column_by_name("batch_id")
                        .map(|ids| ids.as_binary::<i32>().clone());
                    (0..batch.num_rows())
                        .filter(|row| in_batch.as_ref().is_none_or(|ids| ids.is_null(*row)))
                        .map(|row| (partition.value(row), offset.value(row)))
                        .collect::<Vec<_>>()
                })
                .collect();
            assert_eq!(
                records.len() as u64,
                number(&reference["decoded_types"][kind]),
                "{name} {kind}"
            );
        }

        let verdicts = verdicts(folder.path());
        let validator = &reference["sequence_validator"];
        for verdict in ["gap", "duplicate", "reordered"] {
            assert_eq!(
                count(&verdicts, verdict),
                number(&validator[verdict]),
                "{name} {verdict}"
            );
        }
    }
}

#[test]
fn every_refused_record_is_a_dead_letter_with_its_payload() {
    let bytes = std::fs::read(fixture("faulty.frames")).unwrap();
    let mut by_place = BTreeMap::new();
    let mut next = BTreeMap::<u32, i64>::new();
    for frame in FramesReader::new(&bytes) {
        let frame = frame.unwrap();
        let offset = next.entry(frame.partition).or_default();
        by_place.insert(
            (i32::try_from(frame.partition).unwrap(), *offset),
            frame.payload.to_vec(),
        );
        *offset += 1;
    }
    let folder = tempfile::tempdir().unwrap();
    let counts = ingest(folder.path(), &fixture("faulty.frames"), under(Policy::Strict)).unwrap();
    let mut letters = 0;
    for batch in rows(folder.path(), Table::DeadLetters) {
        let partition = batch
            .column_by_name("partition")
            .unwrap()
            .as_primitive::<Int32Type>();
        let offset = batch
            .column_by_name("offset")
            .unwrap()
            .as_primitive::<Int64Type>();
        let payload = batch.column_by_name("payload").unwrap().as_binary::<i32>();
        for row in 0..batch.num_rows() {
            letters += 1;
            assert_eq!(
                payload.value(row),
                by_place[&(partition.value(row), offset.value(row))]
            );
        }
    }
    assert_eq!(letters, counts.dead_letters);
}

/// What is encoded ahead of its commit can no longer be changed, but later rows may be copies of it.
#[test]
fn rows_that_were_encoded_ahead_of_their_commit_change_no_verdict() {
    let whole = tempfile::tempdir().unwrap();
    ingest(
        whole.path(),
        &fixture("faulty.frames"),
        PipelineOptions::default(),
    )
    .unwrap();
    let expected = verdicts(whole.path());
    for (pressed_rows, pressed_bytes) in [(10, usize::MAX), (50, usize::MAX), (usize::MAX, 20_000)] {
        let ahead = tempfile::tempdir().unwrap();
        let mut options = PipelineOptions::default();
        options.flush.pressed_rows = pressed_rows;
        options.flush.pressed_bytes = pressed_bytes;
        ingest(ahead.path(), &fixture("faulty.frames"), options).unwrap();
        assert_eq!(
            verdicts(ahead.path()),
            expected,
            "{pressed_rows} rows or {pressed_bytes} bytes ahead"
        );
        for table in Table::ALL {
            let found: usize = rows(ahead.path(), table).iter().map(RecordBatch::num_rows).sum();
            let rows: usize = rows(whole.path(), table).iter().map(RecordBatch::num_rows).sum();
            // The ledger is joined by commit, and copies make more of them.
            if table != Table::SequenceRuns {
                assert_eq!(found, rows, "{table}");
            }
        }
    }
}

#[test]
fn neither_the_cuts_between_commits_nor_restarts_change_a_verdict() {
    let whole = tempfile::tempdir().unwrap();
    ingest(
        whole.path(),
        &fixture("faulty.frames"),
        PipelineOptions::default(),
    )
    .unwrap();
    let expected = verdicts(whole.path());
    assert!(
        expected.values().any(|(_, repeated)| *repeated),
        "the file has copies"
    );
    for rows_max in [1_500, 333] {
        let cut = tempfile::tempdir().unwrap();
        ingest(cut.path(), &fixture("faulty.frames"), cut_every(rows_max)).unwrap();
        assert_eq!(verdicts(cut.path()), expected, "commits of {rows_max} rows");
    }
}

#[test]
fn a_book_that_is_rebuilt_for_every_commit_gives_the_same_verdicts() {
    let whole = tempfile::tempdir().unwrap();
    ingest(
        whole.path(),
        &fixture("faulty.frames"),
        PipelineOptions::default(),
    )
    .unwrap();
    let expected = verdicts(whole.path());

    // The same log in pieces, a run each: every start finds no index of the book and rebuilds it from the rows.
    let bytes = std::fs::read(fixture("faulty.frames")).unwrap();
    let pieces = tempfile::tempdir().unwrap();
    let progress = Arc::new(Progress::default());
    let log = quipu_proto::TopicIncarnation::new("faulty", "pieces");
    let start = quipu_ingest::PartitionStart {
        start_offset: 0,
        log_start: 0,
        head: quipu_store::Head::FromOne,
    };
    let frames: Vec<_> = FramesReader::new(&bytes).map(Result::unwrap).collect();
    let mut offsets = [0_i64; 4];
    for piece in frames.chunks(777) {
        let mut pipeline =
            quipu_ingest::Pipeline::open(pieces.path(), PipelineOptions::default(), Arc::clone(&progress))
                .unwrap();
        let slots = [0, 1, 2, 3].map(|partition| {
            let partition = quipu_proto::LogPartition::new(log.clone(), quipu_proto::PartitionId(partition));
            pipeline.open_partition(&partition, start)
        });
        for frame in piece {
            let offset = &mut offsets[frame.partition as usize];
            let record = quipu_ingest::raw::RawRecord {
                offset: *offset,
                timestamp_ms: -1,
                key: Some(frame.key),
                value: Some(frame.payload),
                headers: quipu_ingest::raw::RawHeaders::NONE,
            };
            *offset += 1;
            pipeline.push(slots[frame.partition as usize], &record).unwrap();
        }
        pipeline.close().unwrap();
        let _ = std::fs::remove_dir_all(pieces.path().join("book"));
    }
    assert_eq!(verdicts(pieces.path()), expected);
}

#[test]
fn a_file_taken_in_twice_adds_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let first = ingest(
        folder.path(),
        &fixture("small.frames"),
        PipelineOptions::default(),
    )
    .unwrap();
    assert_eq!(first.records, 2_090);
    let before = Reader::open(folder.path()).unwrap().snapshot().unwrap();
    let second = ingest(
        folder.path(),
        &fixture("small.frames"),
        PipelineOptions::default(),
    )
    .unwrap();
    assert_eq!((second.records, second.rows, second.commits), (0, 0, 0));
    let after = Reader::open(folder.path()).unwrap().snapshot().unwrap();
    assert_eq!(before.manifest().segments.len(), after.manifest().segments.len());
}

#[test]
fn a_file_cut_inside_a_frame_keeps_what_stands_before() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = std::fs::read(fixture("small.frames")).unwrap();
    let cut = folder.path().join("cut.frames");
    std::fs::write(&cut, &bytes[..bytes.len() - 3]).unwrap();
    let store = folder.path().join("store");
    let error = ingest(&store, &cut, PipelineOptions::default()).unwrap_err();
    assert!(error.to_string().contains("frame 2089"), "{error}");
    assert!(
        error.to_string().contains("2089 frames before it were taken in"),
        "{error}"
    );
    let kept: usize = MESSAGES
        .iter()
        .flat_map(|table| rows(&store, *table))
        .map(|batch| {
            batch
                .column_by_name("offset")
                .unwrap()
                .as_primitive::<Int64Type>()
                .values()
                .iter()
                .max()
                .map_or(0, |_| 1)
        })
        .sum();
    assert!(kept > 0);
    assert_eq!(
        ingest(&store, &fixture("small.frames"), PipelineOptions::default())
            .unwrap()
            .records,
        2_090
    );
}

#[test]
fn a_missing_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = ingest(
        folder.path(),
        Path::new("/nowhere/at-all.frames"),
        PipelineOptions::default(),
    )
    .unwrap_err();
    assert!(error.to_string().contains("/nowhere/at-all.frames"), "{error}");
}
