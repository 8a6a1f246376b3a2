//! Printing the outcome of a gate, and ending with its exit code.

use std::env;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use quipu::evals::output::{Colour, Format, GitHub, Outcome, to_text};

use crate::failure::{CannotJudge, Judged, OutputError, UsageError};

/// How the outcome of a gate is told.
#[derive(Debug, clap::Args)]
pub(crate) struct OutcomeArgs {
    /// How the outcome is written: text, json, markdown, junit or github
    #[arg(long, default_value_t = Format::Text, value_name = "FORMAT")]
    format: Format,

    /// Write it into a file, and text to standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl OutcomeArgs {
    /// Tells an outcome, and fails unless it passed: the error has its exit code.
    ///
    /// Where GitHub Actions says that it is there, its annotations and the summary of its step are written as well.
    pub(crate) fn tell(&self, outcome: &Outcome) -> Result<()> {
        let github = GitHub::detect(|name| env::var_os(name), env::current_dir().ok());
        if let Some(file) = &self.output {
            write_file(file, &self.render(outcome, github.as_ref()))?;
        }
        let mut stdout = io::stdout().lock();
        let is_text = self.is_text();
        let text = if is_text {
            to_text(outcome, colour())
        } else {
            self.render(outcome, github.as_ref())
        };
        let mut printed = stdout.write_all(text.as_bytes());
        if let Some(github) = &github {
            let annotations = github.annotations(outcome);
            // GitHub reads both streams. What another program reads from standard output stays as that expects it.
            if is_text {
                printed = printed.and_then(|()| stdout.write_all(annotations.as_bytes()));
            } else if self.format != Format::Github {
                let _ = io::stderr().lock().write_all(annotations.as_bytes());
            }
            github
                .write_summary(outcome)
                .context("cannot write the summary of the step: see GITHUB_STEP_SUMMARY")?;
        }
        match printed.and_then(|()| stdout.flush()) {
            // Whoever reads the first lines only is still told by the exit code.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            printed => printed.map_err(OutputError)?,
        }
        match outcome.exit_code() {
            0 => Ok(()),
            1 => Err(Judged(outcome.verdict_line()).into()),
            _ => Err(CannotJudge(anyhow!("{}", outcome.verdict_line())).into()),
        }
    }

    /// Whether text goes to standard output.
    pub(crate) fn is_text(&self) -> bool {
        self.output.is_some() || self.format == Format::Text
    }

    /// Refuses what only the outcome of a gate can be written as, where there is no verdict to be told; `instead` says how one
    /// comes about.
    pub(crate) fn check_without_verdict(&self, instead: &str) -> Result<()> {
        match (&self.output, self.format) {
            (None, Format::Text | Format::Json) => Ok(()),
            (None, format) => Err(UsageError(format!(
                "--format {format} is for verdicts, and there is none: {instead}, or use text or json"
            ))
            .into()),
            (Some(_), _) => Err(UsageError(format!(
                "--output is for verdicts, and there is none: {instead}, or leave it out"
            ))
            .into()),
        }
    }

    fn render(&self, outcome: &Outcome, github: Option<&GitHub>) -> String {
        match (self.format, github) {
            (Format::Github, Some(github)) => github.annotations(outcome),
            (format, _) => format.render(outcome, Colour::Never),
        }
    }
}

/// Colour is for terminals, and not for users who do without (<https://no-color.org>).
fn colour() -> Colour {
    let is_unwanted = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if io::stdout().is_terminal() && !is_unwanted {
        Colour::Always
    } else {
        Colour::Never
    }
}

fn write_file(file: &Path, text: &str) -> Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}
