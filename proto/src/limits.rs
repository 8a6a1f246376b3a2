//! Bounds on what a producer may send. A record beyond one of them is a dead letter.

/// Longest record value, in bytes.
pub const RECORD_BYTES_MAX: usize = 16 << 20;

/// Longest body after decompression, in bytes.
pub const EXPANDED_BYTES_MAX: usize = 64 << 20;

/// A body may expand to this many bytes whatever its compressed length.
pub const EXPANDED_BYTES_FREE: usize = 1 << 20;

/// Above [`EXPANDED_BYTES_FREE`] a body may expand to this many times its compressed length.
pub const EXPANSION_RATIO_MAX: usize = 1_000;

/// Largest window that a zstd frame may ask for, as a power of two.
pub const ZSTD_WINDOW_LOG_MAX: u32 = 26;

/// Deepest nesting of messages below the envelope, as in prost.
pub const NESTING_MAX: u32 = 100;

/// Deepest nesting of JSON that a producer sends as bytes. What nests deeper is kept as bytes: readers of JSON stop at
/// 128 levels, and some of these are for what is composed around it.
pub const JSON_NESTING_MAX: usize = 100;

/// Most rows that one record may become: events of a batch, entries of a Metrics message.
///
/// An empty event costs a producer two bytes and a store a whole row; without a bound a 64 MiB batch would ask for
/// 32 million rows at once.
pub const RECORD_ROWS_MAX: usize = 100_000;

/// Most text that one record may become, in bytes: JSON composed for its columns, and what every row of a record repeats.
///
/// An operation of a diff costs a producer two bytes and a column forty; tags of one MiB stand in each of the 100,000
/// rows of their message.
pub const COMPOSED_BYTES_MAX: usize = 4 * EXPANDED_BYTES_MAX;

/// Most parts that a decoder remembers while it reads a message: map entries, list items, repeated encodings.
///
/// A part costs a producer two bytes and the decoder up to sixty.
pub const PARTS_MAX: usize = 1 << 22;

/// How far a body of that compressed length may expand, in bytes.
#[must_use]
pub fn expanded_bytes_max(compressed_len: usize) -> usize {
    EXPANDED_BYTES_MAX.min(EXPANDED_BYTES_FREE.max(compressed_len.saturating_mul(EXPANSION_RATIO_MAX)))
}
