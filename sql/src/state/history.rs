//! Steps as rows: all of them.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{
    ArrayRef, Int32Builder, Int64Builder, StringViewBuilder, TimestampMicrosecondBuilder, UInt64Builder,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use quipu_proto::state::canonical;

use super::table::{Rows, Thread, Wanted};
use super::walk::Stepped;

/// The columns of `state_history` and `state_at`.
pub(super) fn schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let mut fields = place_fields();
        fields.extend([
            text("operations"),
            text("state"),
            text("state_hash"),
            text("status"),
            text("note"),
        ]);
        Arc::new(Schema::new(fields))
    });
    Arc::clone(&SCHEMA)
}

/// The columns that say where a step stands.
pub(super) fn place_fields() -> Vec<Field> {
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    vec![
        text("topic"),
        text("incarnation"),
        text("tenant_id"),
        text("thread_id"),
        Field::new("step", DataType::Int64, true),
        text("kind"),
        Field::new("time", time, true),
        Field::new("sequence", DataType::UInt64, true),
        Field::new("partition", DataType::Int32, true),
        Field::new("offset", DataType::Int64, true),
        text("node_id"),
    ]
}

pub(super) fn text(name: &str) -> Field {
    Field::new(name, DataType::Utf8View, true)
}

/// Columns that say where a step stands, as they grow.
#[derive(Debug, Default)]
pub(super) struct Places {
    topic: StringViewBuilder,
    incarnation: StringViewBuilder,
    tenant_id: StringViewBuilder,
    thread_id: StringViewBuilder,
    step: Int64Builder,
    kind: StringViewBuilder,
    time: TimestampMicrosecondBuilder,
    sequence: UInt64Builder,
    partition: Int32Builder,
    offset: Int64Builder,
    node_id: StringViewBuilder,
}

impl Places {
    pub(super) fn push(&mut self, thread: &Thread, stepped: &Stepped<'_>) {
        let message = &stepped.message;
        self.topic.append_value(message.topic);
        self.incarnation.append_value(message.incarnation);
        self.tenant_id.append_value(&thread.tenant_id);
        self.thread_id.append_value(&thread.thread_id);
        self.step.append_value(stepped.number);
        self.kind.append_value(stepped.step.kind.as_str());
        self.time.append_option(message.at);
        self.sequence.append_value(message.sequence);
        self.partition.append_value(message.partition);
        self.offset.append_value(message.offset);
        self.node_id.append_option(stepped.node_id);
    }

    pub(super) fn len(&self) -> usize {
        datafusion::arrow::array::ArrayBuilder::len(&self.step)
    }

    pub(super) fn finish(&mut self) -> Vec<ArrayRef> {
        vec![
            Arc::new(self.topic.finish()),
            Arc::new(self.incarnation.finish()),
            Arc::new(self.tenant_id.finish()),
            Arc::new(self.thread_id.finish()),
            Arc::new(self.step.finish()),
            Arc::new(self.kind.finish()),
            Arc::new(self.time.finish().with_timezone("UTC")),
            Arc::new(self.sequence.finish()),
            Arc::new(self.partition.finish()),
            Arc::new(self.offset.finish()),
            Arc::new(self.node_id.finish()),
        ]
    }
}

/// Every step as a row.
#[derive(Debug)]
pub(super) struct History {
    thread: Thread,
    wanted: Wanted,
    places: Places,
    operations: StringViewBuilder,
    state: StringViewBuilder,
    state_hash: StringViewBuilder,
    status: StringViewBuilder,
    note: StringViewBuilder,
    bytes: usize,
}

impl History {
    pub(super) fn new(thread: Thread, wanted: Wanted) -> Self {
        Self {
            thread,
            wanted,
            places: Places::default(),
            operations: StringViewBuilder::new(),
            state: StringViewBuilder::new(),
            state_hash: StringViewBuilder::new(),
            status: StringViewBuilder::new(),
            note: StringViewBuilder::new(),
            bytes: 0,
        }
    }
}

impl Rows for History {
    fn take(&mut self, stepped: &Stepped<'_>) {
        let state = stepped.step.state.filter(|_| self.wanted.state).map(canonical);
        let operations = stepped.message.operations;
        self.bytes += state.as_ref().map_or(0, String::len) + operations.map_or(0, str::len);
        self.places.push(&self.thread, stepped);
        self.operations.append_option(operations);
        self.state.append_option(state);
        self.state_hash.append_option(stepped.message.state_hash.map(hex));
        self.status.append_value(stepped.step.status.as_str());
        self.note.append_option(stepped.step.note.as_deref());
    }

    fn size(&self) -> (usize, usize) {
        (self.places.len(), self.bytes)
    }

    fn finish(&mut self) -> Result<RecordBatch> {
        self.bytes = 0;
        let mut columns = self.places.finish();
        for column in [
            &mut self.operations,
            &mut self.state,
            &mut self.state_hash,
            &mut self.status,
            &mut self.note,
        ] {
            columns.push(Arc::new(column.finish()));
        }
        Ok(RecordBatch::try_new(schema(), columns)?)
    }
}

/// Bytes in hexadecimal.
fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes
        .iter()
        .fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}
