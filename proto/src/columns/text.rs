//! Text and bytes.

use std::sync::Arc;

use arrow_array::{ArrayRef, BinaryArray, StringArray};
use arrow_buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};

use crate::columns::gaps::Gaps;

/// A column of bytes. Rows whose value is not set are null.
///
/// Its buffers grow where they lie, unlike those of Arrow's builders, which are aligned and copied on growth.
#[derive(Debug, Default)]
pub(crate) struct BytesColumn {
    data: Vec<u8>,
    /// Where each value begins, and where the last one ends; nothing before the first value.
    offsets: Vec<i32>,
    gaps: Gaps,
    /// Bytes to begin with room for.
    data_room: usize,
    /// Offsets to begin with room for.
    offsets_room: usize,
}

impl BytesColumn {
    /// Sets the value of a row behind those that were set before.
    #[inline]
    fn put(&mut self, row: usize, bytes: &[u8]) {
        if self.offsets.len() != row + 1 {
            self.fill(row);
        }
        self.data.extend_from_slice(bytes);
        prefetch(self.data.as_ptr().wrapping_add(self.data.len() + 192));
        prefetch(self.offsets.as_ptr().wrapping_add(self.offsets.len() + 32));
        // Segments are sealed long before 2^31 bytes: see `builders::BUFFERED_BYTES_MAX`.
        self.offsets
            .push(i32::try_from(self.data.len()).unwrap_or(i32::MAX));
    }

    /// Makes null what is not set before that row.
    fn fill(&mut self, row: usize) {
        if self.offsets.is_empty() {
            self.begin();
        }
        let rows = self.offsets.len() - 1;
        if rows < row {
            self.gaps.add(rows..row);
            let end = self.offsets[rows];
            self.offsets.resize(row + 1, end);
        }
    }

    /// Sets bytes; no bytes are null, as the wire cannot tell them from absent.
    #[inline]
    pub(crate) fn set(&mut self, row: usize, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.put(row, bytes);
        }
    }

    /// Sets bytes, also when there are none of them.
    #[inline]
    pub(crate) fn set_option(&mut self, row: usize, bytes: Option<&[u8]>) {
        if let Some(bytes) = bytes {
            self.put(row, bytes);
        }
    }

    /// Makes room for as many rows, and as long ones, as were taken last. Not when they are taken, but when the next row
    /// comes: they are mostly written and gone by then, and the allocator gives their memory again. The system would have to
    /// clear new memory page by page.
    #[cold]
    fn begin(&mut self) {
        self.data.reserve_exact(self.data_room);
        self.offsets.reserve_exact(self.offsets_room);
        self.offsets.push(0);
    }

    /// Takes offsets, bytes and nulls; none if no row has a value.
    fn take(&mut self, rows: usize) -> Option<(OffsetBuffer<i32>, Buffer, Option<NullBuffer>)> {
        if self.offsets.is_empty() {
            return None;
        }
        self.fill(rows);
        self.data_room = room(&self.data);
        self.offsets_room = room(&self.offsets);
        let data = std::mem::take(&mut self.data);
        let offsets = std::mem::take(&mut self.offsets);
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        Some((offsets, Buffer::from_vec(data), self.gaps.finish(rows)))
    }

    pub(crate) fn finish(&mut self, rows: usize) -> ArrayRef {
        match self.take(rows) {
            Some((offsets, data, nulls)) => Arc::new(BinaryArray::new(offsets, data, nulls)),
            None => Arc::new(BinaryArray::new_null(rows)),
        }
    }
}

/// Room for the successor of a buffer: the same, so that it fits into the same place, unless much less will do.
fn room<T>(taken: &Vec<T>) -> usize {
    if taken.len() < taken.capacity() / 2 {
        taken.len() + taken.len() / 4
    } else {
        taken.capacity()
    }
}

/// Asks for memory that will soon be written to. A few hundred columns grow side by side, more than a processor
/// foresees by itself; over a million messages this saves two to three parts in a hundred.
#[inline]
fn prefetch<T>(address: *const T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a hint: the processor ignores addresses that cannot be read.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

/// A column of text. Rows whose value is not set are null.
#[derive(Debug, Default)]
pub(crate) struct TextColumn(BytesColumn);

impl TextColumn {
    /// Sets text; empty text is null, as the wire cannot tell it from absent.
    #[inline]
    pub(crate) fn set(&mut self, row: usize, text: &str) {
        self.0.set(row, text.as_bytes());
    }

    /// Sets text, also empty text.
    #[inline]
    pub(crate) fn set_option(&mut self, row: usize, text: Option<&str>) {
        self.0.set_option(row, text.map(str::as_bytes));
    }

    pub(crate) fn finish(&mut self, rows: usize) -> ArrayRef {
        match self.0.take(rows) {
            Some((offsets, data, nulls)) => {
                // SAFETY: the bytes of each value came from a `&str`, and the offsets lie between the values.
                Arc::new(unsafe { StringArray::new_unchecked(offsets, data, nulls) })
            }
            None => Arc::new(StringArray::new_null(rows)),
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::cast::AsArray as _;

    use super::*;

    #[test]
    fn what_was_set_comes_back_and_all_else_is_null() {
        let values = [
            vec![Some("a"), None, Some(""), Some("ö")],
            vec![None, None, Some("late"), None],
            vec![None, None],
            vec![Some("x"), Some("y")],
            vec![],
        ];
        let (mut texts, mut bytes) = (TextColumn::default(), BytesColumn::default());
        for values in values {
            for (row, value) in values.iter().enumerate() {
                texts.set_option(row, *value);
                bytes.set_option(row, value.map(str::as_bytes));
            }
            let rows = values.len();
            assert_eq!(
                *texts.finish(rows).as_string::<i32>(),
                StringArray::from(values.clone())
            );
            let expected: BinaryArray = values.iter().map(|value| value.map(str::as_bytes)).collect();
            assert_eq!(*bytes.finish(rows).as_binary::<i32>(), expected);
        }
        texts.set(0, "");
        texts.set(1, "x");
        assert_eq!(
            *texts.finish(2).as_string::<i32>(),
            StringArray::from(vec![None, Some("x")])
        );
    }
}
