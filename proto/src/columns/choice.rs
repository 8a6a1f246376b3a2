//! Text from a short list: a dictionary that is filled as its entries are first met.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, DictionaryArray, Int32Array, StringArray};

use crate::columns::gaps::Gaps;
use crate::enums::NameOf;

/// A dictionary encoded column whose entries the caller knows by their place in the dictionary.
#[derive(Debug, Default)]
pub(crate) struct ChoiceColumn {
    keys: Vec<i32>,
    gaps: Gaps,
    entries: Vec<String>,
}

impl ChoiceColumn {
    /// A column with these entries from the start; entry `i` has key `i`.
    pub(crate) fn with_entries<'a>(entries: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            entries: entries.into_iter().map(str::to_owned).collect(),
            ..Self::default()
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
    }

    /// Appends the same key several times.
    pub(crate) fn push_run(&mut self, key: i32, rows: usize) {
        self.keys.resize(self.keys.len() + rows, key);
    }

    /// Sets the key of a row behind those that were set before.
    pub(crate) fn set_option(&mut self, row: usize, key: Option<i32>) {
        if let Some(key) = key {
            self.fill(row);
            self.keys.push(key);
        }
    }

    fn fill(&mut self, row: usize) {
        let rows = self.keys.len();
        if rows < row {
            self.gaps.add(rows..row);
            self.keys.resize(row, 0);
        }
    }

    /// Takes the column; the entries stay.
    pub(crate) fn finish(&mut self) -> ArrayRef {
        self.finish_rows(self.keys.len())
    }

    /// Takes a column in which rows that were not set are null.
    pub(crate) fn finish_rows(&mut self, rows: usize) -> ArrayRef {
        self.fill(rows);
        let keys = std::mem::replace(&mut self.keys, Vec::with_capacity(rows));
        let keys = Int32Array::new(keys.into(), self.gaps.finish(rows));
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
            column: ChoiceColumn::default(),
            name_of,
            small: [UNSEEN; 128],
            large: HashMap::new(),
        }
    }

    #[inline]
    pub(crate) fn push(&mut self, number: i32) {
        let key = self.key(number);
        self.column.push(key);
    }

    /// Appends the same number several times.
    pub(crate) fn push_run(&mut self, number: i32, rows: usize) {
        let key = self.key(number);
        self.column.push_run(key, rows);
    }

    /// Sets the number of a row behind those that were set before.
    pub(crate) fn set_option(&mut self, row: usize, number: Option<i32>) {
        let key = number.map(|number| self.key(number));
        self.column.set_option(row, key);
    }

    #[inline]
    fn key(&mut self, number: i32) -> i32 {
        match usize::try_from(number)
            .ok()
            .and_then(|index| self.small.get(index))
        {
            Some(&key) if key != UNSEEN => key,
            _ => self.new_key(number),
        }
    }

    #[cold]
    fn new_key(&mut self, number: i32) -> i32 {
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
        self.finish_rows(self.column.keys.len())
    }

    /// Takes a column in which rows that were not set are null.
    pub(crate) fn finish_rows(&mut self, rows: usize) -> ArrayRef {
        let array = self.column.finish_rows(rows);
        if self.column.entries.len() > ENTRIES_KEPT_MAX {
            *self = Self::new(self.name_of);
        }
        array
    }
}
