//! One batch in a log.

use bytes::Bytes;

use crate::batch::{BatchHeader, HEADER_BYTES};
use crate::codec::Compression;
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
