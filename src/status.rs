//! How a store is: what its newest manifest and its folder tell, without reading a row.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use quipu_proto::Table;
use quipu_store::{Manifest, PartitionState, StoreError, writer_of};

use crate::error::Result;
use crate::handle::Quipu;

/// How a store is, at rest or in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Number of the newest manifest: the commits since the store was made.
    pub manifest: u64,
    /// When it was committed, in microseconds since the Unix epoch.
    pub committed_us: i64,
    /// The process that writes now, such as `4711 (for 3 min)`; none if there is none.
    pub writer: Option<String>,
    /// How far each partition has been read.
    pub partitions: Vec<PartitionState>,
    /// The tables that have rows.
    pub tables: Vec<TableUse>,
    /// Bytes of all files in the folder of the store: also of segments that readers still hold, manifests, the index.
    pub disk_bytes: u64,
}

/// What a table takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableUse {
    /// The table.
    pub table: Table,
    /// Its live segments.
    pub segments: u64,
    /// Rows in them.
    pub rows: u64,
    /// Bytes of them.
    pub bytes: u64,
}

impl Quipu {
    /// How the store is now.
    ///
    /// # Errors
    /// A damaged manifest; a folder that cannot be looked at.
    pub fn status(&self) -> Result<Status> {
        let snapshot = self.snapshot()?;
        let manifest = snapshot.manifest();
        Ok(Status {
            manifest: manifest.id.0,
            committed_us: manifest.created_us,
            writer: writer_of(self.path())?,
            partitions: manifest.partitions.clone(),
            tables: tables(manifest),
            disk_bytes: folder_bytes(self.path()).map_err(|source| StoreError::Io {
                action: "look into",
                path: self.path().to_owned(),
                source,
            })?,
        })
    }
}

fn tables(manifest: &Manifest) -> Vec<TableUse> {
    let mut tables: BTreeMap<Table, TableUse> = BTreeMap::new();
    for segment in &manifest.segments {
        let used = tables.entry(segment.table).or_insert(TableUse {
            table: segment.table,
            segments: 0,
            rows: 0,
            bytes: 0,
        });
        used.segments += 1;
        used.rows += segment.rows;
        used.bytes += segment.bytes;
    }
    tables.into_values().collect()
}

/// Bytes of all files below a folder. What goes meanwhile is not counted.
fn folder_bytes(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => bytes += folder_bytes(&entry.path())?,
            Ok(metadata) => bytes += metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(bytes)
}
