//! Column builders: appending cannot fail, so the columns of a table never differ in length.

mod choice;
mod common;
mod gaps;
mod list;
mod log;
mod plain;
mod steady;
mod text;

use arrow_array::ArrayRef;

pub(crate) use choice::{ChoiceColumn, NumberColumn};
pub(crate) use common::CommonColumns;
pub use common::{Numbered, Place};
pub(crate) use list::ListColumn;
pub(crate) use log::LogColumns;
pub use log::LogIndex;
pub(crate) use plain::{FlagColumn, FullColumn, PlainColumn, TimeColumn};
pub(crate) use text::{BytesColumn, TextColumn};

/// The columns of one table while rows are appended.
pub(crate) trait Columns {
    /// Takes the columns, in the order of the table's schema, and begins anew.
    fn finish(&mut self) -> Vec<ArrayRef>;
}
