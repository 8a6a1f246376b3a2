//! Publishing and finding manifests in their folder.

use std::io;

use crate::disk::Disk;
use crate::error::{IoContext, Result, StoreError};
use crate::failure::Failure;
use crate::manifest::{Manifest, ManifestId, codec};
use crate::paths::{ManifestName, Root, temporary};

/// Makes a manifest visible and durable: temporary file, sync, second name, sync of the folder. The second name is the
/// commit point; it fails if another writer has taken it.
pub(crate) fn publish(disk: &dyn Disk, root: &Root, manifest: &Manifest) -> Result<(), Failure> {
    let path = root.manifest(manifest.id);
    let unfinished = temporary(&path);
    let bytes = codec::encode(manifest);
    let mut file = disk
        .create(&unfinished)
        .when("create", &unfinished)
        .map_err(Failure::Clean)?;
    if let Err(error) = file.write_all(&bytes) {
        let _ = disk.remove(&unfinished);
        return Err(error).when("write", &unfinished).map_err(Failure::Clean);
    }
    file.sync()
        .when("sync", &unfinished)
        .map_err(Failure::Uncertain)?;
    drop(file);
    match disk.hard_link(&unfinished, &path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let _ = disk.remove(&unfinished);
            return Err(Failure::Fenced);
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(error).when("publish", &path).map_err(Failure::Swept);
        }
        result => result.when("publish", &path).map_err(Failure::Uncertain)?,
    }
    if let Err(error) = disk.remove(&unfinished) {
        tracing::warn!(path = %unfinished.display(), %error, "cannot remove a temporary file; the next open will");
    }
    disk.sync_dir(&root.manifests())
        .when("sync", &root.manifests())
        .map_err(Failure::Uncertain)
}

/// The numbers of the manifests on disk, ascending.
pub(crate) fn list(disk: &dyn Disk, root: &Root) -> Result<Vec<ManifestId>> {
    let folder = root.manifests();
    let entries = disk.list(&folder).when("list", &folder)?;
    let mut ids: Vec<ManifestId> = entries
        .iter()
        .filter_map(|entry| ManifestName::parse(&entry.name))
        .map(|name| name.0)
        .collect();
    ids.sort_unstable();
    Ok(ids)
}

/// Reads one manifest; none if it is not there.
pub(crate) fn load(disk: &dyn Disk, root: &Root, id: ManifestId) -> Result<Option<Manifest>> {
    let path = root.manifest(id);
    let bytes = match disk.read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).when("read", &path),
    };
    let manifest = codec::decode(bytes).map_err(|error| error.at(&path))?;
    if manifest.id != id {
        return Err(StoreError::damaged(
            &path,
            format!("it holds manifest {}", manifest.id),
        ));
    }
    Ok(Some(manifest))
}
