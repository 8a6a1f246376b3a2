//! StateDiff: how a graph's state changed.

use arrow_array::ArrayRef;

use arrow_array::types::Int64Type;

use crate::columns::{BytesColumn, Columns, CommonColumns, FullColumn, TextColumn};
use crate::enums;
use crate::error::Rejection;
use crate::header::Header;
use crate::json::{self, JsonField};
use crate::message::diff_operation::{OpType, ValueEncoding};
use crate::messages::RowContext;
use crate::scratch::{Scratch, Span};
use crate::wire::{Cursor, Depth};

/// A StateDiff, borrowed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StateDiffView<'a> {
    /// The header, if there is one.
    pub header: Option<Header<'a>>,
    /// The checkpoint that the producer names as base.
    pub base_checkpoint_id: &'a [u8],
    /// The operations as RFC 6902 JSON text.
    pub operations: Option<Span>,
    /// How many operations there are.
    pub operation_count: u32,
    /// SHA-256 of the canonical JSON of the resulting state.
    pub state_hash: &'a [u8],
    /// The whole state, when the patch would have been larger.
    pub full_state: JsonField<'a>,
}

impl<'a> StateDiffView<'a> {
    pub(crate) fn read(
        &mut self,
        chunks: &[&'a [u8]],
        depth: Depth,
        scratch: &mut Scratch,
    ) -> Result<(), Rejection> {
        let depth = depth.enter()?;
        let mut full_state: &[u8] = &[];
        let start = scratch.mark();
        for &chunk in chunks {
            let mut cursor = Cursor::new(chunk);
            while let Some(tag) = cursor.tag()? {
                match tag.number {
                    1 => Header::merge(&mut self.header, cursor.bytes(tag)?, depth, scratch)?,
                    2 => self.base_checkpoint_id = cursor.bytes(tag)?,
                    3 => {
                        let operation = Operation::parse(cursor.bytes(tag)?, depth, scratch)?;
                        scratch
                            .text
                            .push(if self.operation_count == 0 { b'[' } else { b',' });
                        operation.write(&mut scratch.text);
                        self.operation_count += 1;
                        scratch.check_len()?;
                    }
                    4 => self.state_hash = cursor.bytes(tag)?,
                    5 => full_state = cursor.bytes(tag)?,
                    _ => scratch.skip_unknown(&mut cursor, tag, depth)?,
                }
            }
        }
        if self.operation_count > 0 {
            scratch.text.push(b']');
            self.operations = Some(scratch.span_from(start));
        }
        self.full_state = JsonField::of(full_state);
        Ok(())
    }
}

/// One operation of a diff.
#[derive(Debug, Default)]
struct Operation<'a> {
    op: i32,
    path: &'a str,
    value: &'a [u8],
    from: &'a str,
    encoding: i32,
}

impl<'a> Operation<'a> {
    fn parse(bytes: &'a [u8], depth: Depth, scratch: &mut Scratch) -> Result<Self, Rejection> {
        let depth = depth.enter()?;
        let mut operation = Self::default();
        let mut cursor = Cursor::new(bytes);
        while let Some(tag) = cursor.tag()? {
            match tag.number {
                1 => operation.op = cursor.enumeration(tag)?,
                2 => operation.path = cursor.text(tag)?,
                3 => operation.value = cursor.bytes(tag)?,
                4 => operation.from = cursor.text(tag)?,
                5 => operation.encoding = cursor.enumeration(tag)?,
                _ => scratch.skip_unknown(&mut cursor, tag, depth)?,
            }
        }
        Ok(operation)
    }

    /// Writes the operation as RFC 6902 says. What that has no words for stays visible: an unknown operation by its
    /// number, a value that is not JSON as `$bytes`, an encoding other than JSON as a member of its own.
    fn write(&self, out: &mut Vec<u8>) {
        let mut first = true;
        out.push(b'{');
        json::write_key(out, &mut first, "op");
        let op = OpType::try_from(self.op);
        match op {
            Ok(op) => json::write_string(out, name_of(op)),
            Err(_) => json::write_string(out, &enums::operation(self.op)),
        }
        json::write_key(out, &mut first, "path");
        json::write_string(out, self.path);
        if !self.from.is_empty() || matches!(op, Ok(OpType::Move | OpType::Copy)) {
            json::write_key(out, &mut first, "from");
            json::write_string(out, self.from);
        }
        let is_json = self.encoding == ValueEncoding::Json as i32;
        if !self.value.is_empty() {
            json::write_key(out, &mut first, "value");
            if is_json {
                json::write_json_or_bytes(out, self.value);
            } else {
                json::write_bytes(out, self.value);
            }
        } else if matches!(op, Ok(OpType::Add | OpType::Replace | OpType::Test)) {
            // No bytes stand for JSON null.
            json::write_key(out, &mut first, "value");
            out.extend_from_slice(b"null");
        }
        if !is_json {
            json::write_key(out, &mut first, "encoding");
            json::write_string(out, &enums::value_encoding(self.encoding));
        }
        out.push(b'}');
    }
}

/// The operation as RFC 6902 names it.
pub(crate) fn name_of(op: OpType) -> &'static str {
    match op {
        OpType::Add => "add",
        OpType::Remove => "remove",
        OpType::Replace => "replace",
        OpType::Move => "move",
        OpType::Copy => "copy",
        OpType::Test => "test",
    }
}

/// The columns of `state_diffs`.
#[derive(Debug)]
pub(crate) struct StateDiffColumns {
    pub(crate) common: CommonColumns,
    base_checkpoint_id: BytesColumn,
    operations: TextColumn,
    operation_count: FullColumn<Int64Type>,
    state_hash: BytesColumn,
    full_state: TextColumn,
    full_state_bytes: BytesColumn,
}

impl StateDiffColumns {
    pub(crate) fn new() -> Self {
        Self {
            common: CommonColumns::new(),
            base_checkpoint_id: BytesColumn::default(),
            operations: TextColumn::default(),
            operation_count: FullColumn::default(),
            state_hash: BytesColumn::default(),
            full_state: TextColumn::default(),
            full_state_bytes: BytesColumn::default(),
        }
    }

    pub(crate) fn push(&mut self, row: &RowContext<'_>, view: &StateDiffView<'_>) {
        let at = self.common.push(
            row.place,
            0,
            view.header.as_ref(),
            row.numbered,
            row.unknown_fields,
        );
        self.base_checkpoint_id.set(at, view.base_checkpoint_id);
        self.operations
            .set_option(at, view.operations.map(|span| row.composed.get(span)));
        self.operation_count.push(i64::from(view.operation_count));
        self.state_hash.set(at, view.state_hash);
        self.full_state.set_option(at, view.full_state.json());
        self.full_state_bytes.set_option(at, view.full_state.bytes());
    }
}

impl Columns for StateDiffColumns {
    fn finish(&mut self) -> Vec<ArrayRef> {
        let rows = self.common.rows();
        self.common.finish([
            self.base_checkpoint_id.finish(rows),
            self.operations.finish(rows),
            self.operation_count.finish(),
            self.state_hash.finish(rows),
            self.full_state.finish(rows),
            self.full_state_bytes.finish(rows),
        ])
    }
}
