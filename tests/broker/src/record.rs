//! A record to append in process.

use bytes::{BufMut, Bytes, BytesMut};

/// One record: what Kafka stores at one offset.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Record {
    /// Key, or none.
    pub key: Option<Bytes>,
    /// Value; none is a tombstone.
    pub value: Option<Bytes>,
    /// Headers in order. Names may repeat, as Kafka allows.
    pub headers: Vec<(String, Option<Bytes>)>,
    /// Milliseconds since 1970 UTC; -1 for none.
    pub timestamp_ms: i64,
}

impl Record {
    /// A record with a value, without key, headers and timestamp.
    pub fn new(value: impl Into<Bytes>) -> Self {
        Self {
            value: Some(value.into()),
            timestamp_ms: -1,
            ..Self::default()
        }
    }

    /// A record without value, which deletes its key when the topic is compacted.
    pub fn tombstone(key: impl Into<Bytes>) -> Self {
        Self {
            key: Some(key.into()),
            timestamp_ms: -1,
            ..Self::default()
        }
    }

    /// The same record with a key.
    pub fn key(self, key: impl Into<Bytes>) -> Self {
        Self {
            key: Some(key.into()),
            ..self
        }
    }

    /// The same record with one header more.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Bytes>) -> Self {
        self.headers.push((name.into(), Some(value.into())));
        self
    }

    /// The same record at a time, in milliseconds since 1970 UTC.
    pub fn at(self, timestamp_ms: i64) -> Self {
        Self { timestamp_ms, ..self }
    }

    /// Writes the record as it stands in a batch of format 2. Its length comes first, so it is put together
    /// in `scratch`.
    pub(crate) fn encode(
        &self,
        out: &mut BytesMut,
        scratch: &mut BytesMut,
        base_timestamp_ms: i64,
        offset_delta: i32,
    ) {
        scratch.clear();
        scratch.put_i8(0); // attributes: none are defined
        put_varint(scratch, self.timestamp_ms.wrapping_sub(base_timestamp_ms));
        put_varint(scratch, i64::from(offset_delta));
        put_bytes(scratch, self.key.as_deref());
        put_bytes(scratch, self.value.as_deref());
        put_varint(scratch, self.headers.len() as i64);
        for (name, value) in &self.headers {
            put_bytes(scratch, Some(name.as_bytes()));
            put_bytes(scratch, value.as_deref());
        }
        put_varint(out, scratch.len() as i64);
        out.extend_from_slice(scratch);
    }
}

fn put_bytes(out: &mut BytesMut, bytes: Option<&[u8]>) {
    match bytes {
        None => put_varint(out, -1),
        Some(bytes) => {
            put_varint(out, bytes.len() as i64);
            out.put_slice(bytes);
        }
    }
}

/// Zigzag varint. The 32-bit and the 64-bit form of a number that fits both are the same bytes.
fn put_varint(out: &mut BytesMut, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    while rest >= 0x80 {
        out.put_u8(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.put_u8(rest as u8);
}

/// Where one record of a batch stands, read without its contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RecordPosition {
    pub(crate) timestamp_delta: i64,
    pub(crate) offset_delta: i64,
}

/// Walks the uncompressed records of a batch. Yields nothing more after bytes that are no record.
#[derive(Debug)]
pub(crate) struct RecordPositions<'a> {
    rest: &'a [u8],
}

impl<'a> RecordPositions<'a> {
    pub(crate) fn new(records: &'a [u8]) -> Self {
        Self { rest: records }
    }

    /// Bytes that follow the last record.
    pub(crate) fn left(&self) -> usize {
        self.rest.len()
    }

    /// True once every byte was part of a record.
    pub(crate) fn is_done(&self) -> bool {
        self.rest.is_empty()
    }
}

impl Iterator for RecordPositions<'_> {
    type Item = RecordPosition;

    fn next(&mut self) -> Option<RecordPosition> {
        let mut rest = self.rest;
        let length = usize::try_from(take_varint(&mut rest)?).ok()?;
        let (mut body, after) = rest.split_at_checked(length)?;
        body = body.get(1..)?;
        let timestamp_delta = take_varint(&mut body)?;
        let offset_delta = take_varint(&mut body)?;
        self.rest = after;
        Some(RecordPosition {
            timestamp_delta,
            offset_delta,
        })
    }
}

fn take_varint(bytes: &mut &[u8]) -> Option<i64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some((value >> 1) as i64 ^ -((value & 1) as i64));
        }
    }
    None
}
