//! Rows of `sequence_runs` in the making.

use std::sync::Arc;

use arrow_array::builder::{
    Int32Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder, UInt64Builder,
};
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, DictionaryArray, Int32Array, RecordBatch, StringArray};
use arrow_schema::ArrowError;
use quipu_proto::Table;

use super::error::BookError;
use super::run_rows::RunEmitter;
use super::runs::Run;
use super::thread::NO_TIME;
use crate::manifest::Head;

/// Whose runs follow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RunName<'a> {
    pub(crate) topic: &'a str,
    pub(crate) incarnation: &'a str,
    pub(crate) partition: i32,
    pub(crate) tenant_id: &'a str,
    pub(crate) thread_id: &'a str,
    pub(crate) head: Head,
}

/// Builders of the columns of `sequence_runs`.
pub(crate) struct RunRows {
    topic: Choices,
    incarnation: Choices,
    partition: Int32Builder,
    tenant_id: StringBuilder,
    thread_id: StringBuilder,
    emitter: Choices,
    first_sequence: UInt64Builder,
    last_sequence: UInt64Builder,
    messages: Int64Builder,
    first_time: TimestampMicrosecondBuilder,
    last_time: TimestampMicrosecondBuilder,
    first_offset: Int64Builder,
    last_offset: Int64Builder,
    head: Choices,
    text_bytes: usize,
}

impl Default for RunRows {
    fn default() -> Self {
        Self {
            topic: Choices::default(),
            incarnation: Choices::default(),
            partition: Int32Builder::new(),
            tenant_id: StringBuilder::new(),
            thread_id: StringBuilder::new(),
            emitter: Choices::default(),
            first_sequence: UInt64Builder::new(),
            last_sequence: UInt64Builder::new(),
            messages: Int64Builder::new(),
            first_time: TimestampMicrosecondBuilder::new().with_timezone("UTC"),
            last_time: TimestampMicrosecondBuilder::new().with_timezone("UTC"),
            first_offset: Int64Builder::new(),
            last_offset: Int64Builder::new(),
            head: Choices::default(),
            text_bytes: 0,
        }
    }
}

impl RunRows {
    /// Adds a row.
    pub(crate) fn push(&mut self, name: &RunName<'_>, emitter: RunEmitter, run: &Run) {
        let Run {
            first,
            last,
            messages,
            first_time,
            last_time,
            first_offset,
            last_offset,
        } = *run;
        self.topic.push(name.topic);
        self.incarnation.push(name.incarnation);
        self.partition.append_value(name.partition);
        self.tenant_id.append_value(name.tenant_id);
        self.thread_id.append_value(name.thread_id);
        self.emitter.push(emitter.as_str());
        self.first_sequence.append_value(first);
        self.last_sequence.append_value(last);
        self.messages
            .append_value(i64::try_from(messages).unwrap_or(i64::MAX));
        self.first_time
            .append_option(Some(first_time).filter(|time| *time != NO_TIME));
        self.last_time
            .append_option(Some(last_time).filter(|time| *time != NO_TIME));
        self.first_offset.append_value(first_offset);
        self.last_offset.append_value(last_offset);
        self.head.push(name.head.as_str());
        self.text_bytes += name.tenant_id.len() + name.thread_id.len();
    }

    /// Rows so far.
    pub(crate) fn len(&self) -> usize {
        self.head.keys.len()
    }

    /// Bytes of their names.
    pub(crate) fn text_bytes(&self) -> usize {
        self.text_bytes
    }

    /// The rows.
    pub(crate) fn finish(self) -> Result<RecordBatch, BookError> {
        self.try_finish().map_err(|source| BookError::Rows {
            table: Table::SequenceRuns.name(),
            source,
        })
    }

    /// The rows, with the error as Arrow has it.
    pub(crate) fn try_finish(mut self) -> Result<RecordBatch, ArrowError> {
        let columns: Vec<ArrayRef> = vec![
            self.topic.finish()?,
            self.incarnation.finish()?,
            Arc::new(self.partition.finish()),
            Arc::new(self.tenant_id.finish()),
            Arc::new(self.thread_id.finish()),
            self.emitter.finish()?,
            Arc::new(self.first_sequence.finish()),
            Arc::new(self.last_sequence.finish()),
            Arc::new(self.messages.finish()),
            Arc::new(self.first_time.finish()),
            Arc::new(self.last_time.finish()),
            Arc::new(self.first_offset.finish()),
            Arc::new(self.last_offset.finish()),
            self.head.finish()?,
        ];
        RecordBatch::try_new(Table::SequenceRuns.schema(), columns)
    }
}

/// A column of few different values that come in long stretches.
#[derive(Default)]
struct Choices {
    keys: Vec<i32>,
    values: Vec<String>,
    /// Key of the newest row.
    newest: usize,
}

impl Choices {
    fn push(&mut self, value: &str) {
        if self.values.get(self.newest).is_none_or(|newest| newest != value) {
            self.newest = self
                .values
                .iter()
                .position(|known| known == value)
                .unwrap_or_else(|| {
                    self.values.push(value.to_owned());
                    self.values.len() - 1
                });
        }
        self.keys.push(self.newest as i32);
    }

    fn finish(self) -> Result<ArrayRef, ArrowError> {
        let values = StringArray::from(self.values);
        let column = DictionaryArray::<Int32Type>::try_new(Int32Array::from(self.keys), Arc::new(values))?;
        Ok(Arc::new(column))
    }
}
