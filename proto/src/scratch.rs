//! Text that a decoder composes while it reads: JSON for maps and nested messages.

use crate::error::{Reason, Rejection};
use crate::limits::{COMPOSED_BYTES_MAX, PARTS_MAX};
use crate::wire::{Cursor, Depth, Tag};

/// A range of the composed text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    start: usize,
    end: usize,
}

impl Span {
    /// Bytes of the text.
    pub(crate) fn len(self) -> usize {
        self.end - self.start
    }
}

/// Composed text of one message. Views keep [`Span`]s into it, as they cannot borrow what is still being written.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// JSON, hence valid UTF-8: only [`crate::json`] writes here.
    pub(crate) text: Vec<u8>,
    /// Whether a field of unknown number was met anywhere in the message.
    pub(crate) unknown_fields: bool,
    /// Whether what is read now is replaced by what follows, and needs to be well formed only.
    pub(crate) discarding: bool,
    /// Whether the message is read to be shown, and not to become rows: values of attributes are written as people read
    /// them, and no state is expanded.
    pub(crate) for_display: bool,
    /// Parts remembered so far.
    parts: usize,
}

impl Scratch {
    /// An empty one for the same purpose.
    pub(crate) fn anew(&self) -> Self {
        Self {
            for_display: self.for_display,
            ..Self::default()
        }
    }

    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.unknown_fields = false;
        self.discarding = false;
        self.parts = 0;
    }

    /// Counts one more part that the decoder remembers.
    #[inline]
    pub(crate) fn count_part(&mut self) -> Result<(), Rejection> {
        self.parts += 1;
        if self.parts > PARTS_MAX {
            Err(too_many_parts())
        } else {
            Ok(())
        }
    }

    /// Refuses a message that became too much text. Called wherever few bytes of a message can become many.
    #[inline]
    pub(crate) fn check_len(&self) -> Result<(), Rejection> {
        check_composed(self.text.len())
    }

    /// Where the next text begins.
    pub(crate) fn mark(&self) -> usize {
        self.text.len()
    }

    /// The text written since `start`.
    pub(crate) fn span_from(&self, start: usize) -> Span {
        Span {
            start,
            end: self.text.len(),
        }
    }

    /// Writes the text of a span once more.
    pub(crate) fn copy(&mut self, span: Span) {
        self.text.extend_from_within(span.start..span.end);
    }

    /// Steps over a field of unknown number, and remembers that there was one.
    #[cold]
    pub(crate) fn skip_unknown(
        &mut self,
        cursor: &mut Cursor<'_>,
        tag: Tag,
        depth: Depth,
    ) -> Result<(), Rejection> {
        self.unknown_fields = true;
        cursor.skip(tag, depth)
    }
}

#[cold]
fn too_many_parts() -> Rejection {
    Rejection::new(
        Reason::ExpansionLimit,
        format!("message holds more than {PARTS_MAX} map entries, list items and repeated fields"),
    )
}

/// Refuses a message that becomes more text than one record may.
#[inline]
pub(crate) fn check_composed(len: usize) -> Result<(), Rejection> {
    if len > COMPOSED_BYTES_MAX {
        Err(too_much_text())
    } else {
        Ok(())
    }
}

#[cold]
fn too_much_text() -> Rejection {
    Rejection::new(
        Reason::ExpansionLimit,
        format!("message becomes more than {COMPOSED_BYTES_MAX} bytes of text in its rows"),
    )
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
