//! The only module that changes files. Everything else goes through [`Disk`], so that tests can put faults between
//! any two steps.

use std::fmt;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::Path;

/// What a store asks of a file system. Every path is absolute or relative to the working folder of the process.
pub trait Disk: fmt::Debug + Send + Sync {
    /// Makes a folder and those above it; one that exists is fine.
    fn create_dir(&self, path: &Path) -> io::Result<()>;

    /// Makes a new file for writing; fails with `AlreadyExists` if there is one.
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// Gives a file a second name; fails with `AlreadyExists` if the name is taken. This is how things are published:
    /// of two writers that want one name, one fails.
    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Renames a file, replacing what has that name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in a folder durable.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;

    /// Reads a whole file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// What a folder holds, in no order.
    fn list(&self, path: &Path) -> io::Result<Vec<DirEntry>>;

    /// Opens a file to lock it, making it if it is missing.
    fn open_lock(&self, path: &Path) -> io::Result<LockFile>;
}

/// A file being written.
pub trait DiskFile: Write + fmt::Debug + Send {
    /// Makes content and length durable.
    fn sync(&mut self) -> io::Result<()>;
}

/// One thing in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirEntry {
    /// Its name within the folder; characters that are not Unicode are replaced.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// Whether it is a folder.
    pub is_dir: bool,
}

/// The file system of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemDisk;

impl Disk for SystemDisk {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(File::create_new(path)?))
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(from, to)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        // Elsewhere a folder cannot be opened as a file, and renames need no sync of their own.
        if cfg!(unix) {
            File::open(path)?.sync_all()
        } else {
            Ok(())
        }
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            // A file may go between being listed and being looked at.
            let metadata = match entry.metadata() {
                Ok(metadata) => metadata,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            entries.push(DirEntry {
                name: entry.file_name().to_string_lossy().into_owned(),
                bytes: metadata.len(),
                is_dir: metadata.is_dir(),
            });
        }
        Ok(entries)
    }

    fn open_lock(&self, path: &Path) -> io::Result<LockFile> {
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        Ok(LockFile { file })
    }
}

impl DiskFile for File {
    fn sync(&mut self) -> io::Result<()> {
        self.sync_all()
    }
}

/// An open file whose advisory lock tells other processes that this one lives. The operating system lets go of the
/// lock when the process ends, however it ends.
#[derive(Debug)]
pub struct LockFile {
    file: File,
}

impl LockFile {
    /// Takes the lock for itself alone; false if anyone else holds it.
    pub fn try_exclusive(&self) -> io::Result<bool> {
        taken(self.file.try_lock())
    }

    /// Takes the lock together with others who share it; false if someone holds it alone.
    pub fn try_shared(&self) -> io::Result<bool> {
        taken(self.file.try_lock_shared())
    }

    /// Lets go of the lock now. Closing the file alone is not enough: a child process that another thread is just
    /// starting has a copy of the handle until it executes its program, and the lock lives as long as any copy.
    pub fn unlock(&self) -> io::Result<()> {
        self.file.unlock()
    }

    /// Puts a text in place of the content, for people who look at the file.
    pub fn replace_text(&mut self, text: &str) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.file.write_all(text.as_bytes())
    }

    /// Another handle of the same open file, as a child process has one.
    #[cfg(test)]
    pub(crate) fn copy(&self) -> io::Result<Self> {
        Ok(Self {
            file: self.file.try_clone()?,
        })
    }

    /// The content as text, at most 4 KiB of it.
    pub fn text(&mut self) -> io::Result<String> {
        self.file.rewind()?;
        let mut bytes = Vec::new();
        (&mut self.file).take(4096).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

fn taken(result: Result<(), TryLockError>) -> io::Result<bool> {
    match result {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}
