//! One JSON object a line: the keys are the names of the columns, in their order, and every row has all of them.

use std::io::{self, Write};

use quipu::arrow::array::RecordBatch;
use quipu::arrow::datatypes::Schema;

use super::cell::{Cell, push_json_string};
use super::{RowWriter, Shown, names};

/// Rows as JSON objects. Keys are rendered once.
pub(crate) struct Objects<'a> {
    schema: &'a Schema,
    /// `"name":` of each column, ready to be written.
    keys: Vec<String>,
}

impl<'a> Objects<'a> {
    /// Prepares the keys of a result.
    pub(crate) fn new(schema: &'a Schema) -> Self {
        let key = |name: String| {
            let mut key = String::new();
            push_json_string(&mut key, &name);
            key.push(':');
            key
        };
        Self {
            schema,
            keys: names::unique(schema).into_iter().map(key).collect(),
        }
    }

    /// Appends a row as one object without line feeds.
    pub(crate) fn push(&self, out: &mut String, batch: &RecordBatch, row: usize) {
        out.push('{');
        let columns = self.schema.fields().iter().zip(batch.columns());
        for (at, (key, (field, column))) in self.keys.iter().zip(columns).enumerate() {
            if at > 0 {
                out.push(',');
            }
            out.push_str(key);
            Cell::of(field, column, row).push_json(out);
        }
        out.push('}');
    }
}

/// Writes one JSON object a line.
pub(crate) struct JsonlWriter<'a> {
    objects: Objects<'a>,
    out: &'a mut dyn Write,
    line: String,
}

impl<'a> JsonlWriter<'a> {
    /// Nothing comes before the first row.
    pub(crate) fn new(schema: &'a Schema, out: &'a mut dyn Write) -> Self {
        Self {
            objects: Objects::new(schema),
            out,
            line: String::new(),
        }
    }
}

impl RowWriter for JsonlWriter<'_> {
    fn batch(&mut self, batch: &RecordBatch) -> io::Result<()> {
        for row in 0..batch.num_rows() {
            self.line.clear();
            self.objects.push(&mut self.line, batch, row);
            self.line.push('\n');
            self.out.write_all(self.line.as_bytes())?;
        }
        self.out.flush()
    }

    fn finish(&mut self) -> io::Result<Shown> {
        self.out.flush().map(|()| Shown::Whole)
    }
}
