//! From the bytes of a record to a borrowed message. Everything that can fail, fails here.

use crate::error::{Reason, Rejection};
use crate::framing;
use crate::header::Header;
use crate::maps::Chunks;
use crate::messages::{
    CheckpointView, ErrorView, EventBatchView, EventView, ExecutionTraceView, MetricsView, StateDiffView,
    TokenChunkView, ToolExecutionView,
};
use crate::policy::{Policy, SCHEMA_VERSION};
use crate::scratch::{ComposedText, Scratch};
use crate::sequence::Emitter;
use crate::table::Table;
use crate::unknown::UnknownFields;
use crate::wire::{Cursor, Depth, as_utf8};

/// A message of one of the nine types, borrowed from its record.
#[derive(Clone, Debug, PartialEq)]
pub enum Message<'a> {
    /// One step of a graph.
    Event(EventView<'a>),
    /// A change of state.
    StateDiff(StateDiffView<'a>),
    /// A piece of a model's answer.
    TokenChunk(TokenChunkView<'a>),
    /// One stage of a tool call.
    ToolExecution(ToolExecutionView<'a>),
    /// A whole state.
    Checkpoint(CheckpointView<'a>),
    /// Named values.
    Metrics(MetricsView<'a>),
    /// A failure.
    Error(ErrorView<'a>),
    /// Several events.
    EventBatch(EventBatchView<'a>),
    /// A whole execution.
    ExecutionTrace(ExecutionTraceView<'a>),
}

impl<'a> Message<'a> {
    /// The message's own header, if it has one.
    #[must_use]
    pub fn header(&self) -> Option<&Header<'a>> {
        match self {
            Self::Event(view) => view.header.as_ref(),
            Self::StateDiff(view) => view.header.as_ref(),
            Self::TokenChunk(view) => view.header.as_ref(),
            Self::ToolExecution(view) => view.header.as_ref(),
            Self::Checkpoint(view) => view.header.as_ref(),
            Self::Metrics(view) => view.header.as_ref(),
            Self::Error(view) => view.header.as_ref(),
            Self::EventBatch(view) => view.header.as_ref(),
            Self::ExecutionTrace(view) => view.header.as_ref(),
        }
    }

    /// Which counter numbers messages of this kind in applications that keep two.
    #[must_use]
    pub fn emitter(&self) -> Emitter {
        match self {
            Self::Event(view) => view.emitter(),
            Self::Metrics(view) => view.emitter(),
            Self::TokenChunk(_) | Self::ToolExecution(_) | Self::Error(_) => Emitter::Node,
            Self::StateDiff(_) | Self::Checkpoint(_) | Self::EventBatch(_) | Self::ExecutionTrace(_) => {
                Emitter::Graph
            }
        }
    }

    /// The table of the message's row or rows; events of a batch are rows of [`Table::Events`] besides.
    #[must_use]
    pub fn table(&self) -> Table {
        match self {
            Self::Event(_) => Table::Events,
            Self::StateDiff(_) => Table::StateDiffs,
            Self::TokenChunk(_) => Table::TokenChunks,
            Self::ToolExecution(_) => Table::ToolExecutions,
            Self::Checkpoint(_) => Table::Checkpoints,
            Self::Metrics(_) => Table::Metrics,
            Self::Error(_) => Table::Errors,
            Self::EventBatch(_) => Table::EventBatches,
            Self::ExecutionTrace(_) => Table::ExecutionTraces,
        }
    }

    /// The table that grows most by the message: most of a batch is its events.
    #[must_use]
    pub fn largest_table(&self) -> Table {
        match self {
            Self::EventBatch(_) => Table::Events,
            _ => self.table(),
        }
    }

    /// Rows in [`Self::table`]: one, but one per entry of a Metrics message.
    #[must_use]
    pub fn row_count(&self) -> usize {
        match self {
            Self::Metrics(view) => view.metrics.len().max(1),
            _ => 1,
        }
    }

    /// Rows of all tables that the message becomes.
    pub(crate) fn rows(&self) -> usize {
        match self {
            Self::EventBatch(view) => 1 + view.events.len(),
            Self::Metrics(view) => view.metrics.len().max(1),
            _ => 1,
        }
    }

    /// An empty message of the type that has that number in the envelope's oneof.
    #[inline(always)]
    fn new(variant: u32) -> Self {
        match variant {
            1 => Self::Event(EventView::default()),
            2 => Self::StateDiff(StateDiffView::default()),
            3 => Self::TokenChunk(TokenChunkView::default()),
            4 => Self::ToolExecution(ToolExecutionView::default()),
            5 => Self::Checkpoint(CheckpointView::default()),
            6 => Self::Metrics(MetricsView::default()),
            7 => Self::Error(ErrorView::default()),
            8 => Self::EventBatch(EventBatchView::default()),
            _ => Self::ExecutionTrace(ExecutionTraceView::default()),
        }
    }

    /// Reads the encodings whose concatenation is the message. It is some hundred bytes large, so it is read into its place
    /// and not handed on.
    #[inline(always)]
    fn read(&mut self, chunks: &[&'a [u8]], scratch: &mut Scratch) -> Result<(), Rejection> {
        let depth = Depth::ENVELOPE;
        match self {
            Self::Event(view) => view.read(chunks, depth, scratch),
            Self::StateDiff(view) => view.read(chunks, depth, scratch),
            Self::TokenChunk(view) => view.read(chunks, depth, scratch),
            Self::ToolExecution(view) => view.read(chunks, depth, scratch),
            Self::Checkpoint(view) => view.read(chunks, depth, scratch),
            Self::Metrics(view) => view.read(chunks, depth, scratch),
            Self::Error(view) => view.read(chunks, depth, scratch),
            Self::EventBatch(view) => view.read(chunks, depth, scratch),
            Self::ExecutionTrace(view) => view.read(chunks, depth, scratch),
        }
    }
}

/// Field numbers of the envelope's oneof.
const VARIANTS: std::ops::RangeInclusive<u32> = 1..=9;

/// Finds the message in the envelope: the number of its type, and its encodings. Of several members the last wins;
/// repeated encodings of one member are merged.
#[inline(always)]
fn open_envelope<'a>(bytes: &'a [u8], scratch: &mut Scratch) -> Result<(u32, Chunks<'a>), Rejection> {
    let mut cursor = Cursor::new(bytes);
    let mut member: Option<(u32, Chunks<'a>)> = None;
    while let Some(tag) = cursor.tag()? {
        if !VARIANTS.contains(&tag.number) {
            scratch.skip_unknown(&mut cursor, tag, Depth::ENVELOPE)?;
            continue;
        }
        let content = cursor.bytes(tag)?;
        match &mut member {
            Some((variant, chunks)) if *variant == tag.number => {
                scratch.count_part()?;
                chunks.push(content);
            }
            _ => {
                if let Some((variant, chunks)) = member.take() {
                    check_replaced(variant, &chunks, scratch)?;
                }
                member = Some((tag.number, Chunks::from_slice(&[content])));
            }
        }
    }
    member.ok_or_else(no_known_message)
}

#[cold]
fn no_known_message() -> Rejection {
    Rejection::new(
        Reason::NoKnownMessage,
        "the envelope holds no message of a known type",
    )
}

/// A replaced member must still be well formed.
#[cold]
#[inline(never)]
fn check_replaced(variant: u32, chunks: &[&[u8]], scratch: &mut Scratch) -> Result<(), Rejection> {
    scratch.discarding = true;
    Message::new(variant).read(chunks, scratch)?;
    scratch.discarding = false;
    scratch.text.clear();
    Ok(())
}

fn check_header(header: Option<&Header<'_>>, policy: Policy, what: &str) -> Result<(), Rejection> {
    match header {
        Some(header) if policy.accepts_version(header.schema_version) => Ok(()),
        Some(header) => Err(Rejection::new(
            Reason::SchemaVersion,
            format!(
                "{what} has schema version {}, policy {policy} accepts {SCHEMA_VERSION}",
                header.schema_version
            ),
        )),
        None if policy.requires_header() => Err(Rejection::new(
            Reason::MissingHeader,
            format!("{what} has no header, and policy {policy} demands one"),
        )),
        None => Ok(()),
    }
}

/// One decoded record.
#[derive(Debug)]
pub struct Decoded<'a> {
    /// The message.
    pub message: Message<'a>,
    /// JSON that was composed for it.
    pub composed: ComposedText<'a>,
    /// Bytes of its protobuf encoding.
    pub protobuf_bytes: usize,
    pub(crate) unknown_fields: UnknownFields,
}

/// Decodes records one after the other, in buffers that it keeps.
#[derive(Debug)]
pub struct Decoder {
    policy: Policy,
    expanded: Vec<u8>,
    scratch: Scratch,
}

/// Buffers above this size are given back after the message that needed them.
const KEPT_BYTES_MAX: usize = 4 << 20;

impl Decoder {
    /// A decoder under that policy.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            expanded: Vec::new(),
            scratch: Scratch::default(),
        }
    }

    /// Decodes for [`JsonForm`](crate::json_form::JsonForm) instead of for columns: in attributes, bytes become text or
    /// hexadecimal and numbers that JSON lacks become null; states of checkpoints stay as they were sent.
    #[must_use]
    pub fn for_display(mut self) -> Self {
        self.scratch.for_display = true;
        self
    }

    /// The policy.
    #[must_use]
    pub fn policy(&self) -> Policy {
        self.policy
    }

    /// Decodes a record's value; `None` is a tombstone.
    ///
    /// # Errors
    /// A [`Rejection`] for every value that is not a message under the decoder's policy and limits.
    #[inline]
    pub fn decode<'a>(&'a mut self, value: Option<&'a [u8]>) -> Result<Decoded<'a>, Rejection> {
        let value = value.ok_or_else(|| Rejection::new(Reason::Tombstone, "record has no value"))?;
        if self.expanded.capacity() > KEPT_BYTES_MAX {
            self.expanded = Vec::new();
        }
        if self.scratch.text.capacity() > KEPT_BYTES_MAX {
            self.scratch = self.scratch.anew();
        }
        self.scratch.clear();
        let protobuf = framing::unframe(value, self.policy, &mut self.expanded)?;
        let (variant, chunks) = open_envelope(protobuf, &mut self.scratch)?;
        let mut decoded = Decoded {
            message: Message::new(variant),
            composed: ComposedText::default(),
            protobuf_bytes: protobuf.len(),
            unknown_fields: UnknownFields::default(),
        };
        decoded.message.read(&chunks, &mut self.scratch)?;
        self.scratch.check_len()?;
        check_header(decoded.message.header(), self.policy, "the message")?;
        if let Message::EventBatch(batch) = &decoded.message {
            for event in &batch.events {
                check_header(event.header.as_ref(), self.policy, "an event of the batch")?;
            }
        }
        if self.scratch.unknown_fields {
            decoded.unknown_fields = UnknownFields::collect(protobuf);
        }
        // Composed text is JSON made of checked text, hence UTF-8; checking it again costs little beside it.
        let composed = as_utf8(&self.scratch.text)
            .ok_or_else(|| Rejection::new(Reason::Protobuf, "composed text is not UTF-8"))?;
        decoded.composed = ComposedText(composed);
        Ok(decoded)
    }
}
