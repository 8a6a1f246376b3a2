//! The file `FORMAT`: what kind of folder this is, and the version of its layout.

use std::io;

use crate::disk::Disk;
use crate::error::{IoContext, Result, StoreError};
use crate::paths::{Root, temporary};

const FIRST_LINE: &str = "quipu store";

/// Version of the layout of the folder. It changes when an older program would do harm.
pub const FORMAT_VERSION: u32 = 1;

/// The whole content of `FORMAT`.
#[must_use]
pub fn format_text() -> String {
    format!("{FIRST_LINE}\nversion {FORMAT_VERSION}\n")
}

/// Checks `FORMAT`; false if there is none.
pub(crate) fn check(disk: &dyn Disk, root: &Root) -> Result<bool> {
    let path = root.format();
    let bytes = match disk.read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error).when("read", &path),
    };
    let text = String::from_utf8_lossy(&bytes);
    let mut lines = text.lines();
    if lines.next() != Some(FIRST_LINE) {
        return Err(StoreError::damaged(
            &path,
            format!("it does not begin with {FIRST_LINE:?}"),
        ));
    }
    let version = lines
        .next()
        .and_then(|line| line.strip_prefix("version "))
        .and_then(|version| version.parse().ok());
    match version {
        Some(FORMAT_VERSION) => Ok(true),
        Some(other) => {
            let what = format!("store format {other} is unknown here, which knows format {FORMAT_VERSION}");
            Err(StoreError::unsupported(&path, what))
        }
        None => Err(StoreError::damaged(
            &path,
            "its second line should be \"version\" and a number",
        )),
    }
}

/// Writes `FORMAT`, durably.
pub(crate) fn write(disk: &dyn Disk, root: &Root) -> Result<()> {
    let path = root.format();
    let unfinished = temporary(&path);
    let mut file = disk.create(&unfinished).when("create", &unfinished)?;
    file.write_all(format_text().as_bytes())
        .when("write", &unfinished)?;
    file.sync().when("sync", &unfinished)?;
    disk.rename(&unfinished, &path).when("rename", &unfinished)?;
    disk.sync_dir(root.path()).when("sync", root.path())
}
