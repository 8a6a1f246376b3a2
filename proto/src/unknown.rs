//! Keeping what a newer producer sent: fields whose numbers this schema does not know.
//!
//! They are kept as protobuf: an envelope that holds nothing but what was unknown. Unknown fields of the envelope,
//! the message and its header stand alone in their places; a nested field of another kind that holds something
//! unknown is kept whole. A reader with a newer schema can decode these bytes as a message.
//!
//! This walks messages that were decoded before, and only those that have such fields, which is rare.

use crate::wire::{Cursor, Depth, Tag, WireType};

/// What the schema says of one field.
#[derive(Clone, Copy)]
enum Field {
    Unknown,
    Scalar,
    /// A message on the way from the envelope to the header: unknown fields are picked out of it.
    Path(Kind),
    /// A message or a map entry beside that way: kept whole when it holds something unknown.
    Nested(Kind),
}

/// The message types of the schema.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Envelope,
    Header,
    Event,
    EventBatch,
    StateDiff,
    DiffOperation,
    TokenChunk,
    TokenStats,
    ToolExecution,
    Checkpoint,
    CompressionInfo,
    Metrics,
    MetricEntry,
    MetricValue,
    Error,
    ExecutionTrace,
    NodeRecord,
    ErrorRecord,
    /// A map entry with a scalar value.
    ScalarEntry,
    AttributeEntry,
    AttributeValue,
    AttributeArray,
    AttributeMap,
}

impl Kind {
    fn field(self, number: u32) -> Field {
        match (self, number) {
            (Self::Envelope, 1) => Field::Path(Self::Event),
            (Self::Envelope, 2) => Field::Path(Self::StateDiff),
            (Self::Envelope, 3) => Field::Path(Self::TokenChunk),
            (Self::Envelope, 4) => Field::Path(Self::ToolExecution),
            (Self::Envelope, 5) => Field::Path(Self::Checkpoint),
            (Self::Envelope, 6) => Field::Path(Self::Metrics),
            (Self::Envelope, 7) => Field::Path(Self::Error),
            (Self::Envelope, 8) => Field::Path(Self::EventBatch),
            (Self::Envelope, 9) => Field::Path(Self::ExecutionTrace),
            (
                Self::Event
                | Self::EventBatch
                | Self::StateDiff
                | Self::TokenChunk
                | Self::ToolExecution
                | Self::Checkpoint
                | Self::Metrics
                | Self::Error
                | Self::ExecutionTrace,
                1,
            ) => Field::Path(Self::Header),
            (Self::Event, 4) | (Self::AttributeMap, 1) => Field::Nested(Self::AttributeEntry),
            (Self::StateDiff, 3) => Field::Nested(Self::DiffOperation),
            (Self::TokenChunk, 10) => Field::Nested(Self::TokenStats),
            (Self::ToolExecution, 8) => Field::Nested(Self::Error),
            (Self::Checkpoint, 7) => Field::Nested(Self::CompressionInfo),
            (Self::Metrics, 4) => Field::Nested(Self::MetricEntry),
            (Self::MetricEntry, 2) => Field::Nested(Self::MetricValue),
            (Self::Checkpoint, 8)
            | (Self::Metrics | Self::Error, 5)
            | (Self::ExecutionTrace, 12)
            | (Self::NodeRecord, 11) => Field::Nested(Self::ScalarEntry),
            (Self::ExecutionTrace, 4) => Field::Nested(Self::NodeRecord),
            (Self::ExecutionTrace, 7) => Field::Nested(Self::ErrorRecord),
            (Self::AttributeEntry, 2) | (Self::AttributeArray, 1) => Field::Nested(Self::AttributeValue),
            (Self::AttributeValue, 6) => Field::Nested(Self::AttributeArray),
            (Self::AttributeValue, 7) => Field::Nested(Self::AttributeMap),
            (kind, number) if number <= kind.last_number() => Field::Scalar,
            _ => Field::Unknown,
        }
    }

    /// Field numbers of every type run without holes from 1 to this one.
    fn last_number(self) -> u32 {
        match self {
            Self::AttributeArray | Self::AttributeMap => 1,
            Self::EventBatch | Self::ScalarEntry | Self::AttributeEntry | Self::MetricEntry => 2,
            Self::TokenStats => 3,
            Self::CompressionInfo => 4,
            Self::StateDiff | Self::DiffOperation | Self::Metrics => 5,
            Self::Event | Self::ErrorRecord => 6,
            Self::AttributeValue | Self::MetricValue => 7,
            Self::Checkpoint | Self::Error => 8,
            Self::Envelope | Self::Header => 9,
            Self::TokenChunk | Self::ToolExecution => 10,
            Self::NodeRecord => 11,
            Self::ExecutionTrace => 12,
        }
    }
}

/// The unknown fields of one message.
#[derive(Debug, Default)]
pub(crate) struct UnknownFields {
    /// Of the message itself.
    pub(crate) message: Vec<u8>,
    /// Of each event of a batch, in order.
    pub(crate) events: Vec<Vec<u8>>,
}

impl UnknownFields {
    /// Collects them from an encoded envelope that was decoded before.
    #[cold]
    pub(crate) fn collect(envelope: &[u8]) -> Self {
        let mut unknown = Self::default();
        let mut member = (0, Vec::new());
        for_each_field(envelope, |tag, whole, content| {
            match Kind::Envelope.field(tag.number) {
                Field::Path(kind) => {
                    if member.0 != tag.number {
                        // Another member of the oneof replaces what came before.
                        member = (tag.number, Vec::new());
                        unknown.events.clear();
                    }
                    let mut kept = Vec::new();
                    prune(kind, content, &mut kept, &mut unknown.events);
                    write_message(tag.number, &kept, &mut member.1);
                }
                Field::Unknown | Field::Scalar | Field::Nested(_) => unknown.message.extend_from_slice(whole),
            }
        });
        unknown.message.extend(member.1);
        unknown
    }
}

const BATCH_EVENTS: u32 = 2;
const ENVELOPE_EVENT: u32 = 1;

fn prune(kind: Kind, bytes: &[u8], out: &mut Vec<u8>, events: &mut Vec<Vec<u8>>) {
    for_each_field(bytes, |tag, whole, content| {
        if kind == Kind::EventBatch && tag.number == BATCH_EVENTS {
            let mut inner = Vec::new();
            prune(Kind::Event, content, &mut inner, &mut Vec::new());
            let mut event = Vec::new();
            write_message(ENVELOPE_EVENT, &inner, &mut event);
            events.push(event);
            return;
        }
        match kind.field(tag.number) {
            Field::Scalar => {}
            Field::Unknown => out.extend_from_slice(whole),
            Field::Nested(inner) => {
                if holds_unknown(inner, content) {
                    out.extend_from_slice(whole);
                }
            }
            Field::Path(inner) => {
                let mut kept = Vec::new();
                prune(inner, content, &mut kept, events);
                write_message(tag.number, &kept, out);
            }
        }
    });
}

fn holds_unknown(kind: Kind, bytes: &[u8]) -> bool {
    let mut found = false;
    for_each_field(bytes, |tag, _, content| {
        found = found
            || match kind.field(tag.number) {
                Field::Scalar => false,
                Field::Unknown => true,
                Field::Nested(inner) | Field::Path(inner) => holds_unknown(inner, content),
            };
    });
    found
}

/// Calls `visit` with the tag, the whole encoding, and the content of a length-delimited field.
fn for_each_field<'a>(bytes: &'a [u8], mut visit: impl FnMut(Tag, &'a [u8], &'a [u8])) {
    let mut cursor = Cursor::new(bytes);
    loop {
        let start = cursor.rest();
        // The bytes were decoded before, so that nothing fails here; if it did, no more would be kept.
        let Ok(Some(tag)) = cursor.tag() else { return };
        let mut content: &[u8] = &[];
        let read = if tag.wire_type == WireType::Bytes {
            cursor.bytes(tag).map(|bytes| content = bytes)
        } else {
            cursor.skip(tag, Depth::ENVELOPE)
        };
        if read.is_err() {
            return;
        }
        visit(tag, &start[..start.len() - cursor.rest().len()], content);
    }
}

fn write_message(number: u32, content: &[u8], out: &mut Vec<u8>) {
    if content.is_empty() {
        return;
    }
    prost::encoding::encode_key(number, prost::encoding::WireType::LengthDelimited, out);
    prost::encoding::encode_varint(content.len() as u64, out);
    out.extend_from_slice(content);
}

#[cfg(test)]
mod tests;
