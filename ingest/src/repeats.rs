//! Exact answers where the sequence book remembers too little: was this message_id seen in the thread before?
//!
//! The book knows the newest ids of each thread. A message whose number came before, whose id is not among those and
//! which is not newer than its thread, may be an old copy. Such candidates wait until the commit, and are then looked
//! up together: in the rows of that commit, buffered or pressed ahead, and in the segments that may hold their threads.
//!
//! Before means: at a lower offset. A dead letter that is retried comes after all that is committed, wherever it stands.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array, BooleanArray, RecordBatch};
use quipu_proto::{LogPartition, Table};
use quipu_store::{Segment, Snapshot, read_segment};

use crate::error::{IngestError, Result};
use crate::rows::{Texts, column};

/// A message that may be a copy.
#[derive(Debug)]
pub(crate) struct Candidate {
    pub(crate) log: LogPartition,
    pub(crate) tenant_id: Box<str>,
    pub(crate) thread_id: Box<str>,
    pub(crate) message_id: Box<[u8]>,
    /// Where the message stands among those of its partition.
    pub(crate) position: Position,
    pub(crate) table: Table,
    pub(crate) coming: Coming,
    /// Rows that the message became, in its table's batch.
    pub(crate) rows: std::ops::Range<usize>,
}

/// When a message comes to be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coming {
    /// In the order of the log: after all lower offsets of its partition, before all higher ones.
    InOrder,
    /// Late, out of a dead letter: after all committed rows, and within its commit in the order of the log.
    Late,
}

/// Where rows are that may hold the original of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Among {
    Committed,
    Uncommitted,
}

/// Order in which the messages of a partition were counted: by offset, and within a batch its header before its
/// events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) offset: i64,
    pub(crate) rank: i64,
}

impl Position {
    pub(crate) fn of(table: Table, offset: i64, item: i32) -> Self {
        // Entries of a Metrics message are one message; events of a batch are one each.
        let rank = if table == Table::Events {
            i64::from(item) + 1
        } else {
            0
        };
        Self { offset, rank }
    }
}

/// Columns that tell one message from another.
const COLUMNS: [&str; 8] = [
    "topic",
    "incarnation",
    "partition",
    "offset",
    "item",
    "message_id",
    "tenant_id",
    "thread_id",
];

/// Candidates by id, and which of them were found.
struct Search<'a> {
    by_id: HashMap<&'a [u8], Vec<usize>>,
    candidates: &'a [Candidate],
    found: Vec<bool>,
}

impl<'a> Search<'a> {
    fn new(candidates: &'a [Candidate]) -> Self {
        let mut by_id: HashMap<&[u8], Vec<usize>> = HashMap::new();
        for (index, candidate) in candidates.iter().enumerate() {
            by_id.entry(&candidate.message_id).or_default().push(index);
        }
        Self {
            by_id,
            candidates,
            found: vec![false; candidates.len()],
        }
    }

    fn scan(&mut self, table: Table, batch: &RecordBatch, origin: &Path, among: Among) -> Result<()> {
        let message_id = column(batch, "message_id", origin, |array| array.as_binary_opt::<i32>())?;
        let hits = (0..batch.num_rows())
            .filter(|row| message_id.is_valid(*row) && self.by_id.contains_key(message_id.value(*row)));
        let hits: Vec<usize> = hits.collect();
        if hits.is_empty() {
            return Ok(());
        }
        let topic = Texts::of(batch, "topic", origin)?;
        let incarnation = Texts::of(batch, "incarnation", origin)?;
        let tenant_id = Texts::of(batch, "tenant_id", origin)?;
        let thread_id = Texts::of(batch, "thread_id", origin)?;
        let partition = column(batch, "partition", origin, |array| {
            array.as_primitive_opt::<Int32Type>()
        })?;
        let offset = column(batch, "offset", origin, |array| {
            array.as_primitive_opt::<Int64Type>()
        })?;
        let item = column(batch, "item", origin, |array| {
            array.as_primitive_opt::<Int32Type>()
        })?;
        for row in hits {
            let position = Position::of(table, offset.value(row), item.value(row));
            for &index in self.by_id.get(message_id.value(row)).into_iter().flatten() {
                let candidate = &self.candidates[index];
                let is_before = position < candidate.position
                    || (among == Among::Committed && candidate.coming == Coming::Late);
                self.found[index] |= is_before
                    && partition.value(row) == candidate.log.partition.0
                    && thread_id.value(row) == &*candidate.thread_id
                    && tenant_id.value(row) == &*candidate.tenant_id
                    && topic.value(row) == &*candidate.log.log.topic
                    && incarnation.value(row) == &*candidate.log.log.incarnation;
            }
        }
        Ok(())
    }

    fn scan_segment(&mut self, segment: &Segment, path: &Path, among: Among) -> Result<()> {
        if self.may_be_in(segment) {
            for batch in read_segment(path, segment, &COLUMNS)? {
                self.scan(segment.table, &batch?, path, among)?;
            }
        }
        Ok(())
    }

    fn may_be_in(&self, segment: &Segment) -> bool {
        segment.table.is_fact()
            && self.candidates.iter().zip(&self.found).any(|(candidate, found)| {
                !found
                    && segment
                        .stats
                        .threads
                        .as_ref()
                        .is_none_or(|threads| threads.may_contain(&candidate.thread_id))
            })
    }
}

/// Finds which candidates are copies and says so in column `repeated` of their rows, which are all in `batches`.
pub(crate) fn settle<'a>(
    candidates: &[Candidate],
    batches: &mut [(Table, RecordBatch)],
    pressed: impl Iterator<Item = (&'a Segment, &'a Path)>,
    committed: &Snapshot,
) -> Result<()> {
    let mut search = Search::new(candidates);
    for (table, batch) in batches.iter().filter(|(table, _)| table.is_fact()) {
        search.scan(*table, batch, Path::new("buffered rows"), Among::Uncommitted)?;
    }
    for (segment, path) in pressed {
        search.scan_segment(segment, path, Among::Uncommitted)?;
    }
    for segment in &committed.manifest().segments {
        search.scan_segment(segment, &committed.path_of(segment), Among::Committed)?;
    }
    let found = search.found;
    for (table, batch) in batches {
        let rows: Vec<_> = candidates
            .iter()
            .zip(&found)
            .filter(|(candidate, found)| **found && candidate.table == *table)
            .flat_map(|(candidate, _)| candidate.rows.clone())
            .collect();
        if !rows.is_empty() {
            *batch = with_repeated(batch, &rows)?;
        }
    }
    Ok(())
}

/// The batch with `repeated` set in some rows.
fn with_repeated(batch: &RecordBatch, rows: &[usize]) -> Result<RecordBatch> {
    let origin = Path::new("buffered rows");
    let repeated = column(batch, "repeated", origin, |array| array.as_boolean_opt())?;
    let mut values: Vec<bool> = repeated.values().iter().collect();
    for &row in rows {
        values[row] = true;
    }
    let index = batch.schema().index_of("repeated").map_err(IngestError::Rows)?;
    let mut columns = batch.columns().to_vec();
    columns[index] = Arc::new(BooleanArray::from(values));
    Ok(RecordBatch::try_new(batch.schema(), columns)?)
}
