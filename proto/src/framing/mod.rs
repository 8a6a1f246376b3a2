//! The framing of a Kafka value: one marker byte, then the body.
//!
//! | marker | body |
//! |---|---|
//! | `00` | protobuf |
//! | `01` | zstd frames of protobuf |
//! | `02` | one LZ4 frame of protobuf: an extension of ours, written only on request |
//!
//! Protobuf cannot begin with any of the three, as field number 0 does not exist, so that an older, unframed payload
//! is told apart by its first byte. So is bare zstd, which begins with its magic number.

//!
//! | file | holds |
//! |---|---|
//! | `encode` | from a message to a value: the encoder and its buffers |
//! | `note` | the note in a message's headers that it travels compressed |

mod encode;
mod note;

pub use encode::{Encoder, Size, encode, encode_into, size};

use crate::error::{Reason, Rejection};
use crate::expand::{self, ZSTD_MAGIC};
use crate::limits::RECORD_BYTES_MAX;
use crate::policy::Policy;

/// First byte of an uncompressed payload.
pub const MARKER_PLAIN: u8 = 0x00;
/// First byte of a payload compressed with zstd.
pub const MARKER_ZSTD: u8 = 0x01;
/// First byte of a payload compressed with LZ4.
pub const MARKER_LZ4: u8 = 0x02;

/// Takes the framing off a record's value. The protobuf bytes are either borrowed from it or lie in `expanded`.
///
/// # Errors
/// A [`Rejection`] when the value is beyond a limit, is not framed as the policy demands, or does not decompress.
pub fn unframe<'a>(
    value: &'a [u8],
    policy: Policy,
    expanded: &'a mut Vec<u8>,
) -> Result<&'a [u8], Rejection> {
    if value.len() > RECORD_BYTES_MAX {
        return Err(Rejection::new(
            Reason::TooLarge,
            format!(
                "payload of {} bytes, the limit is {RECORD_BYTES_MAX}",
                value.len()
            ),
        ));
    }
    let Some((&marker, body)) = value.split_first() else {
        return Err(Rejection::new(Reason::Empty, "payload has no bytes"));
    };
    match marker {
        MARKER_PLAIN => Ok(body),
        MARKER_ZSTD => {
            expand::zstd(body, expanded)?;
            Ok(expanded)
        }
        MARKER_LZ4 => {
            expand::lz4(body, expanded)?;
            Ok(expanded)
        }
        _ if !policy.accepts_unframed() => Err(Rejection::new(
            Reason::UnknownMarker,
            format!(
                "first byte {marker:#04x} is no marker (00 plain, 01 zstd, 02 lz4), and policy {policy} accepts framed payloads only"
            ),
        )),
        _ if value.starts_with(&ZSTD_MAGIC) => {
            expand::zstd(value, expanded)?;
            Ok(expanded)
        }
        _ => Ok(value),
    }
}

/// How to write a payload. What is compressed is also what readers expand: a message that would expand beyond their limits
/// stays plain (see [`expanded_bytes_max`](crate::limits::expanded_bytes_max)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Never compress.
    None,
    /// Compress protobuf longer than `threshold_bytes` with zstd, if that makes it smaller.
    Zstd {
        /// Messages up to this length stay plain.
        threshold_bytes: usize,
        /// 1 to 22; zstd takes 0 for 3, and less for levels that are faster and larger.
        level: i32,
    },
    /// Compress protobuf longer than `threshold_bytes` with LZ4, if that makes it smaller. Only readers that know
    /// marker 02 understand it.
    Lz4 {
        /// Messages up to this length stay plain.
        threshold_bytes: usize,
    },
}

impl Default for Compression {
    /// What existing producers do: zstd level 3 above 512 bytes.
    fn default() -> Self {
        Self::Zstd {
            threshold_bytes: 512,
            level: 3,
        }
    }
}
