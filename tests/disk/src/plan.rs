//! What goes wrong in a run, as data.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use crate::call::Op;
use crate::dice::Dice;

/// The reason that a failing call gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errno {
    /// EIO: the device failed.
    Io,
    /// ENOSPC: the device is full.
    NoSpace,
}

impl Errno {
    pub(crate) fn error(self) -> io::Error {
        match self {
            Self::Io => io::Error::other("EIO, as the plan of faults wants it"),
            Self::NoSpace => io::Error::new(
                io::ErrorKind::StorageFull,
                "ENOSPC, as the plan of faults wants it",
            ),
        }
    }
}

/// What goes wrong with one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It fails, and nothing of it is done. Of the sync of a file: no later one keeps its unsynced bytes either.
    Fail(Errno),
    /// It is done, and fails with EIO all the same.
    FailAfter,
    /// A write takes half of the bytes and says so.
    Short,
    /// A write takes half of the bytes and fails with EIO.
    Torn,
    /// The process dies: this call and all that follow fail, and nothing of them is done.
    Die,
    /// The process dies right after this call is done, or in the midst of a write.
    DieWithin,
}

impl Fault {
    /// Every fault.
    pub const ALL: [Self; 7] = [
        Self::Fail(Errno::Io),
        Self::Fail(Errno::NoSpace),
        Self::FailAfter,
        Self::Short,
        Self::Torn,
        Self::Die,
        Self::DieWithin,
    ];

    /// Whether it can befall such a call. One that cannot is no fault.
    #[must_use]
    pub fn fits(self, op: Op) -> bool {
        match self {
            Self::Fail(Errno::Io) | Self::Die => true,
            Self::Fail(Errno::NoSpace) => !matches!(op, Op::Read | Op::List | Op::Remove | Op::SyncDir),
            Self::FailAfter => op.is_change() && !matches!(op, Op::Write | Op::OpenLock),
            Self::Short | Self::Torn => op == Op::Write,
            Self::DieWithin => op.is_change() && op != Op::OpenLock,
        }
    }
}

/// What a power loss takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// All that was not synced.
    Unsynced,
    /// Of what was not synced each write and each name survives or not, whatever their order, and a write perhaps in
    /// part. The number is a seed.
    Some(u64),
}

/// Whether the disk does what it says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// It does.
    #[default]
    Honest,
    /// Syncs of files whose path has this part do nothing and say that they were done: as if a program did without them.
    NoFileSync(&'static str),
    /// The same of folders.
    NoFolderSync(&'static str),
}

impl Trust {
    /// Whether the sync of that file does nothing.
    pub(crate) fn ignores_file(self, path: &Path) -> bool {
        matches!(self, Self::NoFileSync(part) if has(path, part))
    }

    /// Whether the sync of that folder does nothing.
    pub(crate) fn ignores_folder(self, path: &Path) -> bool {
        matches!(self, Self::NoFolderSync(part) if has(path, part))
    }
}

fn has(path: &Path, part: &str) -> bool {
    path.to_string_lossy().contains(part)
}

/// Whether locks do what they say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Locks {
    /// They do.
    #[default]
    Hold,
    /// Everyone gets every lock, as on a file system without locks, or after somebody has removed the file.
    DoNothing,
}

/// What goes wrong in a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Faults, by the number of the call, from 0. One that does not fit its call does nothing.
    pub faults: BTreeMap<usize, Fault>,
    /// Whether syncs do what they say.
    pub trust: Trust,
    /// Whether locks do what they say.
    pub locks: Locks,
}

impl Plan {
    /// Nothing goes wrong.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// One fault.
    #[must_use]
    pub fn at(call: usize, fault: Fault) -> Self {
        Self {
            faults: BTreeMap::from([(call, fault)]),
            ..Self::default()
        }
    }

    /// Up to `faults_max` faults among the first `calls` calls.
    #[must_use]
    pub fn drawn(dice: &mut Dice, calls: usize, faults_max: usize) -> Self {
        let faults = (0..dice.below(faults_max + 1)).map(|_| (dice.below(calls), *dice.one_of(&Fault::ALL)));
        Self {
            faults: faults.collect(),
            ..Self::default()
        }
    }

    /// The same over a disk that is to be trusted so.
    #[must_use]
    pub fn with_trust(self, trust: Trust) -> Self {
        Self { trust, ..self }
    }

    /// The same with such locks.
    #[must_use]
    pub fn with_locks(self, locks: Locks) -> Self {
        Self { locks, ..self }
    }
}
