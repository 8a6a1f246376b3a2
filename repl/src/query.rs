//! Running a statement and printing its rows.

use std::io::{self, BufWriter, StdoutLock, Write};
use std::path::Path;

use anyhow::Result;
use quipu::Quipu;
use tokio::runtime::Runtime;

use crate::failure::OutputError;
use crate::interrupt::{Interrupt, Interruptible};
use crate::output::{self, Style, Written};

/// Bytes that are gathered before they are passed on. Every format flushes at the end of a batch.
const OUTPUT_BUFFER_BYTES: usize = 64 * 1024;

/// An opened store to be asked.
pub(crate) struct Query {
    quipu: Quipu,
    interrupt: Interrupt,
}

impl Query {
    /// Opens a store for reading.
    pub(crate) fn open(store: &Path) -> Result<Self> {
        Ok(Self {
            quipu: Quipu::open(store)?,
            interrupt: Interrupt::default(),
        })
    }

    /// Lets Ctrl-C give up a running statement instead of ending the process.
    pub(crate) fn interruptible(self, runtime: &Runtime) -> Result<Self> {
        Ok(Self {
            interrupt: Interrupt::listen(runtime)?,
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

    /// Runs one statement on the newest snapshot and prints its rows.
    pub(crate) async fn run(&self, statement: &str, style: &Style, output: &mut Output) -> Result<Written> {
        let mut rows = self.quipu.sql(statement).await?;
        let schema = rows.schema();
        let mut writer = output::begin(&schema, style, &mut output.out).map_err(OutputError)?;
        let mut written = Written::default();
        while let Some(batch) = rows.next().await {
            let batch = batch?;
            written.rows += batch.num_rows();
            writer.batch(&batch).map_err(OutputError)?;
        }
        written.cut = writer.finish().map_err(OutputError)?;
        Ok(written)
    }

    /// The line that every report states: how much of what was sent is here.
    #[cfg(feature = "demo")]
    pub(crate) async fn completeness(&self) -> Result<String> {
        Ok(self.quipu.completeness().await?.to_string())
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

    /// Writes what is still in the buffer.
    #[cfg(feature = "demo")]
    pub(crate) fn flush(&mut self) -> Result<()> {
        Ok(self.out.flush().map_err(OutputError)?)
    }
}
