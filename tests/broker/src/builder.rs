//! Builds record batches, also those that only compaction, a transaction coordinator or a faulty producer
//! writes.
//!
//! `kafka-protocol` has an encoder too, but it derives the header from the records, joins equal header names
//! and splits batches, so it cannot write what compaction leaves behind or what a faulty producer sends.

use bytes::{BufMut, Bytes, BytesMut};

use crate::batch::{CONTROL, HEADER_BYTES, TRANSACTIONAL, sealed};
use crate::codec::Compression;
use crate::error::BrokerError;
use crate::record::Record;

/// How a transaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marker {
    /// Its records do not count.
    Abort = 0,
    /// Its records count.
    Commit = 1,
}

/// Builds one record batch, also of the kinds that only compaction or a transaction coordinator writes.
#[derive(Debug, Clone)]
pub struct BatchBuilder {
    compression: Compression,
    attributes: i16,
    producer: (i64, i16, i32),
    records: Vec<(i32, Record)>,
    last_offset_delta: Option<i32>,
}

impl Default for BatchBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl BatchBuilder {
    /// An empty batch: not compressed, no producer id, no transaction.
    pub fn new() -> Self {
        Self {
            compression: Compression::None,
            attributes: 0,
            producer: (-1, -1, -1),
            records: Vec::new(),
            last_offset_delta: None,
        }
    }

    /// Compresses the records with this codec.
    pub fn compression(self, compression: Compression) -> Self {
        Self { compression, ..self }
    }

    /// Names the idempotent producer: its id, its epoch and the sequence of the first record.
    pub fn producer(self, id: i64, epoch: i16, base_sequence: i32) -> Self {
        Self {
            producer: (id, epoch, base_sequence),
            ..self
        }
    }

    /// Marks the batch as part of a transaction of its producer.
    pub fn transactional(self) -> Self {
        Self {
            attributes: self.attributes | TRANSACTIONAL,
            ..self
        }
    }

    /// Adds a record right after the last one.
    pub fn record(self, record: Record) -> Self {
        let offset_delta = self
            .records
            .last()
            .map_or(0, |(delta, _)| delta.saturating_add(1));
        self.record_at(offset_delta, record)
    }

    /// Adds a record at an offset of its own, counted from the base offset: leaving some out makes holes.
    pub fn record_at(mut self, offset_delta: i32, record: Record) -> Self {
        self.records.push((offset_delta, record));
        self
    }

    /// Adds records, each right after the one before.
    pub fn records(self, records: impl IntoIterator<Item = Record>) -> Self {
        records.into_iter().fold(self, Self::record)
    }

    /// States the last offset delta, where it is not that of the last record: compaction keeps it when it
    /// removes the last records, or all of them.
    pub fn last_offset_delta(self, delta: i32) -> Self {
        Self {
            last_offset_delta: Some(delta),
            ..self
        }
    }

    /// The control batch that ends a transaction: one record, never shown to consumers.
    pub fn marker(producer_id: i64, producer_epoch: i16, marker: Marker, timestamp_ms: i64) -> Self {
        let mut key = BytesMut::new();
        key.put_i16(0); // version
        key.put_i16(marker as i16);
        let mut value = BytesMut::new();
        value.put_i16(0); // version
        value.put_i32(0); // coordinator epoch
        let record = Record::new(value.freeze()).key(key.freeze()).at(timestamp_ms);
        let batch = Self::new()
            .producer(producer_id, producer_epoch, -1)
            .transactional()
            .record(record);
        Self {
            attributes: batch.attributes | CONTROL,
            ..batch
        }
    }

    /// The batch, with base offset 0 until a log gives it its place.
    ///
    /// # Errors
    /// [`BrokerError::Codec`] if compressing fails.
    pub fn build(self) -> Result<Bytes, BrokerError> {
        let base_timestamp = self.records.first().map_or(-1, |(_, record)| record.timestamp_ms);
        let max_timestamp = self
            .records
            .iter()
            .map(|(_, record)| record.timestamp_ms)
            .max()
            .unwrap_or(-1);
        let last_delta = self.records.last().map_or(0, |(delta, _)| *delta);
        let mut records = BytesMut::new();
        let mut scratch = BytesMut::new();
        for (offset_delta, record) in &self.records {
            record.encode(&mut records, &mut scratch, base_timestamp, *offset_delta);
        }
        let (producer_id, producer_epoch, base_sequence) = self.producer;
        let mut batch = BytesMut::with_capacity(HEADER_BYTES + records.len());
        batch.put_i64(0); // base offset, see set_place
        batch.put_i32(0); // length, see sealed
        batch.put_i32(0); // leader epoch, see set_place
        batch.put_i8(2);
        batch.put_u32(0); // checksum, see sealed
        batch.put_i16(self.attributes | self.compression as i16);
        batch.put_i32(self.last_offset_delta.unwrap_or(last_delta));
        batch.put_i64(base_timestamp);
        batch.put_i64(max_timestamp);
        batch.put_i64(producer_id);
        batch.put_i16(producer_epoch);
        batch.put_i32(base_sequence);
        batch.put_i32(i32::try_from(self.records.len()).unwrap_or(i32::MAX));
        match self.compression {
            Compression::None => batch.extend_from_slice(&records),
            codec => batch.extend_from_slice(&codec.compress(&records)?),
        }
        Ok(sealed(batch))
    }
}
