//! Threads that left memory: the index on disk, the filter before it, the marker beside it.

use std::fs;
use std::path::{Path, PathBuf};

use super::cold_entry;
use super::filter::ColdFilter;
use super::marker::{self, Marker};
use super::sled_tree::{IndexError, KeyValue, SledTree};
use super::thread::ThreadState;
use crate::manifest::ManifestId;

/// The cold threads of a book.
#[derive(Debug)]
pub(super) struct ColdThreads {
    /// The folder of the book; all of it may be deleted at any time.
    folder: PathBuf,
    store_id: String,
    /// Opened when the first thread goes cold, or at once over an index that was closed cleanly.
    tree: Option<SledTree>,
    filter: ColdFilter,
    /// The newest manifest that an entry may reflect.
    manifest: ManifestId,
    /// Whether a marker may lie in the folder.
    marked: bool,
    /// Cleared by the first write that failed: from then on threads stay in memory.
    writable: bool,
}

/// What a cleanly closed index says of itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kept {
    pub(super) threads: u64,
    pub(super) since_snapshot: u64,
}

impl ColdThreads {
    /// Takes over the index in `folder` if it holds exactly the threads of `manifest`; else deletes it, begins
    /// without one and says why.
    pub(super) fn open(folder: &Path, store_id: &str, manifest: ManifestId) -> (Self, Result<Kept, String>) {
        let mut cold = Self {
            folder: folder.to_owned(),
            store_id: store_id.to_owned(),
            tree: None,
            filter: ColdFilter::default(),
            manifest,
            marked: true,
            writable: true,
        };
        let kept = cold.take_over();
        if kept.is_err() {
            cold.discard();
        }
        (cold, kept)
    }

    fn take_over(&mut self) -> Result<Kept, String> {
        let marker = Marker::read(&self.marker_path())?;
        if marker.store_id != self.store_id {
            return Err(format!("it belongs to store {}", marker.store_id));
        }
        if marker.manifest != self.manifest {
            return Err(format!(
                "it reflects manifest {}, the newest is {}",
                marker.manifest, self.manifest
            ));
        }
        let digest = marker::digest(&self.tree_path())
            .map_err(|error| format!("its files cannot be read: {error}"))?;
        if digest != marker.digest {
            return Err("its files were changed after it was closed".to_owned());
        }
        self.tree = Some(SledTree::open(&self.tree_path()).map_err(|error| error.to_string())?);
        self.filter = marker.filter;
        Ok(Kept {
            threads: marker.threads,
            since_snapshot: marker.since_snapshot,
        })
    }

    /// Whether any thread may be found here.
    pub(super) fn holds_any(&self) -> bool {
        self.tree.is_some()
    }

    /// Whether threads can be put here.
    pub(super) fn is_writable(&self) -> bool {
        self.writable
    }

    /// Looks for a thread.
    ///
    /// # Errors
    /// The index cannot be read or holds something else than what was put there.
    pub(super) fn find(&self, key: &[u8]) -> Result<Option<ThreadState>, IndexError> {
        let Some(tree) = &self.tree else { return Ok(None) };
        if !self.filter.contains(cold_entry::key_hash(key)) {
            return Ok(None);
        }
        let Some(value) = tree.get(key)? else {
            return Ok(None);
        };
        self.state(key, &value).map(Some)
    }

    /// Every entry, those of threads that are in memory again included.
    pub(super) fn iter(&self) -> impl Iterator<Item = Result<KeyValue, IndexError>> + use<> {
        self.tree.as_ref().map(SledTree::iter).into_iter().flatten()
    }

    /// Reads the value of an entry.
    pub(super) fn state(&self, key: &[u8], value: &[u8]) -> Result<ThreadState, IndexError> {
        cold_entry::decode_value(key, value, self.manifest)
            .ok_or_else(|| IndexError("an entry is damaged or ahead of its store".to_owned()))
    }

    /// Puts entries in, sorted by key, that reflect `manifest`. On an error the threads must stay in memory.
    pub(super) fn put(&mut self, entries: &[KeyValue], manifest: ManifestId) -> Result<(), IndexError> {
        self.manifest = self.manifest.max(manifest);
        let result = self.try_put(entries);
        self.writable &= result.is_ok();
        result
    }

    fn try_put(&mut self, entries: &[KeyValue]) -> Result<(), IndexError> {
        let tree = match &mut self.tree {
            Some(tree) => tree,
            none => none.insert(SledTree::open(&self.folder.join(TREE))?),
        };
        tree.put(entries)?;
        for (key, _) in entries {
            self.filter.insert(cold_entry::key_hash(key));
        }
        Ok(())
    }

    /// Takes the marker away, because the book moves on from what the index holds.
    pub(super) fn unmark(&mut self) {
        if !self.marked {
            return;
        }
        self.marked = false;
        if let Err(error) = Marker::remove(&self.marker_path()) {
            // It still names an older manifest, so nobody will believe it.
            tracing::warn!(%error, "cannot remove the marker of the sequence book");
        }
    }

    /// Closes an index that holds all threads of `manifest`, and marks it as such.
    ///
    /// # Errors
    /// Says why the book has to be rebuilt the next time.
    pub(super) fn close(mut self, manifest: ManifestId, kept: Kept) -> Result<(), String> {
        let result = self.try_close(manifest, kept);
        if result.is_err() {
            self.discard();
        }
        result
    }

    fn try_close(&mut self, manifest: ManifestId, kept: Kept) -> Result<(), String> {
        if let Some(tree) = self.tree.take() {
            tree.close().map_err(|error| error.to_string())?;
        }
        let in_words = |error: std::io::Error| error.to_string();
        let marker = Marker {
            store_id: std::mem::take(&mut self.store_id),
            manifest,
            threads: kept.threads,
            since_snapshot: kept.since_snapshot,
            digest: marker::digest(&self.tree_path()).map_err(in_words)?,
            filter: std::mem::take(&mut self.filter),
        };
        marker.write(&self.marker_path()).map_err(in_words)
    }

    /// Deletes the index and begins without one.
    pub(super) fn discard(&mut self) {
        self.unmark();
        self.tree = None;
        self.filter = ColdFilter::default();
        if let Err(error) = fs::remove_dir_all(&self.folder)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(%error, folder = %self.folder.display(), "cannot delete the index of the sequence book");
            self.writable = false;
        }
    }

    fn marker_path(&self) -> PathBuf {
        self.folder.join(MARKER)
    }

    fn tree_path(&self) -> PathBuf {
        self.folder.join(TREE)
    }
}

/// File of the marker within the folder of the book.
pub(super) const MARKER: &str = "clean";
/// Folder of the index within the folder of the book.
pub(super) const TREE: &str = "sled";
