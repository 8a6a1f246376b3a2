//! The disk as a store sees it.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use quipu_store::disk::{DirEntry, Disk, DiskFile, LockFile, SystemDisk};

use crate::call::Op;
use crate::disk::{FaultyDisk, State, Way};
use crate::names::{Change, Node};
use crate::plan::Locks;

impl FaultyDisk {
    /// Does a call in the way that the plan wants.
    fn call<T>(&self, op: Op, path: &Path, act: impl FnOnce(&mut State) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.lock();
        match state.begin(op, path) {
            Way::Whole | Way::Half => act(&mut state),
            Way::WholeThen(error) => act(&mut state).and(Err(error)),
            Way::Failed(error) | Way::Not(error) | Way::HalfThen(error) => Err(error),
        }
    }
}

impl Disk for FaultyDisk {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.call(Op::CreateDir, path, |state| {
            let missing: Vec<PathBuf> = path
                .ancestors()
                .take_while(|folder| !state.names.live.folders.contains(*folder))
                .take_while(|folder| folder.starts_with(state.base()))
                .map(Path::to_owned)
                .collect();
            SystemDisk.create_dir(path)?;
            for folder in missing.into_iter().rev() {
                state.names.change(Change::Folder(folder));
            }
            Ok(())
        })
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.call(Op::Create, path, |state| {
            let file = fs::File::create_new(path)?;
            let node = state.add_content();
            state.names.change(Change::Add(path.to_owned(), node));
            Ok(Box::new(FaultyFile {
                disk: self.clone(),
                path: path.to_owned(),
                node,
                file,
            }) as Box<dyn DiskFile>)
        })
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call(Op::HardLink, to, |state| {
            SystemDisk.hard_link(from, to)?;
            let node = known(state, from)?;
            state.names.change(Change::Add(to.to_owned(), node));
            Ok(())
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call(Op::Rename, to, |state| {
            assert_eq!(
                from.parent(),
                to.parent(),
                "this layer knows renaming within a folder only"
            );
            SystemDisk.rename(from, to)?;
            // A lease is made by opening a lock, past this layer.
            if let Ok(node) = known(state, from) {
                state
                    .names
                    .change(Change::Rename(from.to_owned(), to.to_owned(), node));
            }
            Ok(())
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.call(Op::Remove, path, |state| {
            SystemDisk.remove(path)?;
            state.names.change(Change::Remove(path.to_owned()));
            Ok(())
        })
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.lock();
        let way = state.begin(Op::SyncDir, path);
        if state.plan.trust.ignores_folder(path) {
            return answer(way);
        }
        if !path.exists() {
            return Err(io::ErrorKind::NotFound.into());
        }
        if !matches!(way, Way::Failed(_) | Way::Not(_)) {
            state.names.sync(path);
        }
        answer(way)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.call(Op::Read, path, |_| SystemDisk.read(path))
    }

    fn list(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        self.call(Op::List, path, |_| {
            let mut entries = SystemDisk.list(path)?;
            // In an order that is the same in every run.
            entries.sort_by(|a, b| a.name.cmp(&b.name));
            Ok(entries)
        })
    }

    fn open_lock(&self, path: &Path) -> io::Result<LockFile> {
        self.call(Op::OpenLock, path, |state| {
            if state.plan.locks == Locks::DoNothing && path.exists() {
                fs::remove_file(path)?;
            }
            SystemDisk.open_lock(path)
        })
    }
}

/// A file being written.
#[derive(Debug)]
struct FaultyFile {
    disk: FaultyDisk,
    path: PathBuf,
    node: Node,
    file: fs::File,
}

impl FaultyFile {
    fn append(&mut self, state: &mut State, bytes: &[u8]) -> io::Result<usize> {
        self.file.write_all(bytes)?;
        state.contents[self.node].append(bytes);
        Ok(bytes.len())
    }
}

impl Write for FaultyFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let disk = self.disk.clone();
        let mut state = disk.lock();
        // One byte cannot be halved.
        let half = &bytes[..bytes.len().div_ceil(2)];
        match state.begin(Op::Write, &self.path) {
            Way::Whole => self.append(&mut state, bytes),
            Way::WholeThen(error) => self.append(&mut state, bytes).and(Err(error)),
            Way::Half => self.append(&mut state, half),
            Way::HalfThen(error) => self.append(&mut state, half).and(Err(error)),
            Way::Failed(error) | Way::Not(error) => Err(error),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl DiskFile for FaultyFile {
    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.disk.lock();
        let way = state.begin(Op::Sync, &self.path);
        if state.plan.trust.ignores_file(&self.path) {
            return answer(way);
        }
        let content = &mut state.contents[self.node];
        match &way {
            Way::Failed(_) => content.sync_failed(),
            Way::Not(_) => {}
            _ => content.sync(),
        }
        answer(way)
    }
}

fn answer(way: Way) -> io::Result<()> {
    match way {
        Way::Whole | Way::Half => Ok(()),
        Way::WholeThen(error) | Way::HalfThen(error) | Way::Failed(error) | Way::Not(error) => Err(error),
    }
}

fn known(state: &State, path: &Path) -> io::Result<Node> {
    let node = state.names.live.files.get(path).copied();
    node.ok_or_else(|| io::Error::other(format!("{} was made past this disk", path.display())))
}
