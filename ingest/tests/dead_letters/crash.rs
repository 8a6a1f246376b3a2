//! The process dies at every step of a retry.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use quipu_ingest::dead_letters::{LetterChoice, retry};
use quipu_proto::{Policy, Table};
use quipu_store::WriterOptions;
use quipu_store::disk::{DirEntry, Disk, DiskFile, LockFile, SystemDisk};

use crate::common::{count, event, fact_rows, ledger, retry_all, snapshot, store_of, under, unframed};

/// Lets a number of changes pass and fails all that come after, as if the process had died.
#[derive(Clone, Debug)]
struct DyingDisk {
    steps_left: Arc<AtomicUsize>,
}

impl DyingDisk {
    fn step<T>(&self, change: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let alive = self
            .steps_left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        match alive {
            Ok(_) => change(),
            Err(_) => Err(io::Error::other("the process has died")),
        }
    }
}

impl Disk for DyingDisk {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.step(|| SystemDisk.create_dir(path))
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.step(|| {
            let file = SystemDisk.create(path)?;
            let disk = self.clone();
            Ok(Box::new(DyingFile { file, disk }) as Box<dyn DiskFile>)
        })
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step(|| SystemDisk.hard_link(from, to))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step(|| SystemDisk.rename(from, to))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.step(|| SystemDisk.remove(path))
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        self.step(|| Ok(()))
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
    file: Box<dyn DiskFile>,
    disk: DyingDisk,
}

impl Write for DyingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.disk.step(|| self.file.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl DiskFile for DyingFile {
    fn sync(&mut self) -> io::Result<()> {
        self.disk.step(|| Ok(()))
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}

#[test]
fn a_retry_that_dies_anywhere_is_made_good_by_the_next() {
    let values: Vec<_> = (1..12)
        .map(|number| {
            let framed = event(number, number as u8);
            Some(if number % 3 == 0 {
                unframed(&framed)
            } else {
                framed
            })
        })
        .collect();
    let strict = store_of(&values);
    let undisturbed = tempfile::tempdir().unwrap();
    copy(strict.path(), undisturbed.path());
    let all = retry_all(undisturbed.path(), Policy::Forward).resolved.len();
    let (facts, numbers) = (fact_rows(undisturbed.path(), &[]), ledger(undisturbed.path()));
    let (mut before, mut after) = (0, 0);
    for steps in 0.. {
        let store = tempfile::tempdir().unwrap();
        copy(strict.path(), store.path());
        let mut options = under(Policy::Forward);
        let disk = DyingDisk {
            steps_left: Arc::new(AtomicUsize::new(steps)),
        };
        options.writer = WriterOptions {
            disk: Arc::new(disk.clone()),
            ..WriterOptions::default()
        };
        let died = retry(store.path(), &LetterChoice::Unresolved, options).is_err();
        // All or nothing, seen by a reader that comes before any writer.
        let resolved = count(store.path(), Table::DeadLetterResolutions);
        match resolved {
            0 => before += 1,
            found if found == all => after += 1,
            found => panic!("{found} of {all} letters are resolved after {steps} steps"),
        }
        let report = retry_all(store.path(), Policy::Forward);
        assert_eq!(report.resolved.len(), all - resolved, "{steps} steps");
        // Among other things: that no row is there twice.
        assert_eq!(fact_rows(store.path(), &[]), facts, "{steps} steps");
        assert_eq!(ledger(store.path()), numbers, "{steps} steps");
        snapshot(store.path()).verify().unwrap();
        if !died && disk.steps_left.load(Ordering::SeqCst) > 0 {
            break;
        }
    }
    assert!(
        before > 20 && after > 1,
        "{before} deaths before the commit, {after} after"
    );
}
