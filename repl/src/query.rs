//! Running a statement and printing its rows.

use std::io::{self, BufWriter, StdoutLock, Write};
#[cfg(feature = "demo")]
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use quipu::arrow::array::RecordBatch;
use quipu::arrow::datatypes::SchemaRef;
use quipu::{Completeness, Quipu, Rows, SessionOptions};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::cli::Global;
use crate::failure::OutputError;
use crate::interrupt::{Interrupt, Interruptible};
use crate::output::{self, Style, Written};

/// Bytes that are gathered before they are passed on. Every format flushes at the end of a batch.
const OUTPUT_BUFFER_BYTES: usize = 64 * 1024;

/// Batches that may wait to be printed.
const BATCHES_AHEAD: usize = 2;

/// What is asked.
pub(crate) enum Question {
    /// A statement, of the newest snapshot.
    Statement(String),
    /// Something that was asked already: its rows are to come.
    Answered(Box<Rows>),
}

impl From<&str> for Question {
    fn from(statement: &str) -> Self {
        Self::Statement(statement.to_owned())
    }
}

impl From<Rows> for Question {
    fn from(rows: Rows) -> Self {
        Self::Answered(Box::new(rows))
    }
}

impl From<&String> for Question {
    fn from(statement: &String) -> Self {
        Self::Statement(statement.clone())
    }
}

/// An opened store to be asked.
pub(crate) struct Query {
    quipu: Arc<Quipu>,
    interrupt: Interrupt,
}

impl Query {
    /// Opens the store of the command line for reading, with its prices.
    pub(crate) fn open(global: &Global) -> Result<Self> {
        let options = SessionOptions {
            prices: global.prices()?,
            ..SessionOptions::default()
        };
        Ok(Self::over(Quipu::open_with(global.store_path(), options)?))
    }

    /// Opens a store for reading.
    #[cfg(feature = "demo")]
    pub(crate) fn of_store(store: &Path) -> Result<Self> {
        Ok(Self::over(Quipu::open(store)?))
    }

    fn over(quipu: Quipu) -> Self {
        Self {
            quipu: Arc::new(quipu),
            interrupt: Interrupt::default(),
        }
    }

    /// Lets Ctrl-C give up a running statement instead of ending the process.
    pub(crate) fn interruptible(self) -> Result<Self> {
        Ok(Self {
            interrupt: Interrupt::listen()?,
            ..self
        })
    }

    /// Standard output, which is taken until the value is dropped.
    pub(crate) fn output(&self) -> Output {
        let stdout = Interruptible::new(io::stdout().lock(), self.interrupt.clone());
        Output {
            out: BufWriter::with_capacity(OUTPUT_BUFFER_BYTES, stdout),
        }
    }

    /// Runs one statement and prints its rows.
    ///
    /// The rows are computed by a task of their own: some operators compute for seconds without a pause, and whoever
    /// gives up on this future is not to wait for them.
    pub(crate) async fn run(
        &self,
        question: impl Into<Question>,
        style: &Style,
        output: &mut Output,
    ) -> Result<Written> {
        let (sender, mut parts) = mpsc::channel(BATCHES_AHEAD);
        let (quipu, question) = (Arc::clone(&self.quipu), question.into());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { answer(&quipu, question, &sender).await });

        let mut written = Written::default();
        if let Some(Part::Columns(schema)) = parts.recv().await {
            let mut writer = output::begin(&schema, style, &mut output.out).map_err(OutputError)?;
            while let Some(part) = parts.recv().await {
                if let Part::Rows(batch) = part {
                    written.rows += batch.num_rows();
                    writer.batch(&batch).map_err(OutputError)?;
                }
            }
            joined(tasks).await?;
            written.shown = writer.finish().map_err(OutputError)?;
        } else {
            joined(tasks).await?;
        }
        Ok(written)
    }

    /// What every report states: how much of what was sent is here.
    pub(crate) async fn completeness(&self) -> Result<Completeness> {
        Ok(self.quipu.completeness().await?)
    }

    /// The store.
    pub(crate) fn quipu(&self) -> &Quipu {
        &self.quipu
    }

    /// As [`Query::run`], until Ctrl-C: then nothing is returned.
    pub(crate) async fn run_until_interrupt(
        &self,
        statement: &str,
        style: &Style,
        output: &mut Output,
    ) -> Result<Option<Written>> {
        self.interrupt.clear();
        tokio::select! {
            biased;
            () = self.interrupt.pressed() => Ok(None),
            result = self.run(statement, style, output) => match result {
                // Printing was refused: the user stopped it, the output did not fail.
                Err(_) if self.interrupt.is_pressed() => Ok(None),
                result => result.map(Some),
            },
        }
    }
}

/// What the task that computes the rows hands over: the columns first, then rows.
enum Part {
    Columns(SchemaRef),
    Rows(RecordBatch),
}

/// Runs a statement and sends what comes, until there is no more or nobody listens.
async fn answer(quipu: &Quipu, question: Question, parts: &mpsc::Sender<Part>) -> quipu::Result<()> {
    let mut rows = match question {
        Question::Statement(statement) => quipu.sql(&statement).await?,
        Question::Answered(rows) => *rows,
    };
    if parts.send(Part::Columns(rows.schema())).await.is_err() {
        return Ok(());
    }
    while let Some(batch) = rows.next().await {
        if parts.send(Part::Rows(batch?)).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// How the task that computes the rows ended.
async fn joined(mut tasks: JoinSet<quipu::Result<()>>) -> Result<()> {
    match tasks.join_next().await {
        Some(ended) => Ok(ended.context("the statement broke off")??),
        None => Ok(()),
    }
}

/// Standard output with a buffer.
#[derive(Debug)]
pub(crate) struct Output {
    out: BufWriter<Interruptible<StdoutLock<'static>>>,
}

impl Output {
    /// Writes a line between results.
    pub(crate) fn line(&mut self, text: &str) -> Result<()> {
        Ok(writeln!(self.out, "{text}").map_err(OutputError)?)
    }

    /// Lets rows be written that come from no statement.
    pub(crate) fn rows<T>(&mut self, write: impl FnOnce(&mut dyn Write) -> io::Result<T>) -> io::Result<T> {
        write(&mut self.out)
    }

    /// Writes a part of a line.
    pub(crate) fn text(&mut self, text: &str) -> Result<()> {
        Ok(self.out.write_all(text.as_bytes()).map_err(OutputError)?)
    }

    /// Writes what is still in the buffer.
    pub(crate) fn flush(&mut self) -> Result<()> {
        Ok(self.out.flush().map_err(OutputError)?)
    }
}
