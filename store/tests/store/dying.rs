//! A disk on which the process dies at a chosen step.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use quipu_store::disk::{DirEntry, Disk, DiskFile, LockFile, SystemDisk};
use quipu_store::{Writer, WriterOptions};

/// What a crash takes with it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Loss {
    /// The operating system wrote everything in time.
    Nothing,
    /// Content that was not synced is cut, and names whose folder was not synced are gone.
    Unsynced,
}

/// Lets a number of changes pass and fails all that come after, as if the process had died. It syncs nothing in
/// truth, but knows what is not synced.
#[derive(Clone, Debug)]
pub(crate) struct DyingDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    steps_left: usize,
    died: bool,
    unsynced_files: BTreeSet<PathBuf>,
    unsynced_names: BTreeSet<PathBuf>,
}

impl DyingDisk {
    fn new(steps: usize) -> Self {
        let state = State {
            steps_left: steps,
            died: false,
            unsynced_files: BTreeSet::new(),
            unsynced_names: BTreeSet::new(),
        };
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }

    fn step<T>(&self, change: impl FnOnce(&mut State) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.state.lock().unwrap();
        if state.steps_left == 0 {
            state.died = true;
            return Err(io::Error::other("the process has died"));
        }
        state.steps_left -= 1;
        change(&mut state)
    }

    /// From here on everything works.
    pub(crate) fn revive(&self) {
        self.state.lock().unwrap().steps_left = usize::MAX;
    }

    fn died(&self) -> bool {
        self.state.lock().unwrap().died
    }

    /// Takes from the disk what the crash takes.
    pub(crate) fn lose(&self, loss: Loss) {
        if loss == Loss::Nothing {
            return;
        }
        let state = self.state.lock().unwrap();
        for path in &state.unsynced_names {
            let _ = std::fs::remove_file(path);
        }
        for path in &state.unsynced_files {
            if let Ok(file) = std::fs::File::options().write(true).open(path) {
                let len = file.metadata().unwrap().len();
                file.set_len(len / 2).unwrap();
            }
        }
    }
}

impl Disk for DyingDisk {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.step(|_| SystemDisk.create_dir(path))
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.step(|state| {
            let file = SystemDisk.create(path)?;
            state.unsynced_files.insert(path.to_owned());
            Ok(Box::new(DyingFile {
                path: path.to_owned(),
                file,
                disk: self.clone(),
            }) as Box<dyn DiskFile>)
        })
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step(|state| {
            assert!(
                !state.unsynced_files.contains(from),
                "{} is published before it is synced",
                from.display()
            );
            SystemDisk.hard_link(from, to)?;
            state.unsynced_names.insert(to.to_owned());
            Ok(())
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step(|state| {
            assert!(
                !state.unsynced_files.contains(from),
                "{} is published before it is synced",
                from.display()
            );
            SystemDisk.rename(from, to)?;
            state.unsynced_names.insert(to.to_owned());
            Ok(())
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.step(|state| {
            SystemDisk.remove(path)?;
            state.unsynced_files.remove(path);
            Ok(())
        })
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.step(|state| {
            state.unsynced_names.retain(|name| name.parent() != Some(path));
            Ok(())
        })
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        SystemDisk.read(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        SystemDisk.list(path)
    }

    fn open_lock(&self, path: &Path) -> io::Result<LockFile> {
        SystemDisk.open_lock(path)
    }
}

#[derive(Debug)]
struct DyingFile {
    path: PathBuf,
    file: Box<dyn DiskFile>,
    disk: DyingDisk,
}

impl Write for DyingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.disk.step(|_| self.file.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl DiskFile for DyingFile {
    fn sync(&mut self) -> io::Result<()> {
        self.disk.step(|state| {
            state.unsynced_files.remove(&self.path);
            Ok(())
        })
    }
}

/// Opens a store with a disk that lives.
pub(crate) fn open(path: &Path) -> Writer {
    Writer::open(path, options(&DyingDisk::new(usize::MAX))).unwrap()
}

pub(crate) fn options(disk: &DyingDisk) -> WriterOptions {
    WriterOptions {
        disk: Arc::new(disk.clone()),
        ..WriterOptions::default()
    }
}

/// Runs with death after 0, 1, 2 .. steps until it lives through it. Gives the number of steps.
pub(crate) fn each_death(mut run: impl FnMut(&DyingDisk, Loss)) -> usize {
    for steps in 0.. {
        let mut lived = false;
        for loss in [Loss::Nothing, Loss::Unsynced] {
            let disk = DyingDisk::new(steps);
            run(&disk, loss);
            lived = !disk.died();
        }
        if lived {
            return steps;
        }
    }
    unreachable!()
}
