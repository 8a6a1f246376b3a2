//! Column builders: appending cannot fail, so the columns of a table never differ in length.

mod choice;
mod common;
mod list;
mod log;

use arrow_array::ArrayRef;
use arrow_array::builder::{BinaryBuilder, PrimitiveBuilder, StringBuilder};
use arrow_array::types::ArrowPrimitiveType;

pub(crate) use choice::{ChoiceColumn, NumberColumn};
pub(crate) use common::CommonColumns;
pub use common::{Numbered, Place};
pub(crate) use list::ListColumn;
pub(crate) use log::LogColumns;
pub use log::LogIndex;

/// The columns of one table while rows are appended.
pub(crate) trait Columns {
    /// Takes the columns, in the order of the table's schema, and begins anew.
    fn finish(&mut self) -> Vec<ArrayRef>;
}

/// Appends text; empty text is null, as the wire cannot tell it from absent.
#[inline]
pub(crate) fn push_text(column: &mut StringBuilder, text: &str) {
    if text.is_empty() {
        column.append_null();
    } else {
        column.append_value(text);
    }
}

/// Appends bytes; no bytes are null, as the wire cannot tell them from absent.
#[inline]
pub(crate) fn push_bytes(column: &mut BinaryBuilder, bytes: &[u8]) {
    if bytes.is_empty() {
        column.append_null();
    } else {
        column.append_value(bytes);
    }
}

/// Appends a duration; 0 is null, as the wire cannot tell it from absent.
#[inline]
pub(crate) fn push_duration<T>(column: &mut PrimitiveBuilder<T>, value: i64)
where
    T: ArrowPrimitiveType<Native = i64>,
{
    column.append_option((value != 0).then_some(value));
}
