//! Error: a failure, as a message of its own or as the details of a failed tool call.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::StringBuilder;

use crate::columns::{Columns, CommonColumns, NumberColumn, push_text};
use crate::enums;
use crate::error::Rejection;
use crate::header::Header;
use crate::json;
use crate::maps::{self, Entries, Entry, TextValue};
use crate::messages::RowContext;
use crate::scratch::{Scratch, Span};
use crate::wire::{Cursor, Depth};

/// An Error, borrowed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ErrorView<'a> {
    /// The header, if there is one.
    pub header: Option<Header<'a>>,
    /// Code of the error.
    pub error_code: &'a str,
    /// What happened.
    pub message: &'a str,
    /// Where it happened.
    pub stack_trace: &'a str,
    /// Context as a JSON object of texts.
    pub context: Option<Span>,
    /// `Severity` number.
    pub severity: i32,
    /// Type of the exception.
    pub exception_type: &'a str,
    /// Suggestions as a JSON array of texts.
    pub suggestions: Option<Span>,
}

impl<'a> ErrorView<'a> {
    pub(crate) fn parse(chunks: &[&'a [u8]], depth: Depth, scratch: &mut Scratch) -> Result<Self, Rejection> {
        let depth = depth.enter()?;
        let mut view = Self::default();
        let mut context = Entries::<TextValue<'a>>::new();
        let mut suggestions = Vec::new();
        for &chunk in chunks {
            let mut cursor = Cursor::new(chunk);
            while let Some(tag) = cursor.tag()? {
                match tag.number {
                    1 => Header::merge(&mut view.header, cursor.bytes(tag)?, depth, scratch)?,
                    2 => view.error_code = cursor.text(tag)?,
                    3 => view.message = cursor.text(tag)?,
                    4 => view.stack_trace = cursor.text(tag)?,
                    5 => context.push(Entry::parse(cursor.bytes(tag)?, depth, scratch)?),
                    6 => view.severity = cursor.enumeration(tag)?,
                    7 => view.exception_type = cursor.text(tag)?,
                    8 => {
                        scratch.count_part()?;
                        suggestions.push(cursor.text(tag)?);
                    }
                    _ => scratch.skip_unknown(&mut cursor, tag, depth)?,
                }
            }
        }
        view.context = maps::compose(&mut context, scratch)?;
        view.suggestions = compose_texts(&suggestions, scratch);
        Ok(view)
    }

    /// Writes the error as a JSON object, fields with protobuf's defaults left out.
    pub(crate) fn compose(&self, scratch: &mut Scratch) -> Span {
        let start = scratch.mark();
        let mut first = true;
        scratch.text.push(b'{');
        let texts = [
            ("error_code", self.error_code),
            ("message", self.message),
            ("stack_trace", self.stack_trace),
            ("exception_type", self.exception_type),
        ];
        for (key, text) in texts {
            if !text.is_empty() {
                json::write_key(&mut scratch.text, &mut first, key);
                json::write_string(&mut scratch.text, text);
            }
        }
        if self.severity != 0 {
            json::write_key(&mut scratch.text, &mut first, "severity");
            json::write_string(&mut scratch.text, &enums::severity(self.severity));
        }
        for (key, span) in [("context", self.context), ("suggestions", self.suggestions)] {
            if let Some(span) = span {
                json::write_key(&mut scratch.text, &mut first, key);
                scratch.copy(span);
            }
        }
        if let Some(header) = &self.header {
            json::write_key(&mut scratch.text, &mut first, "header");
            header.write_json(&mut scratch.text);
        }
        scratch.text.push(b'}');
        scratch.span_from(start)
    }
}

fn compose_texts(texts: &[&str], scratch: &mut Scratch) -> Option<Span> {
    if texts.is_empty() {
        return None;
    }
    let start = scratch.mark();
    for (index, text) in texts.iter().enumerate() {
        scratch.text.push(if index == 0 { b'[' } else { b',' });
        json::write_string(&mut scratch.text, text);
    }
    scratch.text.push(b']');
    Some(scratch.span_from(start))
}

/// The columns of `errors`.
#[derive(Debug)]
pub(crate) struct ErrorColumns {
    pub(crate) common: CommonColumns,
    error_code: StringBuilder,
    message: StringBuilder,
    stack_trace: StringBuilder,
    context: StringBuilder,
    severity: NumberColumn,
    exception_type: StringBuilder,
    suggestions: StringBuilder,
}

impl ErrorColumns {
    pub(crate) fn new() -> Self {
        Self {
            common: CommonColumns::new(),
            error_code: StringBuilder::new(),
            message: StringBuilder::new(),
            stack_trace: StringBuilder::new(),
            context: StringBuilder::new(),
            severity: NumberColumn::new(enums::severity),
            exception_type: StringBuilder::new(),
            suggestions: StringBuilder::new(),
        }
    }

    pub(crate) fn push(&mut self, row: &RowContext<'_>, view: &ErrorView<'_>) {
        self.common.push(
            row.place,
            0,
            view.header.as_ref(),
            row.numbered,
            row.unknown_fields,
        );
        push_text(&mut self.error_code, view.error_code);
        push_text(&mut self.message, view.message);
        push_text(&mut self.stack_trace, view.stack_trace);
        self.context
            .append_option(view.context.map(|span| row.composed.get(span)));
        self.severity.push(view.severity);
        push_text(&mut self.exception_type, view.exception_type);
        self.suggestions
            .append_option(view.suggestions.map(|span| row.composed.get(span)));
    }
}

impl Columns for ErrorColumns {
    fn finish(&mut self) -> Vec<ArrayRef> {
        self.common.finish([
            Arc::new(self.error_code.finish()) as _,
            Arc::new(self.message.finish()) as _,
            Arc::new(self.stack_trace.finish()) as _,
            Arc::new(self.context.finish()) as _,
            self.severity.finish(),
            Arc::new(self.exception_type.finish()) as _,
            Arc::new(self.suggestions.finish()) as _,
        ])
    }
}
