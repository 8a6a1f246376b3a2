//! Knowing the last record of a partition again: a log that was cut and written anew has another one in its place.

use quipu_proto::{Offset, RecordFingerprint};
use xxhash_rust::xxh3::xxh3_64;

use crate::raw::RawRecord;

/// Bytes at each end of a long value that are remembered.
const END_BYTES: usize = 64;

/// The fingerprint of one record.
pub fn of(record: &RawRecord<'_>) -> RecordFingerprint {
    let mut last = LastRecord::default();
    last.remember(record);
    last.hashed(record.offset)
}

/// The newest record of a partition. Its hash is made only when a commit wants it.
#[derive(Debug, Default)]
pub struct LastRecord {
    offset: Option<i64>,
    /// Key, timestamp and value: of a long value its length and both ends, which hold its random id and the end of its
    /// compressed stream.
    content: Vec<u8>,
}

impl LastRecord {
    #[inline]
    /// Takes note of the record that was read last.
    pub fn remember(&mut self, record: &RawRecord<'_>) {
        let value = record.value.unwrap_or_default();
        self.offset = Some(record.offset);
        let content = &mut self.content;
        content.clear();
        content.extend_from_slice(&record.timestamp_ms.to_le_bytes());
        content.extend_from_slice(record.key.unwrap_or_default());
        content.extend_from_slice(&(value.len() as u64).to_le_bytes());
        if value.len() <= 2 * END_BYTES {
            content.extend_from_slice(value);
        } else {
            content.extend_from_slice(&value[..END_BYTES]);
            content.extend_from_slice(&value[value.len() - END_BYTES..]);
        }
    }

    /// The fingerprint of the record, if there was one. It is no protection against forgery.
    pub fn fingerprint(&self) -> Option<RecordFingerprint> {
        self.offset.map(|offset| self.hashed(offset))
    }

    fn hashed(&self, offset: i64) -> RecordFingerprint {
        RecordFingerprint {
            offset: Offset(offset),
            hash: xxh3_64(&self.content),
        }
    }
}
