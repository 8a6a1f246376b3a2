//! Every call to the disk goes wrong in every way, at a commit, at recovery, at the making of a store.

mod commit;
mod creation;
mod pressed;
mod recovery;
mod writers;

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use quipu_disk::{Call, Fault, FaultyDisk, Loss, Op, Plan};
use quipu_store::disk::Disk;
use quipu_store::{Commit, Result, Syncing, Writer, WriterOptions};

use crate::common::{TABLES, open, position, rows, ten, whole};

/// What a store is at before the commit that is tried, in rows of each table and as position.
const BEFORE: i64 = 10;

/// What it is at after it.
const AFTER: i64 = 20;

/// What happens to a store when a process has ended: the machine goes on, so that what was written is there, synced or
/// not; or the power fails, in one of three ways, which take turns over the calls.
fn ends(call: Numbered) -> [Option<Loss>; 2] {
    let losses = [Loss::Unsynced, Loss::Some(1), Loss::Some(2)];
    [None, Some(losses[call.0 % losses.len()])]
}

/// A store on a disk with faults.
struct Trial {
    folder: tempfile::TempDir,
    disk: FaultyDisk,
}

impl Trial {
    /// A store at [`BEFORE`].
    fn small() -> Self {
        static TEMPLATE: LazyLock<tempfile::TempDir> = LazyLock::new(|| template(1));
        Self::copy_of(TEMPLATE.path())
    }

    /// A store at [`BEFORE`] that has so many manifests, and segments which only the oldest of them has, that its next
    /// commit removes some of both.
    fn full() -> Self {
        static TEMPLATE: LazyLock<tempfile::TempDir> =
            LazyLock::new(|| template(quipu_store::config::MANIFESTS_KEPT - 1));
        Self::copy_of(TEMPLATE.path())
    }

    fn copy_of(template: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy(template, &folder.path().join("store"));
        let disk = FaultyDisk::new(folder.path());
        Self { folder, disk }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    /// Opens the store, with all calls to the disk in one order.
    fn open(&self) -> Result<Writer> {
        open_with(&self.path(), Arc::new(self.disk.clone()))
    }

    /// What the store is at.
    fn at(&self) -> i64 {
        whole(&self.path())
    }

    /// Ends the life, and says what the store is at then.
    fn end(&self, loss: Option<Loss>) -> i64 {
        if let Some(loss) = loss {
            self.disk.power_loss(loss);
        }
        self.disk.start(Plan::none());
        self.at()
    }

    /// The store is at `rows`, opens, goes on, and what it commits is durable.
    fn goes_on(&self, rows: i64) {
        self.disk.start(Plan::none());
        assert_eq!(self.at(), rows);
        let mut writer = self.open().unwrap();
        assert_eq!(self.at(), rows, "recovery changes no answer");
        writer.commit(ten(rows)).unwrap();
        drop(writer);
        self.disk.power_loss(Loss::Unsynced);
        assert_eq!(self.at(), rows + 10, "what was committed is durable");
    }
}

/// Opens a store, with all calls to the disk in one order.
fn open_with(path: &Path, disk: Arc<dyn Disk>) -> Result<Writer> {
    let options = WriterOptions {
        encoding_threads_max: NonZeroUsize::MIN,
        syncing: Syncing::OneByOne,
        disk,
    };
    Writer::open(path, options)
}

/// A store at [`BEFORE`], whose rows were then rewritten so many times.
fn template(rewrites: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = open(folder.path());
    writer.commit(ten(0)).unwrap();
    for _ in 0..rewrites {
        writer.commit(rewrite(&writer, BEFORE)).unwrap();
    }
    folder
}

/// A commit that puts so many rows in the place of all that there are.
fn rewrite(writer: &Writer, rows_after: i64) -> Commit {
    let count = usize::try_from(rows_after).unwrap();
    Commit {
        batches: TABLES.map(|table| (table, vec![rows(table, 0, count)])).to_vec(),
        partitions: vec![position(0, rows_after)],
        remove_segments: writer
            .manifest()
            .segments
            .iter()
            .map(|segment| segment.id)
            .collect(),
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// What a call is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum On {
    Root,
    Format,
    Lock,
    /// The newest manifest.
    Manifest,
    ManifestFolder,
    Segment,
    /// A manifest below the newest, or a segment that the newest does not have.
    Old,
    TableFolder,
    SegmentFolder,
    Leases,
    /// A file under a temporary name.
    UnfinishedManifest,
    UnfinishedSegment,
    UnfinishedFormat,
    /// A folder above the store.
    Above,
}

impl On {
    fn of(call: &Call) -> Self {
        let path = call.path.to_str().unwrap().replace('\\', "/");
        let Some(path) = path.strip_prefix("store") else {
            return Self::Above;
        };
        let name = path.rsplit('/').next().unwrap();
        let unfinished = name.starts_with(".tmp-");
        match path.trim_start_matches('/').split('/').collect::<Vec<_>>()[..] {
            [""] => Self::Root,
            ["manifest"] => Self::ManifestFolder,
            ["manifest", _] if unfinished => Self::UnfinishedManifest,
            ["manifest", _] => Self::Manifest,
            ["segments"] => Self::SegmentFolder,
            ["segments", _] => Self::TableFolder,
            ["segments", _, _] if unfinished => Self::UnfinishedSegment,
            ["segments", _, _] => Self::Segment,
            ["leases", ..] => Self::Leases,
            ["FORMAT"] => Self::Format,
            ["lock"] => Self::Lock,
            [_] if unfinished => Self::UnfinishedFormat,
            _ => panic!("{path} is a file of no known kind"),
        }
    }
}

/// A call, what it is about, and its number in the run.
type Numbered = (usize, Op, On);

/// The calls of a life in which nothing goes wrong, from the `first` on.
fn numbered(calls: &[Call], first: usize) -> Vec<Numbered> {
    let mut manifests_read = 0;
    let calls = calls.iter().enumerate().skip(first);
    calls
        .map(|(number, call)| {
            let mut on = On::of(call);
            // The newest is read first.
            manifests_read += usize::from((call.op, on) == (Op::Read, On::Manifest));
            let reads_old = (call.op, on) == (Op::Read, On::Manifest) && manifests_read > 1;
            if reads_old || call.op == Op::Remove && matches!(on, On::Manifest | On::Segment) {
                on = On::Old;
            }
            (number, call.op, on)
        })
        .collect()
}

/// Every fault of every call, those in which the process dies or not.
fn faults(calls: &[Numbered], deadly: bool) -> Vec<(Numbered, Fault)> {
    let mut faults = Vec::new();
    for call in calls {
        let fitting = Fault::ALL.into_iter().filter(|fault| fault.fits(call.1));
        let fitting = fitting.filter(|fault| matches!(fault, Fault::Die | Fault::DieWithin) == deadly);
        faults.extend(fitting.map(|fault| (*call, fault)));
    }
    faults
}

/// Prints what was tried when a test fails in its midst.
struct Trying(String);

impl Drop for Trying {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("while trying {}", self.0);
        }
    }
}
