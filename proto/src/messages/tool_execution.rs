//! ToolExecution: one stage of a tool call.

use arrow_array::ArrayRef;

use arrow_array::types::Int64Type;

use crate::columns::{
    BytesColumn, Columns, CommonColumns, FullColumn, NumberColumn, PlainColumn, TextColumn,
};
use crate::enums;
use crate::error::Rejection;
use crate::header::Header;
use crate::json::JsonField;
use crate::maps::Chunks;
use crate::messages::{ErrorView, RowContext};
use crate::scratch::{Scratch, Span};
use crate::wire::{Cursor, Depth};

/// A ToolExecution, borrowed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ToolExecutionView<'a> {
    /// The header, if there is one.
    pub header: Option<Header<'a>>,
    /// The call; all its stages carry it.
    pub call_id: &'a str,
    /// The tool.
    pub tool_name: &'a str,
    /// `ExecutionStage` number.
    pub stage: i32,
    /// Arguments of the call.
    pub arguments: JsonField<'a>,
    /// Result of the call.
    pub result: JsonField<'a>,
    /// What went wrong.
    pub error: &'a str,
    /// Code of the nested error.
    pub error_code: &'a str,
    /// The nested error as a JSON object.
    pub error_details: Option<Span>,
    /// Microseconds.
    pub duration_us: i64,
    /// Retries before this stage.
    pub retry_count: u32,
}

impl<'a> ToolExecutionView<'a> {
    pub(crate) fn read(
        &mut self,
        chunks: &[&'a [u8]],
        depth: Depth,
        scratch: &mut Scratch,
    ) -> Result<(), Rejection> {
        let depth = depth.enter()?;
        let (mut arguments, mut result): (&[u8], &[u8]) = (&[], &[]);
        let mut error_details = Chunks::new();
        for &chunk in chunks {
            let mut cursor = Cursor::new(chunk);
            while let Some(tag) = cursor.tag()? {
                match tag.number {
                    1 => Header::merge(&mut self.header, cursor.bytes(tag)?, depth, scratch)?,
                    2 => self.call_id = cursor.text(tag)?,
                    3 => self.tool_name = cursor.text(tag)?,
                    4 => self.stage = cursor.enumeration(tag)?,
                    5 => arguments = cursor.bytes(tag)?,
                    6 => result = cursor.bytes(tag)?,
                    7 => self.error = cursor.text(tag)?,
                    8 => {
                        scratch.count_part()?;
                        error_details.push(cursor.bytes(tag)?);
                    }
                    9 => self.duration_us = cursor.int64(tag)?,
                    10 => self.retry_count = cursor.uint32(tag)?,
                    _ => scratch.skip_unknown(&mut cursor, tag, depth)?,
                }
            }
        }
        self.arguments = JsonField::of(arguments);
        self.result = JsonField::of(result);
        if !error_details.is_empty() {
            let mut details = ErrorView::default();
            details.read(&error_details, depth, scratch)?;
            self.error_code = details.error_code;
            self.error_details = Some(details.compose(scratch));
        }
        Ok(())
    }
}

/// The columns of `tool_executions`.
#[derive(Debug)]
pub(crate) struct ToolExecutionColumns {
    pub(crate) common: CommonColumns,
    call_id: TextColumn,
    tool_name: TextColumn,
    stage: NumberColumn,
    arguments: TextColumn,
    arguments_bytes: BytesColumn,
    result: TextColumn,
    result_bytes: BytesColumn,
    error: TextColumn,
    error_code: TextColumn,
    error_details: TextColumn,
    duration_us: PlainColumn<Int64Type>,
    retry_count: FullColumn<Int64Type>,
}

impl ToolExecutionColumns {
    pub(crate) fn new() -> Self {
        Self {
            common: CommonColumns::new(),
            call_id: TextColumn::default(),
            tool_name: TextColumn::default(),
            stage: NumberColumn::new(enums::execution_stage),
            arguments: TextColumn::default(),
            arguments_bytes: BytesColumn::default(),
            result: TextColumn::default(),
            result_bytes: BytesColumn::default(),
            error: TextColumn::default(),
            error_code: TextColumn::default(),
            error_details: TextColumn::default(),
            duration_us: PlainColumn::default(),
            retry_count: FullColumn::default(),
        }
    }

    pub(crate) fn push(&mut self, row: &RowContext<'_>, view: &ToolExecutionView<'_>) {
        let at = self.common.push(
            row.place,
            0,
            view.header.as_ref(),
            row.numbered,
            row.unknown_fields,
        );
        self.call_id.set(at, view.call_id);
        self.tool_name.set(at, view.tool_name);
        self.stage.push(view.stage);
        self.arguments.set_option(at, view.arguments.json());
        self.arguments_bytes.set_option(at, view.arguments.bytes());
        self.result.set_option(at, view.result.json());
        self.result_bytes.set_option(at, view.result.bytes());
        self.error.set(at, view.error);
        self.error_code.set(at, view.error_code);
        self.error_details
            .set_option(at, view.error_details.map(|span| row.composed.get(span)));
        self.duration_us.set(at, view.duration_us);
        self.retry_count.push(i64::from(view.retry_count));
    }
}

impl Columns for ToolExecutionColumns {
    fn finish(&mut self) -> Vec<ArrayRef> {
        let rows = self.common.rows();
        self.common.finish([
            self.call_id.finish(rows),
            self.tool_name.finish(rows),
            self.stage.finish(),
            self.arguments.finish(rows),
            self.arguments_bytes.finish(rows),
            self.result.finish(rows),
            self.result_bytes.finish(rows),
            self.error.finish(rows),
            self.error_code.finish(rows),
            self.error_details.finish(rows),
            self.duration_us.finish(rows),
            self.retry_count.finish(),
        ])
    }
}
