//! The note in a message's headers that it travels compressed, put into bytes that are already encoded.
//!
//! A second encoding would cost as much as the first one, and a copy of the message more than both. The bytes come from
//! prost: fields stand in the order of their numbers, a header is the first field of its message, and nothing stands
//! twice.

use prost::{encode_length_delimiter, length_delimiter_len};

use crate::message::CompressionType;
use crate::wire::{Cursor, WireType};

/// The key of field 1 in every message type, the header.
const HEADER_KEY: u8 = 0x0a;
/// The key of an EventBatch in the envelope, field 8.
const EVENT_BATCH_KEY: u8 = 0x42;
/// The key of an event in an EventBatch, field 2.
const EVENT_KEY: u8 = 0x12;
/// The key of `compression` in a header, field 8.
const COMPRESSION_KEY: u8 = 0x40;

/// Appends the encoded envelope to `out`, with this compression in the message's header and in that of each event of a
/// batch. None if the bytes are not an encoded envelope with a message; `out` then holds a part of it.
pub(super) fn copy_with_note(protobuf: &[u8], compression: CompressionType, out: &mut Vec<u8>) -> Option<()> {
    let (&key, message) = protobuf.split_first()?;
    let message = delimited(message)?.0;
    let head = Head::split(message)?;
    let note = [COMPRESSION_KEY, compression as u8];
    if key != EVENT_BATCH_KEY {
        start_field(out, key, head.len());
        head.write(note, out);
        return Some(());
    }
    let events = Events { rest: head.rest };
    let mut len = head.header_len();
    for event in events {
        len += field_len(event?.len());
    }
    start_field(out, key, len);
    head.write_header(note, out);
    for event in events {
        let event = event?;
        start_field(out, EVENT_KEY, event.len());
        event.write(note, out);
    }
    Some(())
}

/// A message, cut where the note goes.
#[derive(Clone, Copy)]
struct Head<'a> {
    /// The header's fields before and behind the note; none without a header.
    header: Option<(&'a [u8], &'a [u8])>,
    /// The fields behind the header.
    rest: &'a [u8],
}

impl<'a> Head<'a> {
    fn split(message: &'a [u8]) -> Option<Self> {
        let Some(behind_key) = message.strip_prefix(&[HEADER_KEY]) else {
            return Some(Self {
                header: None,
                rest: message,
            });
        };
        let (header, rest) = delimited(behind_key)?;
        let mut cursor = Cursor::new(header);
        let (mut before, mut behind) = (header.len(), header.len());
        loop {
            let start = header.len() - cursor.rest().len();
            let Some(tag) = cursor.tag().ok()? else {
                break;
            };
            match tag.wire_type {
                WireType::Varint => drop(cursor.uint64(tag).ok()?),
                _ => drop(cursor.bytes(tag).ok()?),
            }
            if tag.number >= 8 {
                before = start;
                // A note that the caller left is replaced.
                behind = if tag.number == 8 {
                    header.len() - cursor.rest().len()
                } else {
                    start
                };
                break;
            }
        }
        Some(Self {
            header: Some((&header[..before], &header[behind..])),
            rest,
        })
    }

    /// Length with the note.
    fn len(&self) -> usize {
        self.header_len() + self.rest.len()
    }

    /// Length of the header's field with the note.
    fn header_len(&self) -> usize {
        self.header
            .map_or(0, |(before, behind)| field_len(before.len() + 2 + behind.len()))
    }

    fn write(&self, note: [u8; 2], out: &mut Vec<u8>) {
        self.write_header(note, out);
        out.extend_from_slice(self.rest);
    }

    fn write_header(&self, note: [u8; 2], out: &mut Vec<u8>) {
        if let Some((before, behind)) = self.header {
            start_field(out, HEADER_KEY, before.len() + 2 + behind.len());
            out.extend_from_slice(before);
            out.extend_from_slice(&note);
            out.extend_from_slice(behind);
        }
    }
}

/// The events of a batch.
#[derive(Clone, Copy)]
struct Events<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Events<'a> {
    type Item = Option<Head<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let event = self.rest.strip_prefix(&[EVENT_KEY]).and_then(delimited);
        let Some((event, rest)) = event else {
            self.rest = &[];
            return Some(None);
        };
        self.rest = rest;
        Some(Head::split(event))
    }
}

/// The bytes that a length stands before, and what follows them.
fn delimited(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut rest = bytes;
    let len = prost::decode_length_delimiter(&mut rest).ok()?;
    rest.split_at_checked(len)
}

/// Length of a field of so many bytes with its key, which takes one byte, and its length.
fn field_len(len: usize) -> usize {
    1 + length_delimiter_len(len) + len
}

fn start_field(out: &mut Vec<u8>, key: u8, len: usize) {
    out.push(key);
    // A vector has room for any length.
    let _ = encode_length_delimiter(len, out);
}
