//! What EXPLAIN says, as the lines that it is: a table would put a plan of many lines into one cell.

use std::io::{self, Write};

use quipu::arrow::array::RecordBatch;
use quipu::arrow::datatypes::Schema;

use super::cell::Cell;
use super::{RowWriter, Shown, Style, escape};

/// Whether rows of these columns are plans.
pub(crate) fn is_plan(schema: &Schema) -> bool {
    let names = schema.fields().iter().map(|field| field.name().as_str());
    names.eq(["plan_type", "plan"])
}

/// Writes each plan under its name.
pub(crate) struct PlanWriter<'a> {
    schema: &'a Schema,
    style: &'a Style,
    out: &'a mut dyn Write,
}

impl<'a> PlanWriter<'a> {
    /// Nothing comes before the first plan.
    pub(crate) fn new(schema: &'a Schema, style: &'a Style, out: &'a mut dyn Write) -> Self {
        Self { schema, style, out }
    }
}

impl RowWriter for PlanWriter<'_> {
    fn batch(&mut self, batch: &RecordBatch) -> io::Result<()> {
        for row in 0..batch.num_rows() {
            let text = |column: usize| {
                let cell = Cell::of(self.schema.field(column), batch.column(column), row);
                cell.as_text(&self.style.null).into_owned()
            };
            if self.style.header {
                writeln!(self.out, "{}", escape::visible(&text(0)))?;
            }
            for line in text(1).lines() {
                writeln!(self.out, "  {}", escape::visible(line))?;
            }
        }
        self.out.flush()
    }

    fn finish(&mut self) -> io::Result<Shown> {
        self.out.flush().map(|()| Shown::Whole)
    }
}
