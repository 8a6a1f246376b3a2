//! The marker of a clean close: what the index next to it is worth.
//!
//! ```text
//! "QPBK" | u32 format | u32 length, store id | u64 manifest | u64 threads | u64 messages since the last snapshot
//!        | u128 digest of the index | u32 length, filter | u128 checksum of everything before
//! ```
//! Numbers are little-endian. The marker is written after the index was closed and taken away before the first commit
//! that follows, so it only ever stands beside an index that nobody has touched since.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use super::filter::ColdFilter;
use crate::manifest::ManifestId;

const MAGIC: [u8; 4] = *b"QPBK";
/// Raised whenever keys, values or this file change their form.
const FORMAT: u32 = 1;

/// What the marker says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Marker {
    /// The store the index belongs to.
    pub(super) store_id: String,
    /// The manifest whose threads the index holds.
    pub(super) manifest: ManifestId,
    /// How many threads these are.
    pub(super) threads: u64,
    /// Messages observed since the last snapshot of the book.
    pub(super) since_snapshot: u64,
    /// What [`digest`] gave for the folder of the index.
    pub(super) digest: u128,
    /// Filter of their names.
    pub(super) filter: ColdFilter,
}

impl Marker {
    /// Writes the marker whole or not at all, durably.
    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        let temporary = path.with_extension("tmp");
        let mut file = File::create(&temporary)?;
        file.write_all(&self.encode())?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        sync_parent(path)
    }

    /// Reads the marker.
    ///
    /// # Errors
    /// Says in plain words why there is none to rely on.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let bytes = fs::read(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => "it was not closed cleanly".to_owned(),
            _ => format!("its marker cannot be read: {error}"),
        })?;
        Self::decode(&bytes).ok_or_else(|| "its marker is damaged or of another version".to_owned())
    }

    /// Takes the marker away, durably. Nothing happens if there is none.
    pub(super) fn remove(path: &Path) -> io::Result<()> {
        match fs::remove_file(path) {
            Ok(()) => sync_parent(path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&FORMAT.to_le_bytes());
        push_block(&mut bytes, self.store_id.as_bytes());
        bytes.extend_from_slice(&self.manifest.0.to_le_bytes());
        bytes.extend_from_slice(&self.threads.to_le_bytes());
        bytes.extend_from_slice(&self.since_snapshot.to_le_bytes());
        bytes.extend_from_slice(&self.digest.to_le_bytes());
        push_block(&mut bytes, &self.filter.encode());
        let checksum = xxh3_128(&bytes);
        bytes.extend_from_slice(&checksum.to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (bytes, checksum) = bytes.split_last_chunk()?;
        if u128::from_le_bytes(*checksum) != xxh3_128(bytes) {
            return None;
        }
        let rest = bytes.strip_prefix(&MAGIC)?;
        let (format, rest) = rest.split_first_chunk()?;
        if u32::from_le_bytes(*format) != FORMAT {
            return None;
        }
        let (store_id, rest) = split_block(rest)?;
        let (manifest, rest) = rest.split_first_chunk()?;
        let (threads, rest) = rest.split_first_chunk()?;
        let (since_snapshot, rest) = rest.split_first_chunk()?;
        let (digest, rest) = rest.split_first_chunk()?;
        let (filter, []) = split_block(rest)? else {
            return None;
        };
        Some(Self {
            store_id: str::from_utf8(store_id).ok()?.to_owned(),
            manifest: ManifestId(u64::from_le_bytes(*manifest)),
            threads: u64::from_le_bytes(*threads),
            since_snapshot: u64::from_le_bytes(*since_snapshot),
            digest: u128::from_le_bytes(*digest),
            filter: ColdFilter::decode(filter)?,
        })
    }
}

fn push_block(bytes: &mut Vec<u8>, block: &[u8]) {
    bytes.extend_from_slice(&(block.len() as u32).to_le_bytes());
    bytes.extend_from_slice(block);
}

fn split_block(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(u32::from_le_bytes(*len) as usize)
}

fn sync_parent(path: &Path) -> io::Result<()> {
    path.parent()
        .map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

/// A digest of names, lengths and contents of all files below a folder.
///
/// sled checks its pages when it reads them, some never; damage found in the middle of a run is worse than reading
/// the files once at the start.
pub(super) fn digest(folder: &Path) -> io::Result<u128> {
    let mut hasher = Xxh3::new();
    let mut buffer = vec![0; 1 << 20];
    for path in files_below(folder)? {
        let name = path.strip_prefix(folder).unwrap_or(&path);
        hasher.update(name.as_os_str().as_encoded_bytes());
        let mut file = File::open(&path)?;
        hasher.update(&file.metadata()?.len().to_le_bytes());
        loop {
            match file.read(&mut buffer)? {
                0 => break,
                len => hasher.update(&buffer[..len]),
            }
        }
    }
    Ok(hasher.digest128())
}

fn files_below(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    Ok(files)
}
