//! One batch in a log.

use bytes::{Bytes, BytesMut};

use crate::batch::{self, BatchHeader, HEADER_BYTES};
use crate::codec::Compression;
use crate::error::BrokerError;
use crate::record::RecordPositions;

/// A batch as it is sent to consumers, with what is needed to find it.
#[derive(Debug, Clone)]
pub(crate) struct StoredBatch {
    pub(crate) base_offset: i64,
    pub(crate) last_offset: i64,
    pub(crate) max_timestamp: i64,
    pub(crate) bytes: Bytes,
}

impl StoredBatch {
    /// The codec that the header names; bytes without a header count as not compressed.
    pub(crate) fn compression(&self) -> Compression {
        match self.bytes.get(21..23) {
            Some(&[high, low]) => {
                Compression::of_attributes(i16::from_be_bytes([high, low])).unwrap_or_default()
            }
            _ => Compression::None,
        }
    }

    /// The same batch with only the records that are to be kept, none of it if no record is left. A control batch stays
    /// as it is, and so does one whose records cannot be read.
    pub(crate) fn compacted(&self, keep: &impl Fn(i64) -> bool) -> Result<Option<Self>, BrokerError> {
        let as_is = Ok(Some(self.clone()));
        let Ok(header) = BatchHeader::parse(&self.bytes) else {
            return as_is;
        };
        let Ok(records) = header.compression.decompress(&self.bytes.slice(HEADER_BYTES..)) else {
            return as_is;
        };
        if header.control {
            return as_is;
        }
        let mut kept = BytesMut::new();
        let mut count = 0;
        let mut positions = RecordPositions::new(&records);
        let mut from = 0;
        while let Some(position) = positions.next() {
            let to = records.len() - positions.left();
            if keep(self.base_offset + position.offset_delta) {
                kept.extend_from_slice(&records[from..to]);
                count += 1;
            }
            from = to;
        }
        if count == header.record_count {
            return as_is;
        }
        if count == 0 {
            return Ok(None);
        }
        let bytes = batch::with_records(&self.bytes, header.compression, count, &kept)?;
        Ok(Some(Self {
            bytes,
            ..self.clone()
        }))
    }

    /// Timestamp and offset of the first record at or after a time, from an offset on. A batch whose records
    /// cannot be read answers for itself as a whole.
    pub(crate) fn first_at(&self, timestamp: i64, offset_from: i64) -> Option<(i64, i64)> {
        let whole = Some((self.max_timestamp, self.base_offset));
        let Ok(header) = BatchHeader::parse(&self.bytes) else {
            return whole;
        };
        let Ok(records) = header.compression.decompress(&self.bytes.slice(HEADER_BYTES..)) else {
            return whole;
        };
        RecordPositions::new(&records)
            .map(|at| {
                (
                    header.base_timestamp.wrapping_add(at.timestamp_delta),
                    self.base_offset + at.offset_delta,
                )
            })
            .find(|(time, offset)| *time >= timestamp && *offset >= offset_from)
    }
}
