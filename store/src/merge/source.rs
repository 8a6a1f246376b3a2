//! A segment back to batches with the columns that its table has now.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow_array::{RecordBatch, new_null_array};
use arrow_schema::{Schema, SchemaRef};
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use quipu_proto::Table;
use xxhash_rust::xxh3::xxh3_64;

use crate::error::{IoContext, Result, StoreError};
use crate::segment::Segment;
use crate::segment::reader::{Damage, failed, open_checked};

/// The most rows of a batch.
const BATCH_ROWS: usize = 8_192;

/// About the most bytes of a batch: one of large rows has fewer.
const BATCH_BYTES: u64 = 8 << 20;

/// A segment that is being read.
pub(crate) struct Source {
    path: PathBuf,
    damage: Damage,
    reader: ParquetRecordBatchReader,
    schema: SchemaRef,
    /// Where each column of the table is in the file; none where the file is older than the column.
    columns: Vec<Option<usize>>,
}

impl Source {
    /// Opens a segment, of which nothing is taken over unchecked: damage that was merged would be damage no more.
    pub(crate) fn open(path: &Path, segment: &Segment) -> Result<Self> {
        let table = segment.table;
        if segment.tail.is_none() {
            check_whole(path, segment)?;
        }
        let (builder, damage) = open_checked(path, segment)?;
        let schema = table.schema();
        let columns = places(&schema, builder.schema()).ok_or_else(|| {
            StoreError::Invalid(format!(
                "segment {} has other columns than table {table}, so it is not merged",
                path.display()
            ))
        })?;
        let groups = builder.metadata().row_groups();
        let bytes: i64 = groups.iter().map(|group| group.total_byte_size()).sum();
        let rows: i64 = groups.iter().map(|group| group.num_rows()).sum();
        let bytes_per_row = (bytes.unsigned_abs() / rows.unsigned_abs().max(1)).max(1);
        let batch_rows = usize::try_from(BATCH_BYTES / bytes_per_row)
            .unwrap_or(BATCH_ROWS)
            .clamp(1, BATCH_ROWS);
        let reader = builder
            .with_batch_size(batch_rows)
            .build()
            .map_err(|source| failed(path, &damage, source))?;
        Ok(Self {
            path: path.to_owned(),
            damage,
            reader,
            schema,
            columns,
        })
    }

    /// The segment's file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn adapt(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let columns = self.schema.fields().iter().zip(&self.columns);
        let columns = columns
            .map(|(field, column)| match column {
                Some(column) => batch.column(*column).clone(),
                None => new_null_array(field.data_type(), batch.num_rows()),
            })
            .collect();
        RecordBatch::try_new(self.schema.clone(), columns)
            .map_err(|error| failed(&self.path, &self.damage, error.into()))
    }
}

impl Iterator for Source {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.reader.next()?;
        Some(
            batch
                .map_err(|error| failed(&self.path, &self.damage, error.into()))
                .and_then(|batch| self.adapt(&batch)),
        )
    }
}

/// Whether a segment can be read with the columns that its table has now, and nothing of it is lost.
pub(crate) fn is_readable(path: &Path, table: Table) -> bool {
    let schema = || {
        let file = File::open(path).ok()?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).ok()?;
        places(&table.schema(), builder.schema())
    };
    schema().is_some()
}

/// Where each column is in a file. None if a column is missing that may not be null, has another type, or if the file
/// has one that is unknown here.
fn places(wanted: &Schema, found: &Schema) -> Option<Vec<Option<usize>>> {
    let known = |name: &String| wanted.column_with_name(name).is_some();
    if !found.fields().iter().all(|field| known(field.name())) {
        return None;
    }
    let place = |field: &arrow_schema::FieldRef| match found.column_with_name(field.name()) {
        None => field.is_nullable().then_some(None),
        Some((index, found)) => (found.data_type() == field.data_type()
            && (field.is_nullable() || !found.is_nullable()))
        .then_some(Some(index)),
    };
    wanted.fields().iter().map(place).collect()
}

/// Checks a segment that has no sums of its own, as those of older stores, by the checksum of its whole file.
fn check_whole(path: &Path, segment: &Segment) -> Result<()> {
    let bytes = std::fs::read(path).when("read", path)?;
    if xxh3_64(&bytes) == segment.checksum {
        Ok(())
    } else {
        Err(StoreError::damaged(
            path,
            "its checksum does not match its content, so it is not merged",
        ))
    }
}
