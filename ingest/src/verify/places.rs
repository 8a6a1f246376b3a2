//! Where rows lie: partitions by number, and the offsets of one table.

use std::path::Path;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Int32Array, Int64Array, RecordBatch};
use hashbrown::HashMap;
use quipu_proto::{LogPartition, PartitionId, Table, TopicIncarnation};

use super::offsets::OffsetSet;
use crate::error::Result;
use crate::rows::{Texts, column};

/// Columns that say where a row lies.
pub(super) const LOG_COLUMNS: [&str; 3] = ["topic", "incarnation", "partition"];

/// The number of a partition, and an offset.
pub(super) type At = (usize, i64);

/// Partitions by small numbers.
#[derive(Debug, Default)]
pub(super) struct Logs {
    logs: Vec<LogPartition>,
    numbers: HashMap<LogPartition, usize>,
}

impl Logs {
    pub(super) fn number(&mut self, log: &LogPartition) -> usize {
        if let Some(number) = self.numbers.get(log) {
            return *number;
        }
        self.logs.push(log.clone());
        self.numbers.insert(log.clone(), self.logs.len() - 1);
        self.logs.len() - 1
    }

    pub(super) fn log(&self, number: usize) -> &LogPartition {
        &self.logs[number]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &LogPartition)> {
        self.logs.iter().enumerate()
    }

    /// The number of each row's partition.
    pub(super) fn of_rows(&mut self, batch: &RecordBatch, origin: &Path) -> Result<Vec<usize>> {
        let topic = Texts::of(batch, "topic", origin)?;
        let incarnation = Texts::of(batch, "incarnation", origin)?;
        let partition = column(batch, "partition", origin, |array| {
            array.as_primitive_opt::<Int32Type>()
        })?;
        // A batch has few partitions, and neighbours share theirs.
        let mut known: Vec<(i32, &str, &str, usize)> = Vec::new();
        let mut numbers = Vec::with_capacity(batch.num_rows());
        for row in 0..batch.num_rows() {
            let place = (partition.value(row), topic.value(row), incarnation.value(row));
            let same = known
                .iter()
                .position(|(partition, topic, incarnation, _)| (*partition, *topic, *incarnation) == place);
            let number = match same {
                Some(index) => {
                    let number = known[index].3;
                    known.swap(0, index);
                    number
                }
                None => {
                    let log = TopicIncarnation::new(place.1, place.2);
                    let number = self.number(&LogPartition::new(log, PartitionId(place.0)));
                    known.insert(0, (place.0, place.1, place.2, number));
                    number
                }
            };
            numbers.push(number);
        }
        Ok(numbers)
    }
}

/// Where the rows of a batch lie.
pub(super) struct RowPlaces<'a> {
    pub(super) logs: Vec<usize>,
    pub(super) offset: &'a Int64Array,
    /// None in a table whose rows have no item.
    item: Option<&'a Int32Array>,
}

impl<'a> RowPlaces<'a> {
    pub(super) fn of(batch: &'a RecordBatch, logs: &mut Logs, origin: &Path) -> Result<Self> {
        let item = batch
            .column_by_name("item")
            .and_then(|array| array.as_primitive_opt::<Int32Type>());
        Ok(Self {
            logs: logs.of_rows(batch, origin)?,
            offset: column(batch, "offset", origin, |array| {
                array.as_primitive_opt::<Int64Type>()
            })?,
            item,
        })
    }

    pub(super) fn item(&self, row: usize) -> i32 {
        self.item.map_or(0, |item| item.value(row))
    }
}

/// What a row is to the rows of its table before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// The first of its offset.
    First,
    /// A further one of the same record.
    Further,
    /// One of the same identity, or of a record whose rows lie elsewhere in the table.
    Again,
}

/// The offsets of one table. All rows of a record were appended together, so they follow each other in their partition,
/// with items that rise.
#[derive(Debug)]
pub(super) struct TableOffsets {
    table: Table,
    /// By number of the partition: offsets, and offset and item of the newest row.
    partitions: Vec<(OffsetSet, Option<(i64, i32)>)>,
}

impl TableOffsets {
    pub(super) fn new(table: Table) -> Self {
        Self {
            table,
            partitions: Vec::new(),
        }
    }

    pub(super) fn see(&mut self, log: usize, offset: i64, item: i32) -> Seen {
        if self.partitions.len() <= log {
            self.partitions.resize_with(log + 1, Default::default);
        }
        let several = matches!(self.table, Table::Events | Table::Metrics);
        let (set, newest) = &mut self.partitions[log];
        match newest.replace((offset, item)) {
            Some((same, before)) if same == offset => {
                if several && item > before {
                    Seen::Further
                } else {
                    Seen::Again
                }
            }
            _ if set.insert(offset) => Seen::First,
            _ => Seen::Again,
        }
    }

    /// The offsets by number of the partition.
    pub(super) fn into_sets(self) -> impl Iterator<Item = (usize, OffsetSet)> {
        self.partitions
            .into_iter()
            .enumerate()
            .map(|(log, (set, _))| (log, set))
    }
}
