//! What is put wrong in a store, each kind on purpose and with nothing else wrong, is found and named.
#![allow(clippy::unwrap_used)]

mod verify_support;

use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int32Type, Int64Type, UInt64Type};
use arrow_array::{Array as _, BinaryArray, BooleanArray, RecordBatch, UInt64Array};
use quipu_ingest::raw::{RawHeaders, RawRecord};
use quipu_ingest::verify::{FindingKind, FindingPlace, Part, VerifyOptions};
use quipu_ingest::{PartitionStart, Pipeline, PipelineOptions, Progress};
use quipu_proto::{LogPartition, PartitionId, Table, TopicIncarnation};
use quipu_store::manifest::codec;
use quipu_store::sequence::{BookClose, BookOptions, BookStart, ReplayRow, SequenceBook};
use quipu_store::{Commit, Head, Reader, Writer, WriterOptions};
use verify_support::{
    against, clean, cut, found, lines, only, replace, report, rows, store, with_again, with_column, without,
};

const SMALL: [&str; 1] = ["small.frames"];

fn small() -> tempfile::TempDir {
    store(&SMALL, cut(700, 1_000_000))
}

/// The partition and offset of a row.
fn at(batch: &RecordBatch, row: usize) -> (i32, i64) {
    let partition = batch["partition"].as_primitive::<Int32Type>();
    let offset = batch["offset"].as_primitive::<Int64Type>();
    (partition.value(row), offset.value(row))
}

#[track_caller]
fn is_at(place: &FindingPlace, (partition, offset): (i32, i64)) {
    let FindingPlace::Offsets { log, first, last } = place else {
        panic!("{place} is no offset");
    };
    assert_eq!((log.partition.0, *first, *last), (partition, offset, offset));
}

#[test]
fn a_row_that_is_gone_is_missed_by_the_account_the_ledger_and_the_source() {
    let folder = small();
    let mut gone = (0, 0);
    replace(folder.path(), Table::TokenChunks, |batch| {
        gone = at(&batch, 17);
        without(&batch, 17)
    });
    let report = report(folder.path(), &against(&SMALL));
    is_at(
        &found(&report, Part::Account, FindingKind::OffsetsMissing)[0].place,
        gone,
    );
    is_at(
        &found(&report, Part::Source, FindingKind::RecordMissing)[0].place,
        gone,
    );
    let runs = found(&report, Part::Ledger, FindingKind::RunsDiffer);
    assert_eq!(runs.len(), 1);
    assert!(runs[0].found.contains("that no row has"), "{}", runs[0]);
    assert!(
        !report.by_kind().contains_key(&FindingKind::FileDamaged),
        "{}",
        lines(&report)
    );
}

#[test]
fn a_row_that_is_there_twice_is_named_with_both_places() {
    let folder = small();
    let mut again = (0, 0);
    replace(folder.path(), Table::ToolExecutions, |batch| {
        again = at(&batch, 3);
        with_again(&batch, 3)
    });
    let report = report(folder.path(), &VerifyOptions::default());
    is_at(
        &found(&report, Part::Files, FindingKind::RowTwice)[0].place,
        again,
    );
    let twice = found(&report, Part::Account, FindingKind::OffsetTwice);
    is_at(&twice[0].place, again);
    assert_eq!(
        twice[0].found.matches("segments/tool_executions/").count(),
        2,
        "{}",
        twice[0]
    );
}

#[test]
fn a_record_in_two_tables_is_named_with_both_places() {
    let folder = small();
    let mut events = (0, 0);
    replace(folder.path(), Table::Events, |batch| {
        let row = (0..batch.num_rows())
            .find(|row| batch["batch_id"].is_null(*row))
            .unwrap();
        events = at(&batch, row);
        batch
    });
    replace(folder.path(), Table::StateDiffs, |batch| {
        let partition = events.0;
        let batch = with_column(&batch, "partition", |column| {
            let values = column.as_primitive::<Int32Type>();
            Arc::new(values.unary::<_, Int32Type>(|value| value))
        });
        let row = (0..batch.num_rows())
            .find(|row| at(&batch, *row).0 == partition)
            .unwrap();
        with_column(&batch, "offset", |column| {
            let values = column.as_primitive::<Int64Type>().values();
            let moved = values
                .iter()
                .enumerate()
                .map(|(at, offset)| if at == row { events.1 } else { *offset });
            Arc::new(arrow_array::Int64Array::from_iter_values(moved))
        })
    });
    let report = report(folder.path(), &only(Part::Account));
    let twice = found(&report, Part::Account, FindingKind::OffsetTwice);
    is_at(&twice[0].place, events);
    for table in ["segments/events/", "segments/state_diffs/"] {
        assert!(twice[0].found.contains(table), "{}", twice[0]);
    }
    found(&report, Part::Account, FindingKind::OffsetsMissing);
}

#[test]
fn a_batch_that_lacks_an_event_is_named() {
    let folder = small();
    let mut gone = (0, 0);
    replace(folder.path(), Table::Events, |batch| {
        let row = (0..batch.num_rows())
            .find(|row| batch["batch_id"].is_valid(*row))
            .unwrap();
        gone = at(&batch, row);
        without(&batch, row)
    });
    let report = report(folder.path(), &against(&SMALL));
    let incomplete = found(&report, Part::Account, FindingKind::BatchIncomplete);
    is_at(&incomplete[0].place, gone);
    assert_eq!(incomplete[0].found, "1 events too few");
    is_at(
        &found(&report, Part::Source, FindingKind::RecordDiffers)[0].place,
        gone,
    );
}

#[test]
fn a_changed_number_is_found_by_the_ledger_and_by_the_verdicts() {
    let folder = small();
    let mut changed = (0, 0);
    replace(folder.path(), Table::TokenChunks, |batch| {
        changed = at(&batch, 40);
        with_column(&batch, "sequence", |column| {
            let values = column.as_primitive::<UInt64Type>().values();
            let changed = values
                .iter()
                .enumerate()
                .map(|(at, value)| value + if at == 40 { 1_000 } else { 0 });
            Arc::new(UInt64Array::from_iter_values(changed))
        })
    });
    let report = report(folder.path(), &VerifyOptions::default());
    let runs = found(&report, Part::Ledger, FindingKind::RunsDiffer);
    assert!(runs[0].expected.contains("among them numbers"), "{}", runs[0]);
    let verdicts = found(&report, Part::Book, FindingKind::VerdictDiffers);
    is_at(&verdicts[0].place, changed);
    assert!(
        verdicts[0].expected.starts_with("gap in token_chunks"),
        "{}",
        verdicts[0]
    );
}

#[test]
fn a_copy_that_is_not_told_as_one_is_found() {
    let files = ["faulty.frames"];
    let folder = store(&files, cut(700, 1_000_000));
    let mut changed = (0, 0);
    replace(folder.path(), Table::TokenChunks, |batch| {
        let repeated = batch["repeated"].as_boolean().clone();
        let row = (0..batch.num_rows()).find(|row| repeated.value(*row)).unwrap();
        changed = at(&batch, row);
        with_column(&batch, "repeated", |_| {
            let values = repeated
                .iter()
                .enumerate()
                .map(|(at, value)| Some(at != row && value.unwrap()));
            Arc::new(values.collect::<BooleanArray>())
        })
    });
    let report = report(folder.path(), &VerifyOptions::default());
    assert_eq!(report.findings.len(), 1, "{}", lines(&report));
    is_at(
        &found(&report, Part::Book, FindingKind::RepeatedDiffers)[0].place,
        changed,
    );
}

#[test]
fn a_run_that_is_gone_is_named_with_its_thread() {
    let folder = small();
    let mut thread = String::new();
    replace(folder.path(), Table::SequenceRuns, |batch| {
        thread = batch["thread_id"].as_string::<i32>().value(5).to_owned();
        without(&batch, 5)
    });
    let report = report(folder.path(), &VerifyOptions::default());
    let runs = found(&report, Part::Ledger, FindingKind::RunsDiffer);
    assert_eq!(report.findings.len(), 1, "{}", lines(&report));
    assert!(
        matches!(&runs[0].place, FindingPlace::Thread { thread_id, .. } if *thread_id == thread),
        "{}",
        runs[0]
    );
}

#[test]
fn a_dead_letter_with_another_payload_is_found_with_and_without_the_source() {
    let files = ["faulty.frames"];
    let folder = store(&files, cut(700, 1_000_000));
    let mut changed = (0, 0);
    replace(folder.path(), Table::DeadLetters, |batch| {
        let payloads = batch["payload"].as_binary::<i32>().clone();
        let row = (0..batch.num_rows()).find(|row| payloads.is_valid(*row)).unwrap();
        changed = at(&batch, row);
        with_column(&batch, "payload", |_| {
            let mut values: Vec<Option<Vec<u8>>> = payloads
                .iter()
                .map(|payload| payload.map(<[u8]>::to_vec))
                .collect();
            values[row].as_mut().unwrap()[0] ^= 1;
            Arc::new(
                values
                    .iter()
                    .map(|value| value.as_deref())
                    .collect::<BinaryArray>(),
            )
        })
    });
    let report = report(folder.path(), &against(&files));
    assert_eq!(report.findings.len(), 2, "{}", lines(&report));
    is_at(
        &found(&report, Part::Files, FindingKind::LetterDiffers)[0].place,
        changed,
    );
    is_at(
        &found(&report, Part::Source, FindingKind::RecordDiffers)[0].place,
        changed,
    );
}

/// A store of one partition: five records, a hole of ten offsets, five records.
fn with_hole(store: &Path) -> LogPartition {
    let log = LogPartition::new(TopicIncarnation::new("topic", "life"), PartitionId(0));
    let mut pipeline =
        Pipeline::open(store, PipelineOptions::default(), Arc::new(Progress::default())).unwrap();
    let start = PartitionStart {
        start_offset: 0,
        log_start: 0,
        head: Head::FromOne,
    };
    let slot = pipeline.open_partition(&log, start);
    for offset in (0..5).chain(15..20) {
        if offset == 15 {
            pipeline.push_hole(slot, 5, 14, "control").unwrap();
        }
        let record = RawRecord {
            offset,
            timestamp_ms: -1,
            key: None,
            value: Some(b"no message"),
            headers: RawHeaders::NONE,
        };
        pipeline.push(slot, &record).unwrap();
    }
    pipeline.close().unwrap();
    log
}

#[test]
fn a_hole_that_is_gone_leaves_offsets_in_no_place() {
    let folder = tempfile::tempdir().unwrap();
    let log = with_hole(folder.path());
    clean(&report(folder.path(), &VerifyOptions::default()));
    replace(folder.path(), Table::OffsetHoles, |batch| batch.slice(0, 0));
    let report = report(folder.path(), &VerifyOptions::default());
    assert_eq!(report.findings.len(), 1, "{}", lines(&report));
    let missing = found(&report, Part::Account, FindingKind::OffsetsMissing);
    let place = FindingPlace::Offsets {
        log,
        first: 5,
        last: 14,
    };
    assert_eq!(missing[0].place, place);
}

#[test]
fn a_hole_over_records_or_beyond_the_end_is_named() {
    let folder = tempfile::tempdir().unwrap();
    with_hole(folder.path());
    replace(folder.path(), Table::OffsetHoles, |batch| {
        with_column(&batch, "last_offset", |_| {
            Arc::new(arrow_array::Int64Array::from(vec![25]))
        })
    });
    let report = report(folder.path(), &VerifyOptions::default());
    is_at(
        &found(&report, Part::Account, FindingKind::OffsetTwice)[0].place,
        (0, 15),
    );
    let beyond = found(&report, Part::Account, FindingKind::OffsetUnclaimed);
    assert!(
        beyond[0].place.to_string().ends_with("offsets 20 to 25"),
        "{}",
        beyond[0]
    );
}

/// Commits a snapshot of the book that the rows give, as a pipeline does now and then.
fn commit_snapshot(store: &Path, change: impl FnOnce(RecordBatch) -> RecordBatch) {
    let mut writer = Writer::open(store, WriterOptions::default()).unwrap();
    let mut messages = Vec::new();
    for table in Table::ALL.into_iter().filter(|table| table.is_fact()) {
        if writer.manifest().segments_of(table).count() == 0 {
            continue;
        }
        let batch = rows(&mut writer, table);
        for row in 0..batch.num_rows() {
            let (partition, offset) = at(&batch, row);
            let item = batch["item"].as_primitive::<Int32Type>().value(row);
            let rank = if table == Table::Events { item + 1 } else { 0 };
            messages.push(((partition, offset, rank), batch.slice(row, 1)));
        }
    }
    messages.sort_by_key(|(place, _)| *place);
    messages.dedup_by_key(|(place, _)| *place);
    let mut book = SequenceBook::new(BookOptions::default());
    let states = writer.manifest().partitions.clone();
    for ((partition, ..), row) in &messages {
        let state = states
            .iter()
            .find(|state| state.log.partition.0 == *partition)
            .unwrap();
        let key = book.open_partition(&state.log, state.head);
        let id = row["message_id"].as_binary::<i32>();
        let time = row["time"].as_primitive::<arrow_array::types::TimestampMicrosecondType>();
        book.replay(
            key,
            &ReplayRow {
                tenant_id: row["tenant_id"].as_string::<i32>().value(0),
                thread_id: row["thread_id"].as_string::<i32>().value(0),
                sequence: row["sequence"].as_primitive::<UInt64Type>().value(0),
                message_id: if id.is_valid(0) { id.value(0) } else { &[] },
                time_us: time.is_valid(0).then(|| time.value(0)),
            },
        );
    }
    let batches: Vec<RecordBatch> = book.snapshot_batches().map(Result::unwrap).collect();
    let batch = arrow_select::concat::concat_batches(&Table::SequenceBook.schema(), &batches).unwrap();
    writer
        .commit(Commit {
            batches: vec![(Table::SequenceBook, vec![change(batch)])],
            ..Commit::default()
        })
        .unwrap();
}

#[test]
fn a_changed_entry_of_the_snapshot_of_the_book_is_named() {
    let folder = small();
    commit_snapshot(folder.path(), |batch| batch);
    let whole = report(folder.path(), &VerifyOptions::default());
    clean(&whole);
    assert!(whole.counts.book_threads > 10);

    let folder = small();
    let mut thread = String::new();
    commit_snapshot(folder.path(), |batch| {
        thread = batch["thread_id"].as_string::<i32>().value(2).to_owned();
        with_column(&batch, "newest_sequence", |column| {
            let values = column.as_primitive::<UInt64Type>().values();
            let changed = values
                .iter()
                .enumerate()
                .map(|(at, value)| value - u64::from(at == 2));
            Arc::new(UInt64Array::from_iter_values(changed))
        })
    });
    let changed = report(folder.path(), &VerifyOptions::default());
    let book = found(&changed, Part::Book, FindingKind::BookDiffers);
    assert_eq!(changed.findings.len(), 1, "{}", lines(&changed));
    assert!(
        matches!(&book[0].place, FindingPlace::Thread { thread_id, .. } if *thread_id == thread),
        "{}",
        book[0]
    );

    let folder = small();
    commit_snapshot(folder.path(), |batch| without(&batch, 0));
    let lacking = report(folder.path(), &VerifyOptions::default());
    assert_eq!(
        found(&lacking, Part::Book, FindingKind::BookDiffers)[0].found,
        "nothing"
    );
}

#[test]
fn a_changed_entry_of_the_index_of_the_book_is_named() {
    let folder = store(&SMALL, cut(700, 10));
    let manifest = Arc::clone(
        Reader::open(folder.path())
            .unwrap()
            .snapshot()
            .unwrap()
            .manifest(),
    );
    let (mut book, start) = SequenceBook::open(
        &folder.path().join("book"),
        &manifest.store_id,
        manifest.id,
        BookOptions::default(),
    );
    assert_eq!(start, BookStart::Current);
    let key = book.open_partition(&manifest.partitions[0].log, Head::FromOne);
    book.replay(
        key,
        &ReplayRow {
            tenant_id: "nobody",
            thread_id: "never seen",
            sequence: 1,
            message_id: &[1; 16],
            time_us: None,
        },
    );
    assert_eq!(book.close(manifest.id), BookClose::Clean);
    let report = report(folder.path(), &VerifyOptions::default());
    assert_eq!(report.findings.len(), 1, "{}", lines(&report));
    let book = found(&report, Part::Book, FindingKind::BookDiffers);
    assert!(book[0].place.to_string().contains("never seen"), "{}", book[0]);
    assert!(book[0].expected.starts_with("nothing"), "{}", book[0]);
}

#[test]
fn a_manifest_that_says_something_else_of_a_segment_is_contradicted() {
    let folder = small();
    let snapshot = Reader::open(folder.path()).unwrap().snapshot().unwrap();
    let mut manifest = (**snapshot.manifest()).clone();
    let segment = Arc::make_mut(&mut manifest.segments[0]);
    segment.rows += 1;
    segment.stats.columns[0].1.null_count += 1;
    let name = segment.path.clone();
    let path = folder
        .path()
        .join(format!("manifest/{:020}.manifest", manifest.id.0));
    std::fs::write(path, codec::encode(&manifest)).unwrap();
    let report = report(folder.path(), &only(Part::Files));
    let contradictions = found(&report, Part::Files, FindingKind::FileContradictsManifest);
    assert_eq!(contradictions.len(), 2, "{}", lines(&report));
    for finding in contradictions {
        assert_eq!(finding.place, FindingPlace::File(name.clone()));
    }
}

#[test]
fn what_cannot_be_read_is_named_once_and_nothing_is_guessed_of_it() {
    let folder = small();
    let snapshot = Reader::open(folder.path()).unwrap().snapshot().unwrap();
    let segment = snapshot.segments(Table::Events).next().unwrap();
    std::fs::remove_file(snapshot.path_of(segment)).unwrap();
    let report = report(folder.path(), &against(&SMALL));
    assert_eq!(report.findings.len(), 1, "{}", lines(&report));
    let missing = found(&report, Part::Files, FindingKind::FileMissing);
    assert_eq!(missing[0].place, FindingPlace::File(segment.path.clone()));
    assert_eq!(
        report.parts,
        [Part::Files],
        "the others say that they are not complete"
    );
    assert_eq!(report.notes.len(), 4, "{:?}", report.notes);
}

#[test]
fn records_that_the_file_never_had_are_named() {
    let folder = small();
    let other = tempfile::tempdir().unwrap();
    let path = other.path().join("small.frames");
    std::fs::copy(verify_support::fixture("faulty.frames"), &path).unwrap();
    let options = VerifyOptions {
        source: Some(quipu_ingest::verify::VerifySource::Frames(vec![
            quipu_ingest::FramesFile::new(&path),
        ])),
        ..only(Part::Source)
    };
    let report = report(folder.path(), &options);
    let missing = found(&report, Part::Source, FindingKind::RecordMissing);
    assert!(missing[0].found.contains("never read"), "{}", missing[0]);
}
