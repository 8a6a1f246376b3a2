//! ToolExecution: one stage of a tool call.

use std::sync::Arc;

use arrow_array::builder::{BinaryBuilder, Int64Builder, StringBuilder};
use arrow_array::{ArrayRef, Int64Array};

use crate::columns::{Columns, CommonColumns, NumberColumn, push_duration, push_text};
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
    pub(crate) fn parse(chunks: &[&'a [u8]], depth: Depth, scratch: &mut Scratch) -> Result<Self, Rejection> {
        let depth = depth.enter()?;
        let mut view = Self::default();
        let (mut arguments, mut result): (&[u8], &[u8]) = (&[], &[]);
        let mut error_details = Chunks::new();
        for &chunk in chunks {
            let mut cursor = Cursor::new(chunk);
            while let Some(tag) = cursor.tag()? {
                match tag.number {
                    1 => Header::merge(&mut view.header, cursor.bytes(tag)?, depth, scratch)?,
                    2 => view.call_id = cursor.text(tag)?,
                    3 => view.tool_name = cursor.text(tag)?,
                    4 => view.stage = cursor.enumeration(tag)?,
                    5 => arguments = cursor.bytes(tag)?,
                    6 => result = cursor.bytes(tag)?,
                    7 => view.error = cursor.text(tag)?,
                    8 => {
                        scratch.count_part()?;
                        error_details.push(cursor.bytes(tag)?);
                    }
                    9 => view.duration_us = cursor.int64(tag)?,
                    10 => view.retry_count = cursor.uint32(tag)?,
                    _ => scratch.skip_unknown(&mut cursor, tag, depth)?,
                }
            }
        }
        view.arguments = JsonField::of(arguments);
        view.result = JsonField::of(result);
        if !error_details.is_empty() {
            let details = ErrorView::parse(&error_details, depth, scratch)?;
            view.error_code = details.error_code;
            view.error_details = Some(details.compose(scratch));
        }
        Ok(view)
    }
}

/// The columns of `tool_executions`.
#[derive(Debug)]
pub(crate) struct ToolExecutionColumns {
    pub(crate) common: CommonColumns,
    call_id: StringBuilder,
    tool_name: StringBuilder,
    stage: NumberColumn,
    arguments: StringBuilder,
    arguments_bytes: BinaryBuilder,
    result: StringBuilder,
    result_bytes: BinaryBuilder,
    error: StringBuilder,
    error_code: StringBuilder,
    error_details: StringBuilder,
    duration_us: Int64Builder,
    retry_count: Vec<i64>,
}

impl ToolExecutionColumns {
    pub(crate) fn new() -> Self {
        Self {
            common: CommonColumns::new(),
            call_id: StringBuilder::new(),
            tool_name: StringBuilder::new(),
            stage: NumberColumn::new(enums::execution_stage),
            arguments: StringBuilder::new(),
            arguments_bytes: BinaryBuilder::new(),
            result: StringBuilder::new(),
            result_bytes: BinaryBuilder::new(),
            error: StringBuilder::new(),
            error_code: StringBuilder::new(),
            error_details: StringBuilder::new(),
            duration_us: Int64Builder::new(),
            retry_count: Vec::new(),
        }
    }

    pub(crate) fn push(&mut self, row: &RowContext<'_>, view: &ToolExecutionView<'_>) {
        self.common.push(
            row.place,
            0,
            view.header.as_ref(),
            row.numbered,
            row.unknown_fields,
        );
        push_text(&mut self.call_id, view.call_id);
        push_text(&mut self.tool_name, view.tool_name);
        self.stage.push(view.stage);
        self.arguments.append_option(view.arguments.json());
        self.arguments_bytes.append_option(view.arguments.bytes());
        self.result.append_option(view.result.json());
        self.result_bytes.append_option(view.result.bytes());
        push_text(&mut self.error, view.error);
        push_text(&mut self.error_code, view.error_code);
        self.error_details
            .append_option(view.error_details.map(|span| row.composed.get(span)));
        push_duration(&mut self.duration_us, view.duration_us);
        self.retry_count.push(i64::from(view.retry_count));
    }
}

impl Columns for ToolExecutionColumns {
    fn finish(&mut self) -> Vec<ArrayRef> {
        self.common.finish([
            Arc::new(self.call_id.finish()) as _,
            Arc::new(self.tool_name.finish()) as _,
            self.stage.finish(),
            Arc::new(self.arguments.finish()) as _,
            Arc::new(self.arguments_bytes.finish()) as _,
            Arc::new(self.result.finish()) as _,
            Arc::new(self.result_bytes.finish()) as _,
            Arc::new(self.error.finish()) as _,
            Arc::new(self.error_code.finish()) as _,
            Arc::new(self.error_details.finish()) as _,
            Arc::new(self.duration_us.finish()) as _,
            Arc::new(Int64Array::from(std::mem::take(&mut self.retry_count))) as _,
        ])
    }
}
