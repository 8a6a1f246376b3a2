//! Batches to a segment file. What it writes is not durable until its file is synced and has its final name: the
//! commit does that, for all files of a commit at once.

use std::io::{self, Write};
use std::path::PathBuf;

use arrow_array::RecordBatch;
use arrow_schema::Schema;
use parquet::arrow::ArrowWriter;
use parquet::errors::ParquetError;
use quipu_proto::Table;
use xxhash_rust::xxh3::Xxh3Default;

use crate::disk::{Disk, DiskFile};
use crate::error::{IoContext, Result, StoreError};
use crate::manifest::ManifestId;
use crate::paths::{Root, segment_path, temporary};
use crate::segment::{
    Segment, SegmentId, SegmentStats, StatsCollector, schema_fingerprint, writer_properties,
};

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

/// Encodes batches of one table into a new file under a temporary name.
pub(crate) fn press(
    disk: &dyn Disk,
    root: &Root,
    (table, id, added_by): (Table, SegmentId, ManifestId),
    batches: &[RecordBatch],
) -> Result<Pressed> {
    let relative = segment_path(table, id);
    let path = root.resolve(&relative);
    let unfinished = temporary(&path);
    let file = disk.create(&unfinished).when("create", &unfinished)?;
    match encode(file, table, batches) {
        Ok((sink, rows, stats)) => {
            let segment = Segment {
                id,
                table,
                path: relative,
                rows,
                bytes: sink.bytes,
                checksum: sink.hash.digest(),
                added_by,
                schema_fingerprint: schema_fingerprint(&table.schema()),
                stats,
            };
            Ok(Pressed {
                segment,
                unfinished,
                path,
                file: sink.file,
            })
        }
        Err(source) => {
            // A full disk is the likely reason; half a segment must not keep it full.
            let _ = disk.remove(&unfinished);
            Err(StoreError::Parquet {
                action: "write",
                path,
                source,
            })
        }
    }
}

fn encode(
    file: Box<dyn DiskFile>,
    table: Table,
    batches: &[RecordBatch],
) -> Result<(Sink, u64, SegmentStats), ParquetError> {
    let schema = table.schema();
    let sink = Sink {
        file,
        hash: Xxh3Default::new(),
        bytes: 0,
    };
    let mut stats = StatsCollector::new(&schema);
    let mut writer = ArrowWriter::try_new(sink, schema, Some(writer_properties(table)))?;
    let mut rows = 0;
    for batch in batches {
        rows += batch.num_rows() as u64;
        stats.update(batch);
        writer.write(batch)?;
    }
    let sink = writer.into_inner()?;
    Ok((sink, rows, stats.finish()))
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
    file: Box<dyn DiskFile>,
    hash: Xxh3Default,
    bytes: u64,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
