//! From a message to a Kafka value.
//!
//! A message is encoded once. Where it is compressed, the note in its header is put into the encoded bytes (see
//! [`note`](super::note)). Contexts of the compressors and all buffers are kept from message to message: to make a zstd
//! context costs as much as to compress a small message.

use std::cell::RefCell;
use std::fmt;
use std::io::Write as _;

use lz4_flex::frame::{BlockSize, FrameEncoder, FrameInfo};
use zstd::bulk::Compressor;
use zstd::zstd_safe::compress_bound;

use super::note::copy_with_note;
use super::{Compression, MARKER_LZ4, MARKER_PLAIN, MARKER_ZSTD};
use crate::limits::expanded_bytes_max;
use crate::message::{CompressionType, DashStreamMessage};

/// The most bytes of a buffer that are kept for the next message: one large message must not hold memory for ever.
const KEPT_BYTES_MAX: usize = 1 << 20;

/// The lengths of an encoded message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Bytes of the value, with its marker: what Kafka stores and limits.
    pub framed_bytes: usize,
    /// Bytes of protobuf that a reader expands the value to: what readers limit. With the notes of compression, if it is
    /// compressed, which take two bytes a header.
    pub expanded_bytes: usize,
}

/// Encodes messages as Kafka values, one after the other.
///
/// A message that travels compressed says so in its header, and so does each event of a batch. No value is longer than the
/// plain one. A compressor that fails, for want of memory, leaves the message plain.
pub struct Encoder {
    compression: Compression,
    /// The zstd context and the level that is set in it.
    zstd: Option<(Compressor<'static>, i32)>,
    lz4: Option<FrameEncoder<Vec<u8>>>,
    /// The value, where the caller has no buffer for it.
    value: Vec<u8>,
    /// The protobuf with its note.
    noted: Vec<u8>,
    /// The zstd frame of it.
    frame: Vec<u8>,
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoder")
            .field("compression", &self.compression)
            .finish_non_exhaustive()
    }
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new(Compression::default())
    }
}

impl Encoder {
    /// An encoder that compresses so.
    #[must_use]
    pub fn new(compression: Compression) -> Self {
        Self {
            compression,
            zstd: None,
            lz4: None,
            value: Vec::new(),
            noted: Vec::new(),
            frame: Vec::new(),
        }
    }

    /// How messages are compressed from now on.
    pub fn set_compression(&mut self, compression: Compression) {
        self.compression = compression;
    }

    /// The message as a Kafka value, in memory of exactly its length.
    #[must_use]
    pub fn encode(&mut self, message: &DashStreamMessage) -> Vec<u8> {
        self.encoded(message, |value, _| value.to_vec())
    }

    /// Appends the message as a Kafka value to `out`, and tells its lengths.
    pub fn encode_into(&mut self, message: &DashStreamMessage, out: &mut Vec<u8>) -> Size {
        let start = out.len();
        out.push(MARKER_PLAIN);
        if let Some(message) = &message.message {
            // The envelope has no other field, so that its length need not be computed ahead.
            message.encode(out);
        }
        let plain = &out[start + 1..];
        let plain_bytes = plain.len();
        let (threshold_bytes, marker, note) = match self.compression {
            Compression::None => (usize::MAX, MARKER_PLAIN, CompressionType::CompressionNone),
            Compression::Zstd { threshold_bytes, .. } => {
                (threshold_bytes, MARKER_ZSTD, CompressionType::CompressionZstd)
            }
            Compression::Lz4 { threshold_bytes } => {
                (threshold_bytes, MARKER_LZ4, CompressionType::CompressionLz4)
            }
        };
        let mut size = Size {
            framed_bytes: 1 + plain_bytes,
            expanded_bytes: plain_bytes,
        };
        if plain_bytes <= threshold_bytes {
            return size;
        }
        self.noted.clear();
        let is_noted = copy_with_note(plain, note, &mut self.noted).is_some();
        let expanded_bytes = self.noted.len();
        if is_noted
            && let Some(body) = self.compress()
            // A note of the caller's may have been longer than ours.
            && body.len() < plain_bytes.min(expanded_bytes)
            && expanded_bytes <= expanded_bytes_max(body.len())
        {
            size = Size {
                framed_bytes: 1 + body.len(),
                expanded_bytes,
            };
            out.truncate(start);
            out.push(marker);
            out.extend_from_slice(body);
        }
        self.free_large_buffers();
        size
    }

    /// How long the message is as a Kafka value. It is encoded to tell, so where the value is wanted as well,
    /// [`Self::encode_into`] gives both at once.
    pub fn size(&mut self, message: &DashStreamMessage) -> Size {
        self.encoded(message, |_, size| size)
    }

    /// Encodes into the encoder's own buffer.
    fn encoded<T>(&mut self, message: &DashStreamMessage, then: impl FnOnce(&[u8], Size) -> T) -> T {
        let mut value = std::mem::take(&mut self.value);
        value.clear();
        let size = self.encode_into(message, &mut value);
        let result = then(&value, size);
        free_large(&mut value);
        self.value = value;
        result
    }

    /// Compresses what is noted.
    fn compress(&mut self) -> Option<&[u8]> {
        match self.compression {
            Compression::None => None,
            Compression::Zstd { level, .. } => self.compress_zstd(level),
            Compression::Lz4 { .. } => self.compress_lz4(),
        }
    }

    fn compress_zstd(&mut self, level: i32) -> Option<&[u8]> {
        let (compressor, set_level) = match &mut self.zstd {
            Some(zstd) => zstd,
            none => none.insert((Compressor::new(level).ok()?, level)),
        };
        if *set_level != level {
            compressor.set_compression_level(level).ok()?;
            *set_level = level;
        }
        self.frame.clear();
        self.frame.reserve(compress_bound(self.noted.len()));
        compressor.compress_to_buffer(&self.noted, &mut self.frame).ok()?;
        Some(&self.frame)
    }

    fn compress_lz4(&mut self) -> Option<&[u8]> {
        // A frame that failed stays open, so an encoder comes back only once its frame is whole.
        let mut encoder = self.lz4.take().unwrap_or_else(|| {
            let info = FrameInfo::new().block_size(BlockSize::Max64KB);
            FrameEncoder::with_frame_info(info, Vec::new())
        });
        encoder.get_mut().clear();
        encoder.write_all(&self.noted).ok()?;
        encoder.try_finish().ok()?;
        Some(self.lz4.insert(encoder).get_ref())
    }

    fn free_large_buffers(&mut self) {
        free_large(&mut self.noted);
        free_large(&mut self.frame);
        if let Some(encoder) = &mut self.lz4 {
            free_large(encoder.get_mut());
        }
    }
}

/// Gives back the memory of a buffer that one large message has made large.
fn free_large(buffer: &mut Vec<u8>) {
    if buffer.capacity() > KEPT_BYTES_MAX {
        *buffer = Vec::new();
    }
}

thread_local! {
    static ENCODER: RefCell<Encoder> = RefCell::new(Encoder::new(Compression::None));
}

/// Calls with the encoder of this thread, or with one of its own where the thread has already let go of it, as in the
/// destructor of another thread-local value.
fn with_encoder<T>(compression: Compression, mut call: impl FnMut(&mut Encoder) -> T) -> T {
    let kept = ENCODER.try_with(|encoder| {
        let mut encoder = encoder.borrow_mut();
        encoder.set_compression(compression);
        call(&mut encoder)
    });
    kept.unwrap_or_else(|_| call(&mut Encoder::new(compression)))
}

/// Encodes a message as a Kafka value, with an [`Encoder`] that each thread keeps.
#[must_use]
pub fn encode(message: &DashStreamMessage, compression: Compression) -> Vec<u8> {
    with_encoder(compression, |encoder| encoder.encode(message))
}

/// Appends a message as a Kafka value to `out`, with an [`Encoder`] that each thread keeps, and tells its lengths.
pub fn encode_into(message: &DashStreamMessage, compression: Compression, out: &mut Vec<u8>) -> Size {
    with_encoder(compression, |encoder| encoder.encode_into(message, out))
}

/// How long a message is as a Kafka value: see [`Encoder::size`].
#[must_use]
pub fn size(message: &DashStreamMessage, compression: Compression) -> Size {
    with_encoder(compression, |encoder| encoder.size(message))
}
