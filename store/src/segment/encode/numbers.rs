//! Columns of whole numbers: packed differences.

use std::ops::Range;

use arrow_buffer::NullBuffer;
use parquet::basic::Encoding;
use parquet::errors::Result;
use parquet::file::statistics::Statistics;

use super::chunk::{Chunk, ChunkWriter, PageBounds};
use super::delta::{Whole, push_numbers};
use super::hybrid;
use super::pages;
use crate::segment::layout::{Bounds, Layout};

/// How a column orders its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Signed,
    Unsigned,
}

/// A type of numbers that Parquet stores.
pub(super) trait Number: Whole {
    /// Moves the number line so that unsigned numbers are in order as signed ones; doing it twice changes nothing.
    fn ordered(self, order: Order) -> Self;
    fn statistics(range: Option<(Self, Self)>, nulls: u64) -> Statistics;
    fn to_le_bytes(self) -> Vec<u8>;
}

impl Number for i32 {
    fn ordered(self, order: Order) -> Self {
        match order {
            Order::Signed => self,
            Order::Unsigned => self ^ Self::MIN,
        }
    }

    fn statistics(range: Option<(Self, Self)>, nulls: u64) -> Statistics {
        let (min, max) = range.unzip();
        Statistics::int32(min, max, None, Some(nulls), false)
    }

    fn to_le_bytes(self) -> Vec<u8> {
        Self::to_le_bytes(self).to_vec()
    }
}

impl Number for i64 {
    fn ordered(self, order: Order) -> Self {
        match order {
            Order::Signed => self,
            Order::Unsigned => self ^ Self::MIN,
        }
    }

    fn statistics(range: Option<(Self, Self)>, nulls: u64) -> Statistics {
        let (min, max) = range.unzip();
        Statistics::int64(min, max, None, Some(nulls), false)
    }

    fn to_le_bytes(self) -> Vec<u8> {
        Self::to_le_bytes(self).to_vec()
    }
}

/// Writes the numbers, of which `nulls` says which are there.
pub(super) fn write<T: Number>(
    mut chunk: ChunkWriter<'_>,
    layout: Layout,
    order: Order,
    values: &[T],
    nulls: Option<&NullBuffer>,
) -> Result<Chunk<'static>> {
    let mut range: Option<(T, T)> = None;
    let mut present = Vec::new();
    for rows in pages::by_rows(values.len()) {
        let nulls = push_validity(&mut chunk, nulls, &rows);
        let page = &values[rows.clone()];
        let page = match &nulls {
            Some(nulls) => {
                present.clear();
                for (start, end) in nulls.valid_slices() {
                    present.extend_from_slice(&page[start..end]);
                }
                &present
            }
            None => page,
        };
        push_numbers(page, &mut chunk.buffers.body);
        let found = (layout.bounds != Bounds::None)
            .then(|| range_of(page, order))
            .flatten();
        if let Some((min, max)) = found {
            let (lowest, highest) = range.get_or_insert((min, max));
            *lowest = (*lowest).min(min);
            *highest = (*highest).max(max);
        }
        chunk.end_page(rows.len(), rows.len(), Encoding::DELTA_BINARY_PACKED)?;
        if layout.bounds == Bounds::Page {
            let bounds: PageBounds =
                found.map(|(min, max)| (min.ordered(order).to_le_bytes(), max.ordered(order).to_le_bytes()));
            chunk.index_page(bounds, rows.len() - page.len());
        }
    }
    let nulls = nulls.map_or(0, NullBuffer::null_count) as u64;
    let range = range.map(|(min, max)| (min.ordered(order), max.ordered(order)));
    let statistics = (layout.bounds != Bounds::None).then(|| T::statistics(range, nulls));
    chunk.finish(statistics)
}

/// Appends the definition levels of a page where the column can hold nulls. Gives the page's nulls if it has some.
pub(super) fn push_validity(
    chunk: &mut ChunkWriter<'_>,
    nulls: Option<&NullBuffer>,
    rows: &Range<usize>,
) -> Option<NullBuffer> {
    let nulls = nulls
        .map(|nulls| nulls.slice(rows.start, rows.len()))
        .filter(|nulls| nulls.null_count() > 0);
    if chunk.has_levels() {
        chunk.push_levels(|body| hybrid::push_validity(nulls.as_ref(), rows.len(), body));
    }
    nulls
}

/// The smallest and the largest number, moved as [`Number::ordered`] says.
fn range_of<T: Number>(values: &[T], order: Order) -> Option<(T, T)> {
    let first = values.first()?.ordered(order);
    let moved = || values.iter().map(|value| value.ordered(order));
    Some((moved().fold(first, T::min), moved().fold(first, T::max)))
}
