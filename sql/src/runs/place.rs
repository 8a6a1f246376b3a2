//! The place of a message in its thread.

use datafusion::arrow::array::{Array, AsArray, Int32Array, Int64Array, UInt64Array};
use datafusion::arrow::datatypes::{Int32Type, Int64Type, UInt64Type};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;

use super::cut::Role;
use crate::strands::numbers;

/// What messages of a thread are ordered by: the producer's time, which all its counters share, then the number, then what
/// makes the order one and the same each time. Messages without a time come last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    is_timeless: bool,
    at: i64,
    sequence: u64,
    role: Role,
    partition: i32,
    offset: i64,
    item: i32,
}

impl Place {
    /// Its time in microseconds.
    pub(super) fn at(&self) -> Option<i64> {
        (!self.is_timeless).then_some(self.at)
    }

    pub(super) fn role(&self) -> Role {
        self.role
    }

    /// Whether the message has a number.
    pub(super) fn is_numbered(&self) -> bool {
        self.sequence > 0
    }

    /// The place of the message with that number alone.
    #[cfg(test)]
    pub(super) fn of_sequence(at: Option<i64>, sequence: u64, role: Role) -> Self {
        Self {
            is_timeless: at.is_none(),
            at: at.unwrap_or(0),
            sequence,
            role,
            partition: 0,
            offset: 0,
            item: 0,
        }
    }
}

/// The columns of a batch that tell the places of its messages.
#[derive(Debug)]
pub(super) struct Places {
    at: Int64Array,
    sequence: UInt64Array,
    role: Int64Array,
    partition: Int32Array,
    offset: Int64Array,
    item: Int32Array,
}

impl Places {
    pub(super) const COLUMNS: [&str; 6] = ["at", "sequence", "role", "partition", "offset", "item"];

    pub(super) fn of(batch: &RecordBatch) -> Result<Self> {
        let [at, sequence, role, partition, offset, item] = Self::COLUMNS;
        Ok(Self {
            at: numbers::<Int64Type>(batch, at)?.as_primitive().clone(),
            sequence: numbers::<UInt64Type>(batch, sequence)?.as_primitive().clone(),
            role: numbers::<Int64Type>(batch, role)?.as_primitive().clone(),
            partition: numbers::<Int32Type>(batch, partition)?.as_primitive().clone(),
            offset: numbers::<Int64Type>(batch, offset)?.as_primitive().clone(),
            item: numbers::<Int32Type>(batch, item)?.as_primitive().clone(),
        })
    }

    pub(super) fn get(&self, row: usize) -> Place {
        let is_timeless = self.at.is_null(row);
        Place {
            is_timeless,
            at: if is_timeless { 0 } else { self.at.value(row) },
            sequence: self.sequence.value(row),
            role: Role::of(self.role.value(row)),
            partition: self.partition.value(row),
            offset: self.offset.value(row),
            item: self.item.value(row),
        }
    }
}
