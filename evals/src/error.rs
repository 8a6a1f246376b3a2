//! What can go wrong.

use std::io;
use std::path::{Path, PathBuf};

use quipu_stats::score::{ScoreError, UnknownMethod};

/// Result of this library.
pub type Result<T, E = EvalError> = std::result::Result<T, E>;

/// What can go wrong while files are read, written, scored and compared. [`EvalError::kind`] sorts the variants by what a
/// caller can do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvalError {
    /// A file could not be read.
    #[error("failed to read {what} {}: {source}", path.display())]
    Read {
        /// What it should hold: `baseline file`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The reason given by the operating system.
        source: io::Error,
    },
    /// A file could not be written.
    #[error("failed to save {what} to {}: {source}", path.display())]
    Write {
        /// What it should hold: `baseline`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The reason given by the operating system.
        source: io::Error,
    },
    /// A file is there and was not to be replaced.
    #[error("{what} {} exists; write to another file, or replace it with --update", path.display())]
    Exists {
        /// What it holds.
        what: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// A text is not the JSON that it should be.
    #[error("failed to parse {what}{}: {source}", of(path.as_deref()))]
    Parse {
        /// What the text should be: `baseline JSON`.
        what: &'static str,
        /// The file, if it came from one.
        path: Option<PathBuf>,
        /// Place and reason.
        source: serde_json::Error,
    },
    /// A text is JSON of the right form, with a value that cannot be.
    #[error("{what}{}: {why}", of(path.as_deref()))]
    Invalid {
        /// What the text is: `baseline`.
        what: &'static str,
        /// The file, if it came from one.
        path: Option<PathBuf>,
        /// The value, its limit and what to do.
        why: String,
    },
    /// Answers and cases differ in number.
    #[error(
        "Mismatch: {answers} actual answers but {cases} test cases; give one answer for each case, or answers by id"
    )]
    Mismatch {
        /// Answers.
        answers: usize,
        /// Cases.
        cases: usize,
    },
    /// A case cannot be scored.
    #[error("case {id}: {source}")]
    Score {
        /// The case.
        id: String,
        /// Why not.
        source: ScoreError,
    },
    /// There is no scoring method of this name.
    #[error("{0}")]
    Method(#[from] UnknownMethod),
    /// A baseline belongs to another application.
    #[error(
        "the baseline is of application '{baseline}' and this is '{current}'; name the right one with --app-name, or compare all \
         the same with --any-app"
    )]
    OtherApp {
        /// Application of the baseline.
        baseline: String,
        /// Application that is compared.
        current: String,
    },
    /// A value given by the caller cannot be used.
    #[error("{0}")]
    Usage(String),
}

/// What a caller can do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EvalErrorKind {
    /// Ask for something else: the request itself cannot be.
    Usage,
    /// Bring other input: what is there is missing, unreadable, unfit or of another application. A gate could not judge.
    Input,
    /// Make the output writable, or name another.
    Output,
}

impl EvalError {
    /// What a caller can do.
    #[must_use]
    pub fn kind(&self) -> EvalErrorKind {
        match self {
            Self::Method(_) | Self::Usage(_) => EvalErrorKind::Usage,
            Self::Write { .. } | Self::Exists { .. } => EvalErrorKind::Output,
            Self::Read { .. }
            | Self::Parse { .. }
            | Self::Invalid { .. }
            | Self::Mismatch { .. }
            | Self::Score { .. }
            | Self::OtherApp { .. } => EvalErrorKind::Input,
        }
    }

    /// Tells which file it was, where that is not known yet.
    #[must_use]
    pub fn in_file(mut self, file: &Path) -> Self {
        if let Self::Parse { path, .. } | Self::Invalid { path, .. } = &mut self {
            path.get_or_insert_with(|| file.to_owned());
        }
        self
    }
}

fn of(path: Option<&Path>) -> String {
    path.map_or(String::new(), |path| format!(" {}", path.display()))
}
