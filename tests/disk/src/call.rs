//! What a store asked of the disk, and what became of it.

use std::path::PathBuf;

/// The kinds of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Op {
    /// A folder is made.
    CreateDir,
    /// A file is made.
    Create,
    /// Bytes are added to a file.
    Write,
    /// A file is synced.
    Sync,
    /// A file gets a second name.
    HardLink,
    /// A file gets another name.
    Rename,
    /// A name is removed.
    Remove,
    /// The names in a folder are synced.
    SyncDir,
    /// A file is read.
    Read,
    /// A folder is listed.
    List,
    /// A file is opened to be locked.
    OpenLock,
}

impl Op {
    /// Whether it changes what the disk holds, or may.
    #[must_use]
    pub fn is_change(self) -> bool {
        !matches!(self, Self::Read | Self::List)
    }

    /// Whether it makes something durable.
    #[must_use]
    pub fn is_sync(self) -> bool {
        matches!(self, Self::Sync | Self::SyncDir)
    }
}

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It was done, or failed as any disk would have had it fail.
    Done,
    /// A fault of the plan came in between.
    Faulted,
    /// The process was dead already.
    Dead,
}

/// One call.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Call {
    /// What was asked.
    pub op: Op,
    /// The file or folder, relative to the folder of the disk; of a second or another name, that name.
    pub path: PathBuf,
    /// What became of it.
    pub outcome: Outcome,
}
