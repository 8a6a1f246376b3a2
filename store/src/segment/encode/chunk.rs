//! One column of one row group, page by page.

use std::sync::Arc;

use parquet::basic::Encoding;
use parquet::column::page::{CompressedPage, Page, PageWriter as _};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::Result;
use parquet::file::metadata::{ColumnChunkMetaData, ColumnIndexBuilder, OffsetIndexBuilder};
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;
use prost::bytes::Bytes;

use super::compress::{Codec, compress};

/// An encoded column chunk, ready to be put into a row group.
pub(super) struct Chunk<'a> {
    /// To be given back with [`Buffers::keep`].
    pub(super) bytes: Lent,
    pub(super) close: ColumnCloseResult,
    /// The values that occur, each once, where a dictionary of them was made.
    pub(super) distinct: Option<Vec<&'a [u8]>>,
}

/// A buffer while others read it as [`Bytes`]. Given back, its memory serves the next page, without a copy.
pub(super) struct Lent(Arc<Vec<u8>>);

impl Lent {
    fn of(buffer: &mut Vec<u8>) -> Self {
        Self(Arc::new(std::mem::take(buffer)))
    }

    pub(super) fn bytes(&self) -> Bytes {
        Bytes::from_owner(Self(Arc::clone(&self.0)))
    }

    /// The buffer, emptied; a new one if someone reads it still.
    fn returned(self) -> Vec<u8> {
        let mut buffer = Arc::into_inner(self.0).unwrap_or_default();
        buffer.clear();
        buffer
    }
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// What the index of pages tells of one page: the bounds of its values as Parquet writes them, none if all are null.
pub(super) type PageBounds = Option<(Vec<u8>, Vec<u8>)>;

/// Buffers that are kept from chunk to chunk.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    pub(super) body: Vec<u8>,
    compressed: Vec<u8>,
    chunk: Vec<u8>,
}

impl Buffers {
    /// Takes the memory of a chunk back that was put into its row group.
    pub(super) fn keep(&mut self, chunk: Lent) {
        self.chunk = chunk.returned();
    }
}

/// Writes the pages of a chunk.
pub(super) struct ChunkWriter<'b> {
    column: ColumnDescPtr,
    codec: Codec,
    /// The next page's content goes here.
    pub(super) buffers: &'b mut Buffers,
    sink: TrackedWrite<Vec<u8>>,
    encodings: Vec<Encoding>,
    rows: u64,
    levels: i64,
    compressed_bytes: i64,
    uncompressed_bytes: i64,
    dictionary_offset: Option<i64>,
    data_offset: Option<i64>,
    offsets: OffsetIndexBuilder,
    bounds: Option<ColumnIndexBuilder>,
}

impl<'b> ChunkWriter<'b> {
    pub(super) fn new(column: &ColumnDescPtr, codec: Codec, buffers: &'b mut Buffers) -> Self {
        buffers.body.clear();
        let sink = TrackedWrite::new(std::mem::take(&mut buffers.chunk));
        Self {
            column: column.clone(),
            codec,
            buffers,
            sink,
            encodings: vec![Encoding::RLE],
            rows: 0,
            levels: 0,
            compressed_bytes: 0,
            uncompressed_bytes: 0,
            dictionary_offset: None,
            data_offset: None,
            offsets: OffsetIndexBuilder::new(),
            bounds: None,
        }
    }

    /// Whether the column can hold nulls: its pages then begin with definition levels.
    pub(super) fn has_levels(&self) -> bool {
        self.column.max_def_level() > 0
    }

    /// Appends levels to the page's content, behind their length. `push` writes them.
    pub(super) fn push_levels(&mut self, push: impl FnOnce(&mut Vec<u8>)) {
        let body = &mut self.buffers.body;
        let at = body.len();
        body.extend_from_slice(&[0; 4]);
        push(body);
        let len = (body.len() - at - 4) as u32;
        body[at..at + 4].copy_from_slice(&len.to_le_bytes());
    }

    /// Ends the dictionary page, whose content is in the buffer.
    pub(super) fn end_dictionary(&mut self, entries: usize) -> Result<()> {
        self.encodings.extend([Encoding::PLAIN, Encoding::RLE_DICTIONARY]);
        let (offset, _) = self.write(|buf| Page::DictionaryPage {
            buf,
            num_values: entries as u32,
            encoding: Encoding::PLAIN,
            is_sorted: false,
        })?;
        self.dictionary_offset = Some(offset);
        Ok(())
    }

    /// Ends a data page, whose content is in the buffer. `levels` counts its values with nulls.
    pub(super) fn end_page(&mut self, rows: usize, levels: usize, encoding: Encoding) -> Result<()> {
        if !self.encodings.contains(&encoding) {
            self.encodings.push(encoding);
        }
        let (offset, compressed) = self.write(|buf| Page::DataPage {
            buf,
            num_values: levels as u32,
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        })?;
        self.data_offset.get_or_insert(offset);
        self.offsets.append_offset_and_size(offset, compressed as i32);
        self.offsets.append_row_count(rows as i64);
        self.rows += rows as u64;
        self.levels += levels as i64;
        Ok(())
    }

    /// Adds the page that was ended last to the index of pages.
    pub(super) fn index_page(&mut self, bounds: PageBounds, nulls: usize) {
        let index = self
            .bounds
            .get_or_insert_with(|| ColumnIndexBuilder::new(self.column.physical_type()));
        let is_null = bounds.is_none();
        let (min, max) = bounds.unwrap_or_default();
        index.append(is_null, min, max, nulls as i64);
    }

    /// Writes the page whose content is in the buffer. Gives its offset and length.
    fn write(&mut self, page: impl FnOnce(Bytes) -> Page) -> Result<(i64, usize)> {
        let Buffers { body, compressed, .. } = &mut *self.buffers;
        let uncompressed = body.len();
        let content = if self.codec == Codec::None {
            body
        } else {
            compress(self.codec, body, compressed)?;
            body.clear();
            compressed
        };
        let lent = Lent::of(content);
        let page = CompressedPage::new(page(lent.bytes()), uncompressed);
        let written = SerializedPageWriter::new(&mut self.sink).write_page(page)?;
        *content = lent.returned();
        self.compressed_bytes += written.compressed_size as i64;
        self.uncompressed_bytes += written.uncompressed_size as i64;
        Ok((written.offset as i64, written.compressed_size))
    }

    /// Ends the chunk.
    pub(super) fn finish<'a>(self, statistics: Option<Statistics>) -> Result<Chunk<'a>> {
        let mut metadata = ColumnChunkMetaData::builder(self.column)
            .set_compression(self.codec.compression())
            .set_encodings(self.encodings)
            .set_num_values(self.levels)
            .set_total_compressed_size(self.compressed_bytes)
            .set_total_uncompressed_size(self.uncompressed_bytes)
            .set_dictionary_page_offset(self.dictionary_offset)
            .set_data_page_offset(self.data_offset.unwrap_or(0));
        if let Some(statistics) = statistics {
            metadata = metadata.set_statistics(statistics);
        }
        let bounds = self.bounds.map(ColumnIndexBuilder::build);
        let bytes = Lent::of(&mut self.sink.into_inner()?);
        Ok(Chunk {
            close: ColumnCloseResult {
                bytes_written: bytes.as_ref().len() as u64,
                rows_written: self.rows,
                metadata: metadata.build()?,
                bloom_filter: None,
                column_index: bounds.transpose()?,
                offset_index: Some(self.offsets.build()),
            },
            bytes,
            distinct: None,
        })
    }
}
