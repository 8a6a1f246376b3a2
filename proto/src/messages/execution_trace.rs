//! ExecutionTrace: one whole execution in retrospect.

use arrow_array::ArrayRef;

use arrow_array::types::UInt64Type;

use crate::columns::{BytesColumn, Columns, CommonColumns, FlagColumn, FullColumn, TextColumn};
use crate::error::Rejection;
use crate::header::Header;
use crate::json::{self, JsonField};
use crate::maps::{self, Entries, Entry, JsonValue, TextValue};
use crate::messages::RowContext;
use crate::scratch::{Scratch, Span};
use crate::wire::{Cursor, Depth};

/// An ExecutionTrace, borrowed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExecutionTraceView<'a> {
    /// The header, if there is one.
    pub header: Option<Header<'a>>,
    /// The thread as the trace itself names it.
    pub thread_id: &'a str,
    /// The execution.
    pub execution_id: &'a str,
    /// The executed nodes as a JSON array of objects.
    pub nodes: Option<Span>,
    /// How many nodes were executed.
    pub node_count: usize,
    /// Milliseconds.
    pub total_duration_ms: u64,
    /// Tokens in all.
    pub total_tokens: u64,
    /// The errors as a JSON array of objects.
    pub errors: Option<Span>,
    /// How many errors there are.
    pub error_count: usize,
    /// Whether the execution came to its end.
    pub completed: bool,
    /// Start, ISO 8601.
    pub started_at: &'a str,
    /// End, ISO 8601.
    pub ended_at: &'a str,
    /// The state at the end.
    pub final_state: JsonField<'a>,
    /// Metadata as a JSON object.
    pub metadata: Option<Span>,
}

impl<'a> ExecutionTraceView<'a> {
    pub(crate) fn read(
        &mut self,
        chunks: &[&'a [u8]],
        depth: Depth,
        scratch: &mut Scratch,
    ) -> Result<(), Rejection> {
        let depth = depth.enter()?;
        let mut final_state: &[u8] = &[];
        let (mut nodes, mut errors): (Vec<&'a [u8]>, Vec<&'a [u8]>) = (Vec::new(), Vec::new());
        let mut metadata = Entries::<JsonValue<'a>>::new();
        for &chunk in chunks {
            let mut cursor = Cursor::new(chunk);
            while let Some(tag) = cursor.tag()? {
                match tag.number {
                    1 => Header::merge(&mut self.header, cursor.bytes(tag)?, depth, scratch)?,
                    2 => self.thread_id = cursor.text(tag)?,
                    3 => self.execution_id = cursor.text(tag)?,
                    4 => {
                        scratch.count_part()?;
                        nodes.push(cursor.bytes(tag)?);
                    }
                    5 => self.total_duration_ms = cursor.uint64(tag)?,
                    6 => self.total_tokens = cursor.uint64(tag)?,
                    7 => {
                        scratch.count_part()?;
                        errors.push(cursor.bytes(tag)?);
                    }
                    8 => self.completed = cursor.boolean(tag)?,
                    9 => self.started_at = cursor.text(tag)?,
                    10 => self.ended_at = cursor.text(tag)?,
                    11 => final_state = cursor.bytes(tag)?,
                    12 => metadata.push(Entry::parse(cursor.bytes(tag)?, depth, scratch)?),
                    _ => scratch.skip_unknown(&mut cursor, tag, depth)?,
                }
            }
        }
        (self.node_count, self.error_count) = (nodes.len(), errors.len());
        self.nodes = compose_array(&nodes, depth, scratch, NodeRecord::compose)?;
        self.errors = compose_array(&errors, depth, scratch, ErrorRecord::compose)?;
        self.metadata = maps::compose(&mut metadata, scratch)?;
        self.final_state = JsonField::of(final_state);
        Ok(())
    }
}

/// Writes encoded messages as a JSON array; `None` for none.
fn compose_array<'a>(
    encoded: &[&'a [u8]],
    depth: Depth,
    scratch: &mut Scratch,
    compose: fn(&'a [u8], Depth, &mut Scratch) -> Result<(), Rejection>,
) -> Result<Option<Span>, Rejection> {
    if encoded.is_empty() {
        return Ok(None);
    }
    let start = scratch.mark();
    for (index, &bytes) in encoded.iter().enumerate() {
        scratch.text.push(if index == 0 { b'[' } else { b',' });
        compose(bytes, depth.enter()?, scratch)?;
        scratch.check_len()?;
    }
    scratch.text.push(b']');
    Ok(Some(scratch.span_from(start)))
}

/// Members of a JSON object that are written only when they say something.
struct Members<'s> {
    out: &'s mut Vec<u8>,
    first: bool,
}

impl<'s> Members<'s> {
    fn open(out: &'s mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, first: true }
    }

    fn text(&mut self, key: &str, text: &str) {
        if !text.is_empty() {
            json::write_key(self.out, &mut self.first, key);
            json::write_string(self.out, text);
        }
    }

    fn json(&mut self, key: &str, bytes: &[u8]) {
        if !bytes.is_empty() {
            json::write_key(self.out, &mut self.first, key);
            json::write_json_or_bytes(self.out, bytes);
        }
    }

    fn count(&mut self, key: &str, value: u64) {
        json::write_key(self.out, &mut self.first, key);
        json::write_int(self.out, value);
    }

    fn flag(&mut self, key: &str, value: bool) {
        json::write_key(self.out, &mut self.first, key);
        json::write_bool(self.out, value);
    }
}

/// One executed node.
#[derive(Default)]
struct NodeRecord<'a> {
    node: &'a str,
    duration_ms: u64,
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    succeeded: bool,
    started_at: &'a str,
    ended_at: &'a str,
    input: &'a [u8],
    output: &'a [u8],
}

impl<'a> NodeRecord<'a> {
    fn compose(bytes: &'a [u8], depth: Depth, scratch: &mut Scratch) -> Result<(), Rejection> {
        let mut record = Self::default();
        let mut metadata = Entries::<TextValue<'a>>::new();
        let mut cursor = Cursor::new(bytes);
        while let Some(tag) = cursor.tag()? {
            match tag.number {
                1 => record.node = cursor.text(tag)?,
                2 => record.duration_ms = cursor.uint64(tag)?,
                3 => record.prompt_tokens = cursor.uint64(tag)?,
                4 => record.completion_tokens = cursor.uint64(tag)?,
                5 => record.total_tokens = cursor.uint64(tag)?,
                6 => record.succeeded = cursor.boolean(tag)?,
                7 => record.started_at = cursor.text(tag)?,
                8 => record.ended_at = cursor.text(tag)?,
                9 => record.input = cursor.bytes(tag)?,
                10 => record.output = cursor.bytes(tag)?,
                11 => metadata.push(Entry::parse(cursor.bytes(tag)?, depth, scratch)?),
                _ => scratch.skip_unknown(&mut cursor, tag, depth)?,
            }
        }
        let mut members = Members::open(&mut scratch.text);
        members.text("node", record.node);
        members.count("duration_ms", record.duration_ms);
        members.count("prompt_tokens", record.prompt_tokens);
        members.count("completion_tokens", record.completion_tokens);
        members.count("total_tokens", record.total_tokens);
        members.flag("succeeded", record.succeeded);
        members.text("started_at", record.started_at);
        members.text("ended_at", record.ended_at);
        members.json("input", record.input);
        members.json("output", record.output);
        if !metadata.is_empty() {
            let mut first = members.first;
            json::write_key(&mut scratch.text, &mut first, "metadata");
            maps::write_object(&mut metadata, scratch)?;
        }
        scratch.text.push(b'}');
        Ok(())
    }
}

/// One error of an execution.
#[derive(Default)]
struct ErrorRecord<'a> {
    node: &'a str,
    message: &'a str,
    error_code: &'a str,
    timestamp: &'a str,
    recovered: bool,
    stack_trace: &'a str,
}

impl<'a> ErrorRecord<'a> {
    fn compose(bytes: &'a [u8], depth: Depth, scratch: &mut Scratch) -> Result<(), Rejection> {
        let mut record = Self::default();
        let mut cursor = Cursor::new(bytes);
        while let Some(tag) = cursor.tag()? {
            match tag.number {
                1 => record.node = cursor.text(tag)?,
                2 => record.message = cursor.text(tag)?,
                3 => record.error_code = cursor.text(tag)?,
                4 => record.timestamp = cursor.text(tag)?,
                5 => record.recovered = cursor.boolean(tag)?,
                6 => record.stack_trace = cursor.text(tag)?,
                _ => scratch.skip_unknown(&mut cursor, tag, depth)?,
            }
        }
        let mut members = Members::open(&mut scratch.text);
        members.text("node", record.node);
        members.text("message", record.message);
        members.text("error_code", record.error_code);
        members.text("timestamp", record.timestamp);
        members.flag("recovered", record.recovered);
        members.text("stack_trace", record.stack_trace);
        scratch.text.push(b'}');
        Ok(())
    }
}

/// The columns of `execution_traces`.
#[derive(Debug)]
pub(crate) struct ExecutionTraceColumns {
    pub(crate) common: CommonColumns,
    execution_thread_id: TextColumn,
    execution_id: TextColumn,
    completed: FlagColumn,
    total_duration_ms: FullColumn<UInt64Type>,
    total_tokens: FullColumn<UInt64Type>,
    started_at: TextColumn,
    ended_at: TextColumn,
    nodes: TextColumn,
    errors: TextColumn,
    final_state: TextColumn,
    final_state_bytes: BytesColumn,
    metadata: TextColumn,
}

impl ExecutionTraceColumns {
    pub(crate) fn new() -> Self {
        Self {
            common: CommonColumns::new(),
            execution_thread_id: TextColumn::default(),
            execution_id: TextColumn::default(),
            completed: FlagColumn::default(),
            total_duration_ms: FullColumn::default(),
            total_tokens: FullColumn::default(),
            started_at: TextColumn::default(),
            ended_at: TextColumn::default(),
            nodes: TextColumn::default(),
            errors: TextColumn::default(),
            final_state: TextColumn::default(),
            final_state_bytes: BytesColumn::default(),
            metadata: TextColumn::default(),
        }
    }

    pub(crate) fn push(&mut self, row: &RowContext<'_>, view: &ExecutionTraceView<'_>) {
        let at = self.common.push(
            row.place,
            0,
            view.header.as_ref(),
            row.numbered,
            row.unknown_fields,
        );
        self.execution_thread_id.set(at, view.thread_id);
        self.execution_id.set(at, view.execution_id);
        self.completed.set_option(at, Some(view.completed));
        self.total_duration_ms.push(view.total_duration_ms);
        self.total_tokens.push(view.total_tokens);
        self.started_at.set(at, view.started_at);
        self.ended_at.set(at, view.ended_at);
        self.nodes
            .set_option(at, view.nodes.map(|span| row.composed.get(span)));
        self.errors
            .set_option(at, view.errors.map(|span| row.composed.get(span)));
        self.final_state.set_option(at, view.final_state.json());
        self.final_state_bytes.set_option(at, view.final_state.bytes());
        self.metadata
            .set_option(at, view.metadata.map(|span| row.composed.get(span)));
    }
}

impl Columns for ExecutionTraceColumns {
    fn finish(&mut self) -> Vec<ArrayRef> {
        let rows = self.common.rows();
        self.common.finish([
            self.execution_thread_id.finish(rows),
            self.execution_id.finish(rows),
            self.completed.finish(rows),
            self.total_duration_ms.finish(),
            self.total_tokens.finish(),
            self.started_at.finish(rows),
            self.ended_at.finish(rows),
            self.nodes.finish(rows),
            self.errors.finish(rows),
            self.final_state.finish(rows),
            self.final_state_bytes.finish(rows),
            self.metadata.finish(rows),
        ])
    }
}
