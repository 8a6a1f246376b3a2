//! Numbers and flags.

use std::sync::Arc;

use arrow_array::types::{ArrowPrimitiveType, TimestampMicrosecondType};
use arrow_array::{ArrayRef, BooleanArray, PrimitiveArray};
use arrow_buffer::BooleanBuffer;

use crate::columns::gaps::Gaps;
use crate::schema::time_type;

/// A column of numbers. Rows whose value is not set are null.
#[derive(Debug)]
pub(crate) struct PlainColumn<T: ArrowPrimitiveType> {
    values: Vec<T::Native>,
    gaps: Gaps,
}

impl<T: ArrowPrimitiveType> Default for PlainColumn<T> {
    fn default() -> Self {
        Self {
            values: Vec::new(),
            gaps: Gaps::default(),
        }
    }
}

impl<T: ArrowPrimitiveType> PlainColumn<T> {
    #[inline]
    fn put(&mut self, row: usize, value: T::Native) {
        if self.values.len() != row {
            self.fill(row);
        }
        self.values.push(value);
    }

    fn fill(&mut self, row: usize) {
        let rows = self.values.len();
        if rows < row {
            self.gaps.add(rows..row);
            self.values.resize(row, T::Native::default());
        }
    }

    #[inline]
    pub(crate) fn set_option(&mut self, row: usize, value: Option<T::Native>) {
        if let Some(value) = value {
            self.put(row, value);
        }
    }

    /// Sets a number; 0 is null, as the wire cannot tell it from absent.
    #[inline]
    pub(crate) fn set(&mut self, row: usize, value: T::Native) {
        if value != T::Native::default() {
            self.put(row, value);
        }
    }

    pub(crate) fn finish(&mut self, rows: usize) -> ArrayRef {
        Arc::new(self.take(rows))
    }

    fn take(&mut self, rows: usize) -> PrimitiveArray<T> {
        self.fill(rows);
        let values = std::mem::replace(&mut self.values, Vec::with_capacity(rows));
        PrimitiveArray::new(values.into(), self.gaps.finish(rows))
    }
}

/// A column of points in time, microseconds since the Unix epoch. Rows whose value is not set are null.
#[derive(Debug, Default)]
pub(crate) struct TimeColumn(PlainColumn<TimestampMicrosecondType>);

impl TimeColumn {
    pub(crate) fn set_option(&mut self, row: usize, time_us: Option<i64>) {
        self.0.set_option(row, time_us);
    }

    pub(crate) fn finish(&mut self, rows: usize) -> ArrayRef {
        Arc::new(self.0.take(rows).with_data_type(time_type()))
    }
}

/// A column of numbers that every row has.
#[derive(Debug)]
pub(crate) struct FullColumn<T: ArrowPrimitiveType>(Vec<T::Native>);

impl<T: ArrowPrimitiveType> Default for FullColumn<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: ArrowPrimitiveType> FullColumn<T> {
    #[inline]
    pub(crate) fn push(&mut self, value: T::Native) {
        self.0.push(value);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn finish(&mut self) -> ArrayRef {
        let next = Vec::with_capacity(self.0.len());
        let values = std::mem::replace(&mut self.0, next);
        Arc::new(PrimitiveArray::<T>::new(values.into(), None))
    }
}

/// A column of flags. Rows whose value is not set are null.
#[derive(Debug, Default)]
pub(crate) struct FlagColumn {
    values: Vec<bool>,
    gaps: Gaps,
}

impl FlagColumn {
    #[inline]
    pub(crate) fn set_option(&mut self, row: usize, flag: Option<bool>) {
        if let Some(flag) = flag {
            self.fill(row);
            self.values.push(flag);
        }
    }

    fn fill(&mut self, row: usize) {
        let rows = self.values.len();
        if rows < row {
            self.gaps.add(rows..row);
            self.values.resize(row, false);
        }
    }

    pub(crate) fn finish(&mut self, rows: usize) -> ArrayRef {
        self.fill(rows);
        let values = BooleanBuffer::from(self.values.as_slice());
        self.values.clear();
        Arc::new(BooleanArray::new(values, self.gaps.finish(rows)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use arrow_array::cast::AsArray as _;
    use arrow_array::types::Int64Type;
    use arrow_array::{BooleanArray, Int64Array};

    use super::*;

    #[test]
    fn rows_that_are_not_set_are_null() {
        let mut numbers = PlainColumn::<Int64Type>::default();
        let mut flags = FlagColumn::default();
        for _ in 0..2 {
            numbers.set_option(1, Some(0));
            numbers.set(2, 0);
            numbers.set(3, 7);
            flags.set_option(0, Some(true));
            flags.set_option(1, None);
            flags.set_option(3, Some(false));
            let expected = Int64Array::from(vec![None, Some(0), None, Some(7), None]);
            assert_eq!(*numbers.finish(5).as_primitive::<Int64Type>(), expected);
            let expected = BooleanArray::from(vec![Some(true), None, None, Some(false), None]);
            assert_eq!(*flags.finish(5).as_boolean(), expected);
        }
        assert_eq!(numbers.finish(0).len(), 0);
    }
}
