//! The codecs of batches.

use std::io::{self, Write as _};

use super::options::BatchCompression;

/// Head of the framing in which the Java library writes Snappy: magic, version 1, least version 1.
const XERIAL_HEAD: [u8; 16] = [
    0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1,
];
/// Bytes of one Snappy block before it is compressed.
const XERIAL_BLOCK_BYTES: usize = 32 << 10;

impl BatchCompression {
    /// The number of the codec in the attributes of a batch.
    pub(super) fn number(self) -> i16 {
        match self {
            Self::None => 0,
            Self::Gzip => 1,
            Self::Snappy => 2,
            Self::Lz4 => 3,
            Self::Zstd { .. } => 4,
        }
    }

    /// Appends the records, compressed, to `out`.
    pub(super) fn compress(self, records: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::None => out.extend_from_slice(records),
            Self::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(out, flate2::Compression::default());
                encoder.write_all(records)?;
                encoder.finish()?;
            }
            Self::Snappy => {
                out.extend_from_slice(&XERIAL_HEAD);
                let mut encoder = snap::raw::Encoder::new();
                for block in records.chunks(XERIAL_BLOCK_BYTES) {
                    let compressed = encoder.compress_vec(block)?;
                    let length = u32::try_from(compressed.len()).map_err(io::Error::other)?;
                    out.extend_from_slice(&length.to_be_bytes());
                    out.extend_from_slice(&compressed);
                }
            }
            Self::Lz4 => {
                let mut encoder = lz4_flex::frame::FrameEncoder::new(out);
                encoder.write_all(records)?;
                encoder.finish()?;
            }
            Self::Zstd { level } => {
                let mut encoder = zstd::Encoder::new(out, level)?;
                encoder.set_pledged_src_size(Some(records.len() as u64))?;
                encoder.include_contentsize(true)?;
                encoder.write_all(records)?;
                encoder.finish()?;
            }
        }
        Ok(())
    }
}
