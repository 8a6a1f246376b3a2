//! The columns with which every fact table begins, and the one with which it ends.

use std::sync::Arc;

use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{ArrayRef, Int32Array, Int64Array, PrimitiveArray, UInt64Array};

use crate::columns::steady::{self, Steady, SteadyRows};
use crate::columns::{BytesColumn, ChoiceColumn, LogColumns, LogIndex, NumberColumn, TextColumn};
use crate::enums;
use crate::header::Header;
use crate::schema::time_type;
use crate::sequence::SequenceVerdict;

/// Where a record lies, and what Kafka keeps beside its value.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The topic's incarnation.
    pub log: LogIndex,
    /// The partition.
    pub partition: i32,
    /// The offset.
    pub offset: i64,
    /// Kafka's time of the record, microseconds since the Unix epoch.
    pub kafka_time_us: Option<i64>,
    /// The record's key.
    pub key: Option<&'a [u8]>,
    /// The record's headers as a JSON object.
    pub headers: Option<&'a str>,
}

/// What the sequence book said of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbered {
    /// The arrival verdict.
    pub verdict: SequenceVerdict,
    /// Whether the message_id was seen in the thread before.
    pub repeated: bool,
}

/// The numbers of one row that differ from row to row. They lie together until the columns are taken: one place to
/// write to instead of seven.
#[derive(Clone, Copy, Debug)]
struct RowNumbers {
    offset: i64,
    kafka_time: i64,
    time: i64,
    sequence: u64,
    partition: i32,
    item: i32,
}

/// The common columns of one table.
#[derive(Debug)]
pub(crate) struct CommonColumns {
    pub(crate) log: LogColumns,
    numbers: Vec<RowNumbers>,
    steady: SteadyRows,
    key: BytesColumn,
    headers: TextColumn,
    message_id: BytesColumn,
    tenant_id: TextColumn,
    thread_id: TextColumn,
    verdict: ChoiceColumn,
    parent_id: BytesColumn,
    header_type: NumberColumn,
    header_compression: NumberColumn,
    unknown_fields: BytesColumn,
}

impl CommonColumns {
    pub(crate) fn new() -> Self {
        Self {
            log: LogColumns::default(),
            numbers: Vec::new(),
            steady: SteadyRows::default(),
            key: BytesColumn::default(),
            headers: TextColumn::default(),
            message_id: BytesColumn::default(),
            tenant_id: TextColumn::default(),
            thread_id: TextColumn::default(),
            verdict: ChoiceColumn::with_entries(SequenceVerdict::ALL.map(SequenceVerdict::as_str)),
            parent_id: BytesColumn::default(),
            header_type: NumberColumn::new(enums::message_type),
            header_compression: NumberColumn::new(enums::compression_type),
            unknown_fields: BytesColumn::default(),
        }
    }

    pub(crate) fn rows(&self) -> usize {
        self.numbers.len()
    }

    /// Appends one row and gives its place. A message without header has empty ids, no time and number 0.
    #[inline]
    pub(crate) fn push(
        &mut self,
        place: &Place<'_>,
        item: i32,
        header: Option<&Header<'_>>,
        numbered: Numbered,
        unknown_fields: &[u8],
    ) -> usize {
        let has_time = header.is_some();
        let header = header.unwrap_or(&Header::NONE);
        let row = self.numbers.len();
        self.numbers.push(RowNumbers {
            offset: place.offset,
            kafka_time: place.kafka_time_us.unwrap_or_default(),
            time: header.timestamp_us,
            sequence: header.sequence,
            partition: place.partition,
            item,
        });
        self.steady.push(Steady {
            log: place.log,
            has_kafka_time: place.kafka_time_us.is_some(),
            has_time,
            verdict: numbered.verdict,
            repeated: numbered.repeated,
            schema_version: header.schema_version,
            header_type: header.message_type,
            header_compression: header.compression,
        });
        self.key.set_option(row, place.key);
        self.headers.set_option(row, place.headers);
        self.message_id.set(row, header.message_id);
        self.tenant_id.set_option(row, Some(header.tenant_id));
        self.thread_id.set_option(row, Some(header.thread_id));
        self.parent_id.set(row, header.parent_id);
        self.unknown_fields.set(row, unknown_fields);
        row
    }

    /// Takes the columns around a table's own ones.
    pub(crate) fn finish(&mut self, own: impl IntoIterator<Item = ArrayRef>) -> Vec<ArrayRef> {
        let rows = self.rows();
        let numbers = &self.numbers;
        let steady = self.steady.take();
        for (steady, rows) in &steady {
            self.log.push_run(steady.log, *rows);
            self.verdict.push_run(steady.verdict as i32, *rows);
            self.header_type.push_run(steady.header_type, *rows);
            self.header_compression.push_run(steady.header_compression, *rows);
        }
        for row in numbers {
            self.log.push_partition(row.partition);
        }
        let mut columns = Vec::with_capacity(48);
        self.log.finish(&mut columns);
        let common: [ArrayRef; 16] = [
            Arc::new(Int64Array::from_iter_values(numbers.iter().map(|row| row.offset))),
            Arc::new(Int32Array::from_iter_values(numbers.iter().map(|row| row.item))),
            times(
                numbers,
                |row| row.kafka_time,
                &steady,
                |steady| steady.has_kafka_time,
            ),
            self.key.finish(rows),
            self.headers.finish(rows),
            self.message_id.finish(rows),
            times(numbers, |row| row.time, &steady, |steady| steady.has_time),
            self.tenant_id.finish(rows),
            self.thread_id.finish(rows),
            Arc::new(UInt64Array::from_iter_values(
                numbers.iter().map(|row| row.sequence),
            )),
            self.verdict.finish(),
            steady::flags(&steady, |steady| steady.repeated),
            self.parent_id.finish(rows),
            steady::numbers(&steady, |steady| i64::from(steady.schema_version)),
            self.header_type.finish(),
            self.header_compression.finish(),
        ];
        columns.extend(common);
        // They have become columns; their memory serves the next rows, which are probably as many.
        self.numbers.clear();
        self.numbers.shrink_to(2 * rows);
        columns.extend(own);
        columns.push(self.unknown_fields.finish(rows));
        columns
    }
}

/// A column of points in time.
fn times(
    numbers: &[RowNumbers],
    time: impl Fn(&RowNumbers) -> i64,
    steady: &[(Steady, usize)],
    is_there: impl Fn(&Steady) -> bool,
) -> ArrayRef {
    let values: Vec<i64> = numbers.iter().map(time).collect();
    let nulls = steady::nulls(steady, is_there);
    let array = PrimitiveArray::<TimestampMicrosecondType>::new(values.into(), nulls);
    Arc::new(array.with_data_type(time_type()))
}
