//! Which metrics are measured.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use quipu::evals::judge::MetricFile;
use quipu::evals::{EvalError, EvalErrorKind};
use quipu::gate::{Gate, Measured};
use tokio::runtime::Runtime;

use crate::cli::Global;
use crate::failure::{CannotJudge, UsageError};
use crate::query::Query;

/// Which metrics are measured.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Which metrics")]
pub(super) struct MetricArgs {
    /// Only this metric; may be given several times
    #[arg(long = "metric", value_name = "NAME")]
    names: Vec<String>,

    /// Folder with metrics of your own, each a file of SQL; may be given several times
    #[arg(long, value_name = "DIR")]
    metrics: Vec<PathBuf>,

    /// A metric without noise: every change of it is one of the program; may be given several times
    #[arg(long, value_name = "NAME")]
    exact: Vec<String>,
}

impl MetricArgs {
    /// The metrics asked for: those that ship with the program and those of the folders, which go before them.
    fn files(&self) -> Result<Vec<MetricFile>> {
        let mut files = MetricFile::built_in()?;
        for folder in &self.metrics {
            for file in of_folder(folder)? {
                files.retain(|known| known.metric.name != file.metric.name);
                files.push(file);
            }
        }
        let known: Vec<String> = files.iter().map(|file| file.metric.name.clone()).collect();
        for name in self.names.iter().chain(&self.exact) {
            if !known.contains(name) {
                let known = known.join(", ");
                return Err(UsageError(format!("there is no metric {name:?}; there are {known}")).into());
            }
        }
        for file in &mut files {
            file.metric.is_exact |= self.exact.contains(&file.metric.name);
        }
        files.retain(|file| {
            if self.names.is_empty() {
                file.is_default
            } else {
                self.names.contains(&file.metric.name)
            }
        });
        Ok(files)
    }

    /// The gate of these metrics over the store of the command line.
    pub(super) fn open(&self, global: &Global, runtime: &Runtime) -> Result<(Query, Gate)> {
        let files = self.files()?;
        let query = Query::open(global).map_err(not_judged)?;
        let gate = runtime
            .block_on(Gate::open(query.quipu(), files))
            .map_err(|error| not_judged(error.into()))?;
        Ok((query, gate))
    }
}

/// The metrics of a folder, by name.
fn of_folder(folder: &Path) -> Result<Vec<MetricFile>> {
    let entries = fs::read_dir(folder).map_err(|error| {
        UsageError(format!(
            "cannot read the folder of metrics {}: {error}",
            folder.display()
        ))
    })?;
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry
            .with_context(|| format!("cannot read {}", folder.display()))?
            .path();
        if path.extension().is_some_and(|extension| extension == "sql") {
            paths.push(path);
        }
    }
    paths.sort();
    if paths.is_empty() {
        return Err(UsageError(format!("{} has no file *.sql", folder.display())).into());
    }
    let read = |path: &PathBuf| {
        let name = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let text = fs::read_to_string(path)
            .map_err(|error| UsageError(format!("cannot read {}: {error}", path.display())))?;
        MetricFile::parse(&name, &text)
            .map_err(|error| UsageError(format!("{}: {error}", path.display())).into())
    };
    paths.iter().map(read).collect()
}

/// Whoever cannot measure cannot judge; what is wrong with the command line stays wrong usage.
pub(super) fn not_judged(error: anyhow::Error) -> anyhow::Error {
    let is_usage = error.is::<UsageError>()
        || error
            .downcast_ref::<quipu::Error>()
            // SQL comes from the command line, or from files that it names.
            .is_some_and(|error| matches!(error.kind(), quipu::ErrorKind::Usage | quipu::ErrorKind::Query));
    if is_usage {
        UsageError(error.to_string()).into()
    } else {
        CannotJudge(error).into()
    }
}

/// What is wrong with documents that a gate reads or writes: wrong usage, or no judgement.
pub(super) fn document(error: EvalError) -> anyhow::Error {
    let is_usage = matches!(error, EvalError::Exists { .. }) || error.kind() == EvalErrorKind::Usage;
    if is_usage {
        UsageError(error.to_string()).into()
    } else {
        CannotJudge(error.into()).into()
    }
}

/// A note of the values that metrics left out, if there are any.
pub(super) fn left_out(measured: &Measured) -> Vec<String> {
    let samples = measured.samples.iter().filter(|sample| sample.left_out > 0);
    samples
        .map(|sample| {
            format!(
                "{}: {} values that are not from 0 to 1 are left out; a metric of your own can rescale them",
                sample.metric.name, sample.left_out
            )
        })
        .collect()
}

/// As [`not_judged`], for an error of the library.
pub(super) fn library(error: quipu::Error) -> anyhow::Error {
    not_judged(error.into())
}
