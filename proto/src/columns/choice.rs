//! Text from a short list: a dictionary that is filled as its entries are first met.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::builder::NullBufferBuilder;
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, DictionaryArray, Int32Array, StringArray};

use crate::enums::NameOf;

/// A dictionary encoded column whose entries the caller knows by their place in the dictionary.
#[derive(Debug)]
pub(crate) struct ChoiceColumn {
    keys: Vec<i32>,
    nulls: NullBufferBuilder,
    entries: Vec<String>,
}

impl ChoiceColumn {
    pub(crate) fn new() -> Self {
        Self {
            keys: Vec::new(),
            nulls: NullBufferBuilder::new(0),
            entries: Vec::new(),
        }
    }

    /// A column with these entries from the start; entry `i` has key `i`.
    pub(crate) fn with_entries<'a>(entries: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            entries: entries.into_iter().map(str::to_owned).collect(),
            ..Self::new()
        }
    }

    /// Adds an entry and returns its key.
    pub(crate) fn add_entry(&mut self, entry: impl Into<String>) -> i32 {
        self.entries.push(entry.into());
        i32::try_from(self.entries.len() - 1).unwrap_or(i32::MAX)
    }

    #[inline]
    pub(crate) fn push(&mut self, key: i32) {
        self.keys.push(key);
        self.nulls.append_non_null();
    }

    #[inline]
    pub(crate) fn push_null(&mut self) {
        self.keys.push(0);
        self.nulls.append_null();
    }

    /// Takes the column; the entries stay.
    pub(crate) fn finish(&mut self) -> ArrayRef {
        let keys = Int32Array::new(std::mem::take(&mut self.keys).into(), self.nulls.finish());
        let values = if self.entries.is_empty() {
            // Keys of nulls still have to point at something.
            StringArray::from(vec![""])
        } else {
            StringArray::from_iter_values(&self.entries)
        };
        Arc::new(DictionaryArray::<Int32Type>::new(keys, Arc::new(values)))
    }
}

/// A dictionary encoded column of enum numbers, shown by name.
#[derive(Debug)]
pub(crate) struct NumberColumn {
    column: ChoiceColumn,
    name_of: NameOf,
    /// Keys of the numbers that every schema uses.
    small: [i32; 128],
    large: HashMap<i32, i32>,
}

const UNSEEN: i32 = -1;

/// A hostile producer may send every number there is. Above this many entries the dictionary begins anew with the
/// next segment.
const ENTRIES_KEPT_MAX: usize = 1_024;

impl NumberColumn {
    pub(crate) fn new(name_of: NameOf) -> Self {
        Self {
            column: ChoiceColumn::new(),
            name_of,
            small: [UNSEEN; 128],
            large: HashMap::new(),
        }
    }

    #[inline]
    pub(crate) fn push(&mut self, number: i32) {
        let key = match usize::try_from(number)
            .ok()
            .and_then(|index| self.small.get(index))
        {
            Some(&key) if key != UNSEEN => key,
            _ => self.key(number),
        };
        self.column.push(key);
    }

    pub(crate) fn push_option(&mut self, number: Option<i32>) {
        match number {
            Some(number) => self.push(number),
            None => self.column.push_null(),
        }
    }

    #[cold]
    fn key(&mut self, number: i32) -> i32 {
        if let Some(&key) = self.large.get(&number) {
            return key;
        }
        let key = self.column.add_entry((self.name_of)(number));
        match usize::try_from(number)
            .ok()
            .and_then(|index| self.small.get_mut(index))
        {
            Some(slot) => *slot = key,
            None => {
                self.large.insert(number, key);
            }
        }
        key
    }

    pub(crate) fn finish(&mut self) -> ArrayRef {
        let array = self.column.finish();
        if self.column.entries.len() > ENTRIES_KEPT_MAX {
            *self = Self::new(self.name_of);
        }
        array
    }
}
