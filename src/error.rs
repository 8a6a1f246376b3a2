//! One error for everything.

use std::io;

use quipu_ingest::IngestError;
use quipu_sql::{SqlError, SqlErrorKind};
use quipu_store::{StoreError, StoreErrorKind};

use crate::typed::TypeError;

/// Result of an operation on a store.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong. Its text is one line that says what to do; [`std::error::Error::source`] leads to the causes.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error {
    cause: Box<Cause>,
}

#[derive(Debug, thiserror::Error)]
enum Cause {
    #[error(transparent)]
    Store(StoreError),
    #[error(transparent)]
    Sql(SqlError),
    #[error(transparent)]
    Ingest(IngestError),
    #[error(transparent)]
    Type(TypeError),
    #[error("metric {name}: {why}")]
    Metric { name: String, why: String },
}

/// What a caller can do about an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// There is no such store: make it, or name another.
    NotFound,
    /// The call was wrong: correct it.
    Usage,
    /// The SQL is wrong, refused or asks for too much: correct it.
    Query,
    /// Another process writes the store: wait for it, or stop it.
    Busy,
    /// A file of the store is missing or damaged: restore it.
    Damaged,
    /// Something that this version does not know: use a newer one.
    Unsupported,
    /// The disk or the network failed: see to it, then try again.
    Io,
    /// What was to be taken in is not what it should be: correct it.
    Input,
    /// A mistake of ours: report it.
    Internal,
}

impl Error {
    /// What a caller can do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match &*self.cause {
            Cause::Store(error) => of_store(error),
            Cause::Sql(error) => of_sql(error),
            Cause::Ingest(error) => of_ingest(error),
            Cause::Type(_) | Cause::Metric { .. } => ErrorKind::Usage,
        }
    }
}

impl Error {
    /// A metric that is none.
    pub(crate) fn metric(name: &str, why: String) -> Self {
        Self {
            cause: Box::new(Cause::Metric {
                name: name.to_owned(),
                why,
            }),
        }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self {
            cause: Box::new(Cause::Store(error)),
        }
    }
}

impl From<SqlError> for Error {
    fn from(error: SqlError) -> Self {
        Self {
            cause: Box::new(Cause::Sql(error)),
        }
    }
}

impl From<TypeError> for Error {
    fn from(error: TypeError) -> Self {
        Self {
            cause: Box::new(Cause::Type(error)),
        }
    }
}

impl From<IngestError> for Error {
    fn from(error: IngestError) -> Self {
        Self {
            cause: Box::new(Cause::Ingest(error)),
        }
    }
}

fn of_store(error: &StoreError) -> ErrorKind {
    match error.kind() {
        StoreErrorKind::NotFound => ErrorKind::NotFound,
        StoreErrorKind::Locked | StoreErrorKind::Fenced => ErrorKind::Busy,
        StoreErrorKind::Damaged => ErrorKind::Damaged,
        StoreErrorKind::Unsupported => ErrorKind::Unsupported,
        StoreErrorKind::Poisoned | StoreErrorKind::Io => ErrorKind::Io,
        StoreErrorKind::Invalid => ErrorKind::Usage,
        _ => ErrorKind::Internal,
    }
}

fn of_sql(error: &SqlError) -> ErrorKind {
    match (error.kind(), error) {
        (_, SqlError::Store(error)) => of_store(error),
        (_, SqlError::NoRuntime | SqlError::Report(_)) => ErrorKind::Usage,
        (_, SqlError::Prices(_)) => ErrorKind::Input,
        (SqlErrorKind::Question | SqlErrorKind::Memory, _) => ErrorKind::Query,
        (SqlErrorKind::Damaged, _) => ErrorKind::Damaged,
        (SqlErrorKind::Io, _) => ErrorKind::Io,
        _ => ErrorKind::Internal,
    }
}

fn of_ingest(error: &IngestError) -> ErrorKind {
    match error {
        IngestError::Store(error) => of_store(error),
        IngestError::Read { source, .. } if source.kind() == io::ErrorKind::NotFound => ErrorKind::Input,
        IngestError::Changed { .. }
        | IngestError::Frames { .. }
        | IngestError::FrameTooLarge { .. }
        | IngestError::LineTooLong { .. } => ErrorKind::Input,
        IngestError::Unanswered { .. } => ErrorKind::Busy,
        IngestError::Rebuild { .. } => ErrorKind::Damaged,
        IngestError::Broken
        | IngestError::OutOfOrder { .. }
        | IngestError::Book(_)
        | IngestError::Rows(_)
        | IngestError::NotOpened(_) => ErrorKind::Internal,
        _ => ErrorKind::Io,
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn an_error_speaks_and_is_caused_as_what_it_wraps() {
        let refused = || io::Error::from(io::ErrorKind::PermissionDenied);
        let inner = StoreError::Io {
            action: "open",
            path: PathBuf::from("here"),
            source: refused(),
        };
        let text = inner.to_string();
        let error = Error::from(SqlError::from(inner));
        assert_eq!(error.to_string(), text);
        assert_eq!(error.kind(), ErrorKind::Io);
        assert_eq!(
            error.source().map(ToString::to_string),
            Some(refused().to_string())
        );
    }

    #[test]
    fn a_locked_store_is_busy_and_a_missing_one_not_found() {
        let path = PathBuf::from("here");
        let locked = StoreError::Locked {
            path: path.clone(),
            writer: "4711".to_owned(),
        };
        assert_eq!(Error::from(locked).kind(), ErrorKind::Busy);
        assert_eq!(
            Error::from(StoreError::NotFound { path }).kind(),
            ErrorKind::NotFound
        );
    }
}
