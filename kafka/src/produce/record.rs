//! A record as it is written into a batch.

/// Bytes of a batch before its records, as brokers count them.
pub const BATCH_HEAD_BYTES: usize = 61;

/// A record to write.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProduceRecord<'a> {
    /// The key, which chooses the partition; without one the partitions take turns.
    pub key: Option<&'a [u8]>,
    /// The value; `None` is a tombstone.
    pub value: Option<&'a [u8]>,
    /// Headers in order.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// Create time, milliseconds since the Unix epoch.
    pub timestamp_ms: i64,
}

impl ProduceRecord<'_> {
    /// Bytes of a batch that holds this record alone, not compressed: what the broker holds against
    /// `max.message.bytes`.
    #[must_use]
    pub fn batch_bytes(&self) -> usize {
        let body = self.body_len(0, 0);
        BATCH_HEAD_BYTES + varint_len(body as i64) + body
    }

    /// Bytes behind the length field.
    pub(super) fn body_len(&self, time_delta: i64, offset_delta: i32) -> usize {
        let headers: usize = self
            .headers
            .iter()
            .map(|(name, value)| bytes_len(Some(name.as_bytes())) + bytes_len(Some(value)))
            .sum();
        1 + varint_len(time_delta)
            + varint_len(offset_delta.into())
            + bytes_len(self.key)
            + bytes_len(self.value)
            + varint_len(self.headers.len() as i64)
            + headers
    }

    /// Appends the record with its length, which `body_len` has told.
    pub(super) fn write(&self, out: &mut Vec<u8>, time_delta: i64, offset_delta: i32, body_len: usize) {
        out.reserve(body_len + 10);
        put_varint(out, body_len as i64);
        out.push(0); // attributes: none are defined
        put_varint(out, time_delta);
        put_varint(out, offset_delta.into());
        put_bytes(out, self.key);
        put_bytes(out, self.value);
        put_varint(out, self.headers.len() as i64);
        for (name, value) in self.headers {
            put_bytes(out, Some(name.as_bytes()));
            put_bytes(out, Some(value));
        }
    }
}

fn bytes_len(bytes: Option<&[u8]>) -> usize {
    bytes.map_or(1, |bytes| varint_len(bytes.len() as i64) + bytes.len())
}

/// Bytes of a number as a zigzag varint.
fn varint_len(value: i64) -> usize {
    let bits = 64 - (zigzag(value) | 1).leading_zeros() as usize;
    bits.div_ceil(7)
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

#[inline]
fn put_varint(out: &mut Vec<u8>, value: i64) {
    let mut rest = zigzag(value);
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

#[inline]
fn put_bytes(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    match bytes {
        None => put_varint(out, -1),
        Some(bytes) => {
            put_varint(out, bytes.len() as i64);
            out.extend_from_slice(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn lengths_are_told_before_they_are_written(
            key in prop::option::of(prop::collection::vec(any::<u8>(), 0..200)),
            value in prop::option::of(prop::collection::vec(any::<u8>(), 0..9_000)),
            time_delta in any::<i64>(),
            offset_delta in 0..i32::MAX,
        ) {
            let record = ProduceRecord {
                key: key.as_deref(),
                value: value.as_deref(),
                headers: &[("traceparent", b"00-1-2-03")],
                timestamp_ms: 0,
            };
            let body = record.body_len(time_delta, offset_delta);
            let mut out = Vec::new();
            record.write(&mut out, time_delta, offset_delta, body);
            prop_assert_eq!(out.len(), varint_len(body as i64) + body);
        }
    }
}
