//! The only file that knows sled.
//!
//! sled 0.34 may lose or damage data in a crash, and may panic where others give an error. Here every call is guarded:
//! whatever goes wrong is an [`IndexError`], and the book does without the index. What it holds is never the only
//! copy.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// Memory of sled for pages, in bytes. Its own default is 1 GiB.
const CACHE_BYTES: u64 = 32 << 20;

/// Something sled did wrong, in its words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct IndexError(pub(super) String);

/// Key and value.
pub(super) type KeyValue = (Vec<u8>, Vec<u8>);

/// An ordered map of bytes on disk.
#[derive(Debug)]
pub(super) struct SledTree {
    db: sled::Db,
}

impl SledTree {
    /// Opens the map in a folder, which is made when there is none.
    pub(super) fn open(folder: &Path) -> Result<Self, IndexError> {
        guarded("open", || {
            sled::Config::new()
                .path(folder)
                .cache_capacity(CACHE_BYTES)
                // Nobody relies on what is on disk before a clean close, which flushes.
                .flush_every_ms(None)
                .open()
        })
        .map(|db| Self { db })
    }

    /// The value of a key.
    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, IndexError> {
        guarded("get", || self.db.get(key)).map(|value| value.map(|value| value.to_vec()))
    }

    /// Puts entries in, which come sorted for speed. On an error some of them may be in.
    pub(super) fn put(&self, entries: &[KeyValue]) -> Result<(), IndexError> {
        // One by one: within a batch sled frees no page it replaced, and takes twice the memory and time.
        guarded("put", || {
            for (key, value) in entries {
                self.db.insert(key, value.as_slice())?;
            }
            Ok(())
        })
    }

    /// Every entry in order of keys. After an error there is nothing more.
    pub(super) fn iter(&self) -> impl Iterator<Item = Result<KeyValue, IndexError>> + use<> {
        let mut entries = Some(self.db.iter());
        std::iter::from_fn(move || {
            let next = guarded("iterate", || {
                entries.as_mut().and_then(Iterator::next).transpose()
            });
            match next {
                Ok(entry) => entry.map(|(key, value)| Ok((key.to_vec(), value.to_vec()))),
                Err(error) => {
                    entries = None;
                    Some(Err(error))
                }
            }
        })
    }

    /// Writes everything to disk and closes the map.
    pub(super) fn close(self) -> Result<(), IndexError> {
        guarded("flush", || self.db.flush())?;
        guarded("close", || {
            drop(self.db);
            Ok(())
        })
    }
}

fn guarded<T>(what: &str, call: impl FnOnce() -> sled::Result<T>) -> Result<T, IndexError> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(IndexError(format!("{what}: {error}"))),
        Err(panic) => {
            let text = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("no message");
            Err(IndexError(format!("{what} panicked: {text}")))
        }
    }
}
