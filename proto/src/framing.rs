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

use prost::Message as _;

use crate::error::{Reason, Rejection};
use crate::expand::{self, ZSTD_MAGIC};
use crate::limits::RECORD_BYTES_MAX;
use crate::message::dash_stream_message::Message;
use crate::message::{CompressionType, DashStreamMessage, Header};
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

/// How to write a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Never compress.
    None,
    /// Compress protobuf longer than `threshold_bytes` with zstd, if that makes it smaller.
    Zstd {
        /// Messages up to this length stay plain.
        threshold_bytes: usize,
        /// 1 to 22.
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

/// Encodes a message as a Kafka value. A message that travels compressed says so in its header, and so does each
/// event of a batch.
#[must_use]
pub fn encode(message: &DashStreamMessage, compression: Compression) -> Vec<u8> {
    let len = message.encoded_len();
    let (threshold_bytes, noted) = match compression {
        Compression::None => (usize::MAX, CompressionType::CompressionNone),
        Compression::Zstd { threshold_bytes, .. } => (threshold_bytes, CompressionType::CompressionZstd),
        Compression::Lz4 { threshold_bytes } => (threshold_bytes, CompressionType::CompressionLz4),
    };
    if len > threshold_bytes {
        let mut noting = message.clone();
        note_compression(&mut noting, noted);
        let plain = noting.encode_to_vec();
        let compressed = match compression {
            Compression::None => None,
            Compression::Zstd { level, .. } => zstd::bulk::compress(&plain, level)
                .ok()
                .map(|body| (MARKER_ZSTD, body)),
            Compression::Lz4 { .. } => lz4(&plain).map(|body| (MARKER_LZ4, body)),
        };
        if let Some((marker, body)) = compressed.filter(|(_, body)| body.len() < plain.len()) {
            return framed(marker, &body);
        }
    }
    framed(MARKER_PLAIN, &message.encode_to_vec())
}

fn framed(marker: u8, body: &[u8]) -> Vec<u8> {
    let mut value = Vec::with_capacity(1 + body.len());
    value.push(marker);
    value.extend_from_slice(body);
    value
}

fn lz4(plain: &[u8]) -> Option<Vec<u8>> {
    use std::io::Write as _;
    let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
    encoder.write_all(plain).ok()?;
    encoder.finish().ok()
}

fn note_compression(message: &mut DashStreamMessage, compression: CompressionType) {
    let note = |header: &mut Option<Header>| {
        if let Some(header) = header {
            header.compression = compression as i32;
        }
    };
    match &mut message.message {
        None => {}
        Some(Message::Event(event)) => note(&mut event.header),
        Some(Message::StateDiff(diff)) => note(&mut diff.header),
        Some(Message::TokenChunk(chunk)) => note(&mut chunk.header),
        Some(Message::ToolExecution(execution)) => note(&mut execution.header),
        Some(Message::Checkpoint(checkpoint)) => note(&mut checkpoint.header),
        Some(Message::Metrics(metrics)) => note(&mut metrics.header),
        Some(Message::Error(error)) => note(&mut error.header),
        Some(Message::EventBatch(batch)) => {
            note(&mut batch.header);
            for event in &mut batch.events {
                note(&mut event.header);
            }
        }
        Some(Message::ExecutionTrace(trace)) => note(&mut trace.header),
    }
}
