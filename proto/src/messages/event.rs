//! Event: one step of a graph.

use std::sync::Arc;

use arrow_array::builder::{BinaryBuilder, Float64Builder, Int64Builder, StringBuilder};

use crate::attributes::AttributeValue;
use crate::columns::{Columns, CommonColumns, NumberColumn, push_bytes, push_duration, push_text};
use crate::enums;
use crate::error::Rejection;
use crate::header::Header;
use crate::maps::{self, Entries, Entry};
use crate::messages::RowContext;
use crate::scratch::{Scratch, Span};
use crate::sequence::Emitter;
use crate::wire::{Cursor, Depth};

/// An Event, borrowed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EventView<'a> {
    /// The header, if there is one.
    pub header: Option<Header<'a>>,
    /// `EventType` number.
    pub event_type: i32,
    /// The node; empty on graph level.
    pub node_id: &'a str,
    /// Microseconds; meaningful on `*_END` events.
    pub duration_us: i64,
    /// The LLM request that the event belongs to.
    pub llm_request_id: &'a str,
    /// All attributes as a JSON object.
    pub attributes: Option<Span>,
    /// Attributes that have a column of their own.
    pub hot: HotAttributes<'a>,
}

/// Attributes that queries ask for all the time. The JSON object has them too.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HotAttributes<'a> {
    /// Attribute `graph_name`.
    pub graph_name: Option<&'a str>,
    /// Attribute `model`.
    pub model: Option<&'a str>,
    /// Attribute `tool_name`.
    pub tool_name: Option<&'a str>,
    /// Attribute `input_tokens`.
    pub input_tokens: Option<i64>,
    /// Attribute `output_tokens`.
    pub output_tokens: Option<i64>,
    /// Attribute `cost_usd`.
    pub cost_usd: Option<f64>,
    /// Attribute `error`.
    pub error: Option<&'a str>,
}

impl<'a> HotAttributes<'a> {
    fn of(entries: &Entries<'a, AttributeValue<'a>>, scratch: &mut Scratch) -> Self {
        let mut hot = Self::default();
        // Entries of one key are in wire order here, so that the last one wins.
        for entry in entries {
            let mut scalar = || entry.scalar(scratch);
            match entry.key {
                "graph_name" => hot.graph_name = scalar().and_then(|value| value.text()),
                "model" => hot.model = scalar().and_then(|value| value.text()),
                "tool_name" => hot.tool_name = scalar().and_then(|value| value.text()),
                "input_tokens" => hot.input_tokens = scalar().and_then(|value| value.int()),
                "output_tokens" => hot.output_tokens = scalar().and_then(|value| value.int()),
                "cost_usd" => hot.cost_usd = scalar().and_then(|value| value.float()),
                "error" => hot.error = scalar().and_then(|value| value.text()),
                _ => {}
            }
        }
        hot
    }
}

/// The event types that code inside a node sends, with its own counter.
const IN_NODE_EVENT_TYPES: std::ops::RangeInclusive<i32> = 80..=83;

impl<'a> EventView<'a> {
    /// Parses the encodings whose concatenation is the event.
    pub(crate) fn parse(chunks: &[&'a [u8]], depth: Depth, scratch: &mut Scratch) -> Result<Self, Rejection> {
        let depth = depth.enter()?;
        let mut view = Self::default();
        let mut attributes = Entries::<AttributeValue<'a>>::new();
        for &chunk in chunks {
            let mut cursor = Cursor::new(chunk);
            while let Some(tag) = cursor.tag()? {
                match tag.number {
                    1 => Header::merge(&mut view.header, cursor.bytes(tag)?, depth, scratch)?,
                    2 => view.event_type = cursor.enumeration(tag)?,
                    3 => view.node_id = cursor.text(tag)?,
                    4 => attributes.push(Entry::parse(cursor.bytes(tag)?, depth, scratch)?),
                    5 => view.duration_us = cursor.int64(tag)?,
                    6 => view.llm_request_id = cursor.text(tag)?,
                    _ => scratch.skip_unknown(&mut cursor, tag, depth)?,
                }
            }
        }
        view.attributes = maps::compose(&mut attributes, scratch)?;
        view.hot = HotAttributes::of(&attributes, scratch);
        Ok(view)
    }

    /// Which counter numbers such an event.
    #[must_use]
    pub fn emitter(&self) -> Emitter {
        if IN_NODE_EVENT_TYPES.contains(&self.event_type) {
            Emitter::Node
        } else {
            Emitter::Graph
        }
    }
}

/// Where an event stands when it came in a batch.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BatchMember<'a> {
    pub(crate) item: i32,
    pub(crate) batch_id: &'a [u8],
}

/// The columns of `events`.
#[derive(Debug)]
pub(crate) struct EventColumns {
    pub(crate) common: CommonColumns,
    event_type: NumberColumn,
    node_id: StringBuilder,
    duration_us: Int64Builder,
    llm_request_id: StringBuilder,
    attributes: StringBuilder,
    batch_id: BinaryBuilder,
    graph_name: StringBuilder,
    model: StringBuilder,
    tool_name: StringBuilder,
    input_tokens: Int64Builder,
    output_tokens: Int64Builder,
    cost_usd: Float64Builder,
    error: StringBuilder,
}

impl EventColumns {
    pub(crate) fn new() -> Self {
        Self {
            common: CommonColumns::new(),
            event_type: NumberColumn::new(enums::event_type),
            node_id: StringBuilder::new(),
            duration_us: Int64Builder::new(),
            llm_request_id: StringBuilder::new(),
            attributes: StringBuilder::new(),
            batch_id: BinaryBuilder::new(),
            graph_name: StringBuilder::new(),
            model: StringBuilder::new(),
            tool_name: StringBuilder::new(),
            input_tokens: Int64Builder::new(),
            output_tokens: Int64Builder::new(),
            cost_usd: Float64Builder::new(),
            error: StringBuilder::new(),
        }
    }

    pub(crate) fn push(&mut self, row: &RowContext<'_>, view: &EventView<'_>, member: BatchMember<'_>) {
        self.common.push(
            row.place,
            member.item,
            view.header.as_ref(),
            row.numbered,
            row.unknown_fields,
        );
        self.event_type.push(view.event_type);
        push_text(&mut self.node_id, view.node_id);
        push_duration(&mut self.duration_us, view.duration_us);
        push_text(&mut self.llm_request_id, view.llm_request_id);
        self.attributes
            .append_option(view.attributes.map(|span| row.composed.get(span)));
        push_bytes(&mut self.batch_id, member.batch_id);
        self.graph_name.append_option(view.hot.graph_name);
        self.model.append_option(view.hot.model);
        self.tool_name.append_option(view.hot.tool_name);
        self.input_tokens.append_option(view.hot.input_tokens);
        self.output_tokens.append_option(view.hot.output_tokens);
        self.cost_usd.append_option(view.hot.cost_usd);
        self.error.append_option(view.hot.error);
    }
}

impl Columns for EventColumns {
    fn finish(&mut self) -> Vec<arrow_array::ArrayRef> {
        self.common.finish([
            self.event_type.finish(),
            Arc::new(self.node_id.finish()) as _,
            Arc::new(self.duration_us.finish()) as _,
            Arc::new(self.llm_request_id.finish()) as _,
            Arc::new(self.attributes.finish()) as _,
            Arc::new(self.batch_id.finish()) as _,
            Arc::new(self.graph_name.finish()) as _,
            Arc::new(self.model.finish()) as _,
            Arc::new(self.tool_name.finish()) as _,
            Arc::new(self.input_tokens.finish()) as _,
            Arc::new(self.output_tokens.finish()) as _,
            Arc::new(self.cost_usd.finish()) as _,
            Arc::new(self.error.finish()) as _,
        ])
    }
}
