//! Tab-separated values. There are no quotes: tab, line feed, carriage return and backslash are written as `\t`,
//! `\n`, `\r` and `\\`, so that one row is one line and `cut` and `awk` find every column.

use std::io::{self, Write};

use quipu::arrow::array::RecordBatch;
use quipu::arrow::datatypes::Schema;

use super::cell::Cell;
use super::{RowWriter, Shown, Style, escape};

/// Writes tab-separated values.
pub(crate) struct TsvWriter<'a> {
    schema: &'a Schema,
    style: &'a Style,
    out: &'a mut dyn Write,
    line: String,
}

impl<'a> TsvWriter<'a> {
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
            self.line.push('\t');
        }
    }

    fn push(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '\\' => self.line.push_str("\\\\"),
                '\t' | '\n' | '\r' => escape::push_visible_char(&mut self.line, c),
                c if self.style.terminal => escape::push_visible_char(&mut self.line, c),
                c => self.line.push(c),
            }
        }
    }

    fn end_line(&mut self) -> io::Result<()> {
        self.line.push('\n');
        self.out.write_all(self.line.as_bytes())?;
        self.line.clear();
        Ok(())
    }
}

impl RowWriter for TsvWriter<'_> {
    fn batch(&mut self, batch: &RecordBatch) -> io::Result<()> {
        for row in 0..batch.num_rows() {
            for (at, (field, column)) in self.schema.fields().iter().zip(batch.columns()).enumerate() {
                self.separate(at);
                match Cell::of(field, column, row) {
                    // As given: `--null '\N'` is what many loaders read as null.
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
