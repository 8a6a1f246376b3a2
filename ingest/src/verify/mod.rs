//! Verifying a store: that every file is what was written, that every offset is in one place, that the ledger and the
//! book say what the rows say, and that the rows are those of the source.
//!
//! | file | what it checks |
//! |---|---|
//! | `files`, `segment`, `folders` | part *files*: manifests, segments, the folder of the book, what else lies there |
//! | `account`, `balance` | part *account*: each offset is rows, a dead letter or in a hole, and only one of these |
//! | `threads` | the messages of the store thread by thread, for the two parts that follow |
//! | `ledger` | part *ledger*: the runs against the numbers of the rows |
//! | `book` | part *book*: verdicts, copies and what the book remembers, recomputed |
//! | `source`, `window`, `expected`, `settle`, `frames`, `kafka` | part *source*: the records themselves |
//! | `finding`, `report` | what differs, as data; how much was looked at |
//! | `offsets`, `places`, `numbers`, `resolutions` | sets of offsets, places of rows, sets of numbers, letters that were retried |
//!
//! It reads one snapshot, whose lease keeps its files, so that it may run beside a writer. It changes nothing, and a
//! difference never ends it: all are collected. What a damaged segment would have told is not guessed: the parts that need
//! it say that they are not complete.
//!
//! # Memory
//! | part | takes, beside one batch of rows and the manifests |
//! |---|---|
//! | files | up to one bit for each offset, and 24 bytes for each partition |
//! | account | up to two bits for each offset, 24 bytes for each batch of events, and what the offset holes take as rows |
//! | ledger, book | [`VerifyOptions::memory_bytes`], or the messages of the largest thread where these take more |
//! | source | the same |
//!
//! The parts that would take more than that read the store several times, a share of the threads or offsets at a time.

mod account;
mod balance;
mod book;
mod expected;
mod files;
mod finding;
mod folders;
mod frames;
mod kafka;
mod ledger;
mod numbers;
mod offsets;
mod places;
mod report;
mod resolutions;
mod segment;
mod settle;
mod source;
mod threads;
mod window;

use std::path::{Path, PathBuf};

use quipu_proto::Policy;
use quipu_store::{Reader, Segment, SegmentBatches, Snapshot, StoreError, StoreErrorKind, read_segment};

pub use finding::{Finding, FindingKind, FindingPlace, Part};
pub use report::{Note, VerifyCounts, VerifyReport};
pub use source::VerifySource;

use crate::error::{IngestError, Result};

/// What is verified, and how.
#[derive(Clone, Debug)]
pub struct VerifyOptions {
    /// The parts. [`Part::Source`] needs `source` besides. Default: all.
    pub parts: Vec<Part>,
    /// Where the records are read again. Default: nowhere.
    pub source: Option<VerifySource>,
    /// The policy under which the records were taken in. Default [`Policy::Compatible`].
    pub policy: Policy,
    /// About how much memory the parts `ledger`, `book` and `source` may take each; the less, the more often they read the
    /// store. Default 256 MiB.
    pub memory_bytes: usize,
    /// A folder that exists, in which the index of the book may be copied: it cannot be read without being written to.
    /// Default: the folder of the system for temporary files.
    pub scratch: PathBuf,
}

impl Default for VerifyOptions {
    fn default() -> Self {
        Self {
            parts: Part::ALL.to_vec(),
            source: None,
            policy: Policy::default(),
            memory_bytes: 256 << 20,
            scratch: std::env::temp_dir(),
        }
    }
}

/// How far a verification is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifyProgress {
    /// The part that is being done.
    pub part: Part,
    /// Segments that it has read; in part `source` records.
    pub done: u64,
    /// Of how many, if that is known.
    pub total: Option<u64>,
}

/// Verifies a store. `progress` is called now and then.
///
/// # Errors
/// There is no store. Everything else that is wrong is a finding.
pub fn verify(
    store: &Path,
    options: &VerifyOptions,
    mut progress: impl FnMut(VerifyProgress),
) -> Result<VerifyReport> {
    let mut report = VerifyReport::default();
    let snapshot = match Reader::open(store).and_then(|reader| reader.snapshot()) {
        Ok(snapshot) => Some(snapshot),
        Err(error) if matches!(error.kind(), StoreErrorKind::NotFound) && !files::was_store(store) => {
            return Err(error.into());
        }
        Err(error) => {
            // Part `files` names what is wrong; without it, this does.
            let place = FindingPlace::File(relative(store, error_path(&error).unwrap_or(store)));
            if !options.parts.contains(&Part::Files) {
                let kind = FindingKind::FileUnreadable;
                report.find(Part::Files, kind, place, "a store that opens", error.to_string());
            }
            None
        }
    };
    report.manifest = snapshot.as_ref().map(|snapshot| snapshot.manifest().id.0);
    let mut check = Check {
        store,
        options,
        report: &mut report,
        progress: &mut progress,
    };
    let wants = |part| options.parts.contains(&part);
    if wants(Part::Files) {
        files::check(&mut check, snapshot.as_ref());
        check.report.parts.push(Part::Files);
    }
    if let Some(snapshot) = &snapshot {
        let done = [
            wants(Part::Account).then(|| (Part::Account, account::check(&mut check, snapshot))),
            (wants(Part::Ledger) || wants(Part::Book))
                .then(|| (Part::Ledger, threads::check(&mut check, snapshot))),
        ];
        for (part, complete) in done.into_iter().flatten() {
            check.done(part, complete);
        }
        if let Some(source) = options.source.as_ref().filter(|_| wants(Part::Source)) {
            let complete = source::check(&mut check, snapshot, source);
            check.done(Part::Source, complete);
        }
    }
    Ok(report)
}

/// One verification under way.
struct Check<'c> {
    store: &'c Path,
    options: &'c VerifyOptions,
    report: &'c mut VerifyReport,
    progress: &'c mut dyn FnMut(VerifyProgress),
}

/// Whether a part could look at all that it wanted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Complete {
    Yes,
    No,
}

impl Check<'_> {
    fn done(&mut self, part: Part, complete: Complete) {
        let parts = match part {
            Part::Ledger => vec![Part::Ledger, Part::Book],
            part => vec![part],
        };
        for part in parts.into_iter().filter(|part| self.options.parts.contains(part)) {
            match complete {
                Complete::Yes => self.report.parts.push(part),
                Complete::No => self.report.note(
                    part,
                    FindingPlace::File(".".to_owned()),
                    "not complete, because of what could not be read",
                ),
            }
        }
    }

    fn tell(&mut self, part: Part, done: u64, total: Option<u64>) {
        (self.progress)(VerifyProgress { part, done, total });
    }

    /// Names an error that a file gave.
    fn failed(&mut self, part: Part, path: &Path, error: &IngestError) {
        let kind = match error {
            IngestError::Store(error) => match error.kind() {
                StoreErrorKind::Damaged => FindingKind::FileDamaged,
                StoreErrorKind::NotFound => FindingKind::FileMissing,
                _ => FindingKind::FileUnreadable,
            },
            _ => FindingKind::FileUnreadable,
        };
        let place = FindingPlace::File(relative(self.store, path));
        self.report
            .find(part, kind, place, "rows that can be read", error.to_string());
    }

    /// Reads some columns of a segment, batch by batch. An error is a finding, and the answer tells of it.
    fn scan(
        &mut self,
        part: Part,
        snapshot: &Snapshot,
        segment: &Segment,
        columns: &[&str],
        mut see: impl FnMut(&mut VerifyReport, &arrow_array::RecordBatch, &Path) -> Result<()>,
    ) -> Complete {
        let path = snapshot.path_of(segment);
        let mut read = || {
            let batches: SegmentBatches = read_segment(&path, segment, columns)?;
            for batch in batches {
                see(self.report, &batch?, &path)?;
            }
            Ok(())
        };
        match read() {
            Ok(()) => Complete::Yes,
            Err(error) => {
                self.failed(part, &path, &error);
                Complete::No
            }
        }
    }
}

impl Complete {
    fn and(&mut self, other: Self) {
        if other == Self::No {
            *self = Self::No;
        }
    }
}

/// A path below the store as findings name it.
fn relative(store: &Path, path: &Path) -> String {
    let below = path.strip_prefix(store).unwrap_or(path);
    let parts: Vec<_> = below
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    if parts.is_empty() {
        ".".to_owned()
    } else {
        parts.join("/")
    }
}

fn error_path(error: &StoreError) -> Option<&Path> {
    match error {
        StoreError::Damaged { path, .. }
        | StoreError::Unsupported { path, .. }
        | StoreError::Io { path, .. }
        | StoreError::Parquet { path, .. } => Some(path),
        _ => None,
    }
}
