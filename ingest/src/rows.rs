//! Reading columns of rows that this crate wrote.

use std::path::Path;

use arrow_array::cast::AsArray as _;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, Int32Array, RecordBatch, StringArray};

use crate::error::{IngestError, Result};

/// A column by name and type. `origin` names the file in errors.
pub(crate) fn column<'a, T>(
    batch: &'a RecordBatch,
    name: &'static str,
    origin: &Path,
    cast: impl FnOnce(&'a ArrayRef) -> Option<&'a T>,
) -> Result<&'a T> {
    batch
        .column_by_name(name)
        .and_then(cast)
        .ok_or_else(|| IngestError::Rebuild {
            segment: origin.to_owned(),
            column: name,
        })
}

/// A column of text, plain or dictionary encoded.
pub(crate) enum Texts<'a> {
    Plain(&'a StringArray),
    Dictionary(&'a Int32Array, &'a StringArray),
}

impl<'a> Texts<'a> {
    pub(crate) fn of(batch: &'a RecordBatch, name: &'static str, origin: &Path) -> Result<Self> {
        let missing = || IngestError::Rebuild {
            segment: origin.to_owned(),
            column: name,
        };
        let array = batch.column_by_name(name).ok_or_else(missing)?;
        if let Some(plain) = array.as_string_opt::<i32>() {
            return Ok(Self::Plain(plain));
        }
        let dictionary = array.as_dictionary_opt::<Int32Type>().ok_or_else(missing)?;
        let values = dictionary.values().as_string_opt::<i32>().ok_or_else(missing)?;
        Ok(Self::Dictionary(dictionary.keys(), values))
    }

    /// The text of a row; empty where it is null.
    pub(crate) fn value(&self, row: usize) -> &'a str {
        match self {
            Self::Plain(texts) if texts.is_null(row) => "",
            Self::Plain(texts) => texts.value(row),
            Self::Dictionary(keys, _) if keys.is_null(row) => "",
            Self::Dictionary(keys, values) => usize::try_from(keys.value(row))
                .ok()
                .filter(|key| *key < values.len())
                .map_or("", |key| values.value(key)),
        }
    }
}
