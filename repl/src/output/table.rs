//! Aligned columns in a frame. The rows are kept as Arrow batches until all are there, then measured, then drawn
//! one by one: text is never held for more than a row, so that a large result costs what its columns cost.

use std::io::{self, Write};

use quipu::arrow::array::RecordBatch;
use quipu::arrow::datatypes::Schema;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::cell::{Cell, is_number};
use super::line::LineWriter;
use super::{RowWriter, Shown, Style, escape};

/// No column is cut below this, however many there are: a table of stumps helps nobody.
const MIN_COLUMN_WIDTH: usize = 8;

/// What the frame adds to each column: a bar and a blank on both sides.
const FRAME_PER_COLUMN: usize = 3;

/// Collects rows and draws them as one table.
pub(crate) struct TableWriter<'a> {
    schema: &'a Schema,
    style: &'a Style,
    out: &'a mut dyn Write,
    batches: Vec<RecordBatch>,
}

impl<'a> TableWriter<'a> {
    /// Nothing can be written before the widths are known.
    pub(crate) fn new(schema: &'a Schema, style: &'a Style, out: &'a mut dyn Write) -> Self {
        Self {
            schema,
            style,
            out,
            batches: Vec::new(),
        }
    }

    /// The text of a value as it is drawn.
    fn text(&self, batch: &RecordBatch, row: usize, column: usize) -> String {
        let cell = Cell::of(self.schema.field(column), batch.column(column), row);
        escape::visible(&cell.as_text(&self.style.null))
    }

    /// The width of the widest value or name of each column.
    fn measure(&mut self) -> io::Result<Vec<usize>> {
        let name_width = |name: &String| {
            if self.style.header {
                escape::visible(name).width()
            } else {
                0
            }
        };
        let mut widths: Vec<usize> = self
            .schema
            .fields()
            .iter()
            .map(|field| name_width(field.name()))
            .collect();
        for batch in &self.batches {
            for (column, width) in widths.iter_mut().enumerate() {
                for row in 0..batch.num_rows() {
                    *width = (*width).max(self.text(batch, row, column).width());
                }
            }
            // Nothing is written yet, but an output that somebody stopped says so.
            self.out.flush()?;
        }
        Ok(widths)
    }

    fn rule(&mut self, widths: &[usize], [left, line, cross, right]: [&str; 4]) -> io::Result<()> {
        let columns: Vec<String> = widths.iter().map(|width| line.repeat(width + 2)).collect();
        writeln!(self.out, "{left}{}{right}", columns.join(cross))
    }

    fn row(&mut self, widths: &[usize], cells: &[String]) -> io::Result<()> {
        let mut line = String::new();
        for (column, (text, width)) in cells.iter().zip(widths).enumerate() {
            line.push_str("│ ");
            push_padded(
                &mut line,
                text,
                *width,
                is_number(self.schema.field(column).data_type()),
            );
            line.push(' ');
        }
        writeln!(self.out, "{line}│")
    }
}

impl RowWriter for TableWriter<'_> {
    fn batch(&mut self, batch: &RecordBatch) -> io::Result<()> {
        self.batches.push(batch.clone());
        Ok(())
    }

    fn finish(&mut self) -> io::Result<Shown> {
        let natural = self.measure()?;
        let widths = fit(&natural, self.style.width);
        let drawn = widths.iter().map(|width| width + FRAME_PER_COLUMN).sum::<usize>() + 1;
        // Without rows there would be nothing to see.
        let has_rows = self.batches.iter().any(|batch| batch.num_rows() > 0);
        if has_rows && widths.len() > 1 && self.style.width.is_some_and(|terminal| drawn > terminal) {
            let mut lines = LineWriter::new(self.schema, self.style, self.out);
            for batch in std::mem::take(&mut self.batches) {
                lines.batch(&batch)?;
            }
            lines.finish()?;
            return Ok(Shown::Turned);
        }
        self.rule(&widths, ["┌", "─", "┬", "┐"])?;
        if self.style.header {
            let names: Vec<String> = self
                .schema
                .fields()
                .iter()
                .map(|field| escape::visible(field.name()))
                .collect();
            self.row(&widths, &names)?;
            self.rule(&widths, ["├", "─", "┼", "┤"])?;
        }
        for batch in std::mem::take(&mut self.batches) {
            for row in 0..batch.num_rows() {
                let cells: Vec<String> = (0..widths.len())
                    .map(|column| self.text(&batch, row, column))
                    .collect();
                self.row(&widths, &cells)?;
            }
        }
        self.rule(&widths, ["└", "─", "┴", "┘"])?;
        self.out.flush()?;
        Ok(if widths == natural {
            Shown::Whole
        } else {
            Shown::Cut
        })
    }
}

/// Widths that fit the terminal: the widest columns give way first, all to the same width.
fn fit(natural: &[usize], terminal: Option<usize>) -> Vec<usize> {
    let Some(terminal) = terminal else {
        return natural.to_vec();
    };
    let room = terminal.saturating_sub(natural.len() * FRAME_PER_COLUMN + 1);
    let total = |cap: usize| natural.iter().map(|width| (*width).min(cap)).sum::<usize>();
    let widest = natural.iter().copied().max().unwrap_or(0);
    let (mut low, mut high) = (MIN_COLUMN_WIDTH, widest.max(MIN_COLUMN_WIDTH));
    // The largest cap at which all columns together fit; the smallest one if there is none.
    while low < high {
        let middle = (low + high).div_ceil(2);
        if total(middle) <= room {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    natural.iter().map(|width| (*width).min(low)).collect()
}

/// Appends text cut or padded to a width in columns of the terminal.
fn push_padded(line: &mut String, text: &str, width: usize, at_right: bool) {
    let own = text.width();
    if own <= width {
        let blanks = width - own;
        if at_right {
            line.extend(std::iter::repeat_n(' ', blanks));
            line.push_str(text);
        } else {
            line.push_str(text);
            line.extend(std::iter::repeat_n(' ', blanks));
        }
        return;
    }
    let mut used = 1;
    for c in text.chars() {
        let next = c.width().unwrap_or(0);
        if used + next > width {
            break;
        }
        used += next;
        line.push(c);
    }
    line.push('…');
    line.extend(std::iter::repeat_n(' ', width.saturating_sub(used)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_terminal_no_column_is_cut() {
        assert_eq!(fit(&[500, 3], None), [500, 3]);
    }

    #[test]
    fn the_widest_columns_give_way_first() {
        // 40 columns less 3 frames of 3 and the last bar leave 30.
        assert_eq!(fit(&[5, 60, 90], Some(40)), [5, 12, 12]);
        assert_eq!(fit(&[5, 10, 15], Some(40)), [5, 10, 15]);
    }

    #[test]
    fn columns_keep_a_readable_width_however_many_there_are() {
        assert_eq!(fit(&[20; 30], Some(80)), [8; 30]);
        assert_eq!(fit(&[20], Some(0)), [8]);
    }

    #[test]
    fn wide_letters_count_twice() {
        let mut line = String::new();
        push_padded(&mut line, "東京都", 4, false);
        assert_eq!(line, "東… ");
        line.clear();
        push_padded(&mut line, "東京", 6, true);
        assert_eq!(line, "  東京");
    }
}
