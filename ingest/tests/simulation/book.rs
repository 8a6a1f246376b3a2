//! What may happen to the index of the sequence book while nobody looks.

use std::fs;
use std::path::{Path, PathBuf};

use quipu_disk::Dice;

/// What happens to the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Harm {
    Nothing,
    /// It is deleted.
    Deleted,
    /// All of it is as it was earlier.
    RolledBack,
    /// The files of sled are as they were earlier, the marker is not.
    HalfRolledBack,
    /// A bit of a file is flipped.
    Flipped,
    /// A file is cut.
    Cut,
    /// The marker is gone, as after a crash.
    Unmarked,
}

impl Harm {
    pub(crate) const ALL: [Self; 7] = [
        Self::Nothing,
        Self::Deleted,
        Self::RolledBack,
        Self::HalfRolledBack,
        Self::Flipped,
        Self::Cut,
        Self::Unmarked,
    ];

    /// Does that to the index of a store. `earlier` is a copy of the index.
    pub(crate) fn befall(self, store: &Path, earlier: &Path, dice: &mut Dice) {
        let book = store.join("book");
        match self {
            Self::Nothing => {}
            Self::Deleted => remove(&book),
            Self::RolledBack => replace(earlier, &book),
            Self::HalfRolledBack => replace(&earlier.join("sled"), &book.join("sled")),
            Self::Flipped | Self::Cut => {
                let files = files(&book);
                let files: Vec<_> = files.iter().filter(|file| length(file) > 0).collect();
                if files.is_empty() {
                    return;
                }
                let file = dice.one_of(&files);
                let mut bytes = fs::read(file).unwrap();
                let at = dice.below(bytes.len());
                if self == Self::Cut {
                    bytes.truncate(at);
                } else {
                    bytes[at] ^= 1 << dice.below(8);
                }
                fs::write(file, bytes).unwrap();
            }
            Self::Unmarked => drop(fs::remove_file(book.join("clean"))),
        }
    }
}

fn length(file: &Path) -> u64 {
    fs::metadata(file).map_or(0, |metadata| metadata.len())
}

/// sled may still be closing in a thread of its own, and make files.
fn remove(folder: &Path) {
    while folder.exists() {
        let _ = fs::remove_dir_all(folder);
    }
}

fn replace(from: &Path, to: &Path) {
    if from.exists() {
        remove(to);
        copy(from, to);
    }
}

/// Copies a folder; nothing where there is none. Files that go meanwhile are left out.
pub(crate) fn copy(from: &Path, to: &Path) {
    let Ok(entries) = fs::read_dir(from) else {
        return;
    };
    fs::create_dir_all(to).unwrap();
    for path in entries.flatten().map(|entry| entry.path()) {
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            let _ = fs::copy(&path, target);
        }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}
