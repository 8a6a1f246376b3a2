//! The log of one partition: encoded batches in memory, and what a broker knows about them.
//!
//! There is one replica, so the high watermark is always the log end.

use std::collections::{BTreeMap, HashMap, VecDeque};

use bytes::{Bytes, BytesMut};
use kafka_protocol::ResponseError;

use crate::batch::{self, BatchHeader};
use crate::builder::{BatchBuilder, Marker};
use crate::codec::Compression;
use crate::error::BrokerError;
use crate::producer::{ProducerState, SequenceVerdict};
use crate::stored::StoredBatch;

/// An aborted transaction of one producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AbortedTransaction {
    /// Whose it was.
    pub producer_id: i64,
    /// Offset of its first record.
    pub first_offset: i64,
    /// Offset of its ABORT marker.
    pub last_offset: i64,
}

/// Which records a consumer asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Isolation {
    /// All up to the high watermark.
    ReadUncommitted,
    /// Those before the first open transaction, with the list of aborted ones.
    ReadCommitted,
}

impl Isolation {
    pub(crate) fn of_wire(level: i8) -> Self {
        if level == 1 {
            Self::ReadCommitted
        } else {
            Self::ReadUncommitted
        }
    }
}

/// What to read from a log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReadRequest {
    pub(crate) offset: i64,
    pub(crate) isolation: Isolation,
    pub(crate) bytes_max: usize,
    /// Return the first batch even if it is larger than `bytes_max`, so that a consumer never gets stuck at
    /// it.
    pub(crate) one_batch_at_least: bool,
}

/// Whole batches, the first of which contains the offset asked for (or follows it, if that offset is a hole).
#[derive(Debug, Clone)]
pub(crate) struct ReadBatches {
    pub(crate) records: Bytes,
    pub(crate) contains_zstd: bool,
    /// Transactions that touch the batches, in the order of their markers; none for uncommitted reads.
    pub(crate) aborted: Option<Vec<AbortedTransaction>>,
}

/// The log of one partition.
#[derive(Debug)]
pub(crate) struct PartitionLog {
    batches: VecDeque<StoredBatch>,
    log_start: i64,
    log_end: i64,
    /// First offset of the open transaction of each producer.
    open: BTreeMap<i64, i64>,
    aborted: Vec<AbortedTransaction>,
    /// Each leader epoch with its first offset, ascending; never empty.
    epochs: Vec<(i32, i64)>,
    /// The newest epoch there ever was: of a log that was cut it may have no batch any more.
    epoch_newest: i32,
    producers: HashMap<i64, ProducerState>,
    /// The node that leads.
    leader: i32,
}

impl PartitionLog {
    pub(crate) fn new(leader: i32) -> Self {
        Self {
            leader,
            batches: VecDeque::new(),
            log_start: 0,
            log_end: 0,
            open: BTreeMap::new(),
            aborted: Vec::new(),
            epochs: vec![(0, 0)],
            epoch_newest: 0,
            producers: HashMap::new(),
        }
    }

    pub(crate) fn log_start(&self) -> i64 {
        self.log_start
    }

    pub(crate) fn high_watermark(&self) -> i64 {
        self.log_end
    }

    /// The first offset of the oldest open transaction, or the high watermark.
    pub(crate) fn last_stable_offset(&self) -> i64 {
        self.open.values().copied().min().unwrap_or(self.log_end)
    }

    pub(crate) fn leader_epoch(&self) -> i32 {
        self.epochs.last().map_or(0, |(epoch, _)| *epoch)
    }

    pub(crate) fn leader(&self) -> i32 {
        self.leader
    }

    /// Every aborted transaction that the log still holds, in the order of their markers.
    pub(crate) fn aborted(&self) -> &[AbortedTransaction] {
        &self.aborted
    }

    /// The end of what this isolation may see.
    pub(crate) fn visible_end(&self, isolation: Isolation) -> i64 {
        match isolation {
            Isolation::ReadUncommitted => self.high_watermark(),
            Isolation::ReadCommitted => self.last_stable_offset(),
        }
    }

    /// Stores a well-formed batch at the log end and returns its base offset.
    pub(crate) fn append(&mut self, batch: Bytes, header: &BatchHeader) -> i64 {
        let base_offset = self.log_end;
        let mut bytes = BytesMut::from(batch);
        batch::set_place(&mut bytes, base_offset, self.leader_epoch());
        if header.transactional && !header.control {
            self.open.entry(header.producer_id).or_insert(base_offset);
        }
        let last_offset = base_offset + i64::from(header.last_offset_delta);
        self.push(StoredBatch {
            base_offset,
            last_offset,
            max_timestamp: header.max_timestamp,
            bytes: bytes.freeze(),
        });
        base_offset
    }

    /// The same for a batch from a client: a batch of an idempotent producer that is stored already is not
    /// stored again.
    pub(crate) fn append_produced(
        &mut self,
        batch: Bytes,
        header: &BatchHeader,
    ) -> Result<i64, ResponseError> {
        let BatchHeader {
            producer_id,
            producer_epoch,
            base_sequence,
            record_count,
            ..
        } = *header;
        if producer_id < 0 {
            return Ok(self.append(batch, header));
        }
        let known = self.producers.get(&producer_id);
        let verdict = known.map_or(Ok(SequenceVerdict::Append), |state| {
            state.judge(producer_epoch, base_sequence, record_count)
        })?;
        match verdict {
            SequenceVerdict::Duplicate(base_offset) => Ok(base_offset),
            SequenceVerdict::Append => {
                let base_offset = self.append(batch, header);
                let state = self.producers.entry(producer_id).or_default();
                state.stored(producer_epoch, base_sequence, record_count, base_offset);
                Ok(base_offset)
            }
        }
    }

    /// Stores bytes as they are, for a span of `offsets` offsets.
    pub(crate) fn append_raw(&mut self, bytes: Bytes, offsets: i64) -> i64 {
        let base_offset = self.log_end;
        let last_offset = base_offset + offsets - 1;
        self.push(StoredBatch {
            base_offset,
            last_offset,
            max_timestamp: -1,
            bytes,
        });
        base_offset
    }

    /// Ends the open transaction of a producer with a control batch and returns the offset of the marker.
    pub(crate) fn end_transaction(
        &mut self,
        producer_id: i64,
        producer_epoch: i16,
        marker: Marker,
        timestamp_ms: i64,
    ) -> Result<i64, BrokerError> {
        let Some(first_offset) = self.open.get(&producer_id).copied() else {
            return Err(BrokerError::NoOpenTransaction { producer_id });
        };
        let batch = BatchBuilder::marker(producer_id, producer_epoch, marker, timestamp_ms).build()?;
        let header = BatchHeader::parse(&batch)?;
        let last_offset = self.append(batch, &header);
        self.open.remove(&producer_id);
        if marker == Marker::Abort {
            self.aborted.push(AbortedTransaction {
                producer_id,
                first_offset,
                last_offset,
            });
        }
        Ok(last_offset)
    }

    /// Leaves offsets without any batch, as compaction does that empties whole batches.
    pub(crate) fn skip(&mut self, offsets: i64) {
        self.log_end += offsets.max(0);
    }

    /// Moves the log start; batches that end before it go.
    pub(crate) fn delete_before(&mut self, offset: i64) -> Result<(), BrokerError> {
        if offset < self.log_start || offset > self.log_end {
            let (log_start, log_end) = (self.log_start, self.log_end);
            return Err(BrokerError::OffsetOutOfRange {
                offset,
                log_start,
                log_end,
            });
        }
        self.log_start = offset;
        while self
            .batches
            .front()
            .is_some_and(|batch| batch.last_offset < offset)
        {
            self.batches.pop_front();
        }
        self.aborted
            .retain(|transaction| transaction.last_offset >= offset);
        Ok(())
    }

    /// Begins the next leader epoch at the log end, with this node as leader, and returns it.
    pub(crate) fn elect(&mut self, leader: i32) -> i32 {
        let epoch = self.epoch_newest + 1;
        self.epoch_newest = epoch;
        self.epochs.push((epoch, self.log_end));
        self.leader = leader;
        epoch
    }

    /// Forgets all from an offset on, as if the node that has just been elected had never had it. A batch that holds
    /// the offset goes as a whole. Returns where the log ends now; the next election begins an epoch that no batch
    /// before has had.
    pub(crate) fn truncate(&mut self, offset: i64) -> Result<i64, BrokerError> {
        let (log_start, log_end) = (self.log_start, self.log_end);
        if offset < log_start || offset > log_end {
            return Err(BrokerError::OffsetOutOfRange {
                offset,
                log_start,
                log_end,
            });
        }
        let kept = self.batches.partition_point(|batch| batch.last_offset < offset);
        let end = self
            .batches
            .get(kept)
            .map_or(offset, |batch| batch.base_offset.clamp(log_start, offset));
        self.batches.truncate(kept);
        self.log_end = end;
        self.open.retain(|_, first_offset| *first_offset < end);
        for transaction in self
            .aborted
            .extract_if(.., |transaction| transaction.last_offset >= end)
        {
            // Its marker is gone, so it is open again, if it had begun.
            if transaction.first_offset < end {
                self.open
                    .insert(transaction.producer_id, transaction.first_offset);
            }
        }
        self.epochs.retain(|(_, from)| *from < end);
        if self.epochs.is_empty() {
            self.epochs.push((0, log_start));
        }
        self.producers.clear();
        Ok(end)
    }

    /// Removes the records that are not to be kept, as compaction does: offsets stay, batches keep their extent, and
    /// a batch without records goes. Markers of transactions stay.
    pub(crate) fn compact(&mut self, keep: impl Fn(i64) -> bool) -> Result<(), BrokerError> {
        let mut compacted = VecDeque::with_capacity(self.batches.len());
        for batch in &self.batches {
            compacted.extend(batch.compacted(&keep)?);
        }
        self.batches = compacted;
        Ok(())
    }

    /// Where the log of a reader that has last read a batch of `epoch` and stands at `offset` parts from this one: the
    /// epoch and its end.
    pub(crate) fn divergence(&self, epoch: i32, offset: i64) -> Result<Option<(i32, i64)>, ResponseError> {
        if epoch < 0 {
            return Ok(None);
        }
        let (found, end) = self.epoch_end(epoch).ok_or(ResponseError::OffsetOutOfRange)?;
        Ok((found < epoch || end < offset).then_some((found, end)))
    }

    /// The newest epoch not above `epoch`, and the offset where it ends. Nothing for an epoch yet to come.
    pub(crate) fn epoch_end(&self, epoch: i32) -> Option<(i32, i64)> {
        if epoch == self.leader_epoch() {
            return Some((epoch, self.log_end));
        }
        let next = self.epochs.partition_point(|(known, _)| *known <= epoch);
        let (_, end) = self.epochs.get(next)?;
        let found = next
            .checked_sub(1)
            .and_then(|before| self.epochs.get(before))
            .map_or(epoch, |(known, _)| *known);
        Some((found, *end))
    }

    /// Reads whole batches.
    pub(crate) fn read(&self, request: ReadRequest) -> Result<ReadBatches, BrokerError> {
        let ReadRequest {
            offset,
            isolation,
            bytes_max,
            one_batch_at_least,
        } = request;
        let (log_start, log_end) = (self.log_start, self.log_end);
        if offset < log_start || offset > log_end {
            return Err(BrokerError::OffsetOutOfRange {
                offset,
                log_start,
                log_end,
            });
        }
        let visible_end = self.visible_end(isolation);
        let first = self.batches.partition_point(|batch| batch.last_offset < offset);
        let mut bytes = 0;
        let mut taken = 0;
        for batch in self.batches.range(first..) {
            let fits = bytes + batch.bytes.len() <= bytes_max || (taken == 0 && one_batch_at_least);
            // No batch straddles the last stable offset: that is the base offset of a transaction's first
            // batch.
            if batch.base_offset >= visible_end || !fits {
                break;
            }
            bytes += batch.bytes.len();
            taken += 1;
        }
        let batches = || self.batches.range(first..first + taken);
        let read_end = batches()
            .next_back()
            .map_or(offset, |batch| batch.last_offset + 1);
        let touches = |t: &&AbortedTransaction| t.last_offset >= offset && t.first_offset < read_end;
        Ok(ReadBatches {
            records: joined(batches().map(|batch| &batch.bytes), bytes),
            contains_zstd: batches().any(|batch| batch.compression() == Compression::Zstd),
            aborted: (isolation == Isolation::ReadCommitted)
                .then(|| self.aborted.iter().filter(touches).copied().collect()),
        })
    }

    /// Timestamp and offset of the first record at or after a time.
    pub(crate) fn offset_at(&self, timestamp: i64) -> Option<(i64, i64)> {
        let mut candidates = self
            .batches
            .iter()
            .filter(|batch| batch.max_timestamp >= timestamp);
        candidates.find_map(|batch| batch.first_at(timestamp, self.log_start))
    }

    /// Timestamp and offset of the record with the highest timestamp.
    pub(crate) fn newest_timestamp(&self) -> Option<(i64, i64)> {
        let newest = self.batches.iter().map(|batch| batch.max_timestamp).max()?;
        self.offset_at(newest)
    }

    fn push(&mut self, batch: StoredBatch) {
        self.log_end = batch.last_offset + 1;
        self.batches.push_back(batch);
    }
}

/// The batches one after another; a single one is shared, not copied.
fn joined<'a>(mut batches: impl ExactSizeIterator<Item = &'a Bytes>, bytes: usize) -> Bytes {
    if batches.len() == 1 {
        return batches.next().cloned().unwrap_or_default();
    }
    let mut out = BytesMut::with_capacity(bytes);
    batches.for_each(|batch| out.extend_from_slice(batch));
    out.freeze()
}
