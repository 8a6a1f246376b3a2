//! EventBatch: several events in one record.

use arrow_array::types::Int64Type;

use crate::columns::{Columns, CommonColumns, FullColumn};
use crate::error::{Reason, Rejection};
use crate::header::Header;
use crate::limits::RECORD_ROWS_MAX;
use crate::messages::RowContext;
use crate::messages::event::EventView;
use crate::scratch::{Scratch, check_composed};
use crate::wire::{Cursor, Depth};

/// An EventBatch, borrowed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EventBatchView<'a> {
    /// The header of the batch itself; its sequence is normally 0.
    pub header: Option<Header<'a>>,
    /// The events, each with its own header.
    pub events: Vec<EventView<'a>>,
}

impl<'a> EventBatchView<'a> {
    pub(crate) fn read(
        &mut self,
        chunks: &[&'a [u8]],
        depth: Depth,
        scratch: &mut Scratch,
    ) -> Result<(), Rejection> {
        let depth = depth.enter()?;
        for &chunk in chunks {
            let mut cursor = Cursor::new(chunk);
            while let Some(tag) = cursor.tag()? {
                match tag.number {
                    1 => Header::merge(&mut self.header, cursor.bytes(tag)?, depth, scratch)?,
                    2 => {
                        if self.events.len() == RECORD_ROWS_MAX {
                            return Err(Rejection::new(
                                Reason::ExpansionLimit,
                                format!("batch holds more than {RECORD_ROWS_MAX} events"),
                            ));
                        }
                        let event = self.events.push_mut(EventView::default());
                        event.read(&[cursor.bytes(tag)?], depth, scratch)?;
                    }
                    _ => scratch.skip_unknown(&mut cursor, tag, depth)?,
                }
            }
        }
        check_composed(self.repeated_bytes())?;
        Ok(())
    }

    /// Bytes that all rows of the batch repeat.
    pub(crate) fn repeated_bytes(&self) -> usize {
        self.events
            .len()
            .saturating_mul(self.header.map_or(0, |header| header.message_id.len()))
    }
}

/// The columns of `event_batches`.
#[derive(Debug)]
pub(crate) struct EventBatchColumns {
    pub(crate) common: CommonColumns,
    event_count: FullColumn<Int64Type>,
}

impl EventBatchColumns {
    pub(crate) fn new() -> Self {
        Self {
            common: CommonColumns::new(),
            event_count: FullColumn::default(),
        }
    }

    pub(crate) fn push(&mut self, row: &RowContext<'_>, view: &EventBatchView<'_>) {
        self.common.push(
            row.place,
            0,
            view.header.as_ref(),
            row.numbered,
            row.unknown_fields,
        );
        self.event_count
            .push(i64::try_from(view.events.len()).unwrap_or(i64::MAX));
    }
}

impl Columns for EventBatchColumns {
    fn finish(&mut self) -> Vec<arrow_array::ArrayRef> {
        self.common.finish([self.event_count.finish()])
    }
}
