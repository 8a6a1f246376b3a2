//! Comma-separated values as RFC 4180 has them, except that lines end in a line feed, which is what tools on Unix
//! expect. Null is written bare and empty text as `""`, so that the two can be told apart.

use std::io::{self, Write};

use quipu::arrow::array::RecordBatch;
use quipu::arrow::datatypes::Schema;

use super::cell::Cell;
use super::{RowWriter, Shown, Style, escape};

/// Writes comma-separated values.
pub(crate) struct CsvWriter<'a> {
    schema: &'a Schema,
    style: &'a Style,
    out: &'a mut dyn Write,
    line: String,
}

impl<'a> CsvWriter<'a> {
    /// Writes the names of the columns.
    pub(crate) fn begin(schema: &'a Schema, style: &'a Style, out: &'a mut dyn Write) -> io::Result<Self> {
        let mut writer = Self {
            schema,
            style,
            out,
            line: String::new(),
        };
        if style.header {
            for (at, field) in schema.fields().iter().enumerate() {
                writer.separate(at);
                writer.push(field.name());
            }
            writer.end_line()?;
        }
        Ok(writer)
    }

    fn separate(&mut self, at: usize) {
        if at > 0 {
            self.line.push(',');
        }
    }

    fn push(&mut self, text: &str) {
        let quoted = text == self.style.null || text.is_empty() || text.contains(['"', ',', '\n', '\r']);
        if quoted {
            self.line.push('"');
        }
        for c in text.chars() {
            match c {
                '"' => self.line.push_str("\"\""),
                '\n' => self.line.push('\n'),
                c if self.style.terminal => escape::push_visible_char(&mut self.line, c),
                c => self.line.push(c),
            }
        }
        if quoted {
            self.line.push('"');
        }
    }

    fn end_line(&mut self) -> io::Result<()> {
        self.line.push('\n');
        self.out.write_all(self.line.as_bytes())?;
        self.line.clear();
        Ok(())
    }
}

impl RowWriter for CsvWriter<'_> {
    fn batch(&mut self, batch: &RecordBatch) -> io::Result<()> {
        for row in 0..batch.num_rows() {
            for (at, (field, column)) in self.schema.fields().iter().zip(batch.columns()).enumerate() {
                self.separate(at);
                match Cell::of(field, column, row) {
                    Cell::Null => self.line.push_str(&self.style.null),
                    cell => self.push(&cell.as_text("")),
                }
            }
            self.end_line()?;
        }
        self.out.flush()
    }

    fn finish(&mut self) -> io::Result<Shown> {
        self.out.flush().map(|()| Shown::Whole)
    }
}
