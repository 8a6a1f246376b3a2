//! A plan carried out: files that are written, but neither synced nor named.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use quipu_proto::Table;

use super::source::Source;
use super::{Plan, rows, runs};
use crate::disk::Disk;
use crate::error::{Result, StoreError};
use crate::manifest::ManifestId;
use crate::paths::Root;
use crate::segment::writer::{OpenSegment, Pressed};
use crate::segment::{Segment, SegmentId};

/// What it takes to carry out a plan, wherever.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) root: Root,
    pub(crate) plan: Plan,
    /// Numbers under which the files are written, one a group. They get others when they become visible.
    pub(crate) ids: Vec<SegmentId>,
    /// Set when nobody waits for the result any more.
    pub(crate) cancelled: Arc<AtomicBool>,
}

/// What became of a plan.
#[derive(Debug)]
pub(crate) struct Merged {
    /// The new segments.
    pub(crate) pressed: Vec<Pressed>,
    /// Those that they replace.
    pub(crate) sources: Vec<Arc<Segment>>,
    pub(crate) press: Duration,
}

impl Merged {
    pub(crate) fn discard(self, disk: &dyn Disk) {
        self.pressed.into_iter().for_each(|pressed| pressed.discard(disk));
    }
}

impl Task {
    /// Reads the sources and writes what replaces them. After an error no file of it is left.
    pub(crate) fn run(self) -> Result<Merged> {
        let start = Instant::now();
        let mut merged = Merged {
            pressed: Vec::new(),
            sources: self.plan.segments().map(Arc::clone).collect(),
            press: Duration::ZERO,
        };
        for (group, id) in self.plan.groups.iter().zip(&self.ids) {
            match self.press(group, *id) {
                Ok(pressed) => merged.pressed.push(pressed),
                Err(error) => {
                    merged.discard(&*self.disk);
                    return Err(error);
                }
            }
        }
        merged.press = start.elapsed();
        Ok(merged)
    }

    fn press(&self, group: &[Arc<Segment>], id: SegmentId) -> Result<Pressed> {
        let disk = &*self.disk;
        let commits = |of: fn(&Segment) -> ManifestId| group.iter().map(move |segment| of(segment));
        let first = commits(|segment| segment.first_commit).min().unwrap_or_default();
        let last = commits(|segment| segment.last_commit).max().unwrap_or_default();
        let Some(table) = group.first().map(|segment| segment.table) else {
            return Err(StoreError::Invalid("a merge of no segments".to_owned()));
        };
        let mut open = OpenSegment::create(disk, &self.root, table, id)?;
        if let Err(error) = self.copy(group, table, &mut open) {
            open.discard(disk);
            return Err(error);
        }
        // The manifest that adds it is not known yet.
        let mut pressed = open.finish(disk, last)?;
        let rows: u64 = group.iter().map(|segment| segment.rows).sum();
        if table != Table::SequenceRuns && pressed.segment.rows != rows {
            let found = pressed.segment.rows;
            pressed.discard(disk);
            return Err(StoreError::Invalid(format!(
                "segments of table {table} have {found} rows where the manifest has {rows}, so they are not merged"
            )));
        }
        pressed.segment.first_commit = first;
        pressed.segment.last_commit = last;
        Ok(pressed)
    }

    fn copy(&self, group: &[Arc<Segment>], table: Table, open: &mut OpenSegment) -> Result<()> {
        let sources = group
            .iter()
            .map(|segment| Source::open(&self.root.resolve(&segment.path), segment));
        let mut write = |batch: &_| {
            if self.cancelled.load(Ordering::Relaxed) {
                return Err(StoreError::Invalid(
                    "the merge was cancelled: the writer ends".to_owned(),
                ));
            }
            open.write(batch)
        };
        if table == Table::SequenceRuns {
            return runs::each_group(sources, |batch| write(&batch));
        }
        let failed = |error| StoreError::Invalid(format!("rows of table {table} cannot be joined: {error}"));
        rows::each_group(&table.schema(), sources, write, failed)
    }
}
