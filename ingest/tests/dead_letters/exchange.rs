//! Letters on their way from one program to another: exported, imported, retried.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use quipu_ingest::dead_letters::{
    ExportForm, ExportReport, LetterChoice, LettersFile, export, export_payloads, import_files,
};
use quipu_ingest::{IngestError, Progress, ProgressCounts, Stop};
use quipu_proto::{Policy, Table};
use serde_json::Value;

use crate::common::{
    count, fact_rows, fixture, ingest, ledger, retry_all, rows, snapshot, strict_store, texts, under,
};

fn exported(store: &Path, form: &ExportForm, to: &Path) -> ExportReport {
    let mut file = std::fs::File::create(to).unwrap();
    export(&snapshot(store), &LetterChoice::Unresolved, form, &mut file).unwrap()
}

fn import(store: &Path, file: &LettersFile) -> Result<ProgressCounts, IngestError> {
    import_files(
        store,
        std::slice::from_ref(file),
        under(Policy::Compatible),
        &Stop::default(),
        &Arc::new(Progress::default()),
    )
}

fn library() -> ExportForm {
    ExportForm::Library {
        consumer_id: "me".to_owned(),
    }
}

fn payloads(store: &Path) -> BTreeSet<Option<Vec<u8>>> {
    rows(store, Table::DeadLetters)
        .iter()
        .flat_map(|batch| {
            let payload = batch.column_by_name("payload").unwrap().as_binary::<i32>();
            payload
                .iter()
                .map(|payload| payload.map(<[u8]>::to_vec))
                .collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn the_first_form_has_its_fields_in_their_order() {
    let store = strict_store();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("letters.jsonl");
    let report = exported(store.path(), &library(), &file);
    assert_eq!(report.written, 100);
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(text.lines().count(), 100);
    let fields = [
        "original_payload_base64",
        "error",
        "source_topic",
        "source_partition",
        "source_offset",
        "timestamp",
        "consumer_id",
        "error_type",
        "trace_id",
    ];
    let mut types = BTreeSet::new();
    for line in text.lines() {
        let letter: Value = serde_json::from_str(line).unwrap();
        assert_eq!(letter.as_object().unwrap().len(), fields.len(), "{line}");
        let places = fields.map(|field| line.find(&format!("\"{field}\":")).unwrap());
        assert!(places.is_sorted(), "{line}");
        assert_eq!(letter["source_topic"], "faulty");
        assert!(letter["timestamp"].as_str().unwrap().ends_with("+00:00"));
        types.insert(letter["error_type"].as_str().unwrap().to_owned());
    }
    let expected = [
        "decode_error",
        "decompression_error",
        "invalid_format",
        "io_error",
        "schema_error",
    ];
    assert_eq!(types, expected.map(str::to_owned).into());
}

#[test]
fn letters_of_both_forms_can_be_imported_and_retried() {
    let source = strict_store();
    let direct = tempfile::tempdir().unwrap();
    ingest(direct.path(), &fixture("faulty.frames"), Policy::Forward);
    for form in [library(), ExportForm::Server] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("theirs.jsonl");
        exported(source.path(), &form, &file);
        let store = folder.path().join("store");
        let counts = import(&store, &LettersFile::new(&file)).unwrap();
        assert_eq!((counts.records, counts.dead_letters), (100, 100));
        assert_eq!(payloads(&store), payloads(source.path()), "{form:?}");
        let batch = &rows(&store, Table::DeadLetters)[0];
        assert!(texts(batch, "topic").iter().all(|topic| topic == "theirs"));
        assert!(
            texts(batch, "error")
                .iter()
                .all(|error| error.contains("trace_id"))
        );

        let again = import(&store, &LettersFile::new(&file)).unwrap();
        assert_eq!((again.records, again.commits), (0, 0), "taken in twice");

        let report = retry_all(&store, Policy::Forward);
        assert_eq!(report.resolved.len(), 36, "{form:?}");
        let values = |store: &Path| -> BTreeSet<Vec<String>> {
            let place = [
                "topic",
                "incarnation",
                "partition",
                "offset",
                "key",
                "sequence_verdict",
                "repeated",
            ];
            fact_rows(store, &place).into_values().collect()
        };
        let theirs = values(direct.path());
        assert!(values(&store).is_subset(&theirs), "{form:?}");
        assert!(!ledger(&store).is_empty());
    }
}

#[test]
fn a_payload_above_the_limit_is_cut_with_its_length_and_hash_and_kept_as_a_part() {
    let folder = tempfile::tempdir().unwrap();
    let frames = folder.path().join("large.frames");
    let payload = vec![b'x'; 524_289];
    let mut bytes = Vec::new();
    let frame = quipu_proto::frames::Frame {
        partition: 0,
        key: b"t",
        payload: &payload,
    };
    quipu_proto::frames::write_frame(&mut bytes, &frame).unwrap();
    std::fs::write(&frames, bytes).unwrap();
    let store = folder.path().join("store");
    ingest(&store, &frames, Policy::Strict);
    let file = folder.path().join("large.jsonl");
    exported(&store, &library(), &file);
    let line = std::fs::read_to_string(&file).unwrap();
    let letter: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(letter["original_payload_size_bytes"], 524_289);
    assert_eq!(letter["original_payload_included_bytes"], 524_288);
    assert_eq!(letter["original_payload_truncated"], true);
    assert_eq!(letter["original_payload_sha256"].as_str().unwrap().len(), 64);
    assert_eq!(letter["original_payload_base64"].as_str().unwrap().len(), 699_052);

    let theirs = folder.path().join("theirs");
    import(&theirs, &LettersFile::new(&file)).unwrap();
    assert_eq!(
        texts(&rows(&theirs, Table::DeadLetters)[0], "reason"),
        ["forwarded_part"]
    );
    let report = retry_all(&theirs, Policy::Forward);
    assert_eq!(
        report.left[0].why.to_string(),
        "forwarded_part: it holds no whole message"
    );
}

#[test]
fn lines_that_are_no_letters_are_kept_whole_too() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mixed.jsonl");
    std::fs::write(&file, "{\"error\":\"?\"}\n\n  not json  \r\n").unwrap();
    let store = folder.path().join("store");
    let counts = import(&store, &LettersFile::new(&file).with_topic("dlq")).unwrap();
    assert_eq!(counts.dead_letters, 2);
    let expected = [Some(b"{\"error\":\"?\"}".to_vec()), Some(b"not json".to_vec())];
    assert_eq!(payloads(&store), expected.into());
    assert_eq!(
        texts(&rows(&store, Table::DeadLetters)[0], "topic"),
        ["dlq", "dlq"]
    );
}

#[test]
fn exported_frames_are_read_as_frames() {
    let store = strict_store();
    let folder = tempfile::tempdir().unwrap();
    let frames = folder.path().join("letters.frames");
    let report = exported(store.path(), &ExportForm::Frames, &frames);
    assert_eq!(
        report,
        ExportReport {
            written: 100,
            without_payload: 0
        }
    );
    let again = folder.path().join("again");
    let counts = ingest(&again, &frames, Policy::Forward);
    assert_eq!((counts.records, counts.dead_letters), (100, 64));
}

#[test]
fn payloads_become_a_file_each_and_none_is_replaced() {
    let store = strict_store();
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("payloads");
    let snapshot = snapshot(store.path());
    let report = export_payloads(&snapshot, &LetterChoice::Unresolved, &target).unwrap();
    assert_eq!(report.written, 100);
    let files: BTreeSet<Option<Vec<u8>>> = std::fs::read_dir(&target)
        .unwrap()
        .map(|entry| Some(std::fs::read(entry.unwrap().path()).unwrap()))
        .collect();
    assert_eq!(files, payloads(store.path()));
    assert_eq!(std::fs::read_dir(&target).unwrap().count(), 100);
    let error = export_payloads(&snapshot, &LetterChoice::Unresolved, &target).unwrap_err();
    assert!(error.to_string().contains(".payload"), "{error}");
    assert_eq!(count(store.path(), Table::DeadLetters), 100);
}
