//! The columns with which every fact table begins, and the one with which it ends.

use std::sync::Arc;

use arrow_array::builder::{BinaryBuilder, BooleanBuilder, StringBuilder, TimestampMicrosecondBuilder};
use arrow_array::{ArrayRef, Int32Array, Int64Array, UInt64Array};

use crate::columns::{ChoiceColumn, LogColumns, LogIndex, NumberColumn, push_bytes};
use crate::enums;
use crate::header::Header;
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

/// The common columns of one table.
#[derive(Debug)]
pub(crate) struct CommonColumns {
    pub(crate) log: LogColumns,
    offset: Vec<i64>,
    item: Vec<i32>,
    kafka_time: TimestampMicrosecondBuilder,
    key: BinaryBuilder,
    headers: StringBuilder,
    message_id: BinaryBuilder,
    time: TimestampMicrosecondBuilder,
    tenant_id: StringBuilder,
    thread_id: StringBuilder,
    sequence: Vec<u64>,
    verdict: ChoiceColumn,
    repeated: BooleanBuilder,
    parent_id: BinaryBuilder,
    schema_version: Vec<i64>,
    header_type: NumberColumn,
    header_compression: NumberColumn,
    unknown_fields: BinaryBuilder,
}

impl CommonColumns {
    pub(crate) fn new() -> Self {
        Self {
            log: LogColumns::new(),
            offset: Vec::new(),
            item: Vec::new(),
            kafka_time: TimestampMicrosecondBuilder::new(),
            key: BinaryBuilder::new(),
            headers: StringBuilder::new(),
            message_id: BinaryBuilder::new(),
            time: TimestampMicrosecondBuilder::new(),
            tenant_id: StringBuilder::new(),
            thread_id: StringBuilder::new(),
            sequence: Vec::new(),
            verdict: ChoiceColumn::with_entries(SequenceVerdict::ALL.map(SequenceVerdict::as_str)),
            repeated: BooleanBuilder::new(),
            parent_id: BinaryBuilder::new(),
            schema_version: Vec::new(),
            header_type: NumberColumn::new(enums::message_type),
            header_compression: NumberColumn::new(enums::compression_type),
            unknown_fields: BinaryBuilder::new(),
        }
    }

    pub(crate) fn rows(&self) -> usize {
        self.offset.len()
    }

    /// Appends one row. A message without header has empty ids, no time and number 0.
    #[inline]
    pub(crate) fn push(
        &mut self,
        place: &Place<'_>,
        item: i32,
        header: Option<&Header<'_>>,
        numbered: Numbered,
        unknown_fields: &[u8],
    ) {
        self.log.push(place.log, place.partition);
        self.offset.push(place.offset);
        self.item.push(item);
        self.kafka_time.append_option(place.kafka_time_us);
        self.key.append_option(place.key);
        self.headers.append_option(place.headers);
        self.time.append_option(header.map(|header| header.timestamp_us));
        let header = header.copied().unwrap_or_default();
        push_bytes(&mut self.message_id, header.message_id);
        self.tenant_id.append_value(header.tenant_id);
        self.thread_id.append_value(header.thread_id);
        self.sequence.push(header.sequence);
        self.verdict.push(numbered.verdict as i32);
        self.repeated.append_value(numbered.repeated);
        push_bytes(&mut self.parent_id, header.parent_id);
        self.schema_version.push(i64::from(header.schema_version));
        self.header_type.push(header.message_type);
        self.header_compression.push(header.compression);
        push_bytes(&mut self.unknown_fields, unknown_fields);
    }

    /// Takes the columns around a table's own ones.
    pub(crate) fn finish(&mut self, own: impl IntoIterator<Item = ArrayRef>) -> Vec<ArrayRef> {
        let mut columns = Vec::with_capacity(48);
        self.log.finish(&mut columns);
        let common: [ArrayRef; 16] = [
            Arc::new(Int64Array::from(std::mem::take(&mut self.offset))),
            Arc::new(Int32Array::from(std::mem::take(&mut self.item))),
            Arc::new(self.kafka_time.finish().with_timezone("UTC")),
            Arc::new(self.key.finish()),
            Arc::new(self.headers.finish()),
            Arc::new(self.message_id.finish()),
            Arc::new(self.time.finish().with_timezone("UTC")),
            Arc::new(self.tenant_id.finish()),
            Arc::new(self.thread_id.finish()),
            Arc::new(UInt64Array::from(std::mem::take(&mut self.sequence))),
            self.verdict.finish(),
            Arc::new(self.repeated.finish()),
            Arc::new(self.parent_id.finish()),
            Arc::new(Int64Array::from(std::mem::take(&mut self.schema_version))),
            self.header_type.finish(),
            self.header_compression.finish(),
        ];
        columns.extend(common);
        columns.extend(own);
        columns.push(Arc::new(self.unknown_fields.finish()));
        columns
    }
}
