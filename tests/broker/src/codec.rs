//! The codecs of record batches. The work is done by `kafka-protocol`; this file gives them one shape.

use std::fmt;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::compression::{Compressor, Decompressor, Gzip, Lz4, Snappy, Zstd};

use crate::error::BrokerError;

/// How the records of one batch are compressed. The numbers are those of the batch attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Compression {
    /// Not at all.
    #[default]
    None = 0,
    /// gzip.
    Gzip = 1,
    /// Snappy in the blocks of snappy-java.
    Snappy = 2,
    /// LZ4 frames.
    Lz4 = 3,
    /// Zstandard; clients know it from Produce 7 and Fetch 10 on.
    Zstd = 4,
}

impl Compression {
    /// Every codec, in the order of their numbers.
    pub const ALL: [Self; 5] = [Self::None, Self::Gzip, Self::Snappy, Self::Lz4, Self::Zstd];

    /// The name in Kafka's `compression.type`.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }

    /// The codec in the lowest three bits of batch attributes; nothing if no codec has that number.
    pub(crate) fn of_attributes(attributes: i16) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|codec| *codec as i16 == attributes & 0x7)
    }

    /// The compressed form of a batch's records.
    pub(crate) fn compress(self, records: &[u8]) -> Result<Bytes, BrokerError> {
        let mut out = BytesMut::new();
        let put = |raw: &mut BytesMut| {
            raw.put_slice(records);
            Ok(())
        };
        let done = match self {
            Self::None => return Ok(Bytes::copy_from_slice(records)),
            Self::Gzip => Gzip::compress(&mut out, put),
            Self::Snappy => Snappy::compress(&mut out, put),
            Self::Lz4 => Lz4::compress(&mut out, put),
            Self::Zstd => Zstd::compress(&mut out, put),
        };
        match done {
            Ok(()) => Ok(out.freeze()),
            Err(source) => Err(BrokerError::Codec {
                compression: self,
                reason: format!("{source:#}"),
            }),
        }
    }

    /// A batch's records as they were before compression.
    ///
    /// There is no bound on the expansion: the broker is for tests and demos on loopback, and it decompresses
    /// only batches of `batch_bytes_max` for topics with a codec of their own.
    pub(crate) fn decompress(self, data: &Bytes) -> Result<Bytes, BrokerError> {
        let mut data = data.clone();
        let take = |raw: &mut Bytes| Ok(raw.copy_to_bytes(raw.remaining()));
        let done = match self {
            Self::None => return Ok(data),
            Self::Gzip => Gzip::decompress(&mut data, take),
            Self::Snappy => Snappy::decompress(&mut data, take),
            Self::Lz4 => Lz4::decompress(&mut data, take),
            Self::Zstd => Zstd::decompress(&mut data, take),
        };
        done.map_err(|source| BrokerError::Codec {
            compression: self,
            reason: format!("{source:#}"),
        })
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
