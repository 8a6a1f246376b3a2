//! Frames files into a store: what arrives, what is refused, and that neither cuts nor repetition change a row.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array as _, RecordBatch};
use quipu_ingest::raw::{RawHeaders, RawRecord};
use quipu_ingest::verify::{VerifyOptions, VerifySource, verify};
use quipu_ingest::{
    FlushPolicy, FramesFile, IngestError, PartitionStart, Pipeline, PipelineOptions, Progress,
    ProgressCounts, Stop, ingest_frames,
};
use quipu_proto::frames::{Frame, FramesReader};
use quipu_proto::{LogPartition, PartitionId, Policy, Table, TopicIncarnation};
use quipu_store::{Head, Reader, read_segment};
use serde_json::Value;
use sha2::{Digest, Sha256};

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
            let records: BTreeSet<(i32, i64)> = rows(folder.path(), *table)
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
    let log: Vec<_> = FramesReader::new(&bytes).map(Result::unwrap).collect();
    let pieces = tempfile::tempdir().unwrap();
    in_pieces(pieces.path(), &log, 777, usize::MAX);
    assert_eq!(verdicts(pieces.path()), expected);
}

/// A frame as the record of its log that has this offset.
fn record<'a>(frame: &Frame<'a>, offset: i64) -> RawRecord<'a> {
    RawRecord {
        offset,
        timestamp_ms: -1,
        key: Some(frame.key),
        value: Some(frame.payload),
        headers: RawHeaders::NONE,
    }
}

/// Takes a log in, in pieces of so many records: a run each, which rebuilds the book from the rows. A run commits each
/// `rows_max` rows. Gives how many segments of several commits the runs rebuilt the book from.
fn in_pieces(store: &Path, log: &[Frame<'_>], piece: usize, rows_max: usize) -> usize {
    let progress = Arc::new(Progress::default());
    let topic = TopicIncarnation::new("faulty", "pieces");
    let start = PartitionStart {
        start_offset: 0,
        log_start: 0,
        head: Head::FromOne,
    };
    let mut offsets = [0_i64; 4];
    let mut merged = 0;
    for piece in log.chunks(piece) {
        let mut pipeline = Pipeline::open(store, cut_every(rows_max), Arc::clone(&progress)).unwrap();
        let slots = [0, 1, 2, 3].map(|partition| {
            let partition = LogPartition::new(topic.clone(), PartitionId(partition));
            pipeline.open_partition(&partition, start)
        });
        for frame in piece {
            let offset = &mut offsets[frame.partition as usize];
            let record = record(frame, *offset);
            *offset += 1;
            pipeline.push(slots[frame.partition as usize], &record).unwrap();
            if pipeline.flush_due_by_size() {
                pipeline.flush().unwrap();
            }
        }
        pipeline.close().unwrap();
        let _ = std::fs::remove_dir_all(store.join("book"));
        let snapshot = Reader::open(store).unwrap().snapshot().unwrap();
        let books = snapshot.segments(Table::SequenceBook);
        let taken_at = books.map(|segment| segment.added_by).max().unwrap_or_default();
        let segments = snapshot.manifest().segments.iter();
        merged += segments
            .filter(|segment| segment.table.is_fact() && segment.first_commit > taken_at)
            .filter(|segment| segment.last_commit > segment.first_commit)
            .count();
    }
    merged
}

/// What a store says of the numbers of each thread, whatever rows say it: first and last number and messages in all.
fn ledger(store: &Path) -> BTreeMap<(i32, String, u64), (u64, i64)> {
    let mut runs: Vec<_> = rows(store, Table::SequenceRuns)
        .iter()
        .flat_map(|batch| {
            let number = |name: &str| {
                let column = batch.column_by_name(name).unwrap();
                column
                    .as_primitive::<arrow_array::types::UInt64Type>()
                    .values()
                    .to_vec()
            };
            let partition = batch
                .column_by_name("partition")
                .unwrap()
                .as_primitive::<Int32Type>();
            let messages = batch
                .column_by_name("messages")
                .unwrap()
                .as_primitive::<Int64Type>();
            let (first, last) = (number("first_sequence"), number("last_sequence"));
            (0..batch.num_rows())
                .map(|row| {
                    let thread = text(batch, "tenant_id", row) + "/" + &text(batch, "thread_id", row);
                    (
                        (partition.value(row), thread),
                        first[row],
                        last[row],
                        messages.value(row),
                    )
                })
                .collect::<Vec<_>>()
        })
        .collect();
    runs.sort();
    let mut joined: BTreeMap<(i32, String, u64), (u64, i64)> = BTreeMap::new();
    for ((partition, thread), first, last, messages) in runs {
        match joined.last_entry() {
            Some(mut open)
                if open.key().0 == partition && open.key().1 == thread && first <= open.get().0 + 1 =>
            {
                let run = open.get_mut();
                *run = (run.0.max(last), run.1 + messages);
            }
            _ => drop(joined.insert((partition, thread, first), (last, messages))),
        }
    }
    joined
}

#[test]
fn a_book_rebuilt_from_merged_segments_gives_the_same_verdicts_and_runs() {
    let bytes = std::fs::read(fixture("faulty.frames")).unwrap();
    let log: Vec<_> = FramesReader::new(&bytes).map(Result::unwrap).collect();
    let whole = tempfile::tempdir().unwrap();
    in_pieces(whole.path(), &log, usize::MAX, usize::MAX);
    let (expected, expected_runs) = (verdicts(whole.path()), ledger(whole.path()));
    for (piece, rows_max) in [(777, 20), (1_700, 60)] {
        let cut = tempfile::tempdir().unwrap();
        let merged = in_pieces(cut.path(), &log, piece, rows_max);
        assert!(merged > 10, "{merged} segments of several commits were replayed");
        assert_eq!(verdicts(cut.path()), expected, "commits of {rows_max} rows");
        assert_eq!(ledger(cut.path()), expected_runs, "commits of {rows_max} rows");
    }
}

/// A close after many messages commits a snapshot of the book; what is merged later lies on one side of it.
#[test]
fn a_book_rebuilt_from_a_snapshot_and_merged_segments_gives_the_same_verdicts() {
    let bytes = std::fs::read(fixture("faulty.frames")).unwrap();
    let once: Vec<_> = FramesReader::new(&bytes).map(Result::unwrap).collect();
    let log: Vec<_> = std::iter::repeat_n(once, 14).flatten().collect();
    let whole = tempfile::tempdir().unwrap();
    in_pieces(whole.path(), &log, usize::MAX, usize::MAX);
    let cut = tempfile::tempdir().unwrap();
    let merged = in_pieces(cut.path(), &log, 6_000, 150);
    let snapshot = Reader::open(cut.path()).unwrap().snapshot().unwrap();
    assert_eq!(
        snapshot.segments(Table::SequenceBook).count(),
        1,
        "the book was committed"
    );
    assert!(merged > 10, "{merged} segments of several commits were replayed");
    assert_eq!(verdicts(cut.path()), verdicts(whole.path()));
    assert_eq!(ledger(cut.path()), ledger(whole.path()));
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

/// A store as versions wrote it that knew files by their SHA-256, with the first frames of a file.
fn old_store(store: &Path, file: &Path, frames: usize) {
    let bytes = std::fs::read(file).unwrap();
    let log = TopicIncarnation::new("small", format!("{:x}", Sha256::digest(&bytes)));
    let mut pipeline =
        Pipeline::open(store, PipelineOptions::default(), Arc::new(Progress::default())).unwrap();
    let mut next = BTreeMap::<u32, i64>::new();
    for frame in FramesReader::new(&bytes).take(frames) {
        let frame = frame.unwrap();
        let offset = next.entry(frame.partition).or_default();
        let partition = PartitionId(frame.partition as i32);
        let start = PartitionStart {
            start_offset: 0,
            log_start: 0,
            head: Head::FromOne,
        };
        let slot = pipeline.open_partition(&LogPartition::new(log.clone(), partition), start);
        pipeline.push(slot, &record(&frame, *offset)).unwrap();
        *offset += 1;
    }
    pipeline.close().unwrap();
}

#[test]
fn a_file_that_a_store_knows_by_its_sha256_goes_on_under_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let file = fixture("small.frames");
    old_store(&store, &file, 1_500);
    let counts = ingest(&store, &file, PipelineOptions::default()).unwrap();
    assert_eq!(counts.records, 2_090 - 1_500);
    let options = VerifyOptions {
        source: Some(VerifySource::Frames(vec![FramesFile::new(&file)])),
        ..VerifyOptions::default()
    };
    let verified = verify(&store, &options, |_| {}).unwrap();
    assert!(verified.is_clean(), "{:#?}", verified.findings);
    assert!(verified.notes.is_empty(), "{:#?}", verified.notes);
    // Another file of the name is a life of its own, in which all is new.
    let other = folder.path().join("small.frames");
    let bytes = std::fs::read(&file).unwrap();
    let mut reader = FramesReader::new(&bytes);
    let cut = reader.by_ref().take(100).map(Result::unwrap).count();
    std::fs::write(&other, &bytes[..reader.position()]).unwrap();
    let counts = ingest(&store, &other, PipelineOptions::default()).unwrap();
    assert_eq!(counts.records, cut as u64);
    let snapshot = Reader::open(&store).unwrap().snapshot().unwrap();
    let states = snapshot.manifest().partitions.iter();
    let hashes: BTreeSet<_> = states
        .map(|state| state.log.log.incarnation.to_string())
        .collect();
    let expected = [
        format!("{:x}", Sha256::digest(&bytes)),
        format!(
            "blake3:{}",
            blake3::hash(&std::fs::read(&other).unwrap()).to_hex()
        ),
    ];
    assert_eq!(hashes, BTreeSet::from(expected));
}

#[test]
fn a_file_named_twice_in_one_run_is_taken_in_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = FramesFile::new(fixture("small.frames"));
    let progress = Arc::new(Progress::default());
    let options = PipelineOptions::default();
    let files = [file.clone(), file];
    // Nothing is committed before the end of the run, so the second time the manifest does not know of the first.
    let counts = ingest_frames(folder.path(), &files, options, &Stop::default(), &progress).unwrap();
    assert_eq!((counts.records, counts.commits), (2_090, 1));
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
