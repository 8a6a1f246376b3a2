//! One JSON array of objects, an object a line, written as the rows come.

use std::io::{self, Write};

use quipu::arrow::array::RecordBatch;
use quipu::arrow::datatypes::Schema;

use super::jsonl::Objects;
use super::{RowWriter, Shown};

/// Writes one JSON array.
pub(crate) struct JsonWriter<'a> {
    objects: Objects<'a>,
    out: &'a mut dyn Write,
    line: String,
    empty: bool,
}

impl<'a> JsonWriter<'a> {
    /// Opens the array.
    pub(crate) fn begin(schema: &'a Schema, out: &'a mut dyn Write) -> io::Result<Self> {
        out.write_all(b"[")?;
        Ok(Self {
            objects: Objects::new(schema),
            out,
            line: String::new(),
            empty: true,
        })
    }
}

impl RowWriter for JsonWriter<'_> {
    fn batch(&mut self, batch: &RecordBatch) -> io::Result<()> {
        for row in 0..batch.num_rows() {
            self.line.clear();
            self.line.push_str(if self.empty { "\n" } else { ",\n" });
            self.empty = false;
            self.objects.push(&mut self.line, batch, row);
            self.out.write_all(self.line.as_bytes())?;
        }
        self.out.flush()
    }

    fn finish(&mut self) -> io::Result<Shown> {
        self.out.write_all(if self.empty { b"]\n" } else { b"\n]\n" })?;
        self.out.flush().map(|()| Shown::Whole)
    }
}
