//! Removal of what no reader can need any more.
//!
//! The newest [`MANIFESTS_KEPT`] manifests stay, and those with a live lease. A segment goes when no manifest that
//! stays has it. Manifests go before segments, so that a crash in between leaves orphans and never a manifest whose
//! files are gone.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use crate::config::MANIFESTS_KEPT;
use crate::disk::Disk;
use crate::lease;
use crate::manifest::{Manifest, ManifestId};
use crate::paths::Root;
use crate::segment::Segment;

/// A segment that the newest manifest no longer has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Retired {
    /// Its file, relative to the root.
    pub(crate) path: String,
    /// The first manifest that has it.
    pub(crate) first: ManifestId,
    /// The last manifest that has it.
    pub(crate) last: ManifestId,
}

impl Retired {
    pub(crate) fn new(segment: &Segment, last: ManifestId) -> Self {
        Self {
            path: segment.path.clone(),
            first: segment.added_by,
            last,
        }
    }
}

/// Knows what is on disk beside the newest manifest.
#[derive(Debug)]
pub(crate) struct Garbage {
    manifests: BTreeSet<ManifestId>,
    retired: Vec<Retired>,
}

impl Garbage {
    pub(crate) fn new(manifests: BTreeSet<ManifestId>, retired: Vec<Retired>) -> Self {
        Self { manifests, retired }
    }

    /// Takes note of a manifest that was published, and of the segments that it dropped.
    pub(crate) fn published(&mut self, manifest: &Manifest, retired: impl IntoIterator<Item = Retired>) {
        self.manifests.insert(manifest.id);
        self.retired.extend(retired);
    }

    /// Removes what can go. `pinned` are manifests that this process itself reads. Failures are told and tried again
    /// next time: garbage harms nobody.
    pub(crate) fn collect(&mut self, disk: &dyn Disk, root: &Root, pinned: &BTreeSet<ManifestId>) {
        let leased = match lease::leased(disk, root) {
            Ok(leased) => leased,
            Err(error) => {
                tracing::warn!(%error, "cannot see which manifests are being read, so nothing old is removed");
                return;
            }
        };
        let surplus = self.manifests.len().saturating_sub(MANIFESTS_KEPT);
        let old: Vec<ManifestId> = self.manifests.iter().copied().take(surplus).collect();
        for id in old {
            if !leased.contains(&id) && !pinned.contains(&id) && gone(disk, &root.manifest(id)) {
                self.manifests.remove(&id);
            }
        }
        let manifests = &self.manifests;
        self.retired.retain(|segment| {
            let needed = manifests.range(segment.first..=segment.last).next().is_some();
            needed || !gone(disk, &root.resolve(&segment.path))
        });
    }
}

/// Removes a file; true if it is not there any more.
pub(crate) fn gone(disk: &dyn Disk, path: &Path) -> bool {
    match disk.remove(path) {
        Ok(()) => true,
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "cannot remove a file that nobody needs");
            false
        }
    }
}
