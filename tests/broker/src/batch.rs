//! Record batches of format 2: reading headers, building batches, rewriting what a broker rewrites.
//!
//! ```text
//!  0 base offset i64      16 magic i8 = 2            35 max timestamp i64     57 record count i32
//!  8 length i32 (from 12) 17 CRC-32C u32 (from 21)   43 producer id i64       61 records, compressed as one
//! 12 leader epoch i32     21 attributes i16          51 producer epoch i16
//!                         23 last offset delta i32   53 base sequence i32
//!                         27 base timestamp i64
//! ```

use bytes::{Buf, Bytes, BytesMut};
use crc32c::crc32c;

use crate::codec::Compression;
use crate::error::BrokerError;
use crate::record::RecordPositions;

/// Bytes before the records of a batch.
pub(crate) const HEADER_BYTES: usize = 61;
/// Bytes that the length field does not count: base offset and the length itself.
const LENGTH_FROM: usize = 12;
/// The checksum covers everything from here; base offset and leader epoch stand before, so a broker may set
/// them.
const CRC_FROM: usize = 21;

pub(crate) const TRANSACTIONAL: i16 = 1 << 4;
pub(crate) const CONTROL: i16 = 1 << 5;

/// The fields of a batch header that a broker looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BatchHeader {
    pub(crate) compression: Compression,
    pub(crate) transactional: bool,
    pub(crate) control: bool,
    pub(crate) last_offset_delta: i32,
    pub(crate) base_timestamp: i64,
    pub(crate) max_timestamp: i64,
    pub(crate) producer_id: i64,
    pub(crate) producer_epoch: i16,
    pub(crate) base_sequence: i32,
    pub(crate) record_count: i32,
}

impl BatchHeader {
    /// Reads the header of the one batch in `bytes` and checks its framing, not its checksum.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, BrokerError> {
        let malformed = |reason: String| BrokerError::MalformedBatch { reason };
        if bytes.len() < HEADER_BYTES {
            return Err(malformed(format!(
                "{} bytes, but the header alone has {HEADER_BYTES}",
                bytes.len()
            )));
        }
        let mut cursor = &bytes[8..];
        let length = cursor.get_i32();
        if usize::try_from(length).ok() != Some(bytes.len() - LENGTH_FROM) {
            let present = bytes.len() - LENGTH_FROM;
            return Err(malformed(format!(
                "length field {length}, but {present} bytes follow it (one batch is allowed)"
            )));
        }
        let _leader_epoch = cursor.get_i32();
        let magic = cursor.get_i8();
        if magic != 2 {
            return Err(malformed(format!("format {magic}, but only 2 is supported")));
        }
        let _crc = cursor.get_u32();
        let attributes = cursor.get_i16();
        let Some(compression) = Compression::of_attributes(attributes) else {
            return Err(malformed(format!("codec {} does not exist", attributes & 0x7)));
        };
        let header = Self {
            compression,
            transactional: attributes & TRANSACTIONAL != 0,
            control: attributes & CONTROL != 0,
            last_offset_delta: cursor.get_i32(),
            base_timestamp: cursor.get_i64(),
            max_timestamp: cursor.get_i64(),
            producer_id: cursor.get_i64(),
            producer_epoch: cursor.get_i16(),
            base_sequence: cursor.get_i32(),
            record_count: cursor.get_i32(),
        };
        if header.last_offset_delta < 0 || header.record_count < 0 {
            let Self {
                last_offset_delta,
                record_count,
                ..
            } = header;
            return Err(malformed(format!(
                "last offset delta {last_offset_delta}, record count {record_count}"
            )));
        }
        Ok(header)
    }
}

/// Checks the checksum of a batch that has a whole header.
pub(crate) fn check_crc(batch: &[u8]) -> Result<(), BrokerError> {
    let stated = (&batch[CRC_FROM - 4..]).get_u32();
    let actual = crc32c(&batch[CRC_FROM..]);
    if stated == actual {
        Ok(())
    } else {
        Err(BrokerError::CorruptBatch { stated, actual })
    }
}

/// Gives a batch its place in a log. Both fields stand outside of the checksum.
pub(crate) fn set_place(batch: &mut [u8], base_offset: i64, leader_epoch: i32) {
    batch[..8].copy_from_slice(&base_offset.to_be_bytes());
    batch[LENGTH_FROM..LENGTH_FROM + 4].copy_from_slice(&leader_epoch.to_be_bytes());
}

/// The same batch with another codec. Decompresses, so it also checks that the records are as many as the
/// header says and stand without holes, as Kafka does when it recompresses.
pub(crate) fn recompress(
    batch: &Bytes,
    header: &BatchHeader,
    codec: Compression,
) -> Result<Bytes, BrokerError> {
    let records = header.compression.decompress(&batch.slice(HEADER_BYTES..))?;
    let mut positions = RecordPositions::new(&records);
    let in_order = positions
        .by_ref()
        .zip(0_i64..)
        .take_while(|(position, at)| position.offset_delta == *at)
        .count();
    if !positions.is_done() || usize::try_from(header.record_count).ok() != Some(in_order) {
        let reason = format!(
            "header counts {} records, but {in_order} stand in order",
            header.record_count
        );
        return Err(BrokerError::MalformedBatch { reason });
    }
    let mut out = BytesMut::from(&batch[..HEADER_BYTES]);
    out.extend_from_slice(&codec.compress(&records)?);
    let attributes = (&batch[CRC_FROM..]).get_i16() & !0x7 | codec as i16;
    out[CRC_FROM..CRC_FROM + 2].copy_from_slice(&attributes.to_be_bytes());
    Ok(sealed(out))
}

/// The batch with that many other records, which are not compressed yet.
pub(crate) fn with_records(
    batch: &[u8],
    codec: Compression,
    count: i32,
    records: &[u8],
) -> Result<Bytes, BrokerError> {
    let mut out = BytesMut::from(&batch[..HEADER_BYTES]);
    match codec {
        Compression::None => out.extend_from_slice(records),
        codec => out.extend_from_slice(&codec.compress(records)?),
    }
    out[HEADER_BYTES - 4..HEADER_BYTES].copy_from_slice(&count.to_be_bytes());
    Ok(sealed(out))
}

/// Fills in length and checksum.
pub(crate) fn sealed(mut batch: BytesMut) -> Bytes {
    // A batch beyond 2 GiB cannot be said in the format at all; it is cut short on the wire and read as
    // malformed.
    let length = i32::try_from(batch.len() - LENGTH_FROM).unwrap_or(i32::MAX);
    batch[8..LENGTH_FROM].copy_from_slice(&length.to_be_bytes());
    let crc = crc32c(&batch[CRC_FROM..]);
    batch[CRC_FROM - 4..CRC_FROM].copy_from_slice(&crc.to_be_bytes());
    batch.freeze()
}
