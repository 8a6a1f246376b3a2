//! A Markdown table. What Markdown or HTML would read as markup is escaped, so that a value shows as it is.

use std::io::{self, Write};

use quipu::arrow::array::RecordBatch;
use quipu::arrow::datatypes::Schema;

use super::cell::{Cell, is_number};
use super::{RowWriter, Shown, Style, escape};

/// Writes a Markdown table.
pub(crate) struct MarkdownWriter<'a> {
    schema: &'a Schema,
    style: &'a Style,
    out: &'a mut dyn Write,
    line: String,
}

impl<'a> MarkdownWriter<'a> {
    /// Writes the names of the columns and the rule below them, which Markdown cannot do without.
    pub(crate) fn begin(schema: &'a Schema, style: &'a Style, out: &'a mut dyn Write) -> io::Result<Self> {
        let mut line = String::new();
        for field in schema.fields() {
            line.push_str("| ");
            push_escaped(&mut line, field.name());
            line.push(' ');
        }
        line.push_str("|\n");
        for field in schema.fields() {
            line.push_str(if is_number(field.data_type()) {
                "|---:"
            } else {
                "|---"
            });
        }
        line.push_str("|\n");
        out.write_all(line.as_bytes())?;
        Ok(Self {
            schema,
            style,
            out,
            line,
        })
    }
}

impl RowWriter for MarkdownWriter<'_> {
    fn batch(&mut self, batch: &RecordBatch) -> io::Result<()> {
        for row in 0..batch.num_rows() {
            self.line.clear();
            for (field, column) in self.schema.fields().iter().zip(batch.columns()) {
                self.line.push_str("| ");
                push_escaped(
                    &mut self.line,
                    &Cell::of(field, column, row).as_text(&self.style.null),
                );
                self.line.push(' ');
            }
            self.line.push_str("|\n");
            self.out.write_all(self.line.as_bytes())?;
        }
        self.out.flush()
    }

    fn finish(&mut self) -> io::Result<Shown> {
        self.out.flush().map(|()| Shown::Whole)
    }
}

fn push_escaped(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '\\' | '|' | '`' | '*' | '[' => {
                out.push('\\');
                out.push(c);
            }
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            // A backslash of ours, which Markdown must show.
            c if escape::is_unsafe(c) => {
                out.push('\\');
                escape::push_visible_char(out, c);
            }
            c => out.push(c),
        }
    }
}
