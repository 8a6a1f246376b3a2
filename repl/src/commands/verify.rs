//! `quipu verify`: proves that a store is whole and holds what its source holds, or names what differs.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::ValueEnum;
use quipu::arrow::array::{ArrayRef, RecordBatch, StringArray};
use quipu::ingest::FramesFile;
use quipu::ingest::verify::{
    FindingKind, Part, VerifyOptions, VerifyProgress, VerifyReport, VerifySource, verify,
};
use tokio::runtime::Runtime;

use crate::cli::Global;
use crate::commands::ingest::{KafkaArgs, PolicyName};
use crate::failure::{CannotJudge, Judged, OutputError, UsageError};
use crate::output::{self, Format, Style};
use crate::progress::{ProgressLine, counted, grouped};
use crate::units;

const EXAMPLES: &str = "\
Examples:
  quipu verify                                        files, account of the offsets, ledger, sequence book
  quipu verify --frames recorded.frames               and each record of a file that was taken in
  quipu verify --kafka --brokers localhost:9092       and each record that Kafka still has
  quipu verify --part files --format jsonl            for another program

It changes nothing and may run beside an ingester. What differs goes to standard output, one line each; all else to
standard error.

Exit codes: 0 nothing differs, 1 something differs, 3 there is no store, or not everything could be looked at.";

/// Arguments of `quipu verify`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// What to verify; may be given several times [default: all but source, and that with --frames or --kafka]
    #[arg(long, value_enum, value_name = "PART", value_delimiter = ',')]
    part: Vec<PartName>,

    /// Recorded file whose records are to be in the store; may be given several times. Its topic is named by --topic,
    /// else after the file
    #[arg(long, value_name = "FILE", conflicts_with = "kafka")]
    frames: Vec<PathBuf>,

    /// Read the records again from Kafka
    #[arg(long)]
    kafka: bool,

    #[command(flatten)]
    source: KafkaArgs,

    /// The policy under which the records were taken in
    #[arg(long, value_enum, default_value_t = PolicyName::Compatible, value_name = "POLICY")]
    policy: PolicyName,

    /// Memory to take, such as 1GiB; with less the store is read more often [default: 256MiB]
    #[arg(long, value_name = "N", value_parser = units::bytes)]
    memory: Option<u64>,

    /// How differences are written [default: one line each]
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Format>,
}

/// What can be verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum PartName {
    /// Every file against the manifests
    Files,
    /// Every offset is in exactly one place
    Account,
    /// The runs of numbers against the rows
    Ledger,
    /// Verdicts, copies and the sequence book, computed anew
    Book,
    /// The rows against the records
    Source,
}

impl From<PartName> for Part {
    fn from(name: PartName) -> Self {
        match name {
            PartName::Files => Self::Files,
            PartName::Account => Self::Account,
            PartName::Ledger => Self::Ledger,
            PartName::Book => Self::Book,
            PartName::Source => Self::Source,
        }
    }
}

/// Verifies, and fails where something differs.
pub(crate) fn command(global: &Global, args: &Args, _runtime: &Runtime) -> Result<()> {
    args.check()?;
    let options = args.options().map_err(CannotJudge)?;
    let wanted: Vec<Part> = options
        .parts
        .iter()
        .copied()
        .filter(|part| *part != Part::Source || options.source.is_some())
        .collect();
    let mut line = ProgressLine::new();
    let mut shown = Instant::now();
    let report = verify(&global.store_path(), &options, |progress| {
        if shown.elapsed() >= Duration::from_secs(1) {
            line.show(&progress_text(progress));
            shown = Instant::now();
        }
    });
    line.end();
    let report = report.map_err(|error| CannotJudge(error.into()))?;
    match print(&report, args.format) {
        // Whoever reads the first lines only is still told by the exit code.
        Err(OutputError(error)) if error.kind() == io::ErrorKind::BrokenPipe => {}
        printed => printed?,
    }
    say(&report);
    if !report.is_clean()
        && report
            .findings
            .iter()
            .all(|finding| finding.kind == FindingKind::SourceUnreadable)
    {
        return Err(CannotJudge(anyhow::anyhow!(
            "the source cannot be read, so its records were not compared; what could be looked at does not differ"
        ))
        .into());
    }
    if !report.is_clean() {
        let count = report.finding_count();
        return Err(Judged(format!("{} found in the store", counted(count, "difference"))).into());
    }
    match wanted.iter().find(|part| !report.parts.contains(part)) {
        Some(part) => Err(CannotJudge(anyhow::anyhow!(
            "nothing differs, but part {part} could not look at everything; see the notes above"
        ))
        .into()),
        None => Ok(()),
    }
}

impl Args {
    /// Refuses what would be left out in silence.
    fn check(&self) -> Result<()> {
        let has_source = self.kafka || !self.frames.is_empty();
        let wants_source = self.part.contains(&PartName::Source);
        let wrong = if wants_source && !has_source {
            "part source compares with records: say where they are with --frames or --kafka"
        } else if has_source && !self.part.is_empty() && !wants_source {
            "--frames and --kafka are for part source, which --part leaves out"
        } else {
            return Ok(());
        };
        Err(UsageError(wrong.to_owned()).into())
    }

    fn options(&self) -> Result<VerifyOptions> {
        let mut options = VerifyOptions {
            policy: self.policy.into(),
            ..VerifyOptions::default()
        };
        if !self.part.is_empty() {
            options.parts = self.part.iter().copied().map(Part::from).collect();
        }
        if let Some(memory) = self.memory {
            options.memory_bytes = usize::try_from(memory).unwrap_or(usize::MAX);
        }
        if self.kafka {
            options.source = Some(VerifySource::Kafka(Box::new(self.source.options()?)));
        } else if !self.frames.is_empty() {
            options.source = Some(VerifySource::Frames(
                self.frames.iter().map(|path| self.file(path)).collect(),
            ));
        }
        Ok(options)
    }

    fn file(&self, path: &PathBuf) -> FramesFile {
        match self.source.first_topic() {
            Some(topic) => FramesFile::new(path).with_topic(topic),
            None => FramesFile::new(path),
        }
    }
}

fn progress_text(progress: VerifyProgress) -> String {
    let VerifyProgress { part, done, total } = progress;
    let what = if part == Part::Source {
        "records"
    } else {
        "segments"
    };
    match total {
        Some(total) => format!("verifying {part}: {} of {} {what}", grouped(done), grouped(total)),
        None => format!("verifying {part}: {} {what}", grouped(done)),
    }
}

/// Writes the differences to standard output.
fn print(report: &VerifyReport, format: Option<Format>) -> Result<(), OutputError> {
    let mut out = io::stdout().lock();
    let Some(format) = format else {
        for finding in &report.findings {
            writeln!(out, "{finding}").map_err(OutputError)?;
        }
        return Ok(());
    };
    let style = Style::for_stdout(format, true, String::new());
    let texts = |text: &dyn Fn(&quipu::ingest::verify::Finding) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(report.findings.iter().map(text)))
    };
    let rows = RecordBatch::try_from_iter([
        ("part", texts(&|finding| finding.part.to_string())),
        ("kind", texts(&|finding| finding.kind.to_string())),
        ("place", texts(&|finding| finding.place.to_string())),
        ("expected", texts(&|finding| finding.expected.clone())),
        ("found", texts(&|finding| finding.found.clone())),
    ])
    .map_err(|error| OutputError(io::Error::other(error)))?;
    let schema = rows.schema();
    let mut write = || {
        let mut writer = output::begin(&schema, &style, &mut out)?;
        writer.batch(&rows)?;
        writer.finish()
    };
    write().map_err(OutputError)?;
    Ok(())
}

/// Says on standard error what else there is to know, and how much was looked at.
fn say(report: &VerifyReport) {
    let mut lines: Vec<String> = report.notes.iter().map(|note| format!("note: {note}")).collect();
    if report.findings_left_out > 0 {
        lines.push(format!(
            "note: {} more are not listed",
            counted(report.findings_left_out, "difference")
        ));
    }
    let counts = &report.counts;
    let parts: Vec<&str> = report.parts.iter().map(|part| part.as_str()).collect();
    lines.push(format!(
        "verified {} at manifest {}: {}, {} rows, {} offsets, {} messages of {}, {} compared with their source; {} found",
        parts.join(", "),
        report.manifest.map_or_else(|| "unknown".to_owned(), |manifest| manifest.to_string()),
        counted(counts.files, "file"),
        grouped(counts.rows),
        grouped(counts.offsets),
        grouped(counts.messages),
        counted(counts.threads, "thread"),
        counted(counts.records, "record"),
        counted(report.finding_count(), "difference"),
    ));
    // A closed standard error leaves nobody to tell.
    let mut err = io::stderr().lock();
    for line in lines {
        let _ = writeln!(err, "{}", crate::failure::one_line(&line));
    }
}
