//! How rows are written: one file per format, all over the same cells.
//!
//! | file | what it holds |
//! |---|---|
//! | `cell.rs` | one value of one row, as text and as JSON |
//! | `time.rs` | points in time as RFC 3339 text |
//! | `table.rs` | aligned columns; the only format that collects the rows first |
//! | `csv.rs`, `tsv.rs` | delimited text |
//! | `json.rs`, `jsonl.rs` | one array; one object a line |
//! | `markdown.rs`, `line.rs` | a table for a page; one value a line |
//! | `plan.rs` | what EXPLAIN says, in place of a table |

pub(crate) mod cell;
mod csv;
pub(crate) use quipu_repl::escape;
mod json;
pub(crate) mod jsonl;
mod line;
mod markdown;
mod names;
mod plan;
mod table;
pub(crate) mod time;
mod tsv;

#[cfg(test)]
mod tests;

use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use quipu::arrow::array::RecordBatch;
use quipu::arrow::datatypes::Schema;

/// A way to write rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Aligned columns in a frame
    #[value(alias = "text")]
    Table,
    /// Comma-separated values (RFC 4180, lines end in a line feed)
    Csv,
    /// Tab-separated values; tab, line feed and backslash as \t, \n, \\
    Tsv,
    /// One JSON array of objects
    Json,
    /// One JSON object a line
    Jsonl,
    /// A Markdown table
    Markdown,
    /// One value a line, a blank line between rows
    Line,
}

impl Format {
    /// The name on the command line and at the prompt.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Csv => "csv",
            Self::Tsv => "tsv",
            Self::Json => "json",
            Self::Jsonl => "jsonl",
            Self::Markdown => "markdown",
            Self::Line => "line",
        }
    }

    /// Whether a blank line keeps two results of one run apart. Formats that programs read have none.
    pub(crate) fn has_blank_line_between_results(self) -> bool {
        matches!(self, Self::Markdown | Self::Line)
    }
}

/// Where rows go and how they look there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Style {
    /// The format.
    pub(crate) format: Format,
    /// Whether the names of the columns come first, in the formats where they can be left out (csv, tsv, table).
    pub(crate) header: bool,
    /// What stands for null where the format has no null of its own (all but json and jsonl).
    pub(crate) null: String,
    /// Whether the output is a terminal, which control characters could attack.
    pub(crate) terminal: bool,
    /// Widest line that fits, in columns of the terminal; none when the output is not a terminal.
    pub(crate) width: Option<usize>,
}

impl Style {
    /// The style for standard output as it is now.
    pub(crate) fn for_stdout(format: Format, header: bool, null: String) -> Self {
        let terminal = io::stdout().is_terminal();
        let width = terminal
            .then(terminal_size::terminal_size)
            .flatten()
            .map(|(width, _)| usize::from(width.0));
        Self {
            format,
            header,
            null,
            terminal,
            width,
        }
    }
}

/// What is worth a note once all rows are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Written {
    /// Rows written.
    pub(crate) rows: usize,
    /// How they look.
    pub(crate) shown: Shown,
}

/// What became of rows for the terminal's sake.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Shown {
    /// They are as the format has them.
    #[default]
    Whole,
    /// Values of the table were cut.
    Cut,
    /// Even so the table would not fit: each value stands on a line of its own.
    Turned,
}

/// Writes the rows of one result, batch by batch.
pub(crate) trait RowWriter {
    /// Writes the rows of a batch, or keeps them if the format needs all first.
    fn batch(&mut self, batch: &RecordBatch) -> io::Result<()>;

    /// Writes what comes after the last row. Tells what became of the rows for the terminal's sake.
    fn finish(&mut self) -> io::Result<Shown>;
}

/// Begins a result: writes what comes before the first row.
pub(crate) fn begin<'a>(
    schema: &'a Schema,
    style: &'a Style,
    out: &'a mut dyn Write,
) -> io::Result<Box<dyn RowWriter + 'a>> {
    Ok(match style.format {
        Format::Table if plan::is_plan(schema) => Box::new(plan::PlanWriter::new(schema, style, out)),
        Format::Table => Box::new(table::TableWriter::new(schema, style, out)),
        Format::Csv => Box::new(csv::CsvWriter::begin(schema, style, out)?),
        Format::Tsv => Box::new(tsv::TsvWriter::begin(schema, style, out)?),
        Format::Json => Box::new(json::JsonWriter::begin(schema, out)?),
        Format::Jsonl => Box::new(jsonl::JsonlWriter::new(schema, out)),
        Format::Markdown => Box::new(markdown::MarkdownWriter::begin(schema, style, out)?),
        Format::Line => Box::new(line::LineWriter::new(schema, style, out)),
    })
}
