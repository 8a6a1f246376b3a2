//! What can go wrong in a store.

use std::io;
use std::path::{Path, PathBuf};

use crate::manifest::ManifestId;

/// Result of a store operation.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// What can go wrong in a store. [`StoreError::kind`] sorts the variants by what a caller can do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no store at the path.
    #[error("no store at {}: run `quipu ingest` to make one, or name another with --store", path.display())]
    NotFound {
        /// The path that was opened.
        path: PathBuf,
    },
    /// Another process writes the store.
    #[error("store {} is being written by process {writer}; stop it or use another --store", path.display())]
    Locked {
        /// Root of the store.
        path: PathBuf,
        /// Process id of the writer and when it started, as far as the lock file tells.
        writer: String,
    },
    /// Another writer has published a manifest since this one opened the store.
    #[error(
        "store {}: another writer published manifest {manifest} first, so this one may not write any more; reopen the store",
        path.display()
    )]
    Fenced {
        /// Root of the store.
        path: PathBuf,
        /// The manifest that this writer meant to publish.
        manifest: ManifestId,
    },
    /// An earlier step that makes data durable failed, so what is on disk is uncertain.
    #[error("store {} refuses writes since this failed: {cause}; reopen the store", path.display())]
    Poisoned {
        /// Root of the store.
        path: PathBuf,
        /// The failure that ended the right to write.
        cause: String,
    },
    /// A file of the store is not what was written.
    #[error("{} is damaged: {what}", path.display())]
    Damaged {
        /// The damaged or missing file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A file was written by a newer version of this software.
    #[error("{}: {what}; use a newer version of quipu", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// What about it is unknown here.
        what: String,
    },
    /// The operating system refused an operation.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The reason given by the operating system.
        source: io::Error,
    },
    /// The caller asked for something that would break the store.
    #[error("{0}")]
    Invalid(String),
    /// A segment could not be encoded or decoded.
    #[error("cannot {action} segment {}: {source}", path.display())]
    Parquet {
        /// What was tried, as a verb.
        action: &'static str,
        /// The segment.
        path: PathBuf,
        /// The reason given by the Parquet library.
        source: parquet::errors::ParquetError,
    },
}

/// What a caller can do about a [`StoreError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// Make the store first, or name another.
    NotFound,
    /// Stop the other writer, or wait for it.
    Locked,
    /// Reopen the store: another writer took over.
    Fenced,
    /// Reopen the store: recovery finds what is durable.
    Poisoned,
    /// Restore the file from a copy.
    Damaged,
    /// Use a newer version.
    Unsupported,
    /// See to the disk or its permissions.
    Io,
    /// Correct the call.
    Invalid,
}

impl StoreError {
    /// What a caller can do about it.
    #[must_use]
    pub fn kind(&self) -> StoreErrorKind {
        match self {
            Self::NotFound { .. } => StoreErrorKind::NotFound,
            Self::Locked { .. } => StoreErrorKind::Locked,
            Self::Fenced { .. } => StoreErrorKind::Fenced,
            Self::Poisoned { .. } => StoreErrorKind::Poisoned,
            Self::Damaged { .. } => StoreErrorKind::Damaged,
            Self::Unsupported { .. } => StoreErrorKind::Unsupported,
            Self::Io { .. } => StoreErrorKind::Io,
            Self::Invalid(_) => StoreErrorKind::Invalid,
            Self::Parquet { action, source, .. } => match source {
                parquet::errors::ParquetError::External(_) => StoreErrorKind::Io,
                // The library turns some failures to write into text.
                _ if *action == "write" => StoreErrorKind::Io,
                _ => StoreErrorKind::Damaged,
            },
        }
    }

    pub(crate) fn damaged(path: &Path, what: impl Into<String>) -> Self {
        Self::Damaged {
            path: path.to_owned(),
            what: what.into(),
        }
    }

    pub(crate) fn unsupported(path: &Path, what: impl Into<String>) -> Self {
        Self::Unsupported {
            path: path.to_owned(),
            what: what.into(),
        }
    }
}

/// Adds to an error of the operating system what was tried, and on what.
pub(crate) trait IoContext<T> {
    /// Names the action (a verb) and the path.
    fn when(self, action: &'static str, path: &Path) -> Result<T>;
}

impl<T> IoContext<T> for io::Result<T> {
    fn when(self, action: &'static str, path: &Path) -> Result<T> {
        self.map_err(|source| StoreError::Io {
            action,
            path: path.to_owned(),
            source,
        })
    }
}
