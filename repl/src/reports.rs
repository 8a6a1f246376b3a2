//! Printing a report: its sections, one after another, and how complete the data is.

use std::io::Write;
use std::sync::Arc;

use anyhow::{Result, anyhow};
use quipu::arrow::array::{RecordBatch, StringArray};
use quipu::arrow::datatypes::{DataType, Field, Schema};
use quipu::sql::reports::{Kind, Section, time_us};
use quipu::sql::{Arguments, Report, SqlError};
use quipu::{Completeness, Rows};
use tokio::runtime::Runtime;

use crate::cli::Global;
use crate::commands::sql::RowArgs;
use crate::completeness::CompletenessArgs;
use crate::failure::{OutputError, UsageError};
use crate::output::cell::{Cell, push_json_string};
use crate::output::jsonl::Objects;
use crate::output::{self, Format, Style};
use crate::query::{Output, Query, Question};

/// What every report can be asked.
#[derive(Debug, clap::Args)]
pub(crate) struct ReportArgs {
    /// Only from this time on: 2026-01-02T03:04:05Z, 2026-01-02, or how long ago, such as 24h or 7d
    #[arg(long, value_name = "TIME", value_parser = time, help_heading = "Narrow it down")]
    since: Option<i64>,

    /// Only before this time
    #[arg(long, value_name = "TIME", value_parser = time, help_heading = "Narrow it down")]
    until: Option<i64>,

    /// Only this tenant
    #[arg(long, value_name = "TENANT", help_heading = "Narrow it down")]
    tenant: Option<String>,

    /// Only this thread
    #[arg(long, value_name = "THREAD", help_heading = "Narrow it down")]
    thread: Option<String>,

    /// Only graphs of this name
    #[arg(long, value_name = "GRAPH", help_heading = "Narrow it down")]
    graph: Option<String>,

    /// Only what fulfils a condition, in SQL over the columns of the report's view
    #[arg(long = "where", value_name = "SQL", help_heading = "Narrow it down")]
    condition: Option<String>,

    /// Only this part of the report
    #[arg(long, value_name = "SECTION")]
    section: Option<String>,

    /// The value of a parameter; may be given several times
    #[arg(short, long = "param", value_name = "NAME=VALUE", value_parser = named)]
    param: Vec<(String, String)>,

    #[command(flatten)]
    rows: RowArgs,

    #[command(flatten)]
    completeness: CompletenessArgs,
}

impl ReportArgs {
    fn arguments(&self, positional: &[String]) -> Result<Arguments> {
        let mut arguments = Arguments {
            positional: positional.to_vec(),
            ..Arguments::default()
        };
        for (name, value) in &self.param {
            if arguments.named.insert(name.clone(), value.clone()).is_some() {
                return Err(UsageError(format!("the parameter {name} is given twice: give it once")).into());
            }
        }
        let filter = &mut arguments.filter;
        (filter.since_us, filter.until_us) = (self.since, self.until);
        filter.tenant.clone_from(&self.tenant);
        filter.thread.clone_from(&self.thread);
        filter.graph.clone_from(&self.graph);
        filter.condition.clone_from(&self.condition);
        Ok(arguments)
    }

    /// Whether it is narrowed down to a graph.
    pub(crate) fn has_graph(&self) -> bool {
        self.graph.is_some()
    }

    /// Places of the sections to print.
    fn sections(&self, report: &Report) -> Result<Vec<usize>> {
        let sections = report.sections();
        let Some(wanted) = &self.section else {
            return Ok((0..sections.len())
                .filter(|at| is_shown(&sections[*at]))
                .collect());
        };
        match sections
            .iter()
            .position(|section| section.name() == wanted && is_shown(section))
        {
            Some(at) => Ok(vec![at]),
            None => Err(UsageError(format!(
                "{} has no section {wanted:?}; it has {}",
                report.name(),
                names(report)
            ))
            .into()),
        }
    }
}

fn is_shown(section: &Section) -> bool {
    section.kind() != Kind::Table
}

fn names(report: &Report) -> String {
    let shown = report.sections().iter().filter(|section| is_shown(section));
    let names: Vec<&str> = shown.map(Section::name).collect();
    names.join(", ")
}

pub(crate) fn time(text: &str) -> Result<i64, String> {
    time_us(text).ok_or_else(|| {
        "use a time such as 2026-01-02T03:04:05Z or 2026-01-02, or how long ago, such as 30m, 24h or 7d"
            .to_owned()
    })
}

pub(crate) fn named(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it as name=value".to_owned()),
    }
}

/// What is wrong with the report or with what is asked of it is wrong usage.
pub(crate) fn usage(error: SqlError) -> anyhow::Error {
    match error {
        SqlError::Report(error) => UsageError(error.to_string()).into(),
        error => quipu::Error::from(error).into(),
    }
}

/// Prints a report under a title.
pub(crate) fn print(
    global: &Global,
    title: &str,
    report: Report,
    positional: &[String],
    args: &ReportArgs,
    runtime: &Runtime,
) -> Result<()> {
    let arguments = args.arguments(positional)?;
    report.check(&arguments).map_err(usage)?;
    let sections = args.sections(&report)?;
    let style = args.rows.style();
    if sections.len() > 1 && matches!(style.format, Format::Csv | Format::Tsv | Format::Jsonl) {
        return Err(UsageError(format!(
            "{title} has several parts, and {} holds one: choose with --section from {}",
            style.format.name(),
            names(&report)
        ))
        .into());
    }
    let query = Query::open(global)?;
    let opened = query.quipu().report(report, &arguments)?;
    // All sections are begun before the first is printed: what is wrong with one is told before anything else.
    let (found, answers) =
        runtime.block_on(async { tokio::join!(opened.completeness(), opened.sections(&sections)) });
    let (found, answers) = (found?, answers?);
    args.completeness.check_known(&found)?;
    let mut printer = Printer {
        style: &style,
        out: query.output(),
        query: &query,
        runtime,
        has_headings: sections.len() > 1,
    };
    printer.begin(title, &found)?;
    for (count, (at, rows)) in sections.iter().zip(answers).enumerate() {
        printer.section(&opened.report().sections()[*at], rows, count == 0)?;
    }
    printer.end(&found)
}

struct Printer<'a> {
    style: &'a Style,
    out: Output,
    query: &'a Query,
    runtime: &'a Runtime,
    has_headings: bool,
}

impl Printer<'_> {
    fn begin(&mut self, title: &str, found: &Completeness) -> Result<()> {
        match self.style.format {
            Format::Json => {
                let mut text = "{\"report\":".to_owned();
                push_json_string(&mut text, title);
                text.push_str(&format!(",\"completeness\":{}", found.to_json()));
                self.out.text(&text)
            }
            Format::Markdown => self.out.line(&format!("# {title}\n")),
            _ => Ok(()),
        }
    }

    fn section(&mut self, section: &Section, rows: Rows, is_first: bool) -> Result<()> {
        let name = section.name();
        let blank = if is_first { "" } else { "\n" };
        match self.style.format {
            Format::Json => self.out.text(&format!(",\n\"{name}\":"))?,
            Format::Table | Format::Line if self.has_headings => {
                self.out.line(&format!("{blank}{}", name.to_uppercase()))?;
            }
            Format::Markdown if self.has_headings => self.out.line(&format!("{blank}## {name}\n"))?,
            _ => {}
        }
        if section.kind() == Kind::Record
            && !matches!(self.style.format, Format::Csv | Format::Tsv | Format::Line)
        {
            return self.record(name, rows);
        }
        let question = Question::Answered(Box::new(rows));
        self.runtime
            .block_on(self.query.run(question, self.style, &mut self.out))?;
        Ok(())
    }

    /// A section of one row: an object, or a value a line.
    fn record(&mut self, name: &str, rows: Rows) -> Result<()> {
        let batches = self.runtime.block_on(rows.collect())?;
        let count: usize = batches.iter().map(RecordBatch::num_rows).sum();
        if count > 1 {
            return Err(anyhow!(
                "section {name} is a record and has {count} rows: give it one, or leave out (record)"
            ));
        }
        let row = batches.iter().find(|batch| batch.num_rows() > 0);
        match (self.style.format, row) {
            (Format::Json, None) => self.out.line("null"),
            (Format::Json | Format::Jsonl, Some(batch)) => {
                let mut line = String::new();
                Objects::new(batch.schema_ref()).push(&mut line, batch, 0);
                self.out.line(&line)
            }
            (_, None) => Ok(()),
            (_, Some(batch)) => {
                let turned = turned(batch, &self.style.null)?;
                let schema = turned.schema();
                let written = self.out.rows(|out| {
                    let mut writer = output::begin(&schema, self.style, out)?;
                    writer.batch(&turned)?;
                    writer.finish()
                });
                written.map_err(OutputError)?;
                Ok(())
            }
        }
    }

    fn end(mut self, found: &Completeness) -> Result<()> {
        match self.style.format {
            Format::Json => self.out.line("}")?,
            Format::Jsonl => self
                .out
                .line(&format!("{{\"completeness\":{}}}", found.to_json()))?,
            Format::Csv | Format::Tsv => {
                // A closed standard error leaves nobody to tell.
                let _ = writeln!(std::io::stderr().lock(), "{found}");
            }
            Format::Table | Format::Markdown | Format::Line => {
                if self.style.format.has_blank_line_between_results() {
                    self.out.line("")?;
                }
                self.out.line(&found.to_string())?;
            }
        }
        self.out.flush()
    }
}

/// The first row as a table of names and values.
fn turned(batch: &RecordBatch, null: &str) -> Result<RecordBatch> {
    let schema = batch.schema();
    let names = StringArray::from_iter_values(schema.fields().iter().map(|field| field.name()));
    let values = schema.fields().iter().zip(batch.columns());
    let values = StringArray::from_iter_values(
        values.map(|(field, column)| Cell::of(field, column, 0).as_text(null).into_owned()),
    );
    let text = |name| Field::new(name, DataType::Utf8, false);
    Ok(RecordBatch::try_new(
        Arc::new(Schema::new(vec![text("what"), text("value")])),
        vec![Arc::new(names), Arc::new(values)],
    )?)
}
