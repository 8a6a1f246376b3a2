//! The one writer of a store.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant, SystemTime};

use arrow_array::RecordBatch;
use quipu_proto::{LogPartition, Table};

use crate::commit::{Commit, CommitReport, Job, Settled, settle};
use crate::config::{COMMIT_NOTES_KEPT, WriterOptions};
use crate::error::{Result, StoreError};
use crate::failure::Failure;
use crate::folders;
use crate::gc::{Garbage, Retired, gone};
use crate::lock::WriterLock;
use crate::manifest::recover::{self, Presence, Recovered};
use crate::manifest::{CommitNote, Manifest, PartitionState, TableRows, check, persist};
use crate::merge::{self, INLINE_BYTES_MAX, INLINE_ROWS_MAX, MergeReport, Merged, Merging, Task};
use crate::paths::{Root, segment_path};
use crate::segment::writer::{OpenSegment, Pressed, check_schema};
use crate::segment::{Segment, SegmentId};
use crate::snapshot::{Inner, Snapshot};

/// The one writer of a store, from its lock to its commits.
#[derive(Debug)]
pub struct Writer {
    root: Root,
    options: WriterOptions,
    manifest: Arc<Manifest>,
    /// This writer's own epoch: one above that of the manifest it found.
    epoch: u64,
    next_segment: SegmentId,
    garbage: Garbage,
    snapshots: Vec<Weak<Inner>>,
    /// Segments of the next commit to which rows are still added: one a table at most.
    open: Vec<OpenSegment>,
    /// Segments of the next commit that have all their rows.
    pressed: Vec<Pressed>,
    ended: Option<Ended>,
    merging: Merging,
    _lock: WriterLock,
}

/// Why a writer may not write any more.
#[derive(Clone, Debug)]
enum Ended {
    Fenced,
    Poisoned(String),
}

impl Writer {
    /// Opens a store for writing, making it if there is none, and clears what a crash left. Fails with kind `Locked`
    /// if another process writes it, and as [`RECOVERY`](crate::manifest::RECOVERY) says.
    pub fn open(path: impl AsRef<Path>, options: WriterOptions) -> Result<Self> {
        let root = Root::new(path);
        let disk = &*options.disk;
        // Nothing is touched before it is known that the folder is a store or can become one.
        if recover::look(disk, &root)? == Presence::Absent {
            folders::make(disk, root.path())?;
        }
        let lock = WriterLock::take(disk, &root)?;
        if recover::look(disk, &root)? == Presence::Absent {
            recover::create(disk, &root, now_us())?;
        }
        let Recovered {
            manifest,
            garbage,
            next_segment,
            leftovers,
        } = recover::recover(disk, &root)?;
        let mut writer = Self {
            epoch: manifest.writer_epoch + 1,
            next_segment,
            manifest: Arc::new(manifest),
            garbage,
            snapshots: Vec::new(),
            open: Vec::new(),
            pressed: Vec::new(),
            ended: None,
            merging: Merging::default(),
            root,
            options,
            _lock: lock,
        };
        if !leftovers.is_empty() {
            writer.fence()?;
            for path in &leftovers {
                tracing::info!(path = %path.display(), "removing what an unfinished commit has left");
                gone(&*writer.options.disk, path);
            }
        }
        Ok(writer)
    }

    /// Publishes a manifest that says what the last one says. A writer that still works on that one, as its lock did not
    /// help, can then publish nothing more, so that its files are safe to remove.
    fn fence(&mut self) -> Result<()> {
        let mut manifest = self.successor(Vec::new(), &[])?;
        let kind = Kind::New {
            can_be_repeated: true,
        };
        let note = add_segments(&mut manifest, &[], 0, kind);
        add_note(&mut manifest, note);
        check(&self.manifest, &manifest)?;
        persist::publish(&*self.options.disk, &self.root, &manifest)
            .map_err(|failure| self.give_up(failure, &[], kind))?;
        self.garbage.published(&manifest, []);
        self.manifest = Arc::new(manifest);
        Ok(())
    }

    /// Root folder of the store.
    #[must_use]
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// Folder for the index of the sequence book.
    #[must_use]
    pub fn book_path(&self) -> PathBuf {
        self.root.book()
    }

    /// The newest manifest.
    #[must_use]
    pub fn manifest(&self) -> &Arc<Manifest> {
        &self.manifest
    }

    /// How far a partition has been read, if it ever was.
    #[must_use]
    pub fn partition(&self, log: &LogPartition) -> Option<&PartitionState> {
        self.manifest.partition(log)
    }

    /// The newest manifest, with its files kept while the snapshot lives.
    pub fn snapshot(&mut self) -> Snapshot {
        self.snapshots.retain(|snapshot| snapshot.strong_count() > 0);
        let (snapshot, pin) = Snapshot::pinned(self.root.clone(), Arc::clone(&self.manifest));
        self.snapshots.push(pin);
        snapshot
    }

    /// Encodes rows of the next commit ahead of it, as a row group of their table's segment. They are neither visible
    /// nor durable before that commit, and gone if there is none.
    ///
    /// # Errors
    /// Rows of another table. A file that cannot be written: all that was pressed for the next commit is gone then, and
    /// as a commit without it would be one with rows missing, the writer refuses every further one.
    pub fn press(&mut self, table: Table, batch: &RecordBatch) -> Result<()> {
        self.check_right()?;
        check_schema(table, std::slice::from_ref(batch))?;
        let pressed = self.press_into(table, batch);
        if let Err(error) = &pressed {
            self.give_up_pressed(error);
        }
        pressed
    }

    fn press_into(&mut self, table: Table, batch: &RecordBatch) -> Result<()> {
        let known = self.open.iter().position(|segment| segment.table == table);
        let index = match known {
            Some(index) => index,
            None => {
                let id = self.use_segment_id();
                let disk = &*self.options.disk;
                self.open.push(OpenSegment::create(disk, &self.root, table, id)?);
                self.open.len() - 1
            }
        };
        self.open[index].write(batch)
    }

    /// Ends the segments that were begun ahead of the next commit, so that their rows can be read; rows that come
    /// later go into others. Gives all that the next commit has so far, and where each lies until then.
    ///
    /// # Errors
    /// As [`Self::press`].
    pub fn end_pressed(&mut self) -> Result<impl Iterator<Item = (&Segment, &Path)>> {
        let added_by = self.manifest.id.next();
        while let Some(segment) = self.open.pop() {
            match segment.finish(&*self.options.disk, added_by) {
                Ok(pressed) => self.pressed.push(pressed),
                Err(error) => {
                    self.give_up_pressed(&error);
                    return Err(error);
                }
            }
        }
        Ok(self
            .pressed
            .iter()
            .map(|pressed| (&pressed.segment, &*pressed.unfinished)))
    }

    /// Ends the writer, as rows of the next commit are gone.
    fn give_up_pressed(&mut self, error: &StoreError) {
        self.ended = Some(Ended::Poisoned(error.to_string()));
        self.discard_pressed();
    }

    fn discard_pressed(&mut self) {
        for segment in self.open.drain(..) {
            segment.discard(&*self.options.disk);
        }
        for pressed in self.pressed.drain(..) {
            pressed.discard(&*self.options.disk);
        }
    }

    fn use_segment_id(&mut self) -> SegmentId {
        let id = self.next_segment;
        self.next_segment = SegmentId(id.0 + 1);
        id
    }

    /// Makes rows and positions durable and visible, all or nothing. A commit without rows still makes a manifest.
    ///
    /// After an error of kind `Fenced` or `Poisoned`, and after any failed sync, this writer refuses every further
    /// commit: whether the failed one is visible is found by opening the store again. After any other error nothing
    /// of it is visible, and it may be tried again, unless rows of it were pressed ahead.
    pub fn commit(&mut self, commit: Commit) -> Result<CommitReport> {
        self.check_right()?;
        let Commit {
            batches,
            partitions,
            remove_segments,
        } = commit;
        for (table, batches) in &batches {
            check_schema(*table, batches)?;
        }
        // First without the new segments: a commit that is refused has written nothing.
        let manifest = self.successor(partitions, &remove_segments)?;
        check(&self.manifest, &manifest)?;

        let kind = Kind::New {
            // Rows that were pressed ahead cannot be handed in again.
            can_be_repeated: self.open.is_empty() && self.pressed.is_empty(),
        };
        let jobs = self.jobs(batches);
        self.make_visible(manifest, jobs, &remove_segments, kind)
    }

    /// Settles segments and publishes the manifest that adds them.
    fn make_visible(
        &mut self,
        mut manifest: Manifest,
        jobs: Vec<Job>,
        remove: &[SegmentId],
        kind: Kind,
    ) -> Result<CommitReport> {
        let spare_ids = AtomicU64::new(self.next_segment.0);
        let settled = settle(
            &*self.options.disk,
            &self.root,
            manifest.id,
            jobs,
            &spare_ids,
            (self.options.encoding_threads_max, self.options.syncing),
        );
        self.next_segment = SegmentId(spare_ids.into_inner());
        manifest.next_segment = self.next_segment;
        let Settled {
            segments,
            press,
            sync,
        } = settled.map_err(|failure| self.give_up(failure, &[], kind))?;
        let written: Vec<_> = segments
            .iter()
            .map(|segment| (segment.table, segment.id))
            .collect();
        let segments: Vec<Arc<Segment>> = segments.into_iter().map(Arc::new).collect();
        let note = add_segments(&mut manifest, &segments, remove.len(), kind);
        let note = CommitNote {
            press: whole_us(press),
            sync: whole_us(sync),
            ..note
        };
        let (rows, bytes) = (note.rows_added(), note.bytes_added);
        add_note(&mut manifest, note);

        let start = Instant::now();
        let published = check(&self.manifest, &manifest)
            .map_err(Failure::Clean)
            .and_then(|()| persist::publish(&*self.options.disk, &self.root, &manifest));
        published.map_err(|failure| self.give_up(failure, &written, kind))?;
        let publish = start.elapsed();

        let before = std::mem::replace(&mut self.manifest, Arc::new(manifest));
        let removed = remove.iter().filter_map(|id| before.segment(*id));
        self.garbage.published(
            &self.manifest,
            removed.map(|segment| Retired::new(segment, before.id)),
        );
        self.collect_garbage();
        Ok(CommitReport {
            manifest: self.manifest.id,
            segments,
            rows,
            bytes,
            press,
            sync,
            publish,
        })
    }

    /// Merges small segments where a commit left too many of them: see [`merge`](crate::merge). Call it after each
    /// commit; mostly there is nothing to do. A large merge is begun here, goes on in a thread of its own, and becomes
    /// visible at a later call. The report is of what has become visible now.
    ///
    /// Nothing happens while rows are pressed ahead of a commit, and for some commits after a merge that failed.
    ///
    /// # Errors
    /// A merge that failed. All is as it was before, and the writer may commit, unless a sync failed or it is in doubt
    /// whether the merge is visible: then it refuses every further commit, as after [`Self::commit`].
    pub fn merge_tail(&mut self) -> Result<Option<MergeReport>> {
        self.check_right()?;
        if !self.open.is_empty() || !self.pressed.is_empty() {
            return Ok(None);
        }
        if self.merging.is_under_way() {
            let Some(merged) = self.merging.take_finished() else {
                return Ok(None);
            };
            return self.commit_merged(merged);
        }
        if !self.merging.is_rested() {
            return Ok(None);
        }
        let Some(task) = self.merge_task() else {
            return Ok(None);
        };
        let in_place = task.plan.rows() <= INLINE_ROWS_MAX && task.plan.bytes() <= INLINE_BYTES_MAX;
        let task = match in_place {
            true => task,
            false => match self.merging.begin(task) {
                Ok(()) => return Ok(None),
                Err(task) => task,
            },
        };
        self.commit_merged(task.run())
    }

    /// Merges until nothing is left to merge, and waits for it.
    ///
    /// # Errors
    /// As [`Self::merge_tail`]. Rows that are pressed ahead of a commit.
    pub fn merge_all(&mut self) -> Result<Vec<MergeReport>> {
        self.check_right()?;
        if !self.open.is_empty() || !self.pressed.is_empty() {
            return Err(StoreError::Invalid(
                "rows are pressed ahead of a commit; commit them before segments are merged".to_owned(),
            ));
        }
        let mut reports = Vec::new();
        if let Some(merged) = self.merging.wait() {
            reports.extend(self.commit_merged(merged)?);
        }
        while let Some(task) = self.merge_task() {
            reports.extend(self.commit_merged(task.run())?);
        }
        Ok(reports)
    }

    /// What is to be merged now, if anything.
    fn merge_task(&mut self) -> Option<Task> {
        let Self {
            root,
            manifest,
            merging,
            ..
        } = self;
        let plan = merge::plan(manifest, |segment| merging.can_read(root, segment));
        (!plan.is_empty()).then(|| Task {
            disk: Arc::clone(&self.options.disk),
            root: self.root.clone(),
            ids: plan.groups.iter().map(|_| self.use_segment_id()).collect(),
            plan,
            cancelled: Arc::default(),
        })
    }

    /// Makes a merge visible.
    fn commit_merged(&mut self, merged: Result<Merged>) -> Result<Option<MergeReport>> {
        let report = merged.and_then(|merged| self.publish_merged(merged));
        match &report {
            Ok(_) => self.merging.succeeded(),
            Err(_) => self.merging.failed(),
        }
        report
    }

    fn publish_merged(&mut self, merged: Merged) -> Result<Option<MergeReport>> {
        let is_live = |source: &Arc<Segment>| self.manifest.segment(source.id).is_some();
        if !merged.sources.iter().all(is_live) {
            // A commit has replaced some of them meanwhile.
            merged.discard(&*self.options.disk);
            return Ok(None);
        }
        let remove: Vec<SegmentId> = merged.sources.iter().map(|source| source.id).collect();
        let manifest = self.successor(Vec::new(), &remove)?;
        let Merged {
            pressed,
            sources,
            press,
        } = merged;
        let jobs = pressed.into_iter().map(|pressed| {
            let id = self.use_segment_id();
            Job::Pressed(pressed.rename(&self.root, id, manifest.id))
        });
        let jobs = jobs.collect();
        let report = self.make_visible(manifest, jobs, &remove, Kind::Merged)?;
        Ok(Some(MergeReport {
            manifest: report.manifest,
            tables: report.segments.iter().map(|segment| segment.table).collect(),
            segments_removed: sources.len(),
            segments_added: report.segments.len(),
            rows_read: sources.iter().map(|segment| segment.rows).sum(),
            rows_written: report.segments.iter().map(|segment| segment.rows).sum(),
            press,
        }))
    }

    /// Waits for a merge that is under way and makes it visible. One that fails is told and left to a later one.
    pub fn finish_merge(&mut self) {
        let Some(merged) = self.merging.wait() else {
            return;
        };
        let visible = match self.check_right() {
            Ok(()) => self.commit_merged(merged).map(drop),
            Err(error) => {
                if let Ok(merged) = merged {
                    merged.discard(&*self.options.disk);
                }
                Err(error)
            }
        };
        if let Err(error) = visible {
            tracing::warn!(%error, "the last merge of segments failed; a later one takes its place");
        }
    }

    /// Lets go of the store. A merge that is under way becomes visible first; dropping the writer gives it up.
    pub fn close(mut self) {
        self.finish_merge();
        self.collect_garbage();
    }

    fn check_right(&self) -> Result<()> {
        let path = self.root.path().to_owned();
        match &self.ended {
            None => Ok(()),
            Some(Ended::Fenced) => Err(StoreError::Fenced {
                path,
                manifest: self.manifest.id.next(),
            }),
            Some(Ended::Poisoned(cause)) => Err(StoreError::Poisoned {
                path,
                cause: cause.clone(),
            }),
        }
    }

    /// The next manifest, without new segments.
    fn successor(&self, partitions: Vec<PartitionState>, remove: &[SegmentId]) -> Result<Manifest> {
        let old = &*self.manifest;
        let remove: BTreeSet<SegmentId> = remove.iter().copied().collect();
        if let Some(unknown) = remove.iter().find(|id| old.segment(**id).is_none()) {
            return Err(StoreError::Invalid(format!(
                "segment {unknown} cannot be removed: it is not live"
            )));
        }
        let mut states = old.partitions.clone();
        for state in partitions {
            match states.binary_search_by(|known| known.log.cmp(&state.log)) {
                Ok(at) => states[at] = state,
                Err(at) => states.insert(at, state),
            }
        }
        Ok(Manifest {
            id: old.id.next(),
            store_id: Arc::clone(&old.store_id),
            parent: Some(old.id),
            writer_epoch: self.epoch,
            created_us: now_us(),
            next_segment: self.next_segment,
            segments: old
                .segments
                .iter()
                .filter(|segment| !remove.contains(&segment.id))
                .map(Arc::clone)
                .collect(),
            partitions: states,
            rows_committed: old.rows_committed.clone(),
            commits: old.commits.clone(),
        })
    }

    /// The segments of a commit. Their numbers are used up, whatever becomes of it.
    fn jobs(&mut self, batches: Vec<(Table, Vec<RecordBatch>)>) -> Vec<Job> {
        let mut jobs: Vec<Job> = self.pressed.drain(..).map(Job::Pressed).collect();
        let mut open = std::mem::take(&mut self.open);
        for (table, batches) in batches {
            if batches.iter().all(|batch| batch.num_rows() == 0) {
                continue;
            }
            jobs.push(match open.iter().position(|segment| segment.table == table) {
                Some(index) => Job::Open {
                    segment: open.swap_remove(index),
                    batches,
                },
                None => Job::New {
                    table,
                    id: self.use_segment_id(),
                    batches,
                },
            });
        }
        jobs.extend(open.into_iter().map(|segment| Job::Open {
            segment,
            batches: Vec::new(),
        }));
        jobs
    }

    /// Ends a commit that failed, and the writer with it where what is on disk is in doubt or rows of the commit are gone.
    /// `written` are the segments that have their names already.
    fn give_up(&mut self, failure: Failure, written: &[(Table, SegmentId)], kind: Kind) -> StoreError {
        match failure {
            Failure::Unnamed(error) if kind != Kind::Merged => {
                self.ended = Some(Ended::Poisoned(error.to_string()));
                error
            }
            Failure::Clean(error) | Failure::Unnamed(error) => {
                for (table, id) in written {
                    gone(
                        &*self.options.disk,
                        &self.root.resolve(&segment_path(*table, *id)),
                    );
                }
                if kind
                    == (Kind::New {
                        can_be_repeated: false,
                    })
                {
                    self.ended = Some(Ended::Poisoned(error.to_string()));
                }
                error
            }
            Failure::Uncertain(error) => {
                self.ended = Some(Ended::Poisoned(error.to_string()));
                error
            }
            Failure::Swept(error) if !self.is_fenced() => {
                self.ended = Some(Ended::Poisoned(error.to_string()));
                error
            }
            Failure::Fenced | Failure::Swept(_) => {
                self.ended = Some(Ended::Fenced);
                StoreError::Fenced {
                    path: self.root.path().to_owned(),
                    manifest: self.manifest.id.next(),
                }
            }
        }
    }

    /// Whether another writer has published a manifest since.
    fn is_fenced(&self) -> bool {
        let ids = persist::list(&*self.options.disk, &self.root).unwrap_or_default();
        ids.last().is_some_and(|newest| *newest > self.manifest.id)
    }

    fn collect_garbage(&mut self) {
        if self.ended.is_some() {
            return;
        }
        self.snapshots.retain(|snapshot| snapshot.strong_count() > 0);
        let pinned = self
            .snapshots
            .iter()
            .filter_map(Weak::upgrade)
            .map(|inner| inner.manifest_id())
            .collect();
        self.garbage.collect(&*self.options.disk, &self.root, &pinned);
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if let Some(merged) = self.merging.cancel() {
            merged.discard(&*self.options.disk);
        }
        self.discard_pressed();
    }
}

/// What the segments of a commit hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Rows that were not in the store, and whether they can be handed in again.
    New { can_be_repeated: bool },
    /// Rows of the segments that it removes. Whatever becomes of it, they are in the store.
    Merged,
}

/// Adds segments, and their rows if they are new, to a manifest.
fn add_segments(
    manifest: &mut Manifest,
    segments: &[Arc<Segment>],
    removed: usize,
    kind: Kind,
) -> CommitNote {
    let mut rows: Vec<TableRows> = Vec::new();
    for segment in segments.iter().filter(|_| kind != Kind::Merged) {
        add_rows(&mut rows, segment.table, segment.rows);
        add_rows(&mut manifest.rows_committed, segment.table, segment.rows);
    }
    manifest.segments.extend(segments.iter().map(Arc::clone));
    CommitNote {
        manifest: manifest.id,
        created_us: manifest.created_us,
        rows,
        segments_added: segments.len() as u32,
        segments_removed: removed as u32,
        bytes_added: segments.iter().map(|segment| segment.bytes).sum(),
        press: Duration::ZERO,
        sync: Duration::ZERO,
    }
}

fn add_rows(totals: &mut Vec<TableRows>, table: Table, rows: u64) {
    match totals.iter_mut().find(|total| total.table == table) {
        Some(total) => total.rows += rows,
        None => totals.push(TableRows { table, rows }),
    }
}

fn add_note(manifest: &mut Manifest, note: CommitNote) {
    manifest.commits.push(Arc::new(note));
    let surplus = manifest.commits.len().saturating_sub(COMMIT_NOTES_KEPT);
    manifest.commits.drain(..surplus);
}

/// As manifests keep a time, so that one reads back as it was.
fn whole_us(time: Duration) -> Duration {
    Duration::from_micros(u64::try_from(time.as_micros()).unwrap_or(u64::MAX))
}

fn now_us() -> i64 {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
