//! Decompression with limits: no output beyond them, no memory that the bytes at hand do not justify.

use std::cell::RefCell;
use std::io::Read;

use zstd::zstd_safe::{self, DCtx};

use crate::error::{Reason, Rejection};
use crate::limits::{ZSTD_WINDOW_LOG_MAX, expanded_bytes_max};

/// First bytes of a zstd frame (RFC 8878, 3.1.1), little-endian 0xFD2FB528.
pub(crate) const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// A first guess for a frame that does not tell its size.
const GUESS_BYTES: usize = 16 << 10;

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

fn expand_frame(frame: &[u8], out: &mut Vec<u8>, limit: usize, compressed_len: usize) -> Result<(), Rejection> {
    let start = out.len();
    let room_max = limit - start;
    // What the frame says of its size is a hint only: it may say nothing, or lie.
    let told = zstd_safe::get_frame_content_size(frame).ok().flatten();
    let told = told.map(|told| usize::try_from(told).unwrap_or(usize::MAX));
    if told.is_some_and(|told| told > room_max) {
        return Err(too_large(limit, compressed_len));
    }
    let mut room = told.unwrap_or(GUESS_BYTES.max(frame.len().saturating_mul(4))).min(room_max);
    loop {
        out.resize(start + room, 0);
        let result = CONTEXT.with_borrow_mut(|context| context.decompress(&mut out[start..], frame));
        match result {
            Ok(len) => {
                out.truncate(start + len);
                return Ok(());
            }
            Err(code) => {
                let name = zstd_safe::get_error_name(code);
                if name != "Destination buffer is too small" {
                    return Err(damaged(format!("zstd frame: {name}")));
                }
                if room == room_max {
                    return Err(too_large(limit, compressed_len));
                }
                room = room.saturating_mul(4).max(GUESS_BYTES).min(room_max);
            }
        }
    }
}

/// Expands an LZ4 frame into `out`, which is emptied first.
pub(crate) fn lz4(compressed: &[u8], out: &mut Vec<u8>) -> Result<(), Rejection> {
    out.clear();
    let limit = expanded_bytes_max(compressed.len());
    let limit_and_one = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    lz4_flex::frame::FrameDecoder::new(compressed)
        .take(limit_and_one)
        .read_to_end(out)
        .map_err(|error| damaged(format!("lz4 frame: {error}")))?;
    if out.len() > limit {
        out.clear();
        return Err(too_large(limit, compressed.len()));
    }
    Ok(())
}
