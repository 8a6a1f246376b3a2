//! The batches of one partition, in order.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::error::KafkaError;

use super::batch::{Batch, Stamp};
use super::identity::ProducerId;
use super::record::ProduceRecord;

/// What a record did to its lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pushed {
    /// It joined others that wait.
    Joined,
    /// The sender has to look: a batch was begun, or one is full.
    Noteworthy,
}

/// The records that wait for one partition.
#[derive(Debug)]
pub(super) struct Lane<T> {
    open: Option<Batch<T>>,
    /// Whether the open batch does not linger: somebody waits for a record of it.
    is_awaited: bool,
    full: VecDeque<Batch<T>>,
    /// Whether a batch is on its way. The next one waits for it, so that order is kept whatever becomes of it.
    busy: bool,
    retry_at: Option<Instant>,
    /// The id under which batches were numbered last, and the next number.
    numbered: Option<(ProducerId, i32)>,
    /// What went wrong last, until something went well.
    last_error: Option<Arc<KafkaError>>,
}

impl<T> Default for Lane<T> {
    fn default() -> Self {
        Self {
            open: None,
            is_awaited: false,
            full: VecDeque::new(),
            busy: false,
            retry_at: None,
            numbered: None,
            last_error: None,
        }
    }
}

impl<T> Lane<T> {
    /// Puts a record behind the others. A new batch counts its age from `opened`.
    pub(super) fn push(
        &mut self,
        record: &ProduceRecord<'_>,
        tag: T,
        limit: usize,
        opened: impl FnOnce() -> Instant,
        buffer: impl FnOnce() -> Vec<u8>,
    ) -> Pushed {
        let Some(open) = &mut self.open else {
            return self.push_into_new(record, tag, limit, opened(), buffer());
        };
        match open.push(record, tag, limit) {
            Ok(()) => Pushed::Joined,
            Err(tag) => {
                self.close_open();
                self.push_into_new(record, tag, limit, opened(), buffer())
            }
        }
    }

    fn push_into_new(
        &mut self,
        record: &ProduceRecord<'_>,
        tag: T,
        limit: usize,
        opened: Instant,
        buffer: Vec<u8>,
    ) -> Pushed {
        let mut batch = Batch::open(buffer, opened);
        // An empty batch takes any record.
        let _ = batch.push(record, tag, limit);
        self.open = Some(batch);
        Pushed::Noteworthy
    }

    /// Lets nothing more into the batch that is open.
    pub(super) fn close_open(&mut self) {
        self.full.extend(self.open.take());
        self.is_awaited = false;
    }

    /// Lets the open batch be sent as soon as no other is on its way. Until then records may join it.
    pub(super) fn await_open(&mut self) {
        self.is_awaited = self.open.is_some();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.is_none() && self.full.is_empty() && !self.busy
    }

    fn front(&self) -> Option<&Batch<T>> {
        self.full.front().or(self.open.as_ref())
    }

    /// When the next batch is to be sent; `None` while there is none or one is on its way.
    pub(super) fn due_at(&self, linger: Duration) -> Option<Instant> {
        if self.busy {
            return None;
        }
        let ready_at = match (self.full.front(), &self.open) {
            (Some(full), _) => full.lingers_until(Duration::ZERO),
            (None, Some(open)) if self.is_awaited => open.lingers_until(Duration::ZERO),
            (None, Some(open)) => open.lingers_until(linger),
            (None, None) => return None,
        };
        Some(self.retry_at.map_or(ready_at, |retry_at| retry_at.max(ready_at)))
    }

    /// When the oldest batch that waits is given up.
    pub(super) fn deadline(&self, delivery_timeout: Duration) -> Option<Instant> {
        let front = self.front().filter(|_| !self.busy)?;
        Some(front.deadline(delivery_timeout))
    }

    /// Bytes of the next batch, not compressed.
    pub(super) fn next_bytes(&self) -> usize {
        self.front().map_or(0, Batch::plain_bytes)
    }

    /// Whether the next batch has its numbers, from an attempt before.
    pub(super) fn is_next_numbered(&self) -> bool {
        self.front().is_some_and(|batch| batch.stamp().is_some())
    }

    /// Takes the next batch to send it.
    pub(super) fn take_to_send(&mut self) -> Option<Batch<T>> {
        let batch = self.take_front()?;
        self.busy = true;
        self.retry_at = None;
        Some(batch)
    }

    /// Takes the next batch to give it up.
    pub(super) fn take_front(&mut self) -> Option<Batch<T>> {
        self.full.pop_front().or_else(|| {
            self.is_awaited = false;
            self.open.take()
        })
    }

    /// Numbers a batch that was taken to be sent; one that has numbers keeps them.
    pub(super) fn number(&mut self, batch: &mut Batch<T>, producer: ProducerId) {
        if batch.stamp().is_some() {
            return;
        }
        let next = match self.numbered {
            Some((numbered, next)) if numbered == producer => next,
            _ => 0,
        };
        batch.set_stamp(Some(Stamp {
            producer_id: producer.id,
            epoch: producer.epoch,
            base_sequence: next,
        }));
        // Sequences run from 0 to `i32::MAX` and start again at 0.
        let after = (i64::from(next) + i64::from(batch.count())) & i64::from(i32::MAX);
        self.numbered = Some((producer, i32::try_from(after).unwrap_or(0)));
    }

    /// Gives the numbers of a batch to the next one, where they were surely not stored.
    pub(super) fn take_back(&mut self, stamp: Stamp) {
        if let Some((producer, next)) = &mut self.numbered
            && (producer.id, producer.epoch) == (stamp.producer_id, stamp.epoch)
        {
            *next = stamp.base_sequence;
        }
    }

    /// The batch on its way has ended, well.
    pub(super) fn landed(&mut self) {
        self.busy = false;
        self.last_error = None;
    }

    /// The batch on its way has ended, and is given up.
    pub(super) fn lost(&mut self) {
        self.busy = false;
    }

    /// The batch on its way comes back, before all others, and is sent again at `retry_at`.
    pub(super) fn come_back(&mut self, batch: Batch<T>, retry_at: Instant, error: Option<Arc<KafkaError>>) {
        self.full.push_front(batch);
        self.busy = false;
        self.retry_at = Some(retry_at);
        self.last_error = error.or(self.last_error.take());
    }

    pub(super) fn last_error(&self) -> Option<&Arc<KafkaError>> {
        self.last_error.as_ref()
    }
}
