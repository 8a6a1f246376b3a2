//! The names of files and folders: those that are live, those that are durable, and the changes between.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::dice::Dice;

/// Number of a file's content.
pub(crate) type Node = usize;

/// A change of names within one folder. It survives a power loss wholly or not at all.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Folder(PathBuf),
    Add(PathBuf, Node),
    Remove(PathBuf),
    Rename(PathBuf, PathBuf, Node),
}

impl Change {
    fn folder(&self) -> Option<&Path> {
        match self {
            Self::Folder(name) | Self::Add(name, _) | Self::Remove(name) | Self::Rename(name, ..) => {
                name.parent()
            }
        }
    }
}

/// Files and folders by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    pub(crate) files: BTreeMap<PathBuf, Node>,
    pub(crate) folders: BTreeSet<PathBuf>,
}

impl Tree {
    fn apply(&mut self, change: &Change) {
        match change {
            Change::Folder(name) => drop(self.folders.insert(name.clone())),
            Change::Add(name, node) => drop(self.files.insert(name.clone(), *node)),
            Change::Remove(name) => drop(self.files.remove(name)),
            Change::Rename(from, to, node) => {
                self.files.remove(from);
                self.files.insert(to.clone(), *node);
            }
        }
    }

    /// Without what lies in folders that are not there.
    fn reachable(mut self, base: &Path) -> Self {
        // Folders come before what is in them.
        let mut folders = BTreeSet::from([base.to_owned()]);
        for folder in self.folders {
            if folder.parent().is_some_and(|parent| folders.contains(parent)) {
                folders.insert(folder);
            }
        }
        self.files
            .retain(|name, _| name.parent().is_some_and(|parent| folders.contains(parent)));
        Self {
            files: self.files,
            folders,
        }
    }
}

/// All names below a folder.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    pub(crate) live: Tree,
    durable: Tree,
    /// Changes that no sync of their folder has made durable.
    unsynced: Vec<Change>,
}

impl Names {
    /// Names that were there before, and are durable.
    pub(crate) fn durable(tree: Tree) -> Self {
        Self {
            live: tree.clone(),
            durable: tree,
            unsynced: Vec::new(),
        }
    }

    pub(crate) fn change(&mut self, change: Change) {
        self.live.apply(&change);
        self.unsynced.push(change);
    }

    pub(crate) fn sync(&mut self, folder: &Path) {
        for change in std::mem::take(&mut self.unsynced) {
            if change.folder() == Some(folder) {
                self.durable.apply(&change);
            } else {
                self.unsynced.push(change);
            }
        }
    }

    /// Leaves what a power loss leaves below `base`, and gives what was live before. Without dice nothing unsynced
    /// survives.
    pub(crate) fn lose(&mut self, base: &Path, mut dice: Option<&mut Dice>) -> Tree {
        for change in std::mem::take(&mut self.unsynced) {
            if dice.as_deref_mut().is_some_and(|dice| dice.once_in(2)) {
                self.durable.apply(&change);
            }
        }
        self.durable = std::mem::take(&mut self.durable).reachable(base);
        std::mem::replace(&mut self.live, self.durable.clone())
    }
}
