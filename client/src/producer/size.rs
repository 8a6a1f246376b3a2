//! How large a message may be for its readers. What the topic takes is checked where the record is put together.

use quipu_proto::framing::Size;
use quipu_proto::limits::{EXPANDED_BYTES_MAX, RECORD_BYTES_MAX};

use super::error::SendError;
use super::options::Readers;

/// Most bytes after decompression that consumers of dashflow-streaming take.
const ORIGINAL_EXPANDED_BYTES_MAX: usize = 1_048_576;
/// Most bytes of a value that they take: one more, for the marker.
const ORIGINAL_RECORD_BYTES_MAX: usize = ORIGINAL_EXPANDED_BYTES_MAX + 1;

/// Checks the lengths of an encoded message against what its readers take. That it expands no further than they allow for
/// its length is the encoder's part.
pub(super) fn check(size: Size, readers: Readers) -> Result<(), SendError> {
    let (record_max, expanded_max) = match readers {
        Readers::Original => (ORIGINAL_RECORD_BYTES_MAX, ORIGINAL_EXPANDED_BYTES_MAX),
        Readers::Quipu => (RECORD_BYTES_MAX, EXPANDED_BYTES_MAX),
    };
    let refused = |bytes, what, limit| Err(SendError::TooLargeForReaders { bytes, what, limit });
    if size.expanded_bytes > expanded_max {
        refused(size.expanded_bytes, "after decompression", expanded_max)
    } else if size.framed_bytes > record_max {
        refused(size.framed_bytes, "framed", record_max)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use quipu_proto::Policy;
    use quipu_proto::framing::{Compression, MARKER_PLAIN, encode_into, unframe};
    use quipu_proto::message::dash_stream_message::Message;
    use quipu_proto::message::{DashStreamMessage, Event, Header};

    use super::*;

    fn encoded(text_bytes: usize, compression: Compression) -> (Vec<u8>, Size) {
        // Not so even that it would be taken for a bomb.
        let text: String = (0..text_bytes as u64)
            .map(|index| {
                let noise = (index % 10_000 + 1).wrapping_mul(6_364_136_223_846_793_005);
                char::from(b' ' + (noise >> 58) as u8)
            })
            .collect();
        let message = DashStreamMessage {
            message: Some(Message::Event(Event {
                header: Some(Header::default()),
                node_id: text,
                ..Event::default()
            })),
        };
        let mut value = Vec::new();
        let size = encode_into(&message, compression, &mut value);
        (value, size)
    }

    #[test]
    fn the_readers_of_dashflow_streaming_take_one_mebibyte_after_decompression() {
        let mut taken = [0; 2];
        for bytes in 1_048_576 - 40..=1_048_576 {
            for (at, compression) in [Compression::None, Compression::default()]
                .into_iter()
                .enumerate()
            {
                let (value, size) = encoded(bytes, compression);
                assert_eq!(value[0] == MARKER_PLAIN, compression == Compression::None);
                let mut expanded = Vec::new();
                // What a reader sees, the flag bytes included.
                let seen = unframe(&value, Policy::Strict, &mut expanded).unwrap().len();
                assert_eq!(
                    check(size, Readers::Original).is_ok(),
                    seen <= 1_048_576,
                    "{bytes}"
                );
                taken[at] += usize::from(seen <= 1_048_576);
                assert!(check(size, Readers::Quipu).is_ok());
            }
        }
        assert_eq!(taken[0] - taken[1], 2, "compression takes two bytes for its note");
        assert!(taken[1] > 0);
    }

    #[test]
    fn the_limits_of_quipu_are_those_of_its_decoder() {
        let size = |framed_bytes, expanded_bytes| Size {
            framed_bytes,
            expanded_bytes,
        };
        let check = |size| check(size, Readers::Quipu).is_ok();
        assert!(check(size(RECORD_BYTES_MAX, EXPANDED_BYTES_MAX)));
        assert!(!check(size(RECORD_BYTES_MAX + 1, EXPANDED_BYTES_MAX)));
        assert!(!check(size(RECORD_BYTES_MAX, EXPANDED_BYTES_MAX + 1)));
        let mut expanded = Vec::new();
        let mut value = vec![MARKER_PLAIN; RECORD_BYTES_MAX + 1];
        assert!(unframe(&value, Policy::Strict, &mut expanded).is_err());
        value.pop();
        assert!(unframe(&value, Policy::Strict, &mut expanded).is_ok());
    }
}
