//! Checkpoint messages: a whole state, compressed where it is long, with the checksum of its text.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::hash::HASH_BYTES;
use super::parse::{JsonError, parse};
use crate::enums;
use crate::error::Rejection;
use crate::expand;
use crate::limits::expanded_bytes_max;
use crate::message::{Checkpoint, CompressionInfo, CompressionType};

/// What producers call a state that is JSON.
const STATE_TYPE: &str = "serde_json::Value";

/// Why the state of a checkpoint cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// There is no state in it.
    #[error("the checkpoint holds no state; its producer may keep it where storage_uri says")]
    Empty,
    /// The state is compressed in a way that no producer uses.
    #[error("the state of the checkpoint has compression {0}; only NONE and ZSTD can be read")]
    Compression(String),
    /// The state does not decompress, or beyond the limits.
    #[error("the state of the checkpoint cannot be decompressed: {0}")]
    Expand(#[from] Rejection),
    /// The checksum is that of another state: the checkpoint is damaged.
    #[error("the checkpoint is damaged: its checksum is not the SHA-256 of its state of {state_bytes} bytes")]
    Checksum {
        /// Bytes of the state, decompressed.
        state_bytes: usize,
    },
    /// The state is not UTF-8.
    #[error("the state of the checkpoint is not UTF-8")]
    NotText,
    /// The state is not JSON.
    #[error("the state of the checkpoint is {0}")]
    Json(#[from] JsonError),
}

/// The state of a checkpoint: decompressed within the [limits](crate::limits), compared with its checksum, and parsed. A
/// checkpoint without a checksum is read as it is.
///
/// # Errors
/// [`CheckpointError`] for a state that is not there, is damaged or cannot be read.
pub fn read_checkpoint(checkpoint: &Checkpoint) -> Result<Value, CheckpointError> {
    if checkpoint.state.is_empty() {
        return Err(CheckpointError::Empty);
    }
    let compression = checkpoint.compression_info.as_ref().map_or(0, |info| info.r#type);
    let mut buffer = Vec::new();
    let plain = expanded(&checkpoint.state, compression, &mut buffer)?;
    if is_checksum_of(&checkpoint.checksum, plain) == Some(false) {
        return Err(CheckpointError::Checksum {
            state_bytes: plain.len(),
        });
    }
    let text = simdutf8::basic::from_utf8(plain).map_err(|_| CheckpointError::NotText)?;
    Ok(parse(text)?)
}

/// The state as it was before its compression; in `buffer`, unless it was not compressed.
pub(crate) fn expanded<'a>(
    sent: &'a [u8],
    compression: i32,
    buffer: &'a mut Vec<u8>,
) -> Result<&'a [u8], CheckpointError> {
    match CompressionType::try_from(compression) {
        Ok(CompressionType::CompressionNone) => Ok(sent),
        Ok(CompressionType::CompressionZstd) => {
            expand::zstd(sent, buffer)?;
            Ok(buffer)
        }
        _ => Err(CheckpointError::Compression(
            enums::compression_type(compression).into_owned(),
        )),
    }
}

/// Whether the checksum is that of the uncompressed state; none without a checksum.
pub(crate) fn is_checksum_of(checksum: &[u8], plain: &[u8]) -> Option<bool> {
    (!checksum.is_empty()).then(|| Sha256::digest(plain).as_slice() == checksum)
}

/// A checkpoint of a state that is this text and has this checksum, without header and id. It is compressed from so many
/// bytes on, if that makes it smaller and readers may expand it.
pub(super) fn pack(text: &str, checksum: [u8; HASH_BYTES], threshold_bytes: usize, level: i32) -> Checkpoint {
    let plain = text.as_bytes();
    let compressed = if plain.len() >= threshold_bytes {
        zstd::bulk::compress(plain, level).ok()
    } else {
        None
    };
    let compressed = compressed.filter(|compressed| {
        compressed.len() < plain.len() && plain.len() <= expanded_bytes_max(compressed.len())
    });
    #[allow(clippy::cast_precision_loss, reason = "the ratio is for people")]
    let compression_info = compressed.as_ref().map(|compressed| CompressionInfo {
        r#type: CompressionType::CompressionZstd as i32,
        compressed_size: compressed.len() as u64,
        uncompressed_size: plain.len() as u64,
        compression_ratio: plain.len() as f32 / compressed.len() as f32,
    });
    Checkpoint {
        state: compressed.unwrap_or_else(|| plain.to_vec()),
        state_type: STATE_TYPE.to_owned(),
        checksum: checksum.to_vec(),
        compression_info,
        ..Checkpoint::default()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::state::hash;

    fn packed(text: &str) -> Checkpoint {
        pack(text, hash(&parse(text).unwrap()), 512, 3)
    }

    #[test]
    fn a_checkpoint_is_read_as_it_was_packed() {
        let long = format!(r#"{{"text":"{}"}}"#, "agent ".repeat(200));
        for (text, is_compressed) in [(r#"{"n":1}"#, false), (long.as_str(), true)] {
            let checkpoint = packed(text);
            assert_eq!(checkpoint.compression_info.is_some(), is_compressed);
            assert_eq!(checkpoint.state_type, "serde_json::Value");
            assert_eq!(read_checkpoint(&checkpoint).unwrap().to_string(), text);
            if let Some(info) = &checkpoint.compression_info {
                assert_eq!(info.compressed_size, checkpoint.state.len() as u64);
                assert_eq!(info.uncompressed_size, text.len() as u64);
                assert!(info.compression_ratio > 1.0);
            }
        }
    }

    #[test]
    fn a_state_that_readers_could_not_expand_stays_as_it_is() {
        let text = format!(r#""{}""#, "a".repeat(4 << 20));
        let checkpoint = packed(&text);
        assert_eq!(checkpoint.compression_info, None);
        assert_eq!(read_checkpoint(&checkpoint).unwrap(), parse(&text).unwrap());
    }

    #[test]
    fn a_damaged_checkpoint_is_an_error() {
        let plain = packed(r#"{"n":1}"#);
        let long = packed(&format!(r#"["{}"]"#, "agent ".repeat(200)));
        let with = |base: &Checkpoint, change: fn(&mut Checkpoint)| {
            let mut checkpoint = base.clone();
            change(&mut checkpoint);
            read_checkpoint(&checkpoint)
        };
        assert_eq!(
            with(&plain, |c| c.state[5] = b'2'),
            Err(CheckpointError::Checksum { state_bytes: 7 })
        );
        assert_eq!(
            with(&plain, |c| c.checksum.truncate(31)),
            Err(CheckpointError::Checksum { state_bytes: 7 })
        );
        assert!(with(&plain, |c| c.checksum.clear()).is_ok());
        assert_eq!(with(&plain, |c| c.state.clear()), Err(CheckpointError::Empty));
        let cut = with(&long, |c| c.state.truncate(20));
        assert!(matches!(cut, Err(CheckpointError::Expand(_))), "{cut:?}");
        let lz4 = with(&long, |c| c.compression_info.as_mut().unwrap().r#type = 2);
        assert_eq!(lz4, Err(CheckpointError::Compression("LZ4".to_owned())));
        let unchecked = |state: &[u8]| {
            read_checkpoint(&Checkpoint {
                state: state.to_vec(),
                ..Checkpoint::default()
            })
        };
        assert_eq!(unchecked(b"\xff"), Err(CheckpointError::NotText));
        assert!(matches!(unchecked(b"{"), Err(CheckpointError::Json(_))));
    }
}
