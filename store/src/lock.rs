//! The writer's lock: one writer per store.

use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::disk::{Disk, LockFile, SystemDisk};
use crate::error::{IoContext, Result, StoreError};
use crate::paths::Root;

/// Held by the writer for as long as it lives; a process that dies lets go of it.
#[derive(Debug)]
pub(crate) struct WriterLock {
    file: LockFile,
}

impl WriterLock {
    /// Takes the lock, or tells who has it. The lock file itself is never removed: a process that waits for the
    /// removed file's lock and one that makes a new file would both believe that they have it.
    pub(crate) fn take(disk: &dyn Disk, root: &Root) -> Result<Self> {
        let path = root.lock();
        let mut file = disk.open_lock(&path).when("open", &path)?;
        if !exclusive(&file).when("lock", &path)? {
            let writer = file
                .text()
                .ok()
                .and_then(|text| describe(&text))
                .unwrap_or_else(|| "unknown".to_owned());
            return Err(StoreError::Locked {
                path: root.path().to_owned(),
                writer,
            });
        }
        let started = unix_seconds();
        file.replace_text(&format!("{}\n{started}\n", std::process::id()))
            .when("write", &path)?;
        Ok(Self { file })
    }
}

impl Drop for WriterLock {
    fn drop(&mut self) {
        // A message about a writer that is gone would mislead. What fails here is made good by the end of the process.
        let _ = self.file.replace_text("");
        let _ = self.file.unlock();
    }
}

/// How often, and after which pause, a lock that is held is tried again: whoever asks [`writer_of`] holds it for a moment.
const TRIES: u32 = 5;
const TRY_AFTER: Duration = Duration::from_millis(5);

#[expect(
    clippy::disallowed_methods,
    reason = "the lock of another process gives no event; a writer opens outside of any runtime"
)]
fn exclusive(file: &LockFile) -> std::io::Result<bool> {
    for _ in 1..TRIES {
        if file.try_exclusive()? {
            return Ok(true);
        }
        std::thread::sleep(TRY_AFTER);
    }
    file.try_exclusive()
}

/// The process that writes the store at that path now, in words such as `4711 (for 3 min)`; none if there is none.
///
/// # Errors
/// The lock file cannot be opened.
pub fn writer_of(path: impl AsRef<Path>) -> Result<Option<String>> {
    let path = Root::new(path).lock();
    if !path.exists() {
        return Ok(None);
    }
    let mut file = SystemDisk.open_lock(&path).when("open", &path)?;
    if file.try_shared().when("lock", &path)? {
        file.unlock().when("unlock", &path)?;
        return Ok(None);
    }
    let writer = file.text().ok().and_then(|text| describe(&text));
    Ok(Some(writer.unwrap_or_else(|| "unknown".to_owned())))
}

/// Whether a writer has the store open now. Where that cannot be told, none has.
#[must_use]
pub fn is_being_written(root: &Root) -> bool {
    writer_of(root.path()).is_ok_and(|writer| writer.is_some())
}

/// The words for a message: `4711 (for 3 min)`.
fn describe(text: &str) -> Option<String> {
    let mut lines = text.lines();
    let pid: u32 = lines.next()?.parse().ok()?;
    let Some(started) = lines.next().and_then(|line| line.parse::<u64>().ok()) else {
        return Some(pid.to_string());
    };
    let seconds = unix_seconds().saturating_sub(started);
    let age = match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3600),
    };
    Some(format!("{pid} (for {age})"))
}

fn unix_seconds() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::disk::SystemDisk;
    use crate::error::StoreErrorKind;

    #[test]
    fn the_second_writer_is_told_who_the_first_is() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::new(folder.path());
        let first = WriterLock::take(&SystemDisk, &root).unwrap();
        let error = WriterLock::take(&SystemDisk, &root).unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Locked);
        let message = error.to_string();
        assert!(
            message.contains(&format!("process {} (for ", std::process::id())),
            "{message}"
        );
        assert!(message.contains("use another --store"), "{message}");
        drop(first);
        WriterLock::take(&SystemDisk, &root).unwrap();
    }

    /// A child process that is just being started has copies of all handles; here a second handle stands for it.
    #[test]
    fn a_copy_of_the_handle_in_a_child_does_not_keep_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::new(folder.path());
        let first = WriterLock::take(&SystemDisk, &root).unwrap();
        let _copy = first.file.copy().unwrap();
        drop(first);
        WriterLock::take(&SystemDisk, &root).unwrap();
    }

    #[test]
    fn the_writer_of_a_store_is_known_to_others_while_it_lives() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(writer_of(folder.path()).unwrap(), None);
        let root = Root::new(folder.path());
        let lock = WriterLock::take(&SystemDisk, &root).unwrap();
        let writer = writer_of(folder.path()).unwrap().unwrap();
        assert!(
            writer.starts_with(&format!("{} (for ", std::process::id())),
            "{writer}"
        );
        drop(lock);
        assert_eq!(writer_of(folder.path()).unwrap(), None);
        WriterLock::take(&SystemDisk, &root).unwrap();
    }

    #[test]
    fn a_lock_file_without_sense_still_refuses() {
        assert_eq!(describe("no number"), None);
        assert_eq!(describe("12"), Some("12".to_owned()));
    }
}
