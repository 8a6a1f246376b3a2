//! The folder of the book as it lies, looked at without opening the book.
//!
//! | the folder | is |
//! |---|---|
//! | not there, or without a marker | nothing that anybody relies on |
//! | with a marker of another manifest | out of date: deleted by the next writer |
//! | with a marker of the newest manifest | an index whose every byte is promised |

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use quipu_proto::{LogPartition, PartitionId, TopicIncarnation};

use super::cold::{MARKER, TREE};
use super::cold_entry;
use super::judge::ThreadMemory;
use super::marker::{self, Marker};
use super::sled_tree::SledTree;
use crate::manifest::ManifestId;

/// What lies in the folder of a book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BookFolder {
    /// No marker: the book was not closed cleanly, or needed no index.
    Unmarked,
    /// The marker of another manifest than the newest, or of another store.
    OutOfDate {
        /// What it says.
        what: String,
    },
    /// A marker that cannot be read, or an index that is not what the marker says.
    Damaged {
        /// The marker, or the folder of the index.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// The index of the newest manifest, as it was closed.
    Closed {
        /// How many threads it says to hold.
        threads: u64,
        /// The manifest.
        manifest: ManifestId,
    },
}

impl BookFolder {
    /// Looks at the folder of the book of a store whose newest manifest is that. Reads every byte, changes none. While a
    /// writer is at work the answer may already be wrong.
    #[must_use]
    pub fn look(folder: &Path, store_id: &str, manifest: ManifestId) -> Self {
        let path = folder.join(MARKER);
        if !path.exists() {
            return Self::Unmarked;
        }
        let marker = match Marker::read(&path) {
            Ok(marker) => marker,
            Err(what) => return Self::Damaged { path, what },
        };
        if marker.store_id != store_id || marker.manifest != manifest {
            let what = format!(
                "it reflects manifest {} of store {}",
                marker.manifest, marker.store_id
            );
            return Self::OutOfDate { what };
        }
        let path = folder.join(TREE);
        match marker::digest(&path) {
            Err(error) => Self::Damaged {
                path,
                what: format!("its files cannot be read: {error}"),
            },
            Ok(digest) if digest != marker.digest => Self::Damaged {
                path,
                what: "its files were changed after it was closed".to_owned(),
            },
            Ok(_) => Self::Closed {
                threads: marker.threads,
                manifest: marker.manifest,
            },
        }
    }
}

/// One thread of an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexEntry {
    /// Its partition.
    pub log: LogPartition,
    /// Its tenant.
    pub tenant_id: String,
    /// Its thread.
    pub thread_id: String,
    /// What is remembered of it.
    pub memory: ThreadMemory,
}

/// Calls for each thread of the index of a book that was closed at `manifest`. The index is copied to `scratch` first, a
/// folder that must not exist and does not afterwards: opening an index writes to it.
///
/// # Errors
/// In words: the copy, what sled says, or an entry that is damaged.
pub fn read_index(
    folder: &Path,
    manifest: ManifestId,
    scratch: &Path,
    mut see: impl FnMut(IndexEntry),
) -> Result<(), String> {
    let result = copy(&folder.join(TREE), scratch)
        .map_err(|error| format!("cannot copy it to {}: {error}", scratch.display()))
        .and_then(|()| {
            let tree = SledTree::open(scratch).map_err(|error| error.to_string())?;
            for entry in tree.iter() {
                let (key, value) = entry.map_err(|error| error.to_string())?;
                let entry =
                    decode(&key, &value, manifest).ok_or("an entry is damaged or ahead of its store")?;
                see(entry);
            }
            tree.close().map_err(|error| error.to_string())
        });
    let _ = fs::remove_dir_all(scratch);
    result
}

fn decode(key: &[u8], value: &[u8], manifest: ManifestId) -> Option<IndexEntry> {
    let name = cold_entry::decode_key(key)?;
    let log = TopicIncarnation::new(name.topic, name.incarnation);
    Some(IndexEntry {
        log: LogPartition::new(log, PartitionId(name.partition)),
        tenant_id: name.tenant_id.to_owned(),
        thread_id: name.thread_id.to_owned(),
        memory: ThreadMemory::of(&cold_entry::decode_value(key, value, manifest)?),
    })
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
