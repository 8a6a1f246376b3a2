//! Rows of `sequence_runs` in the making.

use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, DictionaryArray, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
    UInt64Array,
};
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

/// The columns of `sequence_runs` while rows are added.
#[derive(Default)]
pub(crate) struct RunRows {
    topic: Choices,
    incarnation: Choices,
    partition: Vec<i32>,
    tenant_id: StringBuilder,
    thread_id: StringBuilder,
    emitter: Choices,
    first_sequence: Vec<u64>,
    last_sequence: Vec<u64>,
    messages: Vec<i64>,
    first_time: Vec<i64>,
    last_time: Vec<i64>,
    first_offset: Vec<i64>,
    last_offset: Vec<i64>,
    head: Choices,
    text_bytes: usize,
}

impl RunRows {
    /// Columns with room for so many rows.
    pub(crate) fn with_capacity(rows: usize) -> Self {
        Self {
            topic: Choices::with_capacity(rows),
            incarnation: Choices::with_capacity(rows),
            partition: Vec::with_capacity(rows),
            tenant_id: StringBuilder::with_capacity(rows, 0),
            thread_id: StringBuilder::with_capacity(rows, 0),
            emitter: Choices::with_capacity(rows),
            first_sequence: Vec::with_capacity(rows),
            last_sequence: Vec::with_capacity(rows),
            messages: Vec::with_capacity(rows),
            first_time: Vec::with_capacity(rows),
            last_time: Vec::with_capacity(rows),
            first_offset: Vec::with_capacity(rows),
            last_offset: Vec::with_capacity(rows),
            head: Choices::with_capacity(rows),
            text_bytes: 0,
        }
    }

    /// Adds a row.
    pub(crate) fn push(&mut self, name: &RunName<'_>, emitter: RunEmitter, run: &Run) {
        self.topic.push(name.topic);
        self.incarnation.push(name.incarnation);
        self.partition.push(name.partition);
        self.tenant_id.append_value(name.tenant_id);
        self.thread_id.append_value(name.thread_id);
        self.emitter.push(emitter.as_str());
        self.first_sequence.push(run.first);
        self.last_sequence.push(run.last);
        self.messages
            .push(i64::try_from(run.messages).unwrap_or(i64::MAX));
        self.first_time.push(run.first_time);
        self.last_time.push(run.last_time);
        self.first_offset.push(run.first_offset);
        self.last_offset.push(run.last_offset);
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
            Arc::new(Int32Array::from(self.partition)),
            Arc::new(self.tenant_id.finish()),
            Arc::new(self.thread_id.finish()),
            self.emitter.finish()?,
            Arc::new(UInt64Array::from(self.first_sequence)),
            Arc::new(UInt64Array::from(self.last_sequence)),
            Arc::new(Int64Array::from(self.messages)),
            times(self.first_time),
            times(self.last_time),
            Arc::new(Int64Array::from(self.first_offset)),
            Arc::new(Int64Array::from(self.last_offset)),
            self.head.finish()?,
        ];
        RecordBatch::try_new(Table::SequenceRuns.schema(), columns)
    }
}

/// A column of times, where [`NO_TIME`] stands for null.
fn times(mut times: Vec<i64>) -> ArrayRef {
    let nulls = times.contains(&NO_TIME).then(|| {
        let nulls = times.iter().map(|time| *time != NO_TIME).collect();
        times
            .iter_mut()
            .filter(|time| **time == NO_TIME)
            .for_each(|time| *time = 0);
        nulls
    });
    Arc::new(TimestampMicrosecondArray::new(times.into(), nulls).with_timezone("UTC"))
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
    fn with_capacity(rows: usize) -> Self {
        Self {
            keys: Vec::with_capacity(rows),
            ..Self::default()
        }
    }

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
