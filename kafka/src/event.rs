//! What a source tells the pipeline.

use std::fmt;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use quipu_proto::RecordFingerprint;
use quipu_proto::{LogPartition, TopicIncarnation};

use crate::batch::{AbortedTransaction, BatchSpan, BatchVisitor, BatchWalker, Checksums, WalkError};
use crate::continuity::LogChange;
use crate::error::{KafkaError, Place};
use crate::hole::{HoleCause, OffsetHole};
use crate::progress::{PartitionProgress, StallReport};

/// A partition that the source reads.
#[derive(Debug)]
pub struct PartitionHandle {
    /// Number of the handle, from 0, dense within one run of the source.
    pub index: usize,
    /// The partition, in the life that is read.
    pub log: LogPartition,
    /// The topic, in the life that the broker names.
    pub topic: TopicIncarnation,
    /// Number of the partition's life within that of the topic, from 0.
    pub(super) life: u32,
    /// What offsets that its log skips are put down to: compaction where the topic is compacted, else unexplained.
    pub gap_cause: HoleCause,
    /// How far the source is, always up to date.
    pub progress: PartitionProgress,
    /// The record that was taken in last.
    pub(super) last_record: Mutex<Option<RecordFingerprint>>,
}

impl PartitionHandle {
    /// The partition as errors name it.
    #[must_use]
    pub fn place(&self) -> Place {
        Place {
            topic: Arc::clone(&self.log.log.topic),
            partition: self.log.partition.0,
        }
    }

    /// Tells the source which record was taken in last: by it a log without other marks is known again.
    pub fn note_last_record(&self, record: RecordFingerprint) {
        if let Ok(mut last) = self.last_record.lock() {
            *last = Some(record);
        }
    }

    pub(super) fn last_record(&self) -> Option<RecordFingerprint> {
        self.last_record.lock().map_or(None, |last| *last)
    }
}

/// Something that happened. The events of one partition come in order and tile its offsets: `PartitionOpened` says where
/// they begin, each `Fetched` or `Hole` begins where the one before ended.
#[derive(Debug)]
pub enum SourceEvent {
    /// Which of the default topics are read, where none was named.
    TopicsChosen {
        /// Those that exist.
        found: Vec<Arc<str>>,
        /// Those that do not.
        missing: Vec<Arc<str>>,
    },
    /// A partition is read from now on.
    PartitionOpened {
        /// The partition.
        partition: Arc<PartitionHandle>,
        /// First offset that will be accounted for.
        start_offset: i64,
        /// First offset of the log.
        log_start: i64,
        /// Whether reading begins with the very first record that the partition ever had, so that a missing first
        /// number of a thread is a gap.
        head_known: bool,
    },
    /// Records.
    Fetched(Fetched),
    /// Offsets that retention removed before they were read.
    Hole {
        /// The partition.
        partition: Arc<PartitionHandle>,
        /// The offsets.
        hole: OffsetHole,
    },
    /// The topic was deleted and created again, or is another one than the store knows. The new one is read from its
    /// start.
    NewIncarnation {
        /// The incarnations known before.
        previous: Vec<TopicIncarnation>,
        /// The topic as it is now.
        current: TopicIncarnation,
    },
    /// The log of a partition is not the one that was read, though the topic has the same name and id: records were cut
    /// off its end by an unclean election, or the topic was created anew by a broker without topic ids. What was read
    /// stays; the log is read on in another incarnation, in this partition alone.
    LogChanged {
        /// The partition as it was read so far.
        previous: LogPartition,
        /// The partition as it is read from now on.
        current: LogPartition,
        /// What is known of the difference.
        change: LogChange,
    },
    /// A partition does not move though it should, or nothing is heard of it.
    Stalled {
        /// The partition.
        partition: Arc<PartitionHandle>,
        /// Where it stands.
        report: StallReport,
    },
    /// A partition was read up to where it should be.
    PartitionDone {
        /// The partition.
        partition: Arc<PartitionHandle>,
        /// Next offset, had it gone on.
        next_offset: i64,
    },
    /// A partition cannot be read on; the others are.
    PartitionFailed {
        /// The partition.
        partition: Arc<PartitionHandle>,
        /// Why.
        error: KafkaError,
    },
    /// Something that mends itself, or that a person should know.
    Warning(String),
}

/// Record batches of one partition, as one fetch brought them.
#[derive(Clone)]
pub struct Fetched {
    /// The partition.
    pub partition: Arc<PartitionHandle>,
    /// Whole batches, sharing the buffer of the response.
    pub records: Bytes,
    /// Transactions among them that were aborted.
    pub aborted: Vec<AbortedTransaction>,
    /// First offset to account for; batches may begin before it.
    pub fetch_offset: i64,
    /// Next offset after these batches.
    pub next_offset: i64,
    /// Offset to stop at, exclusive; `i64::MAX` = none.
    pub end: i64,
    /// Offset after the last record on all replicas in sync.
    pub high_watermark: i64,
    /// Offset up to which all transactions are decided.
    pub last_stable_offset: i64,
    /// Leader epoch of the last batch, to be stored with the position; -1 = unknown.
    pub leader_epoch: i32,
    /// Whether checksums are still to be compared.
    pub checksums: Checksums,
}

impl fmt::Debug for Fetched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetched")
            .field("partition", &self.partition.log)
            .field("bytes", &self.records.len())
            .field("fetch_offset", &self.fetch_offset)
            .field("next_offset", &self.next_offset)
            .finish_non_exhaustive()
    }
}

impl Fetched {
    /// What a walker needs to know.
    #[must_use]
    pub fn span(&self) -> BatchSpan<'_> {
        BatchSpan {
            bytes: &self.records,
            position: self.fetch_offset,
            end: self.end,
            high_watermark: self.high_watermark,
            aborted: &self.aborted,
            gap_cause: self.partition.gap_cause,
        }
    }

    /// Hands all records, holes and corrupt batches to the visitor, and gives the next offset.
    ///
    /// # Errors
    /// As [`BatchWalker::walk`].
    pub fn walk<V: BatchVisitor>(
        &self,
        walker: &mut BatchWalker,
        visitor: &mut V,
    ) -> Result<i64, WalkError<V::Error>> {
        walker.walk_checking(&self.span(), visitor, self.checksums)
    }

    /// A batch error with the name of the partition.
    #[must_use]
    pub fn batch_error(&self, source: crate::batch::BatchError) -> KafkaError {
        KafkaError::Batch {
            place: self.partition.place(),
            source,
        }
    }
}
