//! All records that wait: a lane for each partition, and those that came before the partitions were known.

use std::collections::VecDeque;

use tokio::time::Instant;

use super::lane::{Lane, Pushed};
use super::partitioner::Partitioner;
use super::record::ProduceRecord;

/// Buffers of batches that are kept for the next ones, in bytes.
const SPARE_BYTES_MAX: usize = 16 << 20;

/// A record that came before the partitions were known.
#[derive(Debug)]
pub(super) struct Unplaced<T> {
    pub(super) key: Option<Vec<u8>>,
    pub(super) value: Option<Vec<u8>>,
    headers: Vec<(String, Vec<u8>)>,
    pub(super) timestamp_ms: i64,
    pub(super) tag: T,
    pub(super) put_at: Instant,
}

/// What waits.
#[derive(Debug)]
pub(super) struct Queue<T> {
    pub(super) lanes: Vec<Lane<T>>,
    pub(super) unplaced: VecDeque<Unplaced<T>>,
    pub(super) closed: bool,
    /// Whether the records without a partition are due at once when they have one.
    is_hurried: bool,
    partitioner: Partitioner,
    /// Partitions that records are put to: lanes of partitions that a topic has no more only run empty.
    partitions: usize,
    turn: usize,
    spare: Vec<Vec<u8>>,
    spare_bytes: usize,
}

impl<T> Queue<T> {
    pub(super) fn new(partitioner: Partitioner) -> Self {
        Self {
            lanes: Vec::new(),
            unplaced: VecDeque::new(),
            closed: false,
            is_hurried: false,
            partitioner,
            partitions: 0,
            turn: 0,
            spare: Vec::new(),
            spare_bytes: 0,
        }
    }

    /// Puts a record behind those of its partition.
    pub(super) fn put(&mut self, record: &ProduceRecord<'_>, tag: T, limit: usize) -> Pushed {
        if self.partitions == 0 {
            self.unplaced.push_back(Unplaced {
                key: record.key.map(<[u8]>::to_vec),
                value: record.value.map(<[u8]>::to_vec),
                headers: record
                    .headers
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), value.to_vec()))
                    .collect(),
                timestamp_ms: record.timestamp_ms,
                tag,
                put_at: Instant::now(),
            });
            return if self.unplaced.len() == 1 {
                Pushed::Noteworthy
            } else {
                Pushed::Joined
            };
        }
        self.place(record, tag, limit, Instant::now)
    }

    fn place(
        &mut self,
        record: &ProduceRecord<'_>,
        tag: T,
        limit: usize,
        opened: impl FnOnce() -> Instant,
    ) -> Pushed {
        let partition = match record.key {
            Some(key) => self.partitioner.partition(key, self.partitions),
            None => {
                self.turn = (self.turn + 1) % self.partitions;
                self.turn
            }
        };
        let Self {
            lanes,
            spare,
            spare_bytes,
            ..
        } = self;
        let buffer = || {
            let buffer = spare.pop().unwrap_or_default();
            *spare_bytes -= buffer.capacity();
            buffer
        };
        lanes[partition].push(record, tag, limit, opened, buffer)
    }

    /// The topic has so many partitions now. Records that waited for that are placed, in order.
    pub(super) fn set_partitions(&mut self, partitions: usize, limit: usize) {
        self.partitions = partitions;
        if self.lanes.len() < partitions {
            self.lanes.resize_with(partitions, Lane::default);
        }
        if partitions == 0 {
            return;
        }
        for unplaced in std::mem::take(&mut self.unplaced) {
            let headers: Vec<(&str, &[u8])> = unplaced
                .headers
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_slice()))
                .collect();
            let record = ProduceRecord {
                key: unplaced.key.as_deref(),
                value: unplaced.value.as_deref(),
                headers: &headers,
                timestamp_ms: unplaced.timestamp_ms,
            };
            self.place(&record, unplaced.tag, limit, || unplaced.put_at);
        }
        if std::mem::take(&mut self.is_hurried) {
            self.hurry();
        }
    }

    /// Makes all that waits due at once.
    pub(super) fn hurry(&mut self) {
        self.lanes.iter_mut().for_each(Lane::close_open);
        self.is_hurried = !self.unplaced.is_empty();
    }

    /// Lets what waits for the partition of a key be sent as soon as nothing else is on its way there.
    pub(super) fn send_soon(&mut self, key: &[u8]) {
        if self.partitions == 0 {
            self.is_hurried = true;
        } else {
            let partition = self.partitioner.partition(key, self.partitions);
            self.lanes[partition].await_open();
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.unplaced.is_empty() && self.lanes.iter().all(Lane::is_empty)
    }

    /// Keeps a buffer for another batch, if there is room for it.
    pub(super) fn keep(&mut self, buffer: Vec<u8>) {
        let bytes = buffer.capacity();
        if bytes > 0 && self.spare_bytes + bytes <= SPARE_BYTES_MAX {
            self.spare_bytes += bytes;
            self.spare.push(buffer);
        }
    }
}
