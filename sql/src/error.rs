//! What can go wrong with a question.

use std::error::Error as StdError;

use datafusion::arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use datafusion::object_store;

use crate::functions::table_functions;
use crate::tables::DamagedSegment;

/// Result of a question.
pub type Result<T, E = SqlError> = std::result::Result<T, E>;

/// What can go wrong with a question. [`SqlError::kind`] sorts the variants by what a caller can do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SqlError {
    /// The text is longer than is taken.
    #[error(
        "the SQL is {bytes} bytes long, the limit is {limit}; load long lists of values from a table instead"
    )]
    TooLong {
        /// Length of the text.
        bytes: usize,
        /// The most that is taken.
        limit: usize,
    },
    /// One chain of operators is longer than is taken.
    #[error(
        "the SQL has more than {limit} operators in one chain ({what}); use IN (..), VALUES or parentheses instead"
    )]
    TooManyOperators {
        /// Which kind of chain.
        what: &'static str,
        /// The most that is taken.
        limit: usize,
    },
    /// The text holds another number of statements than one.
    #[error("expected one SQL statement, found {found}; run them one by one")]
    NotOneStatement {
        /// How many there are.
        found: usize,
    },
    /// The statement would write, set or read something outside of the store.
    #[error("{what} is refused: the session only reads; use SELECT, WITH, VALUES, EXPLAIN, SHOW or DESCRIBE")]
    Refused {
        /// The kind of statement.
        what: String,
    },
    /// The question does not make sense: wrong syntax, unknown names, types that do not fit.
    #[error("{}", one_line(source))]
    Question {
        /// What DataFusion says about it.
        source: Box<DataFusionError>,
    },
    /// The answer needs more memory than the session may take.
    #[error(
        "the query needs more memory than the limit of the session: {}; ask for less or raise the limit",
        one_line(source)
    )]
    Memory {
        /// What DataFusion says about it.
        source: Box<DataFusionError>,
    },
    /// A segment is missing or not what was written.
    #[error(
        "a segment is missing or damaged: {}; run `quipu verify` and restore the file",
        one_line(source)
    )]
    Damaged {
        /// What the reader of the file says about it.
        source: Box<DataFusionError>,
    },
    /// The operating system refused to read or to spill.
    #[error("cannot read or spill: {}", one_line(source))]
    Io {
        /// What the system says about it.
        source: Box<DataFusionError>,
    },
    /// The store's own files could not be read.
    #[error(transparent)]
    Store(#[from] quipu_store::StoreError),
    /// Something is wrong with a report, or with what is asked of it.
    #[error(transparent)]
    Report(#[from] crate::reports::ReportError),
    /// A price list is not one.
    #[error(transparent)]
    Prices(#[from] crate::prices::PriceError),
    /// A query runs on a tokio runtime, and there is none.
    #[error("no tokio runtime: call this from within one")]
    NoRuntime,
    /// We did something wrong.
    #[error("internal error: {what}; please report it with the SQL that caused it")]
    Internal {
        /// What happened.
        what: String,
    },
}

/// What a caller can do about a [`SqlError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SqlErrorKind {
    /// Correct the SQL.
    Question,
    /// Ask for less, or raise the memory limit.
    Memory,
    /// Restore the file from a copy.
    Damaged,
    /// See to the disk or its permissions.
    Io,
    /// See what the store says.
    Store,
    /// Report it.
    Internal,
}

impl SqlError {
    /// What a caller can do about it.
    #[must_use]
    pub fn kind(&self) -> SqlErrorKind {
        match self {
            Self::TooLong { .. }
            | Self::TooManyOperators { .. }
            | Self::NotOneStatement { .. }
            | Self::Refused { .. }
            | Self::Report(_)
            | Self::Prices(_)
            | Self::Question { .. } => SqlErrorKind::Question,
            Self::Memory { .. } => SqlErrorKind::Memory,
            Self::Damaged { .. } => SqlErrorKind::Damaged,
            Self::Io { .. } => SqlErrorKind::Io,
            Self::Store(_) => SqlErrorKind::Store,
            Self::NoRuntime | Self::Internal { .. } => SqlErrorKind::Internal,
        }
    }

    pub(crate) fn internal(what: impl Into<String>) -> Self {
        Self::Internal { what: what.into() }
    }
}

impl From<DataFusionError> for SqlError {
    /// Sorts an error of DataFusion by its root: one that wraps a damaged file is a damaged file.
    fn from(error: DataFusionError) -> Self {
        let kind = kind_of(error.find_root());
        let source = Box::new(error);
        match kind {
            SqlErrorKind::Memory => Self::Memory { source },
            SqlErrorKind::Damaged => Self::Damaged { source },
            SqlErrorKind::Io => Self::Io { source },
            SqlErrorKind::Internal => Self::Internal {
                what: one_line(&source),
            },
            _ => Self::Question { source },
        }
    }
}

fn kind_of(root: &DataFusionError) -> SqlErrorKind {
    match root {
        DataFusionError::ResourcesExhausted(_) => SqlErrorKind::Memory,
        DataFusionError::ParquetError(_) => SqlErrorKind::Damaged,
        DataFusionError::ObjectStore(error) => match &**error {
            object_store::Error::NotFound { .. } => SqlErrorKind::Damaged,
            object_store::Error::Generic { source, .. } if source.is::<DamagedSegment>() => {
                SqlErrorKind::Damaged
            }
            _ => SqlErrorKind::Io,
        },
        DataFusionError::IoError(_) => SqlErrorKind::Io,
        DataFusionError::ArrowError(error, _) => match **error {
            ArrowError::IoError(..) => SqlErrorKind::Io,
            ArrowError::ParquetError(_) => SqlErrorKind::Damaged,
            _ => SqlErrorKind::Question,
        },
        DataFusionError::Internal(_) | DataFusionError::ExecutionJoin(_) => SqlErrorKind::Internal,
        DataFusionError::External(error) => kind_of_external(&**error),
        _ => SqlErrorKind::Question,
    }
}

/// Walks the causes of a foreign error down to one whose kind is known.
fn kind_of_external(error: &(dyn StdError + 'static)) -> SqlErrorKind {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<datafusion::parquet::errors::ParquetError>() || error.is::<DamagedSegment>() {
            return SqlErrorKind::Damaged;
        }
        if error.is::<std::io::Error>() {
            return SqlErrorKind::Io;
        }
        cause = error.source();
    }
    SqlErrorKind::Question
}

/// The message of an error on one line, without the phase that DataFusion puts before it.
fn one_line(error: &DataFusionError) -> String {
    let text = error.strip_backtrace();
    let mut text = text.as_str();
    for phase in [
        "Error during planning: ",
        "Schema error: ",
        "SQL error: ",
        "Execution error: ",
        "This feature is not implemented: ",
        "Resources exhausted: ",
        "Parquet error: ",
        "Object Store error: ",
        "Arrow error: ",
        "External error: ",
    ] {
        text = text.strip_prefix(phase).unwrap_or(text);
    }
    let parser = text
        .strip_prefix("ParserError(\"")
        .and_then(|text| text.strip_suffix("\")"));
    let text = parser.map_or_else(
        || text.to_owned(),
        |text| text.replace("\\\"", "\"").replace("\\'", "'"),
    );
    let text = text
        .strip_prefix("table 'quipu.")
        .and_then(|rest| rest.split_once('\''))
        .map(|(name, rest)| {
            let name = name.strip_prefix("main.").unwrap_or(name);
            format!("table '{name}'{rest}; SHOW TABLES lists what there is")
        })
        .unwrap_or(text);
    let text = used_as_a_value(&text).unwrap_or(text);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What is wrong with a call of a function that DataFusion does not find among those of values, because it gives a table.
fn used_as_a_value(text: &str) -> Option<String> {
    let (name, _) = text.strip_prefix("Invalid function '")?.split_once('\'')?;
    let function = table_functions()
        .into_iter()
        .find(|function| function.name.eq_ignore_ascii_case(name))?;
    Some(format!(
        "{} gives a table and belongs behind FROM: {}; for example {}",
        function.name, function.syntax, function.example
    ))
}
