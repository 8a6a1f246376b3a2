//! The messages of a store thread by thread, whatever the order of its segments: every share of the threads is gathered
//! in a pass of its own over the columns that matter, sorted, and handed to the parts *ledger* and *book*.
//!
//! The share is chosen so that its rows fit the memory that is allowed. All messages of a thread are in one share.

use std::path::Path;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int32Type, TimestampMicrosecondType, UInt64Type};
use arrow_array::{Array as _, RecordBatch};
use hashbrown::HashTable;
use quipu_proto::{SequenceVerdict, Table};
use quipu_store::Snapshot;
use quipu_store::sequence::ThreadJudge;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::book::Memories;
use super::finding::{FindingPlace, Part};
use super::ledger::Runs;
use super::places::{Logs, RowPlaces};
use super::{Check, Complete, book, ledger, resolutions};
use crate::error::Result;
use crate::repeats::Position;
use crate::rows::{Texts, column};

/// One row, as far as these parts care.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) position: Position,
    pub(super) sequence: u64,
    pub(super) id_hash: u64,
    pub(super) time_us: Option<i64>,
    pub(super) thread: u32,
    /// Number of the segment within the manifest.
    pub(super) segment: u32,
    pub(super) table: Table,
    /// None for a word that is no verdict.
    pub(super) verdict: Option<SequenceVerdict>,
    pub(super) repeated: bool,
}

/// About what a row takes, with what its thread takes besides.
const ROW_BYTES: usize = size_of::<Row>() + 24;

impl Row {
    /// Rows of one message: the entries of a Metrics message share theirs.
    pub(super) fn is_same_message(&self, other: &Self) -> bool {
        (self.position, self.table) == (other.position, other.table)
    }
}

/// The name of a thread.
#[derive(Debug)]
pub(super) struct ThreadName {
    pub(super) log: usize,
    pub(super) tenant_id: Box<str>,
    pub(super) thread_id: Box<str>,
}

/// The threads of a share, by small numbers.
#[derive(Debug, Default)]
pub(super) struct Threads {
    names: Vec<ThreadName>,
    numbers: HashTable<u32>,
}

/// Hash of a thread's name.
fn hash(log: usize, tenant_id: &str, thread_id: &str) -> u64 {
    xxh3_64_with_seed(
        thread_id.as_bytes(),
        xxh3_64_with_seed(tenant_id.as_bytes(), log as u64),
    )
}

impl Threads {
    fn number(&mut self, hashed: u64, log: usize, tenant_id: &str, thread_id: &str) -> u32 {
        let names = &mut self.names;
        let is_it = |number: &u32| {
            let name = &names[*number as usize];
            (name.log, &*name.tenant_id, &*name.thread_id) == (log, tenant_id, thread_id)
        };
        if let Some(number) = self.numbers.find(hashed, is_it) {
            return *number;
        }
        let number = names.len() as u32;
        names.push(ThreadName {
            log,
            tenant_id: tenant_id.into(),
            thread_id: thread_id.into(),
        });
        self.numbers.insert_unique(hashed, number, |number| {
            let name = &names[*number as usize];
            hash(name.log, &name.tenant_id, &name.thread_id)
        });
        number
    }

    pub(super) fn name(&self, number: u32) -> &ThreadName {
        &self.names[number as usize]
    }

    pub(super) fn len(&self) -> usize {
        self.names.len()
    }
}

/// One share of the threads, with everything that is known of them.
pub(super) struct Share {
    pub(super) logs: Logs,
    pub(super) threads: Threads,
    number: u64,
    shares: u64,
}

impl Share {
    /// The number of a thread; none if it belongs to another share.
    pub(super) fn thread(&mut self, log: usize, tenant_id: &str, thread_id: &str) -> Option<u32> {
        let hashed = hash(log, tenant_id, thread_id);
        // The table of the share uses other bits.
        (hashed.rotate_left(32) % self.shares == self.number)
            .then(|| self.threads.number(hashed, log, tenant_id, thread_id))
    }

    pub(super) fn place(&self, thread: u32) -> FindingPlace {
        let name = self.threads.name(thread);
        FindingPlace::Thread {
            log: self.logs.log(name.log).clone(),
            tenant_id: name.tenant_id.to_string(),
            thread_id: name.thread_id.to_string(),
        }
    }
}

const COLUMNS: [&str; 12] = [
    "topic",
    "incarnation",
    "partition",
    "offset",
    "item",
    "message_id",
    "time",
    "tenant_id",
    "thread_id",
    "sequence",
    "sequence_verdict",
    "repeated",
];

pub(super) fn check(check: &mut Check<'_>, snapshot: &Snapshot) -> Complete {
    let wants = |part| check.options.parts.contains(&part);
    let (wants_ledger, wants_book) = (wants(Part::Ledger), wants(Part::Book));
    let part = if wants_ledger { Part::Ledger } else { Part::Book };
    let rows: u64 = snapshot
        .manifest()
        .segments
        .iter()
        .filter(|segment| segment.table.is_fact())
        .map(|segment| segment.rows)
        .sum();
    let shares = rows
        .saturating_mul(ROW_BYTES as u64)
        .div_ceil(check.options.memory_bytes.max(1) as u64)
        .max(1);
    let mut complete = Complete::Yes;
    let mut logs = Logs::default();
    for state in &snapshot.manifest().partitions {
        logs.number(&state.log);
    }
    // Their messages were counted later than their places say.
    let (late, read) = resolutions::read(check, Part::Book, snapshot, &mut logs);
    complete.and(read);
    for number in 0..shares {
        let mut share = Share {
            logs,
            threads: Threads::default(),
            number,
            shares,
        };
        let mut rows = gather(check, part, snapshot, &mut share, &mut complete);
        let mut runs = Runs::default();
        if wants_ledger {
            complete.and(runs.read(check, snapshot, &mut share));
        }
        let mut memories = Memories::default();
        if wants_book {
            complete.and(memories.read(check, snapshot, &mut share));
        }
        // What a damaged segment holds is missing here, and would be found missing.
        if complete == Complete::Yes {
            rows.sort_unstable_by_key(|row| (row.thread, row.position, row.table));
            check.report.counts.threads += share.threads.len() as u64;
            let mut at = 0;
            for thread in 0..share.threads.len() as u32 {
                let len = rows[at..].partition_point(|row| row.thread == thread);
                let of_thread = &rows[at..at + len];
                at += len;
                check.report.counts.messages += messages(of_thread).count() as u64;
                if wants_ledger {
                    ledger::compare(check.report, &share, thread, of_thread, runs.of(thread));
                }
                if wants_book {
                    let log = share.threads.name(thread).log;
                    let is_late = of_thread
                        .iter()
                        .any(|row| late.contains(&(log, row.position.offset)));
                    book::compare(
                        check.report,
                        snapshot,
                        &share,
                        thread,
                        of_thread,
                        &memories,
                        is_late,
                    );
                }
            }
        }
        logs = share.logs;
    }
    complete
}

/// The messages of sorted rows of a thread.
pub(super) fn messages(rows: &[Row]) -> impl Iterator<Item = &[Row]> {
    rows.chunk_by(Row::is_same_message)
}

/// The rows of a share.
fn gather(
    check: &mut Check<'_>,
    part: Part,
    snapshot: &Snapshot,
    share: &mut Share,
    complete: &mut Complete,
) -> Vec<Row> {
    let segments = &snapshot.manifest().segments;
    let total = segments.len() as u64 * share.shares;
    let mut rows = Vec::new();
    for (index, segment) in segments.iter().enumerate() {
        if segment.table.is_fact() {
            let done = share.number * segments.len() as u64 + index as u64;
            check.tell(part, done, Some(total));
            let source = (index as u32, segment.table);
            complete.and(check.scan(part, snapshot, segment, &COLUMNS, |_, batch, path| {
                take(&mut rows, share, source, batch, path)
            }));
        }
    }
    rows
}

fn take(
    rows: &mut Vec<Row>,
    share: &mut Share,
    (segment, table): (u32, Table),
    batch: &RecordBatch,
    path: &Path,
) -> Result<()> {
    let places = RowPlaces::of(batch, &mut share.logs, path)?;
    let tenant_id = Texts::of(batch, "tenant_id", path)?;
    let thread_id = Texts::of(batch, "thread_id", path)?;
    let verdict = Texts::of(batch, "sequence_verdict", path)?;
    let sequence = column(batch, "sequence", path, |array| {
        array.as_primitive_opt::<UInt64Type>()
    })?;
    let message_id = column(batch, "message_id", path, |array| array.as_binary_opt::<i32>())?;
    let repeated = column(batch, "repeated", path, |array| array.as_boolean_opt())?;
    let time = column(batch, "time", path, |array| {
        array.as_primitive_opt::<TimestampMicrosecondType>()
    })?;
    column(batch, "item", path, |array| array.as_primitive_opt::<Int32Type>())?;
    for row in 0..batch.num_rows() {
        let (tenant_id, thread_id) = (tenant_id.value(row), thread_id.value(row));
        let Some(thread) = share.thread(places.logs[row], tenant_id, thread_id) else {
            continue;
        };
        let id = if message_id.is_valid(row) {
            message_id.value(row)
        } else {
            &[]
        };
        let word = verdict.value(row);
        rows.push(Row {
            position: Position::of(table, places.offset.value(row), places.item(row)),
            sequence: sequence.value(row),
            id_hash: ThreadJudge::id_hash(id),
            time_us: time.is_valid(row).then(|| time.value(row)),
            thread,
            segment,
            table,
            verdict: SequenceVerdict::ALL
                .into_iter()
                .find(|verdict| verdict.as_str() == word),
            repeated: repeated.value(row),
        });
    }
    Ok(())
}
