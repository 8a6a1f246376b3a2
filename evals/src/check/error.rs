//! What can be wrong with a claim.

use std::io;
use std::path::{Path, PathBuf};

/// What can be wrong with a claim, or with a folder of them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClaimError {
    /// A file or a folder cannot be read.
    #[error("cannot read {}: {source}; name a folder with claims, or one .sql file", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file is not text.
    #[error("{} is not UTF-8 text from byte {valid_bytes} on: save it as UTF-8", path.display())]
    NotText {
        /// The file.
        path: PathBuf,
        /// How many bytes are.
        valid_bytes: usize,
    },
    /// There is no claim.
    #[error("{} holds no claims: write each into a file NAME.sql of that folder, as a query that returns violations", path.display())]
    None {
        /// The folder.
        path: PathBuf,
    },
    /// No claim has one of the tags that were asked for.
    #[error("no claim is tagged {wanted}; there are the tags {known}")]
    NoTag {
        /// The tags.
        wanted: String,
        /// Those that there are.
        known: String,
    },
    /// A line of a header is not what it should be.
    #[error("{}:{line}: {wrong}; write it as {form:?}", path.display())]
    Header {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        wrong: String,
        /// What it should look like.
        form: &'static str,
    },
    /// A file has a header at most.
    #[error("{} holds no SQL statement: write a query below the header that returns violations", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
}

impl ClaimError {
    /// The file or folder that it is about, if it is about one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Read { path, .. }
            | Self::NotText { path, .. }
            | Self::None { path }
            | Self::Header { path, .. }
            | Self::Empty { path } => Some(path),
            Self::NoTag { .. } => None,
        }
    }

    /// The line that it is about, from 1, if it is about one.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        match self {
            Self::Header { line, .. } => Some(*line),
            _ => None,
        }
    }
}
