//! Event: one step of a graph.

use crate::attributes::AttributeValue;
use arrow_array::types::{Float64Type, Int64Type};

use crate::columns::{BytesColumn, Columns, CommonColumns, NumberColumn, PlainColumn, TextColumn};
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
    pub(crate) fn read(
        &mut self,
        chunks: &[&'a [u8]],
        depth: Depth,
        scratch: &mut Scratch,
    ) -> Result<(), Rejection> {
        let depth = depth.enter()?;
        let mut attributes = Entries::<AttributeValue<'a>>::new();
        for &chunk in chunks {
            let mut cursor = Cursor::new(chunk);
            while let Some(tag) = cursor.tag()? {
                match tag.number {
                    1 => Header::merge(&mut self.header, cursor.bytes(tag)?, depth, scratch)?,
                    2 => self.event_type = cursor.enumeration(tag)?,
                    3 => self.node_id = cursor.text(tag)?,
                    4 => attributes.push(Entry::parse(cursor.bytes(tag)?, depth, scratch)?),
                    5 => self.duration_us = cursor.int64(tag)?,
                    6 => self.llm_request_id = cursor.text(tag)?,
                    _ => scratch.skip_unknown(&mut cursor, tag, depth)?,
                }
            }
        }
        self.attributes = maps::compose(&mut attributes, scratch)?;
        self.hot = HotAttributes::of(&attributes, scratch);
        Ok(())
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
    node_id: TextColumn,
    duration_us: PlainColumn<Int64Type>,
    llm_request_id: TextColumn,
    attributes: TextColumn,
    batch_id: BytesColumn,
    graph_name: TextColumn,
    model: TextColumn,
    tool_name: TextColumn,
    input_tokens: PlainColumn<Int64Type>,
    output_tokens: PlainColumn<Int64Type>,
    cost_usd: PlainColumn<Float64Type>,
    error: TextColumn,
}

impl EventColumns {
    pub(crate) fn new() -> Self {
        Self {
            common: CommonColumns::new(),
            event_type: NumberColumn::new(enums::event_type),
            node_id: TextColumn::default(),
            duration_us: PlainColumn::default(),
            llm_request_id: TextColumn::default(),
            attributes: TextColumn::default(),
            batch_id: BytesColumn::default(),
            graph_name: TextColumn::default(),
            model: TextColumn::default(),
            tool_name: TextColumn::default(),
            input_tokens: PlainColumn::default(),
            output_tokens: PlainColumn::default(),
            cost_usd: PlainColumn::default(),
            error: TextColumn::default(),
        }
    }

    pub(crate) fn push(&mut self, row: &RowContext<'_>, view: &EventView<'_>, member: BatchMember<'_>) {
        let at = self.common.push(
            row.place,
            member.item,
            view.header.as_ref(),
            row.numbered,
            row.unknown_fields,
        );
        self.event_type.push(view.event_type);
        self.node_id.set(at, view.node_id);
        self.duration_us.set(at, view.duration_us);
        self.llm_request_id.set(at, view.llm_request_id);
        self.attributes
            .set_option(at, view.attributes.map(|span| row.composed.get(span)));
        self.batch_id.set(at, member.batch_id);
        self.graph_name.set_option(at, view.hot.graph_name);
        self.model.set_option(at, view.hot.model);
        self.tool_name.set_option(at, view.hot.tool_name);
        self.input_tokens.set_option(at, view.hot.input_tokens);
        self.output_tokens.set_option(at, view.hot.output_tokens);
        self.cost_usd.set_option(at, view.hot.cost_usd);
        self.error.set_option(at, view.hot.error);
    }
}

impl Columns for EventColumns {
    fn finish(&mut self) -> Vec<arrow_array::ArrayRef> {
        let rows = self.common.rows();
        self.common.finish([
            self.event_type.finish(),
            self.node_id.finish(rows),
            self.duration_us.finish(rows),
            self.llm_request_id.finish(rows),
            self.attributes.finish(rows),
            self.batch_id.finish(rows),
            self.graph_name.finish(rows),
            self.model.finish(rows),
            self.tool_name.finish(rows),
            self.input_tokens.finish(rows),
            self.output_tokens.finish(rows),
            self.cost_usd.finish(rows),
            self.error.finish(rows),
        ])
    }
}
