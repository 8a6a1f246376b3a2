//! The merge under way, and how long to wait after one that failed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};

use hashbrown::HashMap;
use quipu_proto::Table;

use super::{Merged, Task, is_readable};
use crate::error::{Result, StoreError};
use crate::paths::Root;
use crate::segment::{Segment, schema_fingerprint};

/// Commits without a merge after the first that failed; each further failure doubles them.
const REST_COMMITS: u32 = 16;

/// The most that such a rest can become.
const REST_COMMITS_MAX: u32 = 1_024;

/// What a writer remembers of its merges.
#[derive(Debug, Default)]
pub(crate) struct Merging {
    under_way: Option<UnderWay>,
    /// Commits that are left of a rest.
    rest: u32,
    failures: u32,
    /// Whether segments of a table can be read, by the fingerprint of their schema. Those of today's can.
    readable: HashMap<(Table, u64), bool>,
}

#[derive(Debug)]
struct UnderWay {
    thread: JoinHandle<Result<Merged>>,
    cancelled: Arc<AtomicBool>,
}

impl Merging {
    /// Whether a segment can be read with the columns that its table has now.
    pub(crate) fn can_read(&mut self, root: &Root, segment: &Segment) -> bool {
        let fingerprint = segment.schema_fingerprint;
        if fingerprint == schema_fingerprint(&segment.table.schema()) {
            return true;
        }
        *self
            .readable
            .entry((segment.table, fingerprint))
            .or_insert_with(|| is_readable(&root.resolve(&segment.path), segment.table))
    }

    /// Whether to look for work after a commit.
    pub(crate) fn is_rested(&mut self) -> bool {
        let rested = self.rest == 0;
        self.rest = self.rest.saturating_sub(1);
        rested
    }

    pub(crate) fn succeeded(&mut self) {
        self.failures = 0;
    }

    pub(crate) fn failed(&mut self) {
        let doubled = REST_COMMITS
            .checked_shl(self.failures)
            .unwrap_or(REST_COMMITS_MAX);
        self.rest = doubled.min(REST_COMMITS_MAX);
        self.failures = (self.failures + 1).min(16);
    }

    /// Hands a task to a thread of its own, or gives it back where there is none to be had.
    pub(crate) fn begin(&mut self, task: Task) -> Result<(), Task> {
        let cancelled = Arc::clone(&task.cancelled);
        let for_thread = task.clone();
        match Builder::new()
            .name("quipu-merge".to_owned())
            .spawn(move || for_thread.run())
        {
            Ok(thread) => {
                self.under_way = Some(UnderWay { thread, cancelled });
                Ok(())
            }
            Err(_) => Err(task),
        }
    }

    pub(crate) fn is_under_way(&self) -> bool {
        self.under_way.is_some()
    }

    /// What the thread has done, if it is done.
    pub(crate) fn take_finished(&mut self) -> Option<Result<Merged>> {
        let finished = self
            .under_way
            .take_if(|under_way| under_way.thread.is_finished())?;
        Some(joined(finished.thread))
    }

    /// Waits for the thread, if there is one.
    pub(crate) fn wait(&mut self) -> Option<Result<Merged>> {
        self.under_way.take().map(|under_way| joined(under_way.thread))
    }

    /// Ends the thread, if there is one, and gives what it has done nevertheless.
    pub(crate) fn cancel(&mut self) -> Option<Merged> {
        let under_way = self.under_way.take()?;
        under_way.cancelled.store(true, Ordering::Relaxed);
        under_way.thread.join().ok()?.ok()
    }
}

/// The result of a thread. A merge must harm nobody, so a panic is a failure like others.
fn joined(thread: JoinHandle<Result<Merged>>) -> Result<Merged> {
    thread.join().unwrap_or_else(|_| {
        Err(StoreError::Invalid(
            "the thread that merged segments panicked".to_owned(),
        ))
    })
}
