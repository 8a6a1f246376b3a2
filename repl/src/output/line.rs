//! One value a line, for rows wider than a screen: names at the right of their column, a blank line between rows.

use std::io::{self, Write};

use quipu::arrow::array::RecordBatch;
use quipu::arrow::datatypes::Schema;
use unicode_width::UnicodeWidthStr;

use super::cell::Cell;
use super::{RowWriter, Shown, Style, escape};

/// Writes one value a line.
pub(crate) struct LineWriter<'a> {
    schema: &'a Schema,
    style: &'a Style,
    out: &'a mut dyn Write,
    /// The names, aligned, each with its equals sign.
    names: Vec<String>,
    line: String,
    first: bool,
}

impl<'a> LineWriter<'a> {
    /// Nothing comes before the first row.
    pub(crate) fn new(schema: &'a Schema, style: &'a Style, out: &'a mut dyn Write) -> Self {
        let names: Vec<String> = schema
            .fields()
            .iter()
            .map(|field| escape::visible(field.name()))
            .collect();
        let widest = names.iter().map(|name| name.width()).max().unwrap_or(0);
        let aligned = |name: String| format!("{}{name} = ", " ".repeat(widest - name.width()));
        let names = names.into_iter().map(aligned).collect();
        Self {
            schema,
            style,
            out,
            names,
            line: String::new(),
            first: true,
        }
    }
}

impl RowWriter for LineWriter<'_> {
    fn batch(&mut self, batch: &RecordBatch) -> io::Result<()> {
        for row in 0..batch.num_rows() {
            self.line.clear();
            if !self.first {
                self.line.push('\n');
            }
            self.first = false;
            let columns = self.schema.fields().iter().zip(batch.columns());
            for (name, (field, column)) in self.names.iter().zip(columns) {
                self.line.push_str(name);
                escape::push_visible(
                    &mut self.line,
                    &Cell::of(field, column, row).as_text(&self.style.null),
                );
                // A null leaves no blank at the end of its line.
                self.line.truncate(self.line.trim_end_matches(' ').len());
                self.line.push('\n');
            }
            self.out.write_all(self.line.as_bytes())?;
        }
        self.out.flush()
    }

    fn finish(&mut self) -> io::Result<Shown> {
        self.out.flush().map(|()| Shown::Whole)
    }
}
