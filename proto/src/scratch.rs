//! Text that a decoder composes while it reads: JSON for maps and nested messages.

use crate::error::Rejection;
use crate::wire::{Cursor, Depth, Tag};

/// A range of the composed text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    start: usize,
    end: usize,
}

/// Composed text of one message. Views keep [`Span`]s into it, as they cannot borrow what is still being written.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// JSON, hence valid UTF-8: only [`crate::json`] writes here.
    pub(crate) text: Vec<u8>,
    /// Whether a field of unknown number was met anywhere in the message.
    pub(crate) unknown_fields: bool,
}

impl Scratch {
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.unknown_fields = false;
    }

    /// Where the next text begins.
    pub(crate) fn mark(&self) -> usize {
        self.text.len()
    }

    /// The text written since `start`.
    pub(crate) fn span_from(&self, start: usize) -> Span {
        Span { start, end: self.text.len() }
    }

    /// Writes the text of a span once more.
    pub(crate) fn copy(&mut self, span: Span) {
        self.text.extend_from_within(span.start..span.end);
    }

    /// Steps over a field of unknown number, and remembers that there was one.
    #[cold]
    pub(crate) fn skip_unknown(&mut self, cursor: &mut Cursor<'_>, tag: Tag, depth: Depth) -> Result<(), Rejection> {
        self.unknown_fields = true;
        cursor.skip(tag, depth)
    }
}

/// The finished text of one message.
#[derive(Clone, Copy, Debug, Default)]
pub struct ComposedText<'a>(pub(crate) &'a str);

impl<'a> ComposedText<'a> {
    /// The text of one span.
    #[must_use]
    pub fn get(self, span: Span) -> &'a str {
        self.0.get(span.start..span.end).unwrap_or_default()
    }

    /// Bytes of composed text in all.
    #[must_use]
    pub fn len(self) -> usize {
        self.0.len()
    }

    /// Whether nothing was composed.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }
}
