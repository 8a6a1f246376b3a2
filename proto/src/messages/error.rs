//! Error: a failure, as a message of its own or as the details of a failed tool call.

use arrow_array::ArrayRef;

use crate::columns::{Columns, CommonColumns, NumberColumn, TextColumn};
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
    pub(crate) fn read(
        &mut self,
        chunks: &[&'a [u8]],
        depth: Depth,
        scratch: &mut Scratch,
    ) -> Result<(), Rejection> {
        let depth = depth.enter()?;
        let mut context = Entries::<TextValue<'a>>::new();
        let mut suggestions = Vec::new();
        for &chunk in chunks {
            let mut cursor = Cursor::new(chunk);
            while let Some(tag) = cursor.tag()? {
                match tag.number {
                    1 => Header::merge(&mut self.header, cursor.bytes(tag)?, depth, scratch)?,
                    2 => self.error_code = cursor.text(tag)?,
                    3 => self.message = cursor.text(tag)?,
                    4 => self.stack_trace = cursor.text(tag)?,
                    5 => context.push(Entry::parse(cursor.bytes(tag)?, depth, scratch)?),
                    6 => self.severity = cursor.enumeration(tag)?,
                    7 => self.exception_type = cursor.text(tag)?,
                    8 => {
                        scratch.count_part()?;
                        suggestions.push(cursor.text(tag)?);
                    }
                    _ => scratch.skip_unknown(&mut cursor, tag, depth)?,
                }
            }
        }
        self.context = maps::compose(&mut context, scratch)?;
        self.suggestions = compose_texts(&suggestions, scratch);
        Ok(())
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
    error_code: TextColumn,
    message: TextColumn,
    stack_trace: TextColumn,
    context: TextColumn,
    severity: NumberColumn,
    exception_type: TextColumn,
    suggestions: TextColumn,
}

impl ErrorColumns {
    pub(crate) fn new() -> Self {
        Self {
            common: CommonColumns::new(),
            error_code: TextColumn::default(),
            message: TextColumn::default(),
            stack_trace: TextColumn::default(),
            context: TextColumn::default(),
            severity: NumberColumn::new(enums::severity),
            exception_type: TextColumn::default(),
            suggestions: TextColumn::default(),
        }
    }

    pub(crate) fn push(&mut self, row: &RowContext<'_>, view: &ErrorView<'_>) {
        let at = self.common.push(
            row.place,
            0,
            view.header.as_ref(),
            row.numbered,
            row.unknown_fields,
        );
        self.error_code.set(at, view.error_code);
        self.message.set(at, view.message);
        self.stack_trace.set(at, view.stack_trace);
        self.context
            .set_option(at, view.context.map(|span| row.composed.get(span)));
        self.severity.push(view.severity);
        self.exception_type.set(at, view.exception_type);
        self.suggestions
            .set_option(at, view.suggestions.map(|span| row.composed.get(span)));
    }
}

impl Columns for ErrorColumns {
    fn finish(&mut self) -> Vec<ArrayRef> {
        let rows = self.common.rows();
        self.common.finish([
            self.error_code.finish(rows),
            self.message.finish(rows),
            self.stack_trace.finish(rows),
            self.context.finish(rows),
            self.severity.finish(),
            self.exception_type.finish(rows),
            self.suggestions.finish(rows),
        ])
    }
}
