//! Leases: how readers in other processes keep the files that they read.
//!
//! A lease is a file named after a manifest, under a shared lock that its reader holds. The lock goes when the
//! process goes, so a lease whose lock anyone can take alone is dead and is swept away by the writer.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use crate::disk::{Disk, LockFile};
use crate::manifest::ManifestId;
use crate::paths::{LeaseName, Root, is_temporary, temporary};

/// A reader's claim on one manifest. Dropping it gives the claim up.
#[derive(Debug)]
pub(crate) struct Lease {
    path: PathBuf,
    disk: Arc<dyn Disk>,
    file: LockFile,
}

impl Lease {
    /// Claims a manifest. The claim holds from the moment this returns; the manifest may have gone just before, so
    /// the caller looks again.
    pub(crate) fn take(disk: &Arc<dyn Disk>, root: &Root, manifest: ManifestId) -> io::Result<Self> {
        loop {
            let name = LeaseName {
                manifest,
                pid: std::process::id(),
                nonce: nonce(),
            };
            let path = root.leases().join(name.to_string());
            // Locked under a temporary name first: a lease must never be seen without its lock.
            let unfinished = temporary(&path);
            let file = disk.open_lock(&unfinished)?;
            if !file.try_shared()? {
                continue;
            }
            match disk.rename(&unfinished, &path) {
                Ok(()) => {
                    return Ok(Self {
                        path,
                        disk: Arc::clone(disk),
                        file,
                    });
                }
                // A writer that opened the store just now swept the unfinished file away.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => {
                    let _ = disk.remove(&unfinished);
                    return Err(error);
                }
            }
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // What cannot be removed now is swept away by the writer, as its lock is free.
        let _ = self.disk.remove(&self.path);
        let _ = self.file.unlock();
    }
}

/// Manifests that living readers need. Dead leases are removed on the way.
pub(crate) fn leased(disk: &dyn Disk, root: &Root) -> io::Result<BTreeSet<ManifestId>> {
    let folder = root.leases();
    let mut manifests = BTreeSet::new();
    for entry in disk.list(&folder)? {
        if is_temporary(&entry.name) {
            continue;
        }
        let Some(lease) = LeaseName::parse(&entry.name) else {
            continue;
        };
        let path = folder.join(&entry.name);
        // In doubt the lease lives: keeping a file too long harms nobody.
        if is_dead(disk, &path) {
            let _ = disk.remove(&path);
        } else {
            manifests.insert(lease.manifest);
        }
    }
    Ok(manifests)
}

fn is_dead(disk: &dyn Disk, path: &std::path::Path) -> bool {
    // Opening makes the file again if its reader has just removed it; it is dead then, and removed at once.
    disk.open_lock(path)
        .and_then(|file| file.try_exclusive())
        .unwrap_or(false)
}

fn nonce() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    // Process ids come again after a restart of the machine or in another container; the time sets those apart.
    let nanos = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_nanos() as u64);
    nanos ^ NEXT.fetch_add(1, Ordering::Relaxed).rotate_right(16)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::disk::SystemDisk;

    #[test]
    fn a_lease_counts_as_long_as_its_reader_lives() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::new(folder.path());
        let disk: Arc<dyn Disk> = Arc::new(SystemDisk);
        disk.create_dir(&root.leases()).unwrap();
        let lease = Lease::take(&disk, &root, ManifestId(7)).unwrap();
        assert_eq!(leased(&*disk, &root).unwrap(), BTreeSet::from([ManifestId(7)]));
        drop(lease);
        assert_eq!(leased(&*disk, &root).unwrap(), BTreeSet::new());
    }

    #[test]
    fn a_lease_without_lock_is_dead_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::new(folder.path());
        SystemDisk.create_dir(&root.leases()).unwrap();
        let name = LeaseName {
            manifest: ManifestId(7),
            pid: 1,
            nonce: 1,
        }
        .to_string();
        std::fs::write(root.leases().join(&name), "").unwrap();
        assert_eq!(leased(&SystemDisk, &root).unwrap(), BTreeSet::new());
        assert!(!root.leases().join(&name).exists());
    }
}
