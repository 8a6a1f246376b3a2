//! A batch of records (format 2), from its first record to its last attempt.
//!
//! The layout stands in [`crate::batch`]. Records are written once, behind room for the head; the head is filled in when
//! the batch is sent.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use crate::backoff::after;
use crate::batch::{BatchHeader, Records};
use crate::raw::RawRecord;

use super::options::BatchCompression;
use super::record::{BATCH_HEAD_BYTES, ProduceRecord};

/// Most records of one batch; offsets within it are 32 bits.
const RECORDS_MAX: i32 = 1 << 20;
/// Memory taken for a batch with its first record.
const FIRST_RESERVE_BYTES: usize = 16 << 10;

/// What an idempotent producer writes into a batch, so that brokers know it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) producer_id: i64,
    pub(super) epoch: i16,
    pub(super) base_sequence: i32,
}

impl Stamp {
    /// What a batch without numbers has.
    const NONE: Self = Self {
        producer_id: -1,
        epoch: -1,
        base_sequence: -1,
    };
}

/// Records on their way to one partition, each with the tag that its caller gave it.
#[derive(Debug)]
pub(super) struct Batch<T> {
    /// Room for the head, then the records as they are when not compressed. Empty while `sealed` holds the same bytes.
    plain: Vec<u8>,
    /// The bytes to send, once the batch was sealed.
    sealed: Option<Bytes>,
    codec: BatchCompression,
    base_timestamp_ms: i64,
    max_timestamp_ms: i64,
    tags: Vec<T>,
    opened: Instant,
    stamp: Option<Stamp>,
    /// Requests that it was part of.
    pub(super) attempts: u32,
    /// Whether an attempt ended without an answer, so that it may be stored.
    pub(super) may_be_stored: bool,
}

impl<T> Batch<T> {
    /// An empty batch, in a buffer that may have been used before.
    pub(super) fn open(mut buffer: Vec<u8>, opened: Instant) -> Self {
        buffer.clear();
        buffer.reserve(FIRST_RESERVE_BYTES);
        buffer.resize(BATCH_HEAD_BYTES, 0);
        Self {
            plain: buffer,
            sealed: None,
            codec: BatchCompression::None,
            base_timestamp_ms: 0,
            max_timestamp_ms: i64::MIN,
            tags: Vec::new(),
            opened,
            stamp: None,
            attempts: 0,
            may_be_stored: false,
        }
    }

    /// Appends a record if the batch stays within `limit` bytes with it; an empty batch takes any. Gives the tag back
    /// where it does not.
    pub(super) fn push(&mut self, record: &ProduceRecord<'_>, tag: T, limit: usize) -> Result<(), T> {
        if self.tags.is_empty() {
            self.base_timestamp_ms = record.timestamp_ms;
        }
        let offset_delta = i32::try_from(self.tags.len()).unwrap_or(i32::MAX);
        let time_delta = record.timestamp_ms.saturating_sub(self.base_timestamp_ms);
        let body = record.body_len(time_delta, offset_delta);
        // The length field of a record takes 5 bytes at most.
        let full = self.plain.len() + body + 5 > limit || offset_delta >= RECORDS_MAX;
        if full && !self.tags.is_empty() {
            return Err(tag);
        }
        record.write(&mut self.plain, time_delta, offset_delta, body);
        self.max_timestamp_ms = self.max_timestamp_ms.max(record.timestamp_ms);
        self.tags.push(tag);
        Ok(())
    }

    pub(super) fn count(&self) -> i32 {
        i32::try_from(self.tags.len()).unwrap_or(i32::MAX)
    }

    /// Bytes of the batch when not compressed.
    pub(super) fn plain_bytes(&self) -> usize {
        match &self.sealed {
            Some(sealed) if self.plain.is_empty() => sealed.len(),
            _ => self.plain.len(),
        }
    }

    /// When a batch that was opened so is given up.
    pub(super) fn deadline(&self, delivery_timeout: Duration) -> Instant {
        after(self.opened, delivery_timeout)
    }

    /// When a batch that is not full is sent all the same.
    pub(super) fn lingers_until(&self, linger: Duration) -> Instant {
        after(self.opened, linger)
    }

    pub(super) fn stamp(&self) -> Option<Stamp> {
        self.stamp
    }

    /// Gives the batch its numbers, or takes them away. It has to be sealed anew.
    pub(super) fn set_stamp(&mut self, stamp: Option<Stamp>) {
        self.stamp = stamp;
        self.unseal();
    }

    fn unseal(&mut self) {
        if let Some(sealed) = self.sealed.take()
            && self.plain.is_empty()
        {
            // No copy where no request holds it any more.
            self.plain = sealed.into();
        }
    }

    /// The bytes to send; made once, for all attempts.
    ///
    /// # Errors
    /// The codec failed.
    pub(super) fn seal(&mut self, codec: BatchCompression) -> io::Result<Bytes> {
        if let Some(sealed) = &self.sealed {
            return Ok(sealed.clone());
        }
        let mut bytes = if codec == BatchCompression::None {
            std::mem::take(&mut self.plain)
        } else {
            let mut compressed = Vec::with_capacity(self.plain.len() / 2);
            compressed.resize(BATCH_HEAD_BYTES, 0);
            codec.compress(&self.plain[BATCH_HEAD_BYTES..], &mut compressed)?;
            compressed
        };
        self.codec = codec;
        self.write_head(&mut bytes);
        let sealed = Bytes::from(bytes);
        self.sealed = Some(sealed.clone());
        Ok(sealed)
    }

    fn write_head(&self, bytes: &mut [u8]) {
        let stamp = self.stamp.unwrap_or(Stamp::NONE);
        let length = i32::try_from(bytes.len() - 12).unwrap_or(i32::MAX);
        let mut put = |at: usize, field: &[u8]| bytes[at..at + field.len()].copy_from_slice(field);
        put(0, &0_i64.to_be_bytes());
        put(8, &length.to_be_bytes());
        put(12, &(-1_i32).to_be_bytes());
        put(16, &[2]);
        put(21, &self.codec.number().to_be_bytes());
        put(23, &(self.count() - 1).to_be_bytes());
        put(27, &self.base_timestamp_ms.to_be_bytes());
        put(35, &self.max_timestamp_ms.to_be_bytes());
        put(43, &stamp.producer_id.to_be_bytes());
        put(51, &stamp.epoch.to_be_bytes());
        put(53, &stamp.base_sequence.to_be_bytes());
        put(57, &self.count().to_be_bytes());
        let checksum = crc32c::crc32c(&bytes[21..]);
        bytes[17..21].copy_from_slice(&checksum.to_be_bytes());
    }

    /// The first `count` records, as they were put; their tags need not be here any more.
    pub(super) fn records(&self, count: usize) -> impl Iterator<Item = RawRecord<'_>> {
        let count = i32::try_from(count).unwrap_or(i32::MAX);
        let plain = match &self.sealed {
            Some(sealed) if self.plain.is_empty() => &sealed[..],
            _ => &self.plain[..],
        };
        let header = BatchHeader {
            base_offset: 0,
            leader_epoch: -1,
            checksum: 0,
            attributes: 0,
            last_offset_delta: count - 1,
            base_timestamp_ms: self.base_timestamp_ms,
            max_timestamp_ms: self.max_timestamp_ms,
            producer_id: -1,
            record_count: count,
        };
        Records::new(header, plain.get(BATCH_HEAD_BYTES..).unwrap_or_default())
    }

    /// The tags, in the order of the records.
    pub(super) fn take_tags(&mut self) -> Vec<T> {
        std::mem::take(&mut self.tags)
    }

    /// Two batches with half of the records each, in order; both begin their attempts anew.
    pub(super) fn split(mut self) -> (Self, Self) {
        let tags = self.take_tags();
        let first_half = tags.len() / 2;
        let mut halves = (
            Self::open(Vec::new(), self.opened),
            Self::open(Vec::new(), self.opened),
        );
        for (index, (raw, tag)) in self.records(tags.len()).zip(tags).enumerate() {
            let headers: Vec<(&str, &[u8])> = raw
                .headers
                .iter()
                .filter_map(|header| Some((header.key_text()?, header.value.unwrap_or_default())))
                .collect();
            let record = ProduceRecord {
                key: raw.key,
                value: raw.value,
                headers: &headers,
                timestamp_ms: raw.timestamp_ms,
            };
            let half = if index < first_half {
                &mut halves.0
            } else {
                &mut halves.1
            };
            // No limit: half of what was one batch fits.
            let _ = half.push(&record, tag, usize::MAX);
        }
        halves
    }

    /// The buffer, for another batch; empty while a request still holds the bytes.
    pub(super) fn into_buffer(mut self) -> Vec<u8> {
        match self.sealed.take() {
            Some(sealed) if self.plain.is_empty() && sealed.is_unique() => sealed.into(),
            _ => self.plain,
        }
    }
}

#[cfg(test)]
#[path = "batch_tests.rs"]
mod tests;
