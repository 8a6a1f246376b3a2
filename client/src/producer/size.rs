//! How large a message may be for its readers. What the topic takes is checked where the record is put together.

use quipu_proto::framing::{MARKER_PLAIN, MARKER_ZSTD};
use quipu_proto::limits::{EXPANDED_BYTES_MAX, RECORD_BYTES_MAX, expanded_bytes_max};

use super::error::SendError;
use super::options::Readers;

/// Most bytes after decompression that consumers of dashflow-streaming take.
const ORIGINAL_EXPANDED_BYTES_MAX: usize = 1_048_576;
/// Most bytes of a value that they take: one more, for the marker.
const ORIGINAL_RECORD_BYTES_MAX: usize = ORIGINAL_EXPANDED_BYTES_MAX + 1;

/// Checks an encoded message against what its readers take. `protobuf` is its length before compression, which for a
/// compressed message does not count the bytes that note the compression in headers.
pub(super) fn check(value: &[u8], protobuf: usize, readers: Readers) -> Result<(), SendError> {
    let body = value.get(1..).unwrap_or_default();
    let expanded = match value.first() {
        Some(&MARKER_ZSTD) => zstd_content_bytes(body).unwrap_or(protobuf),
        _ => protobuf,
    };
    let (record_max, expanded_max) = match readers {
        Readers::Original => (ORIGINAL_RECORD_BYTES_MAX, ORIGINAL_EXPANDED_BYTES_MAX),
        Readers::Quipu if value.first() == Some(&MARKER_PLAIN) => (RECORD_BYTES_MAX, EXPANDED_BYTES_MAX),
        Readers::Quipu => (RECORD_BYTES_MAX, expanded_bytes_max(body.len())),
    };
    let refused = |bytes, what, limit| Err(SendError::TooLargeForReaders { bytes, what, limit });
    if expanded > expanded_max {
        refused(expanded, "after decompression", expanded_max)
    } else if value.len() > record_max {
        refused(value.len(), "framed", record_max)
    } else {
        Ok(())
    }
}

/// The length that a zstd frame tells of its content.
fn zstd_content_bytes(frame: &[u8]) -> Option<usize> {
    let told = zstd::zstd_safe::get_frame_content_size(frame).ok()??;
    usize::try_from(told).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use quipu_proto::framing::MARKER_LZ4;

    use super::*;

    #[test]
    fn the_readers_of_dashflow_streaming_take_one_mebibyte_after_decompression() {
        for (bytes, fits) in [(1_048_575, true), (1_048_576, true), (1_048_577, false)] {
            // Not so even that it would be taken for a bomb.
            let mut plain: Vec<u8> = (0..=bytes)
                .map(|index| (index % 4_093 * 31 % 251) as u8)
                .collect();
            plain[0] = MARKER_PLAIN;
            assert_eq!(check(&plain, bytes, Readers::Original).is_ok(), fits, "{bytes}");
            let mut compressed = vec![MARKER_ZSTD];
            compressed.extend(zstd::bulk::compress(&plain[1..], 3).unwrap());
            // The frame is believed, not the length before the flag bytes.
            assert_eq!(check(&compressed, 5, Readers::Original).is_ok(), fits, "{bytes}");
            assert!(check(&plain, bytes, Readers::Quipu).is_ok());
            assert!(check(&compressed, bytes, Readers::Quipu).is_ok());
        }
    }

    #[test]
    fn the_limits_of_quipu_are_those_of_its_decoder() {
        let mut value = vec![0; RECORD_BYTES_MAX + 1];
        assert!(check(&value[..RECORD_BYTES_MAX], RECORD_BYTES_MAX - 1, Readers::Quipu).is_ok());
        assert!(check(&value, RECORD_BYTES_MAX, Readers::Quipu).is_err());
        // A body of 2 KiB may expand to 1,000 times its length.
        value.truncate(0);
        value.push(MARKER_LZ4);
        value.resize(2_049, 1);
        assert!(check(&value, 2_048_000, Readers::Quipu).is_ok());
        assert!(check(&value, 2_048_001, Readers::Quipu).is_err());
    }
}
