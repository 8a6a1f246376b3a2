//! Batches of one table to a Parquet file.
//!
//! The `parquet` crate writes the file: its schema, row groups, page headers, indexes and footer. What is written here
//! are the pages themselves, because the kinds of columns that our tables have can be encoded in a fraction of the
//! time: text from a list has its dictionary already, constants and nulls are one run, long text is one block of
//! memory, and one zstd context serves all columns.
//!
//! | file | what it holds |
//! |---|---|
//! | `chunk` | one column of one row group: pages, their index, statistics |
//! | `numbers`, `texts`, `others` | the encoders by kind of column |
//! | `intern` | which texts are the same |
//! | `delta`, `hybrid`, `bits` | Parquet's encodings |
//! | `pages` | where pages end |
//! | `compress` | zstd |

mod bits;
mod chunk;
mod compress;
mod delta;
mod hybrid;
mod intern;
mod numbers;
mod others;
mod pages;
mod texts;

#[cfg(test)]
mod tests;

use std::io::Write;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{
    Float32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType, UInt32Type, UInt64Type,
};
use arrow_array::{Array as _, ArrayRef, RecordBatch};
use arrow_schema::{DataType, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::errors::{ParquetError, Result};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnDescPtr;
use quipu_proto::Table;

use self::chunk::{Buffers, Chunk, ChunkWriter};
use self::intern::Interner;
use self::numbers::Order;
use crate::segment::StatsCollector;
use crate::segment::layout::{Kind, Layout, ROW_GROUP_ROWS, layouts, writer_properties};

pub(super) use self::compress::Codec;

/// Buffers that are kept from column to column.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    buffers: Buffers,
    interner: Interner,
    /// Rows whose value is not null.
    present: Vec<u32>,
}

/// Writes a Parquet file of one table's rows.
pub(super) struct Encoder<W: Write + Send> {
    table: Table,
    file: SerializedFileWriter<W>,
    scratch: Scratch,
}

impl<W: Write + Send> Encoder<W> {
    pub(super) fn new(table: Table, sink: W) -> Result<Self> {
        // The Arrow writer knows how to say in a file what types its columns had.
        let writer = ArrowWriter::try_new(sink, table.schema(), Some(writer_properties()))?;
        let (file, _) = writer.into_serialized_writer()?;
        Ok(Self {
            table,
            file,
            scratch: Scratch::default(),
        })
    }

    /// Writes the rows of a batch as row groups of their own, and takes them into account.
    pub(super) fn write(&mut self, batch: &RecordBatch, stats: &mut StatsCollector) -> Result<()> {
        for start in (0..batch.num_rows()).step_by(ROW_GROUP_ROWS) {
            let rows = ROW_GROUP_ROWS.min(batch.num_rows() - start);
            self.write_row_group(&batch.slice(start, rows), stats)?;
        }
        Ok(())
    }

    fn write_row_group(&mut self, batch: &RecordBatch, stats: &mut StatsCollector) -> Result<()> {
        let columns: Vec<ColumnDescPtr> = self.file.schema_descr().columns().to_vec();
        let mut group = self.file.next_row_group()?;
        let arrays = batch.columns().iter().enumerate();
        for (((index, array), column), layout) in arrays.zip(&columns).zip(layouts(self.table)) {
            let Chunk {
                bytes,
                close,
                distinct,
            } = encode(column, *layout, array, &mut self.scratch)?;
            stats.update_column(index, array, distinct.as_deref());
            group.append_column(&bytes.bytes(), close)?;
            self.scratch.buffers.keep(bytes);
        }
        group.close()?;
        Ok(())
    }

    /// Ends the file and gives back what it was written to. `tail` is asked, once all row groups are written, for what
    /// shall stand between them and the footer, where other readers never look.
    pub(super) fn finish(mut self, tail: impl FnOnce(&mut W) -> Vec<u8>) -> Result<W> {
        self.file.flush()?;
        let tail = tail(self.file.inner_mut());
        self.file.write_all(&tail)?;
        self.file.into_inner()
    }
}

fn encode<'a>(
    column: &ColumnDescPtr,
    layout: Layout,
    array: &'a ArrayRef,
    scratch: &mut Scratch,
) -> Result<Chunk<'a>> {
    let mut buffers = std::mem::take(&mut scratch.buffers);
    let chunk = ChunkWriter::new(column, layout.codec(), &mut buffers);
    let encoded = match array.data_type() {
        DataType::Int32 => {
            let array = array.as_primitive::<Int32Type>();
            numbers::write(chunk, layout, Order::Signed, array.values(), array.nulls())
        }
        DataType::Int64 => {
            let array = array.as_primitive::<Int64Type>();
            numbers::write(chunk, layout, Order::Signed, array.values(), array.nulls())
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let array = array.as_primitive::<TimestampMicrosecondType>();
            numbers::write(chunk, layout, Order::Signed, array.values(), array.nulls())
        }
        DataType::UInt64 => {
            let array = array.as_primitive::<UInt64Type>();
            // The same bits: Parquet has one type for both.
            let values = array.values().inner().typed_data::<i64>();
            numbers::write(chunk, layout, Order::Unsigned, values, array.nulls())
        }
        DataType::Boolean => others::write_flags(chunk, array.as_boolean()),
        DataType::Float64 => others::write_plain(chunk, array.as_primitive::<Float64Type>()),
        DataType::Float32 => others::write_plain(chunk, array.as_primitive::<Float32Type>()),
        DataType::Utf8 => texts(chunk, layout, array.as_string::<i32>().into(), scratch),
        DataType::Binary => texts(chunk, layout, array.as_binary::<i32>().into(), scratch),
        DataType::Dictionary(..) => {
            let column = array.as_dictionary::<Int32Type>();
            let choices = column.values().as_string::<i32>();
            texts::write_choices(chunk, layout, column, choices, scratch)
        }
        DataType::List(item) => {
            let lists = array.as_list::<i32>();
            match item.data_type() {
                DataType::UInt32 => {
                    others::write_lists(chunk, lists, lists.values().as_primitive::<UInt32Type>())
                }
                DataType::Float32 => {
                    others::write_lists(chunk, lists, lists.values().as_primitive::<Float32Type>())
                }
                other => Err(unsupported(other)),
            }
        }
        other => Err(unsupported(other)),
    };
    scratch.buffers = buffers;
    encoded
}

fn texts<'a>(
    chunk: ChunkWriter<'_>,
    layout: Layout,
    texts: texts::Texts<'a>,
    scratch: &mut Scratch,
) -> Result<Chunk<'a>> {
    match layout.kind {
        Kind::Repeating => texts::write_repeating(chunk, layout, texts, scratch),
        _ => texts::write_whole(chunk, layout, texts, None),
    }
}

fn unsupported(data_type: &DataType) -> ParquetError {
    ParquetError::NYI(format!("a column of type {data_type} in a segment"))
}
