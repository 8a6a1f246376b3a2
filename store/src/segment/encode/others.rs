//! Flags, floating point numbers, and lists of numbers: plain.

use arrow_array::types::ArrowPrimitiveType;
use arrow_array::{Array as _, BooleanArray, ListArray, PrimitiveArray};
use arrow_buffer::{NullBuffer, ToByteSlice as _};
use parquet::basic::Encoding;
use parquet::errors::Result;

use super::chunk::{Chunk, ChunkWriter};
use super::numbers::push_validity;
use super::{bits, hybrid, pages};

/// Writes flags, one bit each.
pub(super) fn write_flags(mut chunk: ChunkWriter<'_>, flags: &BooleanArray) -> Result<Chunk<'static>> {
    for rows in pages::by_rows(flags.len()) {
        let nulls = push_validity(&mut chunk, flags.nulls(), &rows);
        let page = flags.values().slice(rows.start, rows.len());
        let body = &mut chunk.buffers.body;
        match nulls {
            Some(nulls) => {
                let present = nulls.valid_indices().map(|row| u64::from(page.value(row)));
                bits::pack(present, 1, body);
            }
            None => {
                let end = body.len() + rows.len().div_ceil(8);
                body.extend(page.bit_chunks().iter_padded().flat_map(u64::to_le_bytes));
                body.truncate(end);
            }
        }
        chunk.end_page(rows.len(), rows.len(), Encoding::PLAIN)?;
    }
    chunk.finish(None)
}

/// Writes numbers as they lie in memory.
pub(super) fn write_plain<T: ArrowPrimitiveType>(
    mut chunk: ChunkWriter<'_>,
    numbers: &PrimitiveArray<T>,
) -> Result<Chunk<'static>> {
    for rows in pages::by_rows(numbers.len()) {
        let nulls = push_validity(&mut chunk, numbers.nulls(), &rows);
        let page = &numbers.values()[rows.clone()];
        match nulls {
            Some(nulls) => {
                for (start, end) in nulls.valid_slices() {
                    chunk
                        .buffers
                        .body
                        .extend_from_slice(page[start..end].to_byte_slice());
                }
            }
            None => chunk.buffers.body.extend_from_slice(page.to_byte_slice()),
        }
        chunk.end_page(rows.len(), rows.len(), Encoding::PLAIN)?;
    }
    chunk.finish(None)
}

/// Definition levels of a list that can be null and whose items cannot.
const NULL: u32 = 0;
const EMPTY: u32 = 1;
const ITEM: u32 = 2;

/// Writes lists of numbers: for each item whether it begins a list, and for lists without items what they are.
pub(super) fn write_lists<T: ArrowPrimitiveType>(
    mut chunk: ChunkWriter<'_>,
    lists: &ListArray,
    items: &PrimitiveArray<T>,
) -> Result<Chunk<'static>> {
    let (mut begins, mut levels) = (Vec::new(), Vec::new());
    for rows in pages::by_rows(lists.len()) {
        begins.clear();
        levels.clear();
        let offsets = &lists.value_offsets()[rows.start..=rows.end];
        let nulls = lists.nulls().map(|nulls| nulls.slice(rows.start, rows.len()));
        // Lists that are null may have items in memory.
        let is_null = |row| {
            nulls
                .as_ref()
                .is_some_and(|nulls: &NullBuffer| nulls.is_null(row))
        };
        let mut present = Vec::new();
        for (row, pair) in offsets.windows(2).enumerate() {
            let items = pair[0] as usize..pair[1] as usize;
            if is_null(row) || items.is_empty() {
                begins.push(0);
                levels.push(if is_null(row) { NULL } else { EMPTY });
                continue;
            }
            begins.push(0);
            begins.extend(std::iter::repeat_n(1, items.len() - 1));
            levels.extend(std::iter::repeat_n(ITEM, items.len()));
            present.push(items);
        }
        chunk.push_levels(|body| hybrid::push_values(&begins, 1, body));
        chunk.push_levels(|body| hybrid::push_values(&levels, 2, body));
        for list in present {
            chunk
                .buffers
                .body
                .extend_from_slice(items.values()[list].to_byte_slice());
        }
        chunk.end_page(rows.len(), levels.len(), Encoding::PLAIN)?;
    }
    chunk.finish(None)
}
