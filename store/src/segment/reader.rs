//! A segment back to batches, outside of any query.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;

use crate::error::{IoContext, Result, StoreError};

/// Rows per batch that [`read_segment`] gives.
const BATCH_ROWS: usize = 8192;

/// Batches of one segment, in the order in which its rows were written.
pub struct SegmentBatches {
    path: PathBuf,
    reader: ParquetRecordBatchReader,
}

impl SegmentBatches {
    /// The columns of the batches.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        use arrow_array::RecordBatchReader;
        self.reader.schema()
    }
}

impl std::fmt::Debug for SegmentBatches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SegmentBatches")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Iterator for SegmentBatches {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.reader.next()?;
        Some(batch.map_err(|error| failed(&self.path, error.into())))
    }
}

/// Reads the named columns of a segment, in the order of the file; no names mean all columns. A missing file, a
/// damaged one and an unknown column are errors that name the file.
pub fn read_segment(path: &Path, projection: &[&str]) -> Result<SegmentBatches> {
    let file = File::open(path).when("open", path)?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| failed(path, error))?;
    let mask = if projection.is_empty() {
        ProjectionMask::all()
    } else {
        let mut roots = Vec::with_capacity(projection.len());
        for name in projection {
            let Some((index, _)) = builder.schema().column_with_name(name) else {
                return Err(StoreError::Invalid(format!(
                    "segment {} has no column {name:?}",
                    path.display()
                )));
            };
            roots.push(index);
        }
        ProjectionMask::roots(builder.parquet_schema(), roots)
    };
    let reader = builder
        .with_projection(mask)
        .with_batch_size(BATCH_ROWS)
        .build()
        .map_err(|error| failed(path, error))?;
    Ok(SegmentBatches {
        path: path.to_owned(),
        reader,
    })
}

fn failed(path: &Path, source: ParquetError) -> StoreError {
    StoreError::Parquet {
        action: "read",
        path: path.to_owned(),
        source,
    }
}
