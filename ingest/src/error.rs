//! What can go wrong while records are taken in.

use std::path::PathBuf;
use std::time::Duration;

use quipu_proto::frames::FramesError;
use quipu_proto::{LogPartition, PartitionId};
use quipu_store::StoreError;
use quipu_store::sequence::BookError;

use crate::kafka::KafkaError;

/// Result of taking records in.
pub type Result<T> = std::result::Result<T, IngestError>;

/// Why taking records in ended. What was committed before stays, and the next run goes on from there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IngestError {
    /// The pipeline failed before, so that its account is ahead of the store: nothing more may be committed.
    #[error(
        "taking in has failed before; open the store again, where everything goes on from the last commit"
    )]
    Broken,
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The sequence book.
    #[error("sequence book: {0}")]
    Book(#[from] BookError),
    /// Kafka.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    /// A source gave an offset that the store has already read past, or left some out.
    #[error("{log}: the source gave offset {got} where {expected} was due; restart the ingester")]
    OutOfOrder {
        /// The partition.
        log: LogPartition,
        /// Offset that was due.
        expected: i64,
        /// Offset that came.
        got: i64,
    },
    /// A file could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Letters could not be written to a stream.
    #[error("cannot write letters: {0}")]
    Export(std::io::Error),
    /// The process that writes the store did not answer a request.
    #[error(
        "another process writes {} and did not answer within {} s; the request was withdrawn: try again, or stop that process",
        store.display(),
        waited.as_secs()
    )]
    Unanswered {
        /// The store.
        store: PathBuf,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The process that writes the store could not do what it was asked.
    #[error("the process that writes the store could not do it: {message}")]
    RequestFailed {
        /// What it said.
        message: String,
    },
    /// A file changed while it was read, so that its checksum names something else.
    #[error("{} changed while it was read; take it in again when nothing writes to it", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// A frames file is damaged from some point on. What stands before was taken in.
    #[error("{}: {source}; the {taken} frames before it were taken in", path.display())]
    Frames {
        /// The file.
        path: PathBuf,
        /// Frames before the damage.
        taken: u64,
        /// What is wrong.
        source: FramesError,
    },
    /// A frame beyond what a row can hold.
    #[error("{}: frame {frame} has {bytes} bytes, the limit is {limit}", path.display())]
    FrameTooLarge {
        /// The file.
        path: PathBuf,
        /// Number of the frame, from 0.
        frame: u64,
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// A line beyond what a letter can have.
    #[error("{}: line {line} is longer than the limit of {limit} bytes; is it a file of JSON lines?", path.display())]
    LineTooLong {
        /// The file.
        path: PathBuf,
        /// Number of the line, from 1.
        line: i64,
        /// The limit.
        limit: u64,
    },
    /// Rows that do not fit their table.
    #[error("rows do not fit their table: {0}; please report this")]
    Rows(#[from] arrow_schema::ArrowError),
    /// Rows of the store are not what they should be.
    #[error("segment {} has no usable column {column:?}", segment.display())]
    Rebuild {
        /// The segment.
        segment: PathBuf,
        /// The column.
        column: &'static str,
    },
    /// A partition that is fed without having been opened.
    #[error("partition {0} was not opened; please report this")]
    NotOpened(PartitionId),
    /// The runtime for the network could not be started.
    #[error("cannot start the network runtime: {0}")]
    Runtime(std::io::Error),
    /// A partition could not be read on. The others were.
    #[error("{failed} of {partitions} partitions could not be read on, the first because: {first}")]
    PartitionsFailed {
        /// How many failed.
        failed: usize,
        /// Of how many.
        partitions: usize,
        /// The first failure.
        first: Box<KafkaError>,
    },
}
