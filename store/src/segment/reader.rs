//! A segment back to batches, outside of any query. Every byte that is used was checked against the sums in the file:
//! see `checked`.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};
use prost::bytes::{Buf, Bytes};

use crate::error::{IoContext, Result, StoreError};
use crate::segment::checked::{BLOCK_BYTES, CheckedTail, SegmentDamage};
use crate::segment::{BlockSums, Segment};

/// Rows per batch that [`read_segment`] gives.
const BATCH_ROWS: usize = 8192;

/// Batches of one segment, in the order in which its rows were written.
pub struct SegmentBatches {
    path: PathBuf,
    damage: Damage,
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
        Some(batch.map_err(|error| failed(&self.path, &self.damage, error.into())))
    }
}

/// Reads the named columns of a segment, in the order of the file; no names mean all columns. `path` is where its file
/// is now: see [`Snapshot::path_of`](crate::Snapshot::path_of).
///
/// A missing file, a damaged one and an unknown column are errors that name the file. Damage is found before anything
/// is made of it, and without reading columns that are not named. Only a segment of a store that was written before
/// segments had a [tail](Segment::tail) is read unchecked.
pub fn read_segment(path: &Path, segment: &Segment, projection: &[&str]) -> Result<SegmentBatches> {
    let (builder, damage) = open_checked(path, segment)?;
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
        .map_err(|error| failed(path, &damage, error))?;
    Ok(SegmentBatches {
        path: path.to_owned(),
        damage,
        reader,
    })
}

/// A reader of a segment that hands out nothing unchecked, and where it leaves the damage that it finds.
pub(crate) fn open_checked(
    path: &Path,
    segment: &Segment,
) -> Result<(ParquetRecordBatchReaderBuilder<CheckedFile>, Damage)> {
    let damage = Damage::default();
    let file = CheckedFile::open(path, segment, &damage)?;
    let builder =
        ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| failed(path, &damage, error))?;
    Ok((builder, damage))
}

pub(crate) fn failed(path: &Path, damage: &Damage, source: ParquetError) -> StoreError {
    match damage.get() {
        Some(damage) => StoreError::damaged(path, damage.to_string()),
        None => StoreError::Parquet {
            action: "read",
            path: path.to_owned(),
            source,
        },
    }
}

/// The damage that was found, if any: errors lose it on their way through the layers of the Parquet reader.
pub(crate) type Damage = Arc<OnceLock<SegmentDamage>>;

/// A file of which nothing is handed out unchecked.
pub(crate) struct CheckedFile {
    file: Arc<Mutex<File>>,
    bytes: u64,
    tail: Option<CheckedTail>,
    damage: Damage,
}

impl CheckedFile {
    fn open(path: &Path, segment: &Segment, damage: &Damage) -> Result<Self> {
        let file = File::open(path).when("open", path)?;
        let bytes = file.metadata().when("read", path)?.len();
        if bytes != segment.bytes {
            let what = format!("it has {bytes} bytes instead of {}", segment.bytes);
            return Err(StoreError::damaged(path, what));
        }
        let mut this = Self {
            file: Arc::new(Mutex::new(file)),
            bytes,
            tail: None,
            damage: Arc::clone(damage),
        };
        if let Some(range) = segment.tail_range() {
            let tail = this
                .read(range.start, range.end.saturating_sub(range.start))
                .when("read", path)?;
            this.tail = CheckedTail::new(segment, tail)
                .map_err(|damage| StoreError::damaged(path, damage.to_string()))?;
        }
        Ok(this)
    }

    fn read(&self, start: u64, length: u64) -> io::Result<Bytes> {
        let end = start.checked_add(length).filter(|end| *end <= self.bytes);
        if end.is_none() {
            let what = format!("bytes {start} and {length} more of {}", self.bytes);
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, what));
        }
        let mut bytes = vec![0; length as usize];
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut bytes)?;
        Ok(bytes.into())
    }

    fn checked(&self, start: u64, length: u64) -> io::Result<Bytes> {
        let Some(tail) = &self.tail else {
            return self.read(start, length);
        };
        let wanted = start..start.saturating_add(length);
        if let Some(bytes) = tail.get(wanted.clone()) {
            return Ok(bytes);
        }
        let sums: &BlockSums = tail.sums();
        let aligned = sums.aligned(wanted.clone());
        let bytes = self.read(aligned.start, aligned.end - aligned.start)?;
        sums.cut(wanted, bytes).map_err(|damage| {
            let error = io::Error::other(damage.to_string());
            let _ = self.damage.set(damage);
            error
        })
    }
}

impl Length for CheckedFile {
    fn len(&self) -> u64 {
        self.bytes
    }
}

impl ChunkReader for CheckedFile {
    type T = CheckedRead;

    fn get_read(&self, start: u64) -> parquet::errors::Result<CheckedRead> {
        Ok(CheckedRead {
            file: Self {
                file: Arc::clone(&self.file),
                bytes: self.bytes,
                tail: self.tail.clone(),
                damage: Arc::clone(&self.damage),
            },
            at: start,
            ahead: Bytes::new(),
        })
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        Ok(self.checked(start, length as u64)?)
    }
}

/// Reads on from some place, a block at a time.
pub(crate) struct CheckedRead {
    file: CheckedFile,
    at: u64,
    ahead: Bytes,
}

impl Read for CheckedRead {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.ahead.is_empty() {
            let limit = match &self.file.tail {
                Some(tail) if self.at < tail.sums().covered_bytes() => tail.sums().covered_bytes(),
                _ => self.file.bytes,
            };
            let end = ((self.at / BLOCK_BYTES + 1) * BLOCK_BYTES).min(limit);
            self.ahead = self.file.checked(self.at, end.saturating_sub(self.at))?;
        }
        let length = into.len().min(self.ahead.len());
        self.ahead.copy_to_slice(&mut into[..length]);
        self.at += length as u64;
        Ok(length)
    }
}
