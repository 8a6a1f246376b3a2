//! Batches to a segment file. What it writes is not durable until its file is synced and has its final name: the
//! commit does that, for all files of a commit at once.

use std::fmt;
use std::io::{self, BufWriter, IntoInnerError, Write};
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_schema::Schema;
use parquet::errors::ParquetError;
use quipu_proto::Table;
use xxhash_rust::xxh3::Xxh3Default;

use crate::disk::{Disk, DiskFile};
use crate::error::{IoContext, Result, StoreError};
use crate::manifest::ManifestId;
use crate::paths::{Root, segment_path, temporary};
use crate::segment::checked::BlockSummer;
use crate::segment::encode::Encoder;
use crate::segment::{Segment, SegmentId, SegmentTail, StatsCollector, schema_fingerprint};

/// Bytes that are handed to the file at a time. The `parquet` crate hands on eight KiB, and a call of the system for so few
/// costs more than what it does with them.
const WRITE_BYTES: usize = 256 << 10;

/// A segment that is written, but not yet synced nor named.
#[derive(Debug)]
pub(crate) struct Pressed {
    /// What the manifest will know of it.
    pub(crate) segment: Segment,
    /// Where it is now.
    pub(crate) unfinished: PathBuf,
    /// Where it will be.
    pub(crate) path: PathBuf,
    /// The open file.
    pub(crate) file: Box<dyn DiskFile>,
}

/// A segment to which rows are still added, under a temporary name.
pub(crate) struct OpenSegment {
    pub(crate) table: Table,
    id: SegmentId,
    /// Relative to the root of the store.
    relative: String,
    unfinished: PathBuf,
    path: PathBuf,
    encoder: Encoder<Sink>,
    stats: StatsCollector,
    rows: u64,
}

impl fmt::Debug for OpenSegment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenSegment")
            .field("table", &self.table)
            .field("id", &self.id)
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

impl OpenSegment {
    /// Makes its file.
    pub(crate) fn create(disk: &dyn Disk, root: &Root, table: Table, id: SegmentId) -> Result<Self> {
        let relative = segment_path(table, id);
        let path = root.resolve(&relative);
        let unfinished = temporary(&path);
        let file = disk.create(&unfinished).when("create", &unfinished)?;
        let sink = Sink {
            file: BufWriter::with_capacity(WRITE_BYTES, file),
            sums: Sums {
                hash: Xxh3Default::new(),
                bytes: 0,
                blocks: Some(BlockSummer::new()),
                tail: None,
            },
        };
        let encoder = Encoder::new(table, sink).map_err(|source| {
            let _ = disk.remove(&unfinished);
            failed(&path, source)
        })?;
        Ok(Self {
            table,
            id,
            relative,
            unfinished,
            path,
            encoder,
            stats: StatsCollector::new(&table.schema()),
            rows: 0,
        })
    }

    /// Adds rows. After an error the segment can only be discarded.
    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.rows += batch.num_rows() as u64;
        self.encoder
            .write(batch, &mut self.stats)
            .map_err(|source| failed(&self.path, source))
    }

    /// Ends the file.
    pub(crate) fn finish(self, disk: &dyn Disk, added_by: ManifestId) -> Result<Pressed> {
        match self.encoder.finish(Sink::begin_tail).and_then(Sink::end) {
            Ok((sums, file)) => Ok(Pressed {
                segment: Segment {
                    id: self.id,
                    table: self.table,
                    path: self.relative,
                    rows: self.rows,
                    bytes: sums.bytes,
                    checksum: sums.hash.digest(),
                    tail: sums.tail.map(|(offset, hash)| SegmentTail {
                        offset,
                        checksum: hash.digest(),
                    }),
                    added_by,
                    first_commit: added_by,
                    last_commit: added_by,
                    schema_fingerprint: schema_fingerprint(&self.table.schema()),
                    stats: self.stats.finish(),
                },
                unfinished: self.unfinished,
                path: self.path,
                file,
            }),
            Err(source) => {
                let _ = disk.remove(&self.unfinished);
                Err(failed(&self.path, source))
            }
        }
    }

    /// Removes the file: a full disk is the likely reason, and half a segment must not keep it full.
    pub(crate) fn discard(self, disk: &dyn Disk) {
        let _ = disk.remove(&self.unfinished);
        // What is buffered still goes to the file as it is dropped, and with it.
    }
}

impl Pressed {
    /// Gives rows of other commits the number with which they become visible.
    pub(crate) fn rename(mut self, root: &Root, id: SegmentId, added_by: ManifestId) -> Self {
        self.segment.id = id;
        self.segment.path = segment_path(self.segment.table, id);
        self.segment.added_by = added_by;
        self.path = root.resolve(&self.segment.path);
        self
    }

    /// Removes the file.
    pub(crate) fn discard(self, disk: &dyn Disk) {
        let _ = disk.remove(&self.unfinished);
    }
}

fn failed(path: &Path, source: ParquetError) -> StoreError {
    StoreError::Parquet {
        action: "write",
        path: path.to_owned(),
        source,
    }
}

/// Checks that batches are of the table they are meant for.
pub(crate) fn check_schema(table: Table, batches: &[RecordBatch]) -> Result<()> {
    let expected = table.schema();
    for batch in batches {
        if !same_columns(&expected, batch.schema_ref()) {
            let found = differing(&expected, batch.schema_ref());
            return Err(StoreError::Invalid(format!(
                "a batch for table {table} has other columns than it: {found}"
            )));
        }
    }
    Ok(())
}

fn same_columns(expected: &Schema, found: &Schema) -> bool {
    std::ptr::eq(expected, found)
        || expected.fields().len() == found.fields().len()
            && expected
                .fields()
                .iter()
                .zip(found.fields())
                .all(|(expected, found)| {
                    expected.name() == found.name()
                        && expected.data_type() == found.data_type()
                        && (expected.is_nullable() || !found.is_nullable())
                })
}

/// The first difference, in words.
fn differing(expected: &Schema, found: &Schema) -> String {
    for (index, expected) in expected.fields().iter().enumerate() {
        match found.fields().get(index) {
            Some(found) if found == expected => {}
            Some(found) => return format!("{found} where {expected} belongs"),
            None => return format!("{expected} is missing"),
        }
    }
    format!(
        "{} columns instead of {}",
        found.fields().len(),
        expected.fields().len()
    )
}

/// Counts and hashes what goes through to a file.
struct Sink {
    file: BufWriter<Box<dyn DiskFile>>,
    sums: Sums,
}

/// What is known of the bytes that went through.
struct Sums {
    hash: Xxh3Default,
    bytes: u64,
    /// Up to the tail.
    blocks: Option<BlockSummer>,
    /// Where the tail begins, and its hash.
    tail: Option<(u64, Xxh3Default)>,
}

impl Sink {
    /// What comes from now on is the tail. Gives its beginning.
    fn begin_tail(&mut self) -> Vec<u8> {
        let sums = &mut self.sums;
        sums.tail = Some((sums.bytes, Xxh3Default::new()));
        sums.blocks.take().map(BlockSummer::finish).unwrap_or_default()
    }

    /// Hands the rest to the file.
    fn end(self) -> parquet::errors::Result<(Sums, Box<dyn DiskFile>)> {
        let file = self.file.into_inner().map_err(IntoInnerError::into_error)?;
        Ok((self.sums, file))
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        let bytes = &bytes[..written];
        let sums = &mut self.sums;
        sums.hash.update(bytes);
        if let Some(blocks) = &mut sums.blocks {
            blocks.update(bytes);
        }
        if let Some((_, hash)) = &mut sums.tail {
            hash.update(bytes);
        }
        sums.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
