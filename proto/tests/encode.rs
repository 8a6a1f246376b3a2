//! Values as the encoder writes them: what they hold, how long they are, and that they are what the reference writes.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use common::raw::{prost_decode, unframe};
use common::{fixture, generate, unhex};
use proptest::prelude::*;
use prost::Message as _;
use quipu_proto::framing::{self, Compression, Encoder, MARKER_PLAIN, Size};
use quipu_proto::message::dash_stream_message::Message;
use quipu_proto::message::{CompressionType, DashStreamMessage, Header, TokenChunk};
use quipu_proto::{Decoder, Policy};
use serde_json::Value;

/// The headers in which a message says how it travels.
fn headers(message: &mut DashStreamMessage) -> Vec<&mut Header> {
    let headers: Vec<&mut Option<Header>> = match &mut message.message {
        None => vec![],
        Some(Message::Event(event)) => vec![&mut event.header],
        Some(Message::StateDiff(diff)) => vec![&mut diff.header],
        Some(Message::TokenChunk(chunk)) => vec![&mut chunk.header],
        Some(Message::ToolExecution(execution)) => vec![&mut execution.header],
        Some(Message::Checkpoint(checkpoint)) => vec![&mut checkpoint.header],
        Some(Message::Metrics(metrics)) => vec![&mut metrics.header],
        Some(Message::Error(error)) => vec![&mut error.header],
        Some(Message::ExecutionTrace(trace)) => vec![&mut trace.header],
        Some(Message::EventBatch(batch)) => std::iter::once(&mut batch.header)
            .chain(batch.events.iter_mut().map(|event| &mut event.header))
            .collect(),
    };
    headers.into_iter().flatten().collect()
}

fn noted(message: &DashStreamMessage, compression: CompressionType) -> DashStreamMessage {
    let mut message = message.clone();
    for header in headers(&mut message) {
        header.compression = compression as i32;
    }
    message
}

#[test]
fn every_vector_is_written_as_the_reference_writes_it() {
    let vectors: Vec<Value> = serde_json::from_slice(&fixture("vectors.json")).unwrap();
    let (mut accepted, mut equal_bytes, mut compressed) = (0, 0, 0);
    for vector in &vectors {
        if vector.get("expected").is_none() {
            continue;
        }
        accepted += 1;
        let name = vector["name"].as_str().unwrap();
        let value = unhex(vector["hex"].as_str().unwrap());
        let expected = prost_decode(&value);
        // What the application had in hand before the reference put its note in.
        let message = if value[0] == MARKER_PLAIN {
            expected.clone()
        } else {
            noted(&expected, CompressionType::CompressionNone)
        };
        let mut ours = Vec::new();
        let size = Encoder::default().encode_into(&message, &mut ours);
        let protobuf = unframe(&ours);
        assert_eq!(
            size,
            Size {
                framed_bytes: ours.len(),
                expanded_bytes: protobuf.len()
            },
            "{name}"
        );
        // This one was made by hand, against the reference's own rule.
        if name == "small_message_compressed_anyway" {
            assert_eq!(ours[0], MARKER_PLAIN);
            assert_eq!(prost_decode(&ours), message, "{name}");
            continue;
        }
        assert_eq!(ours[0], value[0], "marker of {name}");
        // Encodings compare NaN by its bits.
        assert_eq!(
            prost_decode(&ours).encode_to_vec(),
            expected.encode_to_vec(),
            "{name}"
        );
        compressed += usize::from(ours[0] != MARKER_PLAIN);
        // Fields that prost does not know are lost, and what stands twice stands once.
        if !(name.starts_with("unknown_field") || name.ends_with("last_wins")) {
            assert_eq!(protobuf.len(), unframe(&value).len(), "{name}");
        }
        // The others differ in the order of map entries, or in the version of zstd.
        equal_bytes += usize::from(ours == value);
    }
    assert_eq!((accepted, compressed), (44, 5));
    assert!(equal_bytes >= 30, "{equal_bytes}");
}

fn chunk(text: String) -> DashStreamMessage {
    let message = TokenChunk {
        header: Some(Header {
            schema_version: 1,
            ..Header::default()
        }),
        text,
        ..TokenChunk::default()
    };
    DashStreamMessage {
        message: Some(Message::TokenChunk(message)),
    }
}

#[test]
fn only_what_is_longer_than_the_threshold_is_compressed() {
    let of_len = |len: usize| {
        let message = chunk("a".repeat(len - (chunk("a".repeat(len)).encoded_len() - len)));
        assert_eq!(message.encoded_len(), len);
        message
    };
    for (len, marker) in [(512, 0), (513, 1)] {
        assert_eq!(framing::encode(&of_len(len), Compression::default())[0], marker);
    }
    for level in [-5, 0, 1, 19, 22, 100] {
        let compression = Compression::Zstd {
            threshold_bytes: 100,
            level,
        };
        let value = framing::encode(&of_len(200), compression);
        assert_eq!(value[0], 1, "level {level}");
        assert_eq!(
            prost_decode(&value),
            noted(&of_len(200), CompressionType::CompressionZstd)
        );
    }
    let lz4 = framing::encode(&of_len(200), Compression::Lz4 { threshold_bytes: 199 });
    assert_eq!(lz4[0], 2);
    assert_eq!(
        framing::encode(&DashStreamMessage::default(), Compression::default()),
        [0]
    );
}

#[test]
fn what_readers_would_not_expand_stays_plain() {
    let message = chunk("a".repeat(3 << 20));
    for compression in [Compression::default(), Compression::Lz4 { threshold_bytes: 512 }] {
        let value = framing::encode(&message, compression);
        let size = framing::size(&message, compression);
        assert_eq!(size.framed_bytes, value.len());
        assert!(
            Decoder::new(Policy::Strict).decode(Some(&value)).is_ok(),
            "{compression:?}"
        );
        // LZ4 cannot expand so far that it would have to stay plain.
        assert_eq!(value[0] == MARKER_PLAIN, compression == Compression::default());
    }
}

#[test]
fn the_frame_tells_its_content_size_and_has_no_checksum() {
    let value = framing::encode(&chunk("agent ".repeat(300)), Compression::default());
    let size = framing::size(&chunk("agent ".repeat(300)), Compression::default());
    // RFC 8878, 3.1.1.1: the magic number, then the descriptor with the checksum flag in bit 2.
    assert_eq!(&value[..5], [1, 0x28, 0xb5, 0x2f, 0xfd]);
    assert_eq!(value[5] & 0b100, 0);
    let told = zstd::zstd_safe::get_frame_content_size(&value[1..]).unwrap();
    assert_eq!(told, Some(size.expanded_bytes as u64));
}

#[test]
fn a_thread_that_ends_can_still_encode() {
    struct SendsOnDrop(std::sync::mpsc::SyncSender<Vec<u8>>);
    impl Drop for SendsOnDrop {
        fn drop(&mut self) {
            let value = framing::encode(&chunk("b".repeat(600)), Compression::default());
            self.0.send(value).unwrap();
        }
    }
    thread_local! {
        static LAST: std::cell::RefCell<Option<SendsOnDrop>> = const { std::cell::RefCell::new(None) };
    }
    let (sender, receiver) = std::sync::mpsc::sync_channel(1);
    let thread = std::thread::spawn(move || {
        LAST.set(Some(SendsOnDrop(sender)));
        framing::encode(&chunk("c".repeat(600)), Compression::default())
    });
    assert_eq!(thread.join().unwrap()[0], 1);
    assert_eq!(receiver.recv().unwrap()[0], 1);
}

proptest! {
    #[test]
    fn values_hold_the_message_with_its_note_and_tell_their_lengths(
        messages in prop::collection::vec((generate::message(), 0..3_u8, 0_usize..20_000), 1..4),
        threshold_bytes in 0_usize..600,
    ) {
        let codecs = [
            (Compression::None, CompressionType::CompressionNone),
            (Compression::Zstd { level: 3, threshold_bytes }, CompressionType::CompressionZstd),
            (Compression::Lz4 { threshold_bytes }, CompressionType::CompressionLz4),
        ];
        // One encoder for all, so that what one message leaves behind meets the next one.
        let mut encoder = Encoder::default();
        let mut out = Vec::new();
        for (mut message, kind, padding) in messages {
            // Headers of all lengths, which compress well.
            for header in headers(&mut message) {
                match kind {
                    0 => {}
                    1 => header.tenant_id = "t".repeat(padding % 400),
                    _ => header.tenant_id = "t".repeat(padding),
                }
            }
            let plain = message.encode_to_vec();
            for (compression, note) in codecs {
                encoder.set_compression(compression);
                let start = out.len();
                let size = encoder.encode_into(&message, &mut out);
                let value = &out[start..];
                prop_assert_eq!(&encoder.encode(&message), value);
                prop_assert_eq!(&framing::encode(&message, compression), value);
                prop_assert_eq!(encoder.size(&message), size);
                let protobuf = unframe(value);
                prop_assert_eq!(size, Size { framed_bytes: value.len(), expanded_bytes: protobuf.len() });
                prop_assert!(value.len() <= 1 + plain.len());
                if value[0] == MARKER_PLAIN {
                    prop_assert_eq!(&protobuf, &plain);
                } else {
                    prop_assert!(plain.len() > threshold_bytes);
                    prop_assert_eq!(protobuf, noted(&message, note).encode_to_vec());
                }
            }
        }
    }
}
