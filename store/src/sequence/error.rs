//! What can go wrong with the book.

use arrow_schema::ArrowError;

/// An error of the sequence book. None of them loses data: the book can always be rebuilt from the store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BookError {
    /// Threads that had left memory cannot be read back, so verdicts given since then may be wrong. Nothing may be
    /// committed with them.
    #[error(
        "cold threads of the sequence book cannot be read ({reason}); open the store again: the book is then rebuilt \
         from its snapshot"
    )]
    ColdThreadsLost {
        /// What the index said.
        reason: String,
    },

    /// A snapshot of the book does not have the columns of its table.
    #[error("snapshot of the sequence book has no column {column} of the expected type")]
    SnapshotColumn {
        /// Name of the column.
        column: &'static str,
    },

    /// A row of a snapshot of the book holds recent ids that the book did not write.
    #[error(
        "snapshot of the sequence book, row {row}: recent_ids of {bytes} bytes, expected at most {limit} in steps of 8"
    )]
    SnapshotRecentIds {
        /// Row within its batch.
        row: usize,
        /// Length found.
        bytes: usize,
        /// Longest length there is.
        limit: usize,
    },

    /// Rows could not be put together.
    #[error("cannot build rows of table {table}")]
    Rows {
        /// Name of the table.
        table: &'static str,
        /// What arrow said.
        #[source]
        source: ArrowError,
    },
}
