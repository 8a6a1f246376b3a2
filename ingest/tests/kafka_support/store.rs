//! An ingester against the test broker, and the account that its store gives of each offset.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int32Type, Int64Type, UInt64Type};
use quipu_broker::{BrokerHandle, BrokerOptions, BrokerThread, Record, TopicOptions};
use quipu_ingest::kafka::address::BrokerAddress;
use quipu_ingest::kafka::batch::OnCorrupt;
use quipu_ingest::kafka::{KafkaOptions, Until};
use quipu_ingest::{
    IngestError, KafkaRunOptions, Notice, PipelineOptions, Progress, ProgressCounts, Stop, ingest_kafka,
};
use quipu_proto::Table;
use quipu_store::{Reader, Snapshot, read_segment};

pub(crate) const TOPIC: &str = "dashstream-events";

/// A broker on a thread of its own, with the topic.
pub(crate) fn broker_with(options: BrokerOptions, topic: TopicOptions) -> BrokerThread {
    let broker = BrokerThread::start(options).unwrap();
    broker.create_topic(TOPIC, topic).unwrap();
    broker
}

/// Events of a thread with these numbers, in their order.
pub(crate) fn events(thread: &str, sequences: impl IntoIterator<Item = u64>) -> Vec<Record> {
    sequences
        .into_iter()
        .map(|sequence| {
            Record::new(event(thread, sequence))
                .key(thread.to_owned())
                .at(1_000)
        })
        .collect()
}

/// The framed payload of an event; as Kafka has it from a producer.
fn event(thread: &str, sequence: u64) -> Vec<u8> {
    fn field(out: &mut Vec<u8>, number: u8, bytes: &[u8]) {
        out.extend([number << 3 | 2, u8::try_from(bytes.len()).unwrap()]);
        out.extend_from_slice(bytes);
    }
    let mut id = [0; 16];
    id[..8].copy_from_slice(&sequence.to_be_bytes());
    id[8..8 + thread.len().min(8)].copy_from_slice(&thread.as_bytes()[..thread.len().min(8)]);
    let mut header = Vec::new();
    field(&mut header, 1, &id);
    header.extend([2 << 3, 1]);
    field(&mut header, 3, b"tenant");
    field(&mut header, 4, thread.as_bytes());
    // A varint of two bytes, whatever the number.
    assert!(sequence < 1 << 14);
    header.extend([5 << 3, (sequence & 0x7f) as u8 | 0x80, (sequence >> 7) as u8]);
    header.extend([6 << 3, 1, 9 << 3, 1]);
    let mut inner = Vec::new();
    field(&mut inner, 1, &header);
    inner.extend([2 << 3, 10]);
    let mut value = vec![0];
    field(&mut value, 1, &inner);
    value
}

/// A run of the ingester on a thread of its own.
pub(crate) struct Ingester {
    store: PathBuf,
    stop: Stop,
    notices: Arc<Mutex<Vec<Notice>>>,
    thread: JoinHandle<Result<ProgressCounts, IngestError>>,
}

/// Settings for this broker, with short times.
pub(crate) fn following(broker: &BrokerHandle) -> KafkaRunOptions {
    let mut source = KafkaOptions::new(BrokerAddress::parse_list(&broker.address()).unwrap());
    source.topics = vec![TOPIC.to_owned()];
    source.metadata_refresh = Duration::from_millis(200);
    source.fetch_wait = Duration::from_millis(100);
    source.startup_timeout = Duration::from_secs(5);
    let mut pipeline = PipelineOptions::default();
    pipeline.flush.age_max = Duration::from_millis(30);
    KafkaRunOptions {
        source,
        on_corrupt: OnCorrupt::default(),
        pipeline,
    }
}

impl Ingester {
    pub(crate) fn start(store: &Path, options: KafkaRunOptions) -> Self {
        let stop = Stop::default();
        let notices = Arc::new(Mutex::new(Vec::new()));
        let (folder, flag, heard) = (store.to_owned(), stop.clone(), Arc::clone(&notices));
        let thread = std::thread::spawn(move || {
            let progress = Arc::new(Progress::default());
            ingest_kafka(folder, options, &flag, &progress, |notice| {
                heard.lock().unwrap().push(notice);
            })
        });
        Self {
            store: store.to_owned(),
            stop,
            notices,
            thread,
        }
    }

    /// Reads the topic to its end.
    pub(crate) fn to_end(store: &Path, mut options: KafkaRunOptions) -> Vec<String> {
        options.source.until = Until::End;
        let run = Self::start(store, options);
        let notices = Arc::clone(&run.notices);
        run.thread.join().unwrap().unwrap();
        warnings(&notices)
    }

    /// Waits until the store says so.
    pub(crate) fn until(&self, what: &str, holds: impl Fn(&Account) -> bool) -> Account {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let account = Account::try_of(&self.store);
            if let Some(account) = account.as_ref().filter(|account| holds(account)) {
                return account.clone();
            }
            assert!(
                Instant::now() < deadline,
                "waited in vain for {what}: {account:?} {:?}",
                self.warnings()
            );
            pause(Duration::from_millis(10));
        }
    }

    /// Waits until a warning holds such words.
    pub(crate) fn until_warned(&self, words: &str) {
        self.until(words, |_| {
            self.warnings().iter().any(|warning| warning.contains(words))
        });
    }

    pub(crate) fn warnings(&self) -> Vec<String> {
        warnings(&self.notices)
    }

    pub(crate) fn stop(self) -> Result<ProgressCounts, IngestError> {
        self.stop.raise();
        self.thread.join().unwrap()
    }
}

fn warnings(notices: &Mutex<Vec<Notice>>) -> Vec<String> {
    let notices = notices.lock().unwrap();
    let text = |notice: &Notice| match notice {
        Notice::Warning(text) => Some(text.clone()),
        Notice::Info(_) => None,
    };
    notices.iter().filter_map(text).collect()
}

/// Incarnation and partition.
pub(crate) type Life = (String, i32);
/// First offset, last offset, and what became of them: `rows`, `dead_letter` or the cause of a hole.
pub(crate) type Fate = (i64, i64, String);
/// Thread, first and last number, head.
pub(crate) type Run = (String, u64, u64, String);

/// The account of each life of a partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Account {
    /// What became of all offsets, in their order.
    pub(crate) fates: BTreeMap<Life, Vec<Fate>>,
    /// The unbroken runs of numbers, in the order of threads and first numbers.
    pub(crate) runs: BTreeMap<Life, Vec<Run>>,
    /// Next offsets.
    pub(crate) next: BTreeMap<Life, i64>,
}

impl Account {
    /// The account of a store. Every offset from the first to the next one has exactly one place, or this panics.
    pub(crate) fn of(store: &Path) -> Self {
        Self::try_of(store).expect("a store")
    }

    fn try_of(store: &Path) -> Option<Self> {
        let snapshot = Reader::open(store).ok()?.snapshot().ok()?;
        snapshot.verify().unwrap();
        let mut places: BTreeMap<Life, BTreeMap<i64, String>> = BTreeMap::new();
        let mut place = |log: Life, offset, fate: &str| {
            let before = places
                .entry(log.clone())
                .or_default()
                .insert(offset, fate.to_owned());
            let again = before.is_some_and(|before| before != "rows" || fate != "rows");
            assert!(!again, "offset {offset} of {log:?} has two places");
        };
        for table in [Table::Events, Table::DeadLetters] {
            for batch in rows(&snapshot, table) {
                let fate = if table == Table::Events {
                    "rows"
                } else {
                    "dead_letter"
                };
                for row in 0..batch.num_rows() {
                    place(log_of(&batch, row), integer(&batch, "offset", row), fate);
                }
            }
        }
        for batch in rows(&snapshot, Table::OffsetHoles) {
            for row in 0..batch.num_rows() {
                let cause = text(&batch, "cause", row);
                for offset in integer(&batch, "first_offset", row)..=integer(&batch, "last_offset", row) {
                    place(log_of(&batch, row), offset, &cause);
                }
            }
        }
        let mut account = Self::default();
        for state in &snapshot.manifest().partitions {
            let log = (state.log.log.incarnation.to_string(), state.log.partition.0);
            let fates = places.remove(&log).unwrap_or_default();
            let offsets: Vec<i64> = fates.keys().copied().collect();
            let expected: Vec<i64> = (state.first_offset.0..state.next_offset.0).collect();
            assert_eq!(offsets, expected, "offsets of {log:?}");
            let mut ranges: Vec<Fate> = Vec::new();
            for (offset, fate) in fates {
                match ranges.last_mut() {
                    Some((_, last, known)) if *known == fate => *last = offset,
                    _ => ranges.push((offset, offset, fate)),
                }
            }
            account.next.insert(log.clone(), state.next_offset.0);
            account.fates.insert(log, ranges);
        }
        assert!(
            places.is_empty(),
            "offsets of partitions without a position: {places:?}"
        );
        for batch in rows(&snapshot, Table::SequenceRuns) {
            let number = |name, row| {
                batch
                    .column_by_name(name)
                    .unwrap()
                    .as_primitive::<UInt64Type>()
                    .value(row)
            };
            for row in 0..batch.num_rows() {
                account.runs.entry(log_of(&batch, row)).or_default().push((
                    text(&batch, "thread_id", row),
                    number("first_sequence", row),
                    number("last_sequence", row),
                    text(&batch, "head", row),
                ));
            }
        }
        for runs in account.runs.values_mut() {
            runs.sort();
            // Commits cut runs; here only the gaps between them matter.
            let mut joined: Vec<Run> = Vec::new();
            for run in std::mem::take(runs) {
                match joined.last_mut() {
                    Some(last) if last.0 == run.0 && last.2 + 1 >= run.1 => last.2 = last.2.max(run.2),
                    _ => joined.push(run),
                }
            }
            *runs = joined;
        }
        Some(account)
    }

    /// What became of the offsets of partition 0, in a store that knows one life of it at most.
    pub(crate) fn only(&self) -> Vec<(i64, i64, &str)> {
        let mut lives = self.fates.keys().filter(|(_, partition)| *partition == 0);
        let Some((life, _)) = lives.next() else {
            return Vec::new();
        };
        assert_eq!(lives.next(), None, "one life");
        self.life(life)
    }

    /// What became of the offsets of one life of partition 0.
    pub(crate) fn life(&self, incarnation: &str) -> Vec<(i64, i64, &str)> {
        let fates = self.fates.get(&(incarnation.to_owned(), 0));
        fates
            .into_iter()
            .flatten()
            .map(|(first, last, fate)| (*first, *last, &**fate))
            .collect()
    }

    /// The unbroken runs of numbers in one life of partition 0: first, last, head.
    pub(crate) fn runs_of(&self, incarnation: &str) -> Vec<(u64, u64, &str)> {
        let runs = self.runs.get(&(incarnation.to_owned(), 0));
        runs.into_iter()
            .flatten()
            .map(|(_, first, last, head)| (*first, *last, &**head))
            .collect()
    }

    /// Rows of all lives and partitions.
    pub(crate) fn rows(&self) -> i64 {
        let ranges = self.fates.values().flatten();
        ranges
            .filter(|(_, _, fate)| fate == "rows")
            .map(|(first, last, _)| last - first + 1)
            .sum()
    }
}

fn rows(snapshot: &Snapshot, table: Table) -> Vec<RecordBatch> {
    let segments: Vec<_> = snapshot.segments(table).cloned().collect();
    segments
        .iter()
        .flat_map(|segment| read_segment(&snapshot.path_of(segment), segment, &[]).unwrap())
        .map(Result::unwrap)
        .collect()
}

fn log_of(batch: &RecordBatch, row: usize) -> Life {
    let partition = batch.column_by_name("partition").unwrap();
    (
        text(batch, "incarnation", row),
        partition.as_primitive::<Int32Type>().value(row),
    )
}

fn integer(batch: &RecordBatch, name: &str, row: usize) -> i64 {
    batch
        .column_by_name(name)
        .unwrap()
        .as_primitive::<Int64Type>()
        .value(row)
}

fn text(batch: &RecordBatch, name: &str, row: usize) -> String {
    let column = batch.column_by_name(name).unwrap();
    match column.as_dictionary_opt::<Int32Type>() {
        Some(dictionary) => {
            let key = dictionary.key(row).unwrap();
            dictionary.values().as_string::<i32>().value(key).to_owned()
        }
        None => column.as_string::<i32>().value(row).to_owned(),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a store tells nobody of a commit, and a rate needs a time"
)]
fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// Requests that a source may make in a second while there is nothing to be had: one fetch every `fetch_wait`, a look at
/// the metadata every `metadata_refresh`, and a few after an interruption.
pub(crate) const REQUESTS_PER_SECOND_MAX: u64 = 60;

/// Asserts that no more requests come than that, over so many seconds.
pub(crate) fn assert_calm(broker: &BrokerHandle, seconds: u64) {
    let before = broker.requests_total();
    pause(Duration::from_secs(seconds));
    let came = broker.requests_total() - before;
    assert!(
        came <= REQUESTS_PER_SECOND_MAX * seconds,
        "{came} requests in {seconds} s"
    );
}
