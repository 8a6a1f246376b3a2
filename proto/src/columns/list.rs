//! Lists of numbers, null when empty.

use std::sync::Arc;

use arrow_array::types::ArrowPrimitiveType;
use arrow_array::{ArrayRef, ListArray, PrimitiveArray};
use arrow_buffer::{OffsetBuffer, ScalarBuffer};
use arrow_schema::Field;

use crate::columns::gaps::Gaps;

/// A column of lists.
#[derive(Debug)]
pub(crate) struct ListColumn<T: ArrowPrimitiveType> {
    values: Vec<T::Native>,
    offsets: Vec<i32>,
    gaps: Gaps,
}

impl<T: ArrowPrimitiveType> Default for ListColumn<T> {
    fn default() -> Self {
        Self {
            values: Vec::new(),
            offsets: vec![0],
            gaps: Gaps::default(),
        }
    }
}

impl<T: ArrowPrimitiveType> ListColumn<T> {
    /// Sets the list of a row behind those that were set before.
    #[inline]
    pub(crate) fn set(&mut self, row: usize, values: &[T::Native]) {
        if values.is_empty() {
            return;
        }
        self.fill(row);
        self.values.extend_from_slice(values);
        // Segments are sealed long before 2^31 values: see `builders::BUFFERED_BYTES_MAX`.
        self.offsets
            .push(i32::try_from(self.values.len()).unwrap_or(i32::MAX));
    }

    fn fill(&mut self, row: usize) {
        let rows = self.offsets.len() - 1;
        if rows < row {
            self.gaps.add(rows..row);
            let end = self.offsets[rows];
            self.offsets.resize(row + 1, end);
        }
    }

    pub(crate) fn finish(&mut self, rows: usize) -> ArrayRef {
        self.fill(rows);
        let values = PrimitiveArray::<T>::new(std::mem::take(&mut self.values).into(), None);
        let offsets = std::mem::replace(&mut self.offsets, vec![0]);
        let field = Arc::new(Field::new("item", T::DATA_TYPE, false));
        Arc::new(ListArray::new(
            field,
            OffsetBuffer::new(ScalarBuffer::from(offsets)),
            Arc::new(values),
            self.gaps.finish(rows),
        ))
    }
}
