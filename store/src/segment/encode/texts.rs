//! Columns of text and bytes: dictionaries, or lengths and then bytes.

use arrow_array::types::{ByteArrayType, Int32Type};
use arrow_array::{Array as _, DictionaryArray, GenericByteArray, StringArray};
use arrow_buffer::NullBuffer;
use parquet::basic::Encoding;
use parquet::data_type::ByteArray;
use parquet::errors::Result;
use parquet::file::statistics::{Statistics, ValueStatistics};

use super::Scratch;
use super::bits::width_of;
use super::chunk::{Chunk, ChunkWriter};
use super::delta::push_numbers;
use super::numbers::push_validity;
use super::{hybrid, pages};
use crate::segment::layout::{Bounds, Layout};
use crate::segment::stats::{TextBound, text_bounds};

/// The values of a column, nulls among them with no bytes.
#[derive(Clone, Copy)]
pub(super) struct Texts<'a> {
    /// Where each value begins, and behind the last one where it ends.
    offsets: &'a [i32],
    data: &'a [u8],
    nulls: Option<&'a NullBuffer>,
}

impl<'a, T: ByteArrayType<Offset = i32>> From<&'a GenericByteArray<T>> for Texts<'a> {
    fn from(array: &'a GenericByteArray<T>) -> Self {
        Self {
            offsets: array.value_offsets(),
            data: array.value_data(),
            nulls: array.nulls().filter(|nulls| nulls.null_count() > 0),
        }
    }
}

impl<'a> Texts<'a> {
    #[inline]
    fn value(self, row: usize) -> &'a [u8] {
        &self.data[self.offsets[row] as usize..self.offsets[row + 1] as usize]
    }

    fn rows(self) -> usize {
        self.offsets.len() - 1
    }

    fn null_count(self) -> u64 {
        self.nulls.map_or(0, NullBuffer::null_count) as u64
    }
}

/// Writes the lengths of the values and then the values, page by page.
pub(super) fn write_whole<'a>(
    mut chunk: ChunkWriter<'_>,
    layout: Layout,
    texts: Texts<'a>,
    statistics: Option<Statistics>,
) -> Result<Chunk<'a>> {
    if texts.rows() as u64 == texts.null_count() && statistics.is_none() {
        return write_nulls(chunk, texts.rows(), false);
    }
    let mut lens: Vec<i32> = Vec::new();
    for rows in pages::by_bytes(texts.offsets, layout.page_bytes()) {
        let nulls = push_validity(&mut chunk, texts.nulls, &rows);
        let offsets = &texts.offsets[rows.start..=rows.end];
        lens.clear();
        match &nulls {
            Some(nulls) => {
                for (start, end) in nulls.valid_slices() {
                    lens.extend(offsets[start..=end].windows(2).map(|pair| pair[1] - pair[0]));
                }
            }
            None => lens.extend(offsets.windows(2).map(|pair| pair[1] - pair[0])),
        }
        let body = &mut chunk.buffers.body;
        push_numbers(&lens, body);
        body.extend_from_slice(&texts.data[offsets[0] as usize..offsets[offsets.len() - 1] as usize]);
        chunk.end_page(rows.len(), rows.len(), Encoding::DELTA_LENGTH_BYTE_ARRAY)?;
    }
    chunk.finish(statistics)
}

/// Writes a dictionary and the place of each value in it; or the values whole where a dictionary would not pay.
pub(super) fn write_repeating<'a>(
    chunk: ChunkWriter<'_>,
    layout: Layout,
    texts: Texts<'a>,
    scratch: &mut Scratch,
) -> Result<Chunk<'a>> {
    let Scratch {
        interner, present, ..
    } = scratch;
    let bounded = layout.bounds != Bounds::None;
    if texts.rows() as u64 == texts.null_count() {
        return write_nulls(chunk, texts.rows(), bounded);
    }
    present.clear();
    match texts.nulls {
        Some(nulls) => present.extend(nulls.valid_indices().map(|row| row as u32)),
        None => present.extend(0..texts.rows() as u32),
    }
    let value = |at: usize| texts.value(present[at] as usize);
    let pays = interner.intern(present.len(), value);
    if !pays {
        let statistics = bounded.then(|| {
            let values = || present.iter().map(|row| texts.value(*row as usize));
            statistics(values().min(), values().max(), texts.null_count())
        });
        return write_whole(chunk, layout, texts, statistics);
    }
    let entries: Vec<&[u8]> = interner
        .firsts
        .iter()
        .map(|first| value(*first as usize))
        .collect();
    write_indices(
        chunk,
        entries,
        &interner.indices,
        texts.rows(),
        texts.nulls,
        bounded,
    )
}

/// Writes a column that is dictionary encoded in memory already.
pub(super) fn write_choices<'a>(
    chunk: ChunkWriter<'_>,
    layout: Layout,
    column: &DictionaryArray<Int32Type>,
    choices: &'a StringArray,
    scratch: &mut Scratch,
) -> Result<Chunk<'a>> {
    // Only the entries that rows use, in the order in which they first do.
    const UNUSED: u32 = u32::MAX;
    let mut place = vec![UNUSED; choices.len()];
    let mut entries = Vec::new();
    let keys = column.keys();
    let nulls = keys.nulls().filter(|nulls| nulls.null_count() > 0);
    let indices = &mut scratch.interner.indices;
    indices.clear();
    indices.reserve(keys.len());
    let mut number = |key: i32| {
        let place = &mut place[key as usize];
        if *place == UNUSED {
            *place = entries.len() as u32;
            entries.push(choices.value(key as usize).as_bytes());
        }
        *place
    };
    match nulls {
        Some(nulls) => indices.extend(nulls.valid_indices().map(|row| number(keys.values()[row]))),
        None => indices.extend(keys.values().iter().map(|key| number(*key))),
    }
    let bounded = layout.bounds != Bounds::None;
    write_indices(chunk, entries, indices, keys.len(), nulls, bounded)
}

fn write_indices<'a>(
    mut chunk: ChunkWriter<'_>,
    entries: Vec<&'a [u8]>,
    indices: &[u32],
    rows: usize,
    nulls: Option<&NullBuffer>,
    bounded: bool,
) -> Result<Chunk<'a>> {
    if entries.is_empty() {
        return write_nulls(chunk, rows, bounded);
    }
    for entry in &entries {
        let body = &mut chunk.buffers.body;
        body.extend_from_slice(&(entry.len() as u32).to_le_bytes());
        body.extend_from_slice(entry);
    }
    chunk.end_dictionary(entries.len())?;
    let width = width_of(entries.len().saturating_sub(1) as u64);
    let mut indices = indices;
    for rows in pages::by_rows(rows) {
        let nulls = push_validity(&mut chunk, nulls, &rows);
        let valid = rows.len() - nulls.map_or(0, |nulls| nulls.null_count());
        let (page, rest) = indices.split_at(valid);
        indices = rest;
        let body = &mut chunk.buffers.body;
        body.push(width as u8);
        hybrid::push_values(page, width, body);
        chunk.end_page(rows.len(), rows.len(), Encoding::RLE_DICTIONARY)?;
    }
    let nulls = nulls.map_or(0, NullBuffer::null_count) as u64;
    let (min, max) = (entries.iter().min().copied(), entries.iter().max().copied());
    let chunk = chunk.finish(bounded.then(|| statistics(min, max, nulls)))?;
    Ok(Chunk {
        distinct: Some(entries),
        ..chunk
    })
}

/// Writes a column that has no value: a dictionary without entries would be one that few readers have ever seen.
fn write_nulls<'a>(mut chunk: ChunkWriter<'_>, rows: usize, bounded: bool) -> Result<Chunk<'a>> {
    let nulls = NullBuffer::new_null(rows);
    for rows in pages::by_rows(rows) {
        push_validity(&mut chunk, Some(&nulls), &rows);
        chunk.end_page(rows.len(), rows.len(), Encoding::PLAIN)?;
    }
    chunk.finish(bounded.then(|| statistics(None, None, rows as u64)))
}

/// Bounds of texts, cut where they are long.
fn statistics(min: Option<&[u8]>, max: Option<&[u8]>, nulls: u64) -> Statistics {
    let text = |bytes: Option<&[u8]>| bytes.and_then(|bytes| String::from_utf8(bytes.to_vec()).ok());
    let (min, max) = match (text(min), text(max)) {
        (Some(min), Some(max)) => text_bounds(&min, &max),
        _ => (None, None),
    };
    let exact = |bound: &TextBound| bound.as_ref().is_some_and(|(_, exact)| *exact);
    let (min_exact, max_exact) = (exact(&min), exact(&max));
    let bytes = |bound: TextBound| bound.map(|(text, _)| ByteArray::from(text.into_bytes()));
    Statistics::ByteArray(
        ValueStatistics::new(bytes(min), bytes(max), None, Some(nulls), false)
            .with_min_is_exact(min_exact)
            .with_max_is_exact(max_exact),
    )
}
