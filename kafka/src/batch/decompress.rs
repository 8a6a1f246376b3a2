//! The four codecs, with limits on what they may put out.

use std::fmt;
use std::io::{self, Read};

use flate2::bufread::MultiGzDecoder;
use lz4_flex::frame::FrameDecoder;
use zstd::stream::raw::{DParameter, Decoder as ZstdDecoder, InBuffer, Operation, OutBuffer};

use super::error::BatchFault;
use super::header::Codec;

/// Most bytes that one batch may expand to.
const EXPANDED_BYTES_MAX: usize = 256 << 20;
/// Up to here any ratio is fine: twice the largest record that is decoded, so that one beyond its limit is still read, and
/// becomes a dead letter by itself.
const EXPANDED_BYTES_FREE: usize = 32 << 20;
/// Above that, how many bytes one compressed byte may become.
const EXPANSION_RATIO_MAX: usize = 1_000;
/// One compressed byte of Snappy cannot become more than this: its densest element makes 64 bytes out of 3.
const SNAPPY_RATIO_MAX: usize = 32;
/// Windows above 64 MiB are refused.
const ZSTD_WINDOW_LOG_MAX: u32 = 26;
/// A buffer that grew beyond this is given back after use.
const KEPT_BYTES_MAX: usize = 16 << 20;
/// Step in which output is asked for.
const STEP_BYTES: usize = 64 << 10;

/// Start of the framing that the Java Snappy library writes.
const XERIAL_MAGIC: [u8; 8] = [0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0];
/// Magic, version and least compatible version.
const XERIAL_HEADER_BYTES: usize = 16;

/// Decompressor with the buffers it uses again.
pub(super) struct Decompressor {
    output: Vec<u8>,
    zstd: Option<ZstdDecoder<'static>>,
}

impl fmt::Debug for Decompressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decompressor")
            .field("output_bytes", &self.output.capacity())
            .finish_non_exhaustive()
    }
}

/// Why a codec gave up.
enum Refusal {
    TooLarge,
    Broken(String),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::Broken(error.to_string())
    }
}

impl Decompressor {
    pub(super) fn new() -> Self {
        Self {
            output: Vec::new(),
            zstd: None,
        }
    }

    /// The records of a batch, decompressed; uncompressed ones are handed back as they are.
    pub(super) fn run<'a>(&'a mut self, codec: Codec, input: &'a [u8]) -> Result<&'a [u8], BatchFault> {
        if codec == Codec::None {
            return Ok(input);
        }
        self.output.clear();
        self.output.shrink_to(KEPT_BYTES_MAX);
        let limit = expanded_bytes_max(input.len());
        let done = match codec {
            Codec::None => Ok(()),
            Codec::Gzip => read_limited(MultiGzDecoder::new(input), limit, &mut self.output),
            Codec::Lz4 => read_limited(FrameDecoder::new(input), limit, &mut self.output),
            Codec::Snappy => snappy(input, limit, &mut self.output),
            Codec::Zstd => self.zstd(input, limit),
        };
        match done {
            Ok(()) => Ok(&self.output),
            Err(Refusal::TooLarge) => Err(BatchFault::ExpansionLimit {
                codec,
                compressed: input.len(),
                limit,
            }),
            Err(Refusal::Broken(reason)) => Err(BatchFault::Decompression { codec, reason }),
        }
    }

    fn zstd(&mut self, input: &[u8], limit: usize) -> Result<(), Refusal> {
        let decoder = match &mut self.zstd {
            Some(decoder) => {
                decoder.reinit()?;
                decoder
            }
            none => {
                let mut decoder = ZstdDecoder::new()?;
                decoder.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG_MAX))?;
                none.insert(decoder)
            }
        };
        let mut source = InBuffer::around(input);
        loop {
            let written = self.output.len();
            if written > limit {
                return Err(Refusal::TooLarge);
            }
            // Doubling: never more room than what was put out already asks for, and one byte beyond the limit at most.
            // Whatever room the buffer had before, the same batch comes to the same end.
            let step = STEP_BYTES.max(written).min(limit + 1 - written);
            if self.output.capacity() - written < step {
                self.output.reserve_exact(step);
            }
            let room = self.output.capacity() - written;
            let mut sink = OutBuffer::around_pos(&mut self.output, written);
            let hint = decoder.run(&mut source, &mut sink)?;
            let filled = self.output.len() - written;
            // Hint 0: a frame ended with the input, and all of it is out, be it up to the last byte of the room. Else all is
            // out when room is left.
            if source.pos() == input.len() && (hint == 0 || filled < room) {
                return if self.output.len() > limit {
                    Err(Refusal::TooLarge)
                } else if hint == 0 {
                    Ok(())
                } else {
                    Err(Refusal::Broken("the frame is cut short".to_owned()))
                };
            }
        }
    }
}

/// How many bytes a batch of this compressed size may expand to.
fn expanded_bytes_max(compressed: usize) -> usize {
    compressed
        .saturating_mul(EXPANSION_RATIO_MAX)
        .clamp(EXPANDED_BYTES_FREE, EXPANDED_BYTES_MAX)
}

fn read_limited(reader: impl Read, limit: usize, output: &mut Vec<u8>) -> Result<(), Refusal> {
    reader.take(limit as u64 + 1).read_to_end(output)?;
    if output.len() > limit {
        Err(Refusal::TooLarge)
    } else {
        Ok(())
    }
}

fn snappy(input: &[u8], limit: usize, output: &mut Vec<u8>) -> Result<(), Refusal> {
    if !input.starts_with(&XERIAL_MAGIC) {
        return snappy_block(input, limit, output);
    }
    let mut rest = input
        .get(XERIAL_HEADER_BYTES..)
        .ok_or_else(|| Refusal::Broken("its framing header is cut short".to_owned()))?;
    while !rest.is_empty() {
        let (length, tail) = rest
            .split_first_chunk::<4>()
            .ok_or_else(|| Refusal::Broken("a block length is cut short".to_owned()))?;
        let (block, tail) = usize::try_from(i32::from_be_bytes(*length))
            .ok()
            .and_then(|length| tail.split_at_checked(length))
            .ok_or_else(|| Refusal::Broken("a block is cut short".to_owned()))?;
        snappy_block(block, limit, output)?;
        rest = tail;
    }
    Ok(())
}

fn snappy_block(block: &[u8], limit: usize, output: &mut Vec<u8>) -> Result<(), Refusal> {
    let broken = |error: snap::Error| Refusal::Broken(error.to_string());
    let length = snap::raw::decompress_len(block).map_err(broken)?;
    if length > block.len().saturating_mul(SNAPPY_RATIO_MAX) {
        return Err(Refusal::Broken(format!(
            "{} bytes claim to expand to {length}",
            block.len()
        )));
    }
    let written = output.len();
    if length > limit.saturating_sub(written) {
        return Err(Refusal::TooLarge);
    }
    output.resize(written + length, 0);
    snap::raw::Decoder::new()
        .decompress(block, &mut output[written..])
        .map_err(broken)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_limit_follows_the_compressed_size_between_its_bounds() {
        assert_eq!(expanded_bytes_max(0), EXPANDED_BYTES_FREE);
        assert_eq!(expanded_bytes_max(100_000), 100_000_000);
        assert_eq!(expanded_bytes_max(usize::MAX), EXPANDED_BYTES_MAX);
    }

    #[test]
    fn a_batch_may_fill_the_room_to_the_last_byte() {
        let mut kept = Decompressor::new();
        for len in [
            STEP_BYTES,
            2 * STEP_BYTES,
            1 << 20,
            STEP_BYTES,
            2 << 20,
            EXPANDED_BYTES_FREE,
        ] {
            let input = zstd::encode_all(&vec![7; len][..], 3).unwrap();
            for decompressor in [&mut Decompressor::new(), &mut kept] {
                let output = decompressor.run(Codec::Zstd, &input).map(<[u8]>::len);
                assert_eq!(output, Ok(len));
            }
        }
    }

    #[test]
    fn what_was_decompressed_before_changes_no_answer() {
        let zstd = |len: usize| zstd::encode_all(&vec![0; len][..], 3).unwrap();
        let mut kept = Decompressor::new();
        for mib in [1, 10, 15, 16] {
            kept.run(Codec::Zstd, &zstd(mib << 20)).unwrap();
            let limit = EXPANDED_BYTES_FREE;
            for len in [
                limit - 1,
                limit,
                limit + 1,
                limit + (1 << 20),
                limit * 3 / 2,
                limit * 5 / 2,
            ] {
                let input = zstd(len);
                let mut fresh = Decompressor::new();
                let expected = fresh.run(Codec::Zstd, &input).map(<[u8]>::len);
                assert_eq!(expected.is_ok(), len <= EXPANDED_BYTES_FREE, "{len} bytes");
                assert_eq!(
                    kept.run(Codec::Zstd, &input).map(<[u8]>::len),
                    expected,
                    "{len} bytes after {mib} MiB"
                );
            }
        }
    }
}
