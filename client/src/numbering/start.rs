//! Where the numbers of a thread begin that this process has not numbered yet, or not for long.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

/// Knows the last number of a thread: a store, a database of sessions.
#[async_trait]
pub trait LastSequence: Send + Sync {
    /// The greatest number that a message of this thread has; `None` if the thread is new.
    ///
    /// # Errors
    /// It cannot be told. The thread then begins a new strand.
    async fn last_sequence(
        &self,
        tenant: &str,
        thread: &str,
    ) -> Result<Option<u64>, Box<dyn Error + Send + Sync>>;
}

/// How far back the end of a partition is read for the last number of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastRecordBounds {
    /// Records from the end of the partition. Default 10,000.
    pub records: u32,
    /// Bytes of batches, as they are stored. Default 16 MiB. Where the records above have more, the last number is taken
    /// for unknown.
    pub bytes: u64,
    /// Time for all of it. Default 5 s.
    pub time: Duration,
}

impl Default for LastRecordBounds {
    fn default() -> Self {
        Self {
            records: 10_000,
            bytes: 16 << 20,
            time: Duration::from_secs(5),
        }
    }
}

/// Where the numbers of a thread begin. Whoever cannot be asked, or does not know the thread, makes it begin a new strand
/// at 1, which is counted ([`ProducerCounts::strands_opened`](crate::producer::ProducerCounts::strands_opened)).
#[derive(Clone, Default)]
pub enum StartPolicy {
    /// At 1: a new strand. Right for threads that live in one process, as most do.
    #[default]
    Fresh,
    /// Behind the last number of the thread in the newest records of its partition. Each new thread costs a look at the
    /// end of its partition.
    LastRecord(LastRecordBounds),
    /// Behind the number that this one tells.
    Ask {
        /// Whom to ask.
        source: Arc<dyn LastSequence>,
        /// Time for an answer.
        time: Duration,
    },
}

impl fmt::Debug for StartPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fresh => f.write_str("Fresh"),
            Self::LastRecord(bounds) => f.debug_tuple("LastRecord").field(bounds).finish(),
            Self::Ask { time, .. } => f.debug_struct("Ask").field("time", time).finish_non_exhaustive(),
        }
    }
}
