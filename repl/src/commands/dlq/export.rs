//! `quipu dlq export`.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::ValueEnum;
use quipu::ingest::IngestError;
use quipu::ingest::dead_letters::{ExportForm, ExportReport, LetterChoice, export, export_payloads};
use quipu::store::Snapshot;
use tokio::runtime::Runtime;

use super::choice::ChoiceArgs;
use crate::cli::Global;
use crate::failure::{OutputError, UsageError};
use crate::progress::counted;
use crate::query::Query;

/// Arguments of `quipu dlq export`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    letters: ChoiceArgs,

    /// What is written
    #[arg(long, value_enum, default_value_t = Form::Library, value_name = "FORM")]
    form: Form,

    /// File to write, or for payloads the folder; must not exist [default: standard output]
    #[arg(short, long, value_name = "PATH")]
    out: Option<PathBuf>,
}

/// What letters are written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// JSON lines as the streaming library puts them on its dead letter topic; payloads are cut at 512 KiB
    Library,
    /// JSON lines as the web server does, payloads whole
    Server,
    /// A frames file, which `quipu ingest frames` reads
    Frames,
    /// Each payload as a file of its own
    Payloads,
}

pub(super) fn command(global: &Global, args: &Args, runtime: &Runtime) -> Result<()> {
    let query = Query::open(global)?;
    let choice = args.letters.choice(&query, runtime)?;
    let snapshot = query.quipu().snapshot()?;
    let form = match args.form {
        Form::Library => ExportForm::Library {
            consumer_id: "quipu".to_owned(),
        },
        Form::Server => ExportForm::Server,
        Form::Frames => ExportForm::Frames,
        Form::Payloads => {
            let Some(folder) = &args.out else {
                return Err(
                    UsageError("payloads are written to a folder: name it with --out".to_owned()).into(),
                );
            };
            return told(&export_payloads(&snapshot, &choice, folder)?);
        }
    };
    told(&match &args.out {
        Some(path) => to_file(&snapshot, &choice, &form, path)?,
        None => {
            let mut out = io::stdout().lock();
            let report = export(&snapshot, &choice, &form, &mut out).map_err(of_stdout)?;
            out.flush().map_err(OutputError)?;
            report
        }
    })
}

/// An error of writing to standard output as one: a closed pipe is a quiet end.
fn of_stdout(error: IngestError) -> anyhow::Error {
    match error {
        IngestError::Export(source) => OutputError(source).into(),
        error => error.into(),
    }
}

fn to_file(
    snapshot: &Snapshot,
    choice: &LetterChoice,
    form: &ExportForm,
    path: &Path,
) -> Result<ExportReport> {
    let naming = || format!("cannot write {}", path.display());
    let mut file = BufWriter::new(File::create_new(path).with_context(naming)?);
    let report = export(snapshot, choice, form, &mut file)?;
    file.into_inner()
        .map_err(io::IntoInnerError::into_error)
        .and_then(|file| file.sync_all())
        .with_context(naming)?;
    Ok(report)
}

fn told(report: &ExportReport) -> Result<()> {
    let left_out = match report.without_payload {
        0 => String::new(),
        letters => format!(", {letters} left out as they have no payload"),
    };
    // A closed standard error leaves nobody to tell.
    let _ = writeln!(
        io::stderr().lock(),
        "{} written{left_out}",
        counted(report.written, "letter")
    );
    Ok(())
}
