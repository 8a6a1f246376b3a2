//! What a commit takes and tells, and its longest step: batches to durable segments.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use arrow_array::RecordBatch;
use quipu_proto::Table;

use crate::config::Syncing;
use crate::disk::Disk;
use crate::error::{IoContext, StoreError};
use crate::failure::Failure;
use crate::gc::gone;
use crate::manifest::{ManifestId, PartitionState};
use crate::paths::{Root, segment_path};
use crate::segment::writer::{OpenSegment, Pressed};
use crate::segment::{Segment, SegmentId};

/// What becomes visible at once.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// New rows, behind those that [`Writer::press`](crate::Writer::press) has taken: each table with rows becomes one
    /// segment. The batches have the columns of their table.
    pub batches: Vec<(Table, Vec<RecordBatch>)>,
    /// Positions that these rows move, whole: partitions that are not named keep theirs.
    pub partitions: Vec<PartitionState>,
    /// Live segments that these rows replace.
    pub remove_segments: Vec<SegmentId>,
}

/// What a commit did.
#[derive(Clone, Debug)]
pub struct CommitReport {
    /// The manifest that it made.
    pub manifest: ManifestId,
    /// The segments that it added.
    pub segments: Vec<Arc<Segment>>,
    /// Rows in them.
    pub rows: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Time to encode and write what was not pressed ahead.
    pub press: Duration,
    /// Time to make them durable after that. Files that were encoded early are synced meanwhile.
    pub sync: Duration,
    /// Time to encode, write, sync and publish the manifest.
    pub publish: Duration,
}

/// One segment to be written to its end.
#[expect(clippy::large_enum_variant, reason = "a commit has one a table")]
#[derive(Debug)]
pub(crate) enum Job {
    /// Nothing of it is written yet.
    New {
        table: Table,
        id: SegmentId,
        batches: Vec<RecordBatch>,
    },
    /// Some rows are written already.
    Open {
        segment: OpenSegment,
        batches: Vec<RecordBatch>,
    },
    /// All rows are written.
    Pressed(Pressed),
}

impl Job {
    /// About how much work it is.
    fn bytes(&self) -> usize {
        match self {
            Self::New { batches, .. } | Self::Open { batches, .. } => {
                batches.iter().map(RecordBatch::get_array_memory_size).sum()
            }
            Self::Pressed(_) => 0,
        }
    }

    fn press(self, disk: &dyn Disk, root: &Root, added_by: ManifestId) -> crate::error::Result<Pressed> {
        let (mut segment, batches) = match self {
            Self::New { table, id, batches } => (OpenSegment::create(disk, root, table, id)?, batches),
            Self::Open { segment, batches } => (segment, batches),
            Self::Pressed(pressed) => return Ok(pressed),
        };
        for batch in &batches {
            if let Err(error) = segment.write(batch) {
                segment.discard(disk);
                return Err(error);
            }
        }
        segment.finish(disk, added_by)
    }
}

/// Durable segments, not yet visible.
#[derive(Debug)]
pub(crate) struct Settled {
    pub(crate) segments: Vec<Segment>,
    pub(crate) press: Duration,
    pub(crate) sync: Duration,
}

/// Writes segments side by side, syncs each as soon as it is written, and gives them their names. If one fails, none
/// is of use, the others stop, and those that have their names are removed. `spare_ids` counts the numbers up that nobody
/// has.
pub(crate) fn settle(
    disk: &dyn Disk,
    root: &Root,
    added_by: ManifestId,
    mut jobs: Vec<Job>,
    spare_ids: &AtomicU64,
    (threads_max, syncing): (NonZeroUsize, Syncing),
) -> Result<Settled, Failure> {
    let start = Instant::now();
    // The largest first, so that no thread is left with it at the end.
    jobs.sort_by_key(|job| std::cmp::Reverse(job.bytes()));
    let count = jobs.len();
    let jobs = Jobs(Mutex::new(jobs.into_iter().collect()));
    let hardened = |pressed| harden(disk, root, spare_ids, &jobs, pressed);
    let (pressed_at, results) = std::thread::scope(|scope| {
        let work = || encode(scope, disk, root, added_by, &jobs, syncing, &hardened);
        let helpers: Vec<_> = (1..threads_max.get().min(count))
            .filter_map(|_| {
                Builder::new()
                    .name("quipu-press".to_owned())
                    .spawn_scoped(scope, work)
                    .ok()
            })
            .collect();
        let mut hardening = work();
        for helper in helpers {
            hardening.extend(joined(helper));
        }
        let pressed_at = Instant::now();
        (
            pressed_at,
            hardening.into_iter().map(Hardening::finish).collect::<Vec<_>>(),
        )
    });
    let mut segments = Vec::with_capacity(results.len());
    let mut failure = None;
    for result in results {
        match result {
            Ok(segment) => segments.push(segment),
            Err(error) => failure = Some(Failure::graver(failure, error)),
        }
    }
    if let Some(failure) = failure {
        if let Failure::Clean(_) | Failure::Unnamed(_) = failure {
            for segment in &segments {
                gone(disk, &root.resolve(&segment.path));
            }
        }
        return Err(failure);
    }
    segments.sort_by_key(|segment| segment.id);
    Ok(Settled {
        segments,
        press: pressed_at - start,
        sync: pressed_at.elapsed(),
    })
}

/// A segment on its way to being durable.
enum Hardening<'scope> {
    Thread(ScopedJoinHandle<'scope, Result<Segment, Failure>>),
    Done(Result<Segment, Failure>),
}

impl Hardening<'_> {
    fn finish(self) -> Result<Segment, Failure> {
        match self {
            Self::Thread(handle) => joined(handle),
            Self::Done(result) => result,
        }
    }
}

/// Jobs that nobody has taken yet.
struct Jobs(Mutex<VecDeque<Job>>);

impl Jobs {
    fn next(&self) -> Option<Job> {
        self.lock().pop_front()
    }

    /// Gives up what is left.
    fn discard(&self, disk: &dyn Disk) {
        for job in self.lock().drain(..) {
            match job {
                Job::New { .. } => {}
                Job::Open { segment, .. } => segment.discard(disk),
                Job::Pressed(pressed) => pressed.discard(disk),
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Job>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes jobs until none is left; each file is synced by a thread of its own, which does nothing but wait.
fn encode<'scope, 'env>(
    scope: &'scope Scope<'scope, 'env>,
    disk: &'scope dyn Disk,
    root: &'scope Root,
    added_by: ManifestId,
    jobs: &Jobs,
    syncing: Syncing,
    harden: &'scope (impl Fn(Option<Pressed>) -> Result<Segment, Failure> + Sync),
) -> Vec<Hardening<'scope>> {
    let mut hardening = Vec::new();
    while let Some(job) = jobs.next() {
        hardening.push(match job.press(disk, root, added_by) {
            Err(error) => {
                // The others stop too.
                jobs.discard(disk);
                Hardening::Done(Err(Failure::Clean(error)))
            }
            Ok(pressed) if syncing == Syncing::OneByOne => Hardening::Done(harden(Some(pressed))),
            Ok(pressed) => {
                let pressed = Arc::new(Mutex::new(Some(pressed)));
                let for_thread = Arc::clone(&pressed);
                let take = |slot: &Mutex<Option<Pressed>>| {
                    slot.lock().unwrap_or_else(PoisonError::into_inner).take()
                };
                let spawned = Builder::new()
                    .name("quipu-sync".to_owned())
                    .spawn_scoped(scope, move || harden(take(&for_thread)));
                match spawned {
                    Ok(handle) => Hardening::Thread(handle),
                    // No more threads to be had: then here.
                    Err(_) => Hardening::Done(harden(take(&pressed))),
                }
            }
        });
    }
    hardening
}

/// Makes a written segment durable under its own name. What goes wrong stops the other segments: after a failed sync
/// nothing may be written, and in any case they are of no use.
fn harden(
    disk: &dyn Disk,
    root: &Root,
    spare_ids: &AtomicU64,
    others: &Jobs,
    pressed: Option<Pressed>,
) -> Result<Segment, Failure> {
    let hardened = pressed
        .ok_or_else(|| Failure::Clean(StoreError::Invalid("a segment was to be synced twice".to_owned())))
        .and_then(|pressed| sync_and_name(disk, root, spare_ids, pressed));
    if hardened.is_err() {
        others.discard(disk);
    }
    hardened
}

/// A name that is taken means another writer, whose file must not be replaced: hence a second name and not a renaming,
/// and then the next number. Which of the two writers may go on is for the manifest to decide, and for it alone: over
/// names of segments both could lose.
fn sync_and_name(
    disk: &dyn Disk,
    root: &Root,
    spare_ids: &AtomicU64,
    pressed: Pressed,
) -> Result<Segment, Failure> {
    let Pressed {
        mut segment,
        unfinished,
        mut path,
        mut file,
    } = pressed;
    file.sync()
        .when("sync", &unfinished)
        .map_err(Failure::Uncertain)?;
    drop(file);
    loop {
        match disk.hard_link(&unfinished, &path) {
            Ok(()) => break,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                segment.id = SegmentId(spare_ids.fetch_add(1, Ordering::Relaxed));
                segment.path = segment_path(segment.table, segment.id);
                path = root.resolve(&segment.path);
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(error).when("publish", &path).map_err(Failure::Swept);
            }
            Err(error) => {
                // Nothing refers to it; where the writer goes on, nobody else would remove it.
                let _ = disk.remove(&unfinished);
                return Err(error).when("publish", &path).map_err(Failure::Unnamed);
            }
        }
    }
    match disk.remove(&unfinished) {
        // Another writer took it for a leftover; the manifest will tell which of the two may go on.
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        result => result.when("remove", &unfinished).map_err(Failure::Unnamed)?,
    }
    if let Some(folder) = path.parent() {
        disk.sync_dir(folder)
            .when("sync", folder)
            .map_err(Failure::Uncertain)?;
    }
    Ok(segment)
}

/// The result of a thread; a panic goes on in the thread that waits.
fn joined<T>(handle: ScopedJoinHandle<'_, T>) -> T {
    handle
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
