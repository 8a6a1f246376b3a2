//! Stores with dead letters, and ways to compare what became of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int32Type, Int64Type, UInt64Type};
use arrow_array::{Array as _, ArrayRef, RecordBatch, StringArray};
use quipu_ingest::dead_letters::{LetterChoice, LetterIndex, LetterPlace, RetryReport, retry};
use quipu_ingest::raw::{RawHeaders, RawRecord};
use quipu_ingest::{
    FramesFile, PartitionStart, Pipeline, PipelineOptions, Progress, ProgressCounts, Stop, ingest_frames,
};
use quipu_proto::framing::{self, Compression};
use quipu_proto::message::{DashStreamMessage, Event, Header, dash_stream_message::Message};
use quipu_proto::{LogPartition, PartitionId, Policy, Table, TopicIncarnation};
use quipu_store::{Head, Reader, Snapshot, read_segment};

pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/fixtures")
        .join(name)
}

pub(crate) fn under(policy: Policy) -> PipelineOptions {
    PipelineOptions {
        policy,
        ..PipelineOptions::default()
    }
}

pub(crate) fn ingest(store: &Path, file: &Path, policy: Policy) -> ProgressCounts {
    ingest_frames(
        store,
        &[FramesFile::new(file)],
        under(policy),
        &Stop::default(),
        &Arc::new(Progress::default()),
    )
    .unwrap()
}

/// A store of the faulty frames, refused under `strict`: a hundred letters.
pub(crate) fn strict_store() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    ingest(folder.path(), &fixture("faulty.frames"), Policy::Strict);
    folder
}

pub(crate) fn retry_all(store: &Path, policy: Policy) -> RetryReport {
    retry(store, &LetterChoice::Unresolved, under(policy)).unwrap()
}

pub(crate) fn snapshot(store: &Path) -> Snapshot {
    Reader::open(store).unwrap().snapshot().unwrap()
}

pub(crate) fn rows(store: &Path, table: Table) -> Vec<RecordBatch> {
    let snapshot = snapshot(store);
    let segments: Vec<_> = snapshot.segments(table).cloned().collect();
    segments
        .iter()
        .flat_map(|segment| read_segment(&snapshot.path_of(segment), segment, &[]).unwrap())
        .map(Result::unwrap)
        .collect()
}

pub(crate) fn count(store: &Path, table: Table) -> usize {
    rows(store, table).iter().map(RecordBatch::num_rows).sum()
}

/// Dictionary columns as plain text.
pub(crate) fn plain(column: &ArrayRef) -> ArrayRef {
    match column.as_dictionary_opt::<Int32Type>() {
        Some(dictionary) => {
            let values = dictionary.values().as_string::<i32>();
            let texts = (0..dictionary.len()).map(|row| dictionary.key(row).map(|key| values.value(key)));
            Arc::new(texts.collect::<StringArray>())
        }
        None => Arc::clone(column),
    }
}

pub(crate) fn texts(batch: &RecordBatch, name: &str) -> Vec<String> {
    plain(batch.column_by_name(name).unwrap())
        .as_string::<i32>()
        .iter()
        .map(|text| text.unwrap_or_default().to_owned())
        .collect()
}

pub(crate) fn ints(batch: &RecordBatch, name: &str) -> Vec<i64> {
    let column = batch.column_by_name(name).unwrap();
    match column.as_primitive_opt::<Int32Type>() {
        Some(ints) => ints
            .iter()
            .map(|int| i64::from(int.unwrap_or_default()))
            .collect(),
        None => column
            .as_primitive::<Int64Type>()
            .iter()
            .map(Option::unwrap_or_default)
            .collect(),
    }
}

/// (table, partition, offset, item) to the columns of the row as text.
pub(crate) type FactRows = BTreeMap<(Table, i64, i64, i64), Vec<String>>;

/// Every row of every fact table, but for the columns that are left out. Fails on a row that is there twice.
pub(crate) fn fact_rows(store: &Path, left_out: &[&str]) -> FactRows {
    let mut found = FactRows::new();
    for table in Table::ALL.into_iter().filter(|table| table.is_fact()) {
        for batch in rows(store, table) {
            let places = [
                ints(&batch, "partition"),
                ints(&batch, "offset"),
                ints(&batch, "item"),
            ];
            let schema = batch.schema();
            let columns: Vec<(String, ArrayRef)> = schema
                .fields()
                .iter()
                .zip(batch.columns())
                .filter(|(field, _)| !left_out.contains(&field.name().as_str()))
                .map(|(field, column)| (field.name().clone(), plain(column)))
                .collect();
            let [partitions, offsets, items] = &places;
            for row in 0..batch.num_rows() {
                let values = columns
                    .iter()
                    .map(|(name, column)| format!("{name}: {:?}", column.slice(row, 1)))
                    .collect();
                let identity = (table, partitions[row], offsets[row], items[row]);
                assert!(
                    found.insert(identity, values).is_none(),
                    "{identity:?} is there twice"
                );
            }
        }
    }
    found
}

/// What the ledger says of one thread: its numbers as the fewest intervals, and how many messages carried them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) intervals: Vec<(u64, u64)>,
    pub(crate) messages: i64,
    pub(crate) heads: BTreeSet<String>,
}

impl Account {
    /// How many numbers are missing below the highest one.
    pub(crate) fn missing(&self) -> u64 {
        let seen: u64 = self.intervals.iter().map(|(first, last)| last - first + 1).sum();
        self.intervals.last().map_or(0, |(_, last)| *last) - seen
    }
}

/// The ledger by (partition, tenant, thread), joined over commits and emitters.
pub(crate) fn ledger(store: &Path) -> BTreeMap<(i64, String, String), Account> {
    let mut accounts: BTreeMap<_, Account> = BTreeMap::new();
    for batch in rows(store, Table::SequenceRuns) {
        let numbers = |name: &str| {
            batch
                .column_by_name(name)
                .unwrap()
                .as_primitive::<UInt64Type>()
                .clone()
        };
        let (first, last) = (numbers("first_sequence"), numbers("last_sequence"));
        let (partition, messages) = (ints(&batch, "partition"), ints(&batch, "messages"));
        let (tenant, thread) = (texts(&batch, "tenant_id"), texts(&batch, "thread_id"));
        let head = texts(&batch, "head");
        for row in 0..batch.num_rows() {
            let account: &mut Account = accounts
                .entry((partition[row], tenant[row].clone(), thread[row].clone()))
                .or_default();
            account.intervals.push((first.value(row), last.value(row)));
            account.messages += messages[row];
            account.heads.insert(head[row].clone());
        }
    }
    for account in accounts.values_mut() {
        account.intervals.sort_unstable();
        let mut joined: Vec<(u64, u64)> = Vec::new();
        for &(first, last) in &account.intervals {
            match joined.last_mut() {
                Some(open) if first <= open.1 + 1 => open.1 = open.1.max(last),
                _ => joined.push((first, last)),
            }
        }
        account.intervals = joined;
    }
    accounts
}

pub(crate) fn missing(store: &Path) -> u64 {
    ledger(store).values().map(Account::missing).sum()
}

/// The places of the letters that are not resolved.
pub(crate) fn unresolved(store: &Path) -> BTreeSet<LetterPlace> {
    let index = LetterIndex::read(&snapshot(store)).unwrap();
    index
        .places()
        .filter(|place| !index.is_resolved(place))
        .cloned()
        .collect()
}

pub(crate) fn log(partition: i32) -> LogPartition {
    LogPartition::new(TopicIncarnation::new("topic", "life"), PartitionId(partition))
}

/// An event of thread `t`. Framed it is read under any policy, unframed not under `strict`.
pub(crate) fn event(sequence: u64, id: u8) -> Vec<u8> {
    let header = Header {
        message_id: vec![id; 16],
        timestamp_us: 1_000 + i64::from(id),
        thread_id: "t".into(),
        sequence,
        schema_version: 1,
        ..Header::default()
    };
    let event = Event {
        header: Some(header),
        event_type: 1,
        ..Event::default()
    };
    let message = DashStreamMessage {
        message: Some(Message::Event(event)),
    };
    framing::encode(&message, Compression::None)
}

pub(crate) fn unframed(framed: &[u8]) -> Vec<u8> {
    framed[1..].to_vec()
}

/// A store under `strict` whose only partition holds these values.
pub(crate) fn store_of(values: &[Option<Vec<u8>>]) -> tempfile::TempDir {
    let store = tempfile::tempdir().unwrap();
    let mut pipeline =
        Pipeline::open(store.path(), under(Policy::Strict), Arc::new(Progress::default())).unwrap();
    push(&mut pipeline, 0, values);
    pipeline.close().unwrap();
    store
}

pub(crate) fn push(pipeline: &mut Pipeline, first: i64, values: &[Option<Vec<u8>>]) {
    let start = PartitionStart {
        start_offset: 0,
        log_start: 0,
        head: Head::FromOne,
    };
    let slot = pipeline.open_partition(&log(0), start);
    for (offset, value) in (first..).zip(values) {
        let record = RawRecord {
            offset,
            timestamp_ms: 5,
            key: Some(b"t"),
            value: value.as_deref(),
            headers: RawHeaders::NONE,
        };
        pipeline.push(slot, &record).unwrap();
    }
}
