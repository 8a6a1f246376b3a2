//! What readers see.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use quipu_proto::Table;

use crate::disk::{Disk, SystemDisk};
use crate::error::{Result, StoreError};
use crate::format;
use crate::lease::Lease;
use crate::manifest::recover::no_manifest;
use crate::manifest::{Manifest, ManifestId, persist};
use crate::paths::Root;
use crate::segment::Segment;

/// How often a reader looks again before it gives up; each time, a writer must have committed meanwhile.
const ATTEMPTS_MAX: usize = 1000;

/// One manifest, and the promise that its files stay as long as this or a clone of it lives. Clones are cheap.
#[derive(Clone, Debug)]
pub struct Snapshot {
    inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    root: Root,
    manifest: Arc<Manifest>,
    /// None in the writer's own process, which knows its snapshots, and where leases cannot be written.
    _lease: Option<Lease>,
}

impl Inner {
    pub(crate) fn manifest_id(&self) -> ManifestId {
        self.manifest.id
    }
}

impl Snapshot {
    pub(crate) fn pinned(root: Root, manifest: Arc<Manifest>) -> (Self, Weak<Inner>) {
        let inner = Arc::new(Inner {
            root,
            manifest,
            _lease: None,
        });
        let pin = Arc::downgrade(&inner);
        (Self { inner }, pin)
    }

    /// The manifest.
    #[must_use]
    pub fn manifest(&self) -> &Arc<Manifest> {
        &self.inner.manifest
    }

    /// Root folder of the store.
    #[must_use]
    pub fn root(&self) -> &Path {
        self.inner.root.path()
    }

    /// The file of a segment.
    #[must_use]
    pub fn path_of(&self, segment: &Segment) -> PathBuf {
        self.inner.root.resolve(&segment.path)
    }

    /// The segments of a table, those with the oldest rows first.
    pub fn segments(&self, table: Table) -> impl Iterator<Item = &Arc<Segment>> {
        let mut segments: Vec<_> = self.inner.manifest.segments_of(table).collect();
        segments.sort_by_key(|segment| (segment.first_commit, segment.id));
        segments.into_iter()
    }

    /// Checks that the file of every segment is there and has the length and the checksum that the manifest has.
    /// Reads all of them. The error names the first that is not so.
    pub fn verify(&self) -> Result<()> {
        for segment in &self.inner.manifest.segments {
            let path = self.path_of(segment);
            let bytes = match SystemDisk.read(&path) {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let what = format!("it is missing, though manifest {} has it", self.inner.manifest.id);
                    return Err(StoreError::damaged(&path, what));
                }
                Err(source) => {
                    return Err(StoreError::Io {
                        action: "read",
                        path,
                        source,
                    });
                }
            };
            if bytes.len() as u64 != segment.bytes {
                let what = format!("it has {} bytes instead of {}", bytes.len(), segment.bytes);
                return Err(StoreError::damaged(&path, what));
            }
            if xxhash_rust::xxh3::xxh3_64(&bytes) != segment.checksum {
                return Err(StoreError::damaged(
                    &path,
                    "its checksum does not match its content",
                ));
            }
        }
        Ok(())
    }
}

/// Opens snapshots of a store. Never waits for a writer, and changes nothing but its own leases.
#[derive(Debug)]
pub struct Reader {
    root: Root,
    disk: Arc<dyn Disk>,
    /// The latest snapshot, given again while it is the newest and someone still uses it.
    latest: Mutex<Weak<Inner>>,
}

impl Reader {
    /// Opens the store at that path. Fails with kind `NotFound` if there is none.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let root = Root::new(path);
        let disk: Arc<dyn Disk> = Arc::new(SystemDisk);
        if !format::check(&*disk, &root)? {
            return Err(StoreError::NotFound {
                path: root.path().to_owned(),
            });
        }
        Ok(Self {
            root,
            disk,
            latest: Mutex::new(Weak::new()),
        })
    }

    /// Root folder of the store.
    #[must_use]
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// The newest manifest.
    pub fn snapshot(&self) -> Result<Snapshot> {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..ATTEMPTS_MAX {
            let newest = self.newest()?;
            if let Some(inner) = latest.upgrade().filter(|inner| inner.manifest.id == newest) {
                return Ok(Snapshot { inner });
            }
            let lease = self.lease(newest)?;
            // Only now is it certain that no writer removes it: a manifest that was the newest after its lease was
            // visible is kept by every removal that looks at leases later, and by earlier ones as one of the newest.
            if self.newest()? != newest {
                continue;
            }
            let Some(manifest) = persist::load(&*self.disk, &self.root, newest)? else {
                continue;
            };
            let inner = Arc::new(Inner {
                root: self.root.clone(),
                manifest: Arc::new(manifest),
                _lease: lease,
            });
            *latest = Arc::downgrade(&inner);
            return Ok(Snapshot { inner });
        }
        Err(StoreError::Invalid(format!(
            "store {} got a new manifest {ATTEMPTS_MAX} times while it was being opened; commit less often",
            self.root.path().display()
        )))
    }

    fn newest(&self) -> Result<ManifestId> {
        persist::list(&*self.disk, &self.root)?
            .pop()
            .ok_or_else(|| no_manifest(&self.root))
    }

    /// A lease on a manifest; none where the store cannot be written to.
    fn lease(&self, manifest: ManifestId) -> Result<Option<Lease>> {
        match Lease::take(&self.disk, &self.root, manifest) {
            Ok(lease) => Ok(Some(lease)),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::ReadOnlyFilesystem
                        | io::ErrorKind::PermissionDenied
                        | io::ErrorKind::Unsupported
                ) =>
            {
                tracing::warn!(store = %self.root.path().display(), %error,
                    "reading without a lease: a writer may remove files while they are being read");
                Ok(None)
            }
            Err(source) => Err(StoreError::Io {
                action: "lease",
                path: self.root.leases(),
                source,
            }),
        }
    }
}
