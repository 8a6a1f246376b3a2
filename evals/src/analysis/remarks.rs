//! What of the input was not understood: counted by kind, with the first of them in full.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::parse::Misfit;

/// What became of the values of an input.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Remarks {
    /// Documents that were counted.
    pub documents: u64,
    /// Values that are no JSON document.
    pub unreadable: u64,
    /// Documents of a known type with a field missing or of a wrong type.
    pub unfit: u64,
    /// Documents of types that are not counted, by type; `""` stands for those without a type.
    pub unknown_types: BTreeMap<String, u64>,
    /// The first value that was not counted.
    #[serde(skip)]
    pub first: Option<FirstRemark>,
}

/// The first value of an input that was not counted, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstRemark {
    /// Number of the value, from 1. Under reference counting: of the line.
    pub number: u64,
    /// Why it was not counted.
    pub why: String,
}

impl Remarks {
    /// Documents of types that are not counted.
    #[must_use]
    pub fn unknown(&self) -> u64 {
        self.unknown_types.values().sum()
    }

    /// Everything that was there and not counted.
    #[must_use]
    pub fn not_counted(&self) -> u64 {
        self.unreadable + self.unfit + self.unknown()
    }

    /// Adds what is told of another part of the input. The first remark is settled elsewhere.
    fn add(&mut self, other: Self) {
        self.documents += other.documents;
        self.unreadable += other.unreadable;
        self.unfit += other.unfit;
        for (kind, count) in other.unknown_types {
            *self.unknown_types.entry(kind).or_default() += count;
        }
    }
}

/// Most of a foreign name that is quoted, in characters.
const QUOTED_MAX: usize = 60;

fn quoted(name: &str) -> String {
    name.chars()
        .take(QUOTED_MAX)
        .flat_map(char::escape_debug)
        .collect()
}

/// The remarks of a reader on the chunks that it was given.
#[derive(Debug, Default)]
pub(super) struct Notes {
    remarks: Remarks,
    chunks: Vec<ChunkNote>,
}

/// How many values a chunk holds, and its first that was not counted.
#[derive(Debug)]
struct ChunkNote {
    chunk: u64,
    values: u64,
    first: Option<(u64, String)>,
}

impl Notes {
    /// Begins a chunk.
    pub(super) fn begin(&mut self, chunk: u64) {
        self.chunks.push(ChunkNote {
            chunk,
            values: 0,
            first: None,
        });
    }

    /// A value that has a number and nothing to count: a blank line.
    pub(super) fn blank(&mut self) {
        self.number();
    }

    /// A document that was counted.
    pub(super) fn counted(&mut self) {
        self.number();
        self.remarks.documents += 1;
    }

    /// A value that is no JSON document.
    pub(super) fn unreadable(&mut self, why: impl fmt::Display) {
        self.remarks.unreadable += 1;
        self.note(|| format!("it is no whole JSON document: {why}"));
    }

    /// A document that tells of no message.
    pub(super) fn misfit(&mut self, misfit: Misfit) {
        match misfit {
            Misfit::Field(field) => {
                self.remarks.unfit += 1;
                self.note(|| format!("field {field} is missing or of a wrong type"));
            }
            Misfit::Type(kind) => {
                let kind = quoted(&kind.unwrap_or_default());
                self.note(|| {
                    if kind.is_empty() {
                        "it has no type".to_owned()
                    } else {
                        format!("type {kind} is not counted")
                    }
                });
                *self.remarks.unknown_types.entry(kind).or_default() += 1;
            }
        }
    }

    fn number(&mut self) -> u64 {
        self.chunks.last_mut().map_or(0, |chunk| {
            chunk.values += 1;
            chunk.values
        })
    }

    fn note(&mut self, why: impl FnOnce() -> String) {
        let number = self.number();
        if let Some(chunk) = self.chunks.last_mut()
            && chunk.first.is_none()
        {
            chunk.first = Some((number, why()));
        }
    }

    /// Takes in the notes of another reader of the same input.
    pub(super) fn merge(&mut self, other: Self) {
        self.remarks.add(other.remarks);
        self.chunks.extend(other.chunks);
    }

    /// The remarks on the whole input.
    pub(super) fn finish(mut self) -> Remarks {
        self.chunks.sort_unstable_by_key(|note| note.chunk);
        let mut before = 0;
        for note in self.chunks {
            if let Some((number, why)) = note.first {
                self.remarks.first = Some(FirstRemark {
                    number: before + number,
                    why,
                });
                break;
            }
            before += note.values;
        }
        self.remarks
    }
}
