//! Folders that stay: a folder is durable when the one above it was synced, and so on upwards.

use std::io;
use std::path::Path;

use crate::disk::Disk;
use crate::error::{IoContext, Result};

/// Makes a folder and those above it, durably. One that exists may have been made by a process that died before it could
/// sync the name.
///
/// Each folder is synced before the next is made in it, so that of those found at most the lowest is in doubt.
pub(crate) fn make(disk: &dyn Disk, path: &Path) -> Result<()> {
    let mut missing = vec![path];
    for folder in path.ancestors().skip(1) {
        if is_synced(disk, folder)? {
            if let Some(above) = folder.parent() {
                is_synced(disk, above)?;
            }
            break;
        }
        missing.push(folder);
    }
    for folder in missing.into_iter().rev() {
        disk.create_dir(folder).when("create", folder)?;
        if let Some(above) = folder.parent() {
            is_synced(disk, above)?;
        }
    }
    Ok(())
}

/// Syncs a folder outside of the store; false if it is not there. One that does not let itself be synced was hardly
/// made for the store.
fn is_synced(disk: &dyn Disk, folder: &Path) -> Result<bool> {
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    match disk.sync_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::PermissionDenied
                    | io::ErrorKind::ReadOnlyFilesystem
                    | io::ErrorKind::InvalidInput
                    | io::ErrorKind::Unsupported
            ) =>
        {
            tracing::debug!(folder = %folder.display(), %error, "a folder above the store cannot be synced");
            Ok(true)
        }
        result => result.when("sync", folder).map(|()| true),
    }
}
