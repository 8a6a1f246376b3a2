//! Decompression with limits: no output beyond them, no memory that the bytes at hand do not justify.

use std::cell::RefCell;
use std::io::Read;

use zstd::zstd_safe::{self, DCtx};

use crate::error::{Reason, Rejection};
use crate::limits::{ZSTD_WINDOW_LOG_MAX, expanded_bytes_max};

/// First bytes of a zstd frame (RFC 8878, 3.1.1), little-endian 0xFD2FB528.
pub(crate) const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// A first guess for a frame that does not tell its size: this many times its own.
const GUESS_RATIO: usize = 16;

thread_local! {
    /// A decompression context costs more to make than a message to expand.
    static CONTEXT: RefCell<DCtx<'static>> = RefCell::new(DCtx::create());
}

fn damaged(detail: impl Into<String>) -> Rejection {
    Rejection::new(Reason::Decompression, detail)
}

fn too_large(limit: usize, compressed: usize) -> Rejection {
    Rejection::new(
        Reason::ExpansionLimit,
        format!("{compressed} compressed bytes expand beyond the limit of {limit} bytes"),
    )
}

/// Expands one or several concatenated zstd frames into `out`, which is emptied first.
pub(crate) fn zstd(compressed: &[u8], out: &mut Vec<u8>) -> Result<(), Rejection> {
    out.clear();
    let limit = expanded_bytes_max(compressed.len());
    let mut rest = compressed;
    while !rest.is_empty() {
        let frame_len = check_frame(rest)?;
        let (frame, following) = rest.split_at(frame_len);
        expand_frame(frame, out, limit, compressed.len())?;
        rest = following;
    }
    Ok(())
}

/// The compressed length of the first frame, after a look at its header.
fn check_frame(bytes: &[u8]) -> Result<usize, Rejection> {
    // The library may have been built with decoders for formats before 0.8; producers have never written those.
    let is_skippable = matches!(bytes, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..]);
    if !bytes.starts_with(&ZSTD_MAGIC) && !is_skippable {
        return Err(damaged("no zstd frame where one should begin"));
    }
    if let (false, [_, _, _, _, descriptor, window, ..]) = (is_skippable, bytes) {
        // RFC 8878, 3.1.1.1: bit 5 says that the frame has no window byte, and its window is its content.
        let single_segment = descriptor & 0x20 != 0;
        let window_log = 10 + u32::from(window >> 3);
        if !single_segment && window_log > ZSTD_WINDOW_LOG_MAX {
            return Err(damaged(format!(
                "zstd frame asks for a window of 2^{window_log} bytes, the limit is 2^{ZSTD_WINDOW_LOG_MAX}"
            )));
        }
    }
    zstd_safe::find_frame_compressed_size(bytes)
        .map_err(|code| damaged(format!("zstd frame: {}", zstd_safe::get_error_name(code))))
}

fn expand_frame(
    frame: &[u8],
    out: &mut Vec<u8>,
    limit: usize,
    compressed_len: usize,
) -> Result<(), Rejection> {
    let start = out.len();
    let room_max = limit - start;
    // What the frame says of its size is a hint only: it may say nothing, or lie.
    let told = zstd_safe::get_frame_content_size(frame).ok().flatten();
    let told = told.map(|told| usize::try_from(told).unwrap_or(usize::MAX));
    if told.is_some_and(|told| told > room_max) {
        return Err(too_large(limit, compressed_len));
    }
    let mut room = told
        .unwrap_or(frame.len().saturating_mul(GUESS_RATIO))
        .min(room_max);
    loop {
        // Exactly so much room, whatever the buffer has: where it ends decides what is found to be wrong with a damaged
        // frame, and the same record has to be refused in the same words each time it comes.
        out.resize(start + room, 0);
        let result = CONTEXT.with_borrow_mut(|context| context.decompress(&mut out[start..], frame));
        out.truncate(start + result.unwrap_or(0));
        match result {
            Ok(_) => return Ok(()),
            Err(code) => {
                let name = zstd_safe::get_error_name(code);
                if name != "Destination buffer is too small" {
                    return Err(damaged(format!("zstd frame: {name}")));
                }
                if told.is_some() {
                    return Err(damaged("zstd frame holds more than it says"));
                }
                if room == room_max {
                    return Err(too_large(limit, compressed_len));
                }
                room = room.saturating_mul(4).min(room_max);
            }
        }
    }
}

/// First bytes of an LZ4 frame, little-endian 0x184D2204.
const LZ4_MAGIC: [u8; 4] = [0x04, 0x22, 0x4d, 0x18];

/// Expands one LZ4 frame into `out`, which is emptied first.
pub(crate) fn lz4(compressed: &[u8], out: &mut Vec<u8>) -> Result<(), Rejection> {
    out.clear();
    if compressed.is_empty() {
        return Ok(());
    }
    if lz4_frame_len(compressed) != Some(compressed.len()) {
        return Err(damaged("no whole lz4 frame, or something behind it"));
    }
    let limit = expanded_bytes_max(compressed.len());
    let limit_and_one = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let mut decoder = lz4_flex::frame::FrameDecoder::new(compressed);
    decoder
        .by_ref()
        .take(limit_and_one)
        .read_to_end(out)
        .map_err(|error| damaged(format!("lz4 frame: {error}")))?;
    if out.len() > limit {
        out.clear();
        return Err(too_large(limit, compressed.len()));
    }
    if !decoder.get_ref().is_empty() {
        return Err(damaged("lz4 frame: an empty block before its end"));
    }
    Ok(())
}

/// The length of the LZ4 frame that begins here, if it is whole. The library takes a frame that ends between two
/// blocks for a whole one, and does not look behind its end.
///
/// <https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md>
fn lz4_frame_len(bytes: &[u8]) -> Option<usize> {
    let &flags = bytes.strip_prefix(&LZ4_MAGIC)?.first()?;
    let if_set = |bit: u32, len: usize| if flags >> bit & 1 == 1 { len } else { 0 };
    // Magic, flags, block size, perhaps the content's size and a dictionary, header checksum.
    let mut position = 7 + if_set(3, 8) + if_set(0, 4);
    loop {
        let mut word = [0; 4];
        word.copy_from_slice(bytes.get(position..position + 4)?);
        position += 4;
        let word = u32::from_le_bytes(word);
        if word == 0 {
            position += if_set(2, 4);
            return (position <= bytes.len()).then_some(position);
        }
        // The highest bit says that the block is not compressed.
        position += usize::try_from(word & 0x7fff_ffff).ok()? + if_set(4, 4);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    /// A buffer that was used before has more room than a new one. What is found to be wrong with a frame must not
    /// depend on it, as a record that comes again has to become the same dead letter.
    #[test]
    fn what_was_expanded_before_changes_no_answer() {
        let text: Vec<u8> = (0..700_u32)
            .flat_map(|number| number.wrapping_mul(2_654_435_761).to_string().into_bytes())
            .collect();
        let mut refusals = std::collections::BTreeSet::new();
        for with_size in [true, false] {
            let mut encoder = zstd::bulk::Compressor::new(3).unwrap();
            encoder.include_contentsize(with_size).unwrap();
            let frame = encoder.compress(&text).unwrap();
            for place in 0..frame.len() * 8 {
                let mut damaged = frame.clone();
                damaged[place / 8] ^= 1 << (place % 8);
                let (mut fresh, mut kept) = (Vec::new(), Vec::with_capacity(8 << 20));
                let expected = super::zstd(&damaged, &mut fresh);
                let found = super::zstd(&damaged, &mut kept);
                assert_eq!(found, expected, "bit {place}");
                match found {
                    Ok(()) => assert_eq!(kept, fresh, "bit {place}"),
                    Err(rejection) => {
                        refusals.insert(rejection.to_string());
                    }
                }
            }
        }
        // Among them those that a buffer with more room made others of.
        assert!(
            refusals
                .iter()
                .any(|refusal| refusal.contains("holds more than it says")),
            "{refusals:#?}"
        );
    }
}
