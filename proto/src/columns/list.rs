//! Lists of numbers, null when empty.

use std::sync::Arc;

use arrow_array::builder::NullBufferBuilder;
use arrow_array::types::ArrowPrimitiveType;
use arrow_array::{ArrayRef, ListArray, PrimitiveArray};
use arrow_buffer::{OffsetBuffer, ScalarBuffer};
use arrow_schema::Field;

/// A column of lists.
#[derive(Debug)]
pub(crate) struct ListColumn<T: ArrowPrimitiveType> {
    values: Vec<T::Native>,
    ends: Vec<i32>,
    nulls: NullBufferBuilder,
}

impl<T: ArrowPrimitiveType> ListColumn<T> {
    pub(crate) fn new() -> Self {
        Self {
            values: Vec::new(),
            ends: vec![0],
            nulls: NullBufferBuilder::new(0),
        }
    }

    pub(crate) fn push(&mut self, values: &[T::Native]) {
        self.values.extend_from_slice(values);
        // Segments are sealed long before 2^31 values: see `builders::BUFFERED_BYTES_MAX`.
        self.ends
            .push(i32::try_from(self.values.len()).unwrap_or(i32::MAX));
        self.nulls.append(!values.is_empty());
    }

    pub(crate) fn finish(&mut self) -> ArrayRef {
        let values = PrimitiveArray::<T>::new(std::mem::take(&mut self.values).into(), None);
        let ends = std::mem::replace(&mut self.ends, vec![0]);
        let field = Arc::new(Field::new("item", T::DATA_TYPE, false));
        Arc::new(ListArray::new(
            field,
            OffsetBuffer::new(ScalarBuffer::from(ends)),
            Arc::new(values),
            self.nulls.finish(),
        ))
    }
}
