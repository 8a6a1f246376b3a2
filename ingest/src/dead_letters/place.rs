//! Which letters are meant.

use std::collections::BTreeSet;
use std::fmt;

use quipu_proto::LogPartition;

/// The place of a dead letter's record, which is the identity of the letter. Places are ordered as letters are retried:
/// by topic, incarnation, partition and offset.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LetterPlace {
    /// The partition.
    pub log: LogPartition,
    /// The offset.
    pub offset: i64,
}

impl LetterPlace {
    /// The letter at that offset.
    #[must_use]
    pub fn new(log: LogPartition, offset: i64) -> Self {
        Self { log, offset }
    }
}

impl fmt::Display for LetterPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} offset {}", self.log, self.offset)
    }
}

/// A choice among the letters of a store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LetterChoice {
    /// All that are not resolved.
    #[default]
    Unresolved,
    /// These.
    Places(BTreeSet<LetterPlace>),
}

impl LetterChoice {
    /// The letters at these places.
    pub fn places(places: impl IntoIterator<Item = LetterPlace>) -> Self {
        Self::Places(places.into_iter().collect())
    }
}
