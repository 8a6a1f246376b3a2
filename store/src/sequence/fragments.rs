//! The runs of one commit while they grow: which numbers of which thread were seen.
//!
//! Each message continues the newest run of its thread and emitter or begins another: one comparison, whatever the
//! order. Sorting and joining wait for the end of the commit, so that no order of arrival, however contrived, costs more
//! than a sort. What they will be sorted by is taken down when a run begins: the name is at hand then, and at the end of
//! the commit it would have to be fetched from memory.

use std::sync::Arc;

use hashbrown::HashMap;
use quipu_proto::Emitter;

use super::hot::Slot;
use super::memory::{prefetch, want_large_pages};
use super::runs::Run;

/// A run as it grew, before it is joined with its neighbours: one line of a cache.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(super) struct Fragment {
    pub(super) run: Run,
    pub(super) emitter: Emitter,
}

/// Whose run a fragment is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owner<'a> {
    /// Index of its partition in the book.
    pub(super) partition: u32,
    pub(super) tenant_id: &'a str,
    pub(super) thread_id: &'a str,
    /// Its entry.
    pub(super) thread: Slot,
}

/// What a fragment is sorted by first, and where it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct SortKey {
    /// Index of its partition in the book; its rank, once they are sorted.
    pub(super) partition: u32,
    /// Number of its tenant in this commit; its rank, once they are sorted.
    pub(super) tenant: u32,
    /// First bytes of the thread, in numbers that order as the text does.
    pub(super) thread_prefix: [u64; 2],
    pub(super) thread: Slot,
    pub(super) fragment: u32,
}

const _: () = assert!(size_of::<Fragment>() == 64 && size_of::<SortKey>() == 32);

const NONE: u32 = u32::MAX;

/// The newest fragment of a thread per emitter, by its index in this commit.
#[derive(Clone, Copy, Debug)]
pub(super) struct OpenRuns([u32; 2]);

impl Default for OpenRuns {
    fn default() -> Self {
        Self([NONE; 2])
    }
}

/// The fragments of the commit in the making.
#[derive(Debug, Default)]
pub(super) struct Fragments {
    pub(super) fragments: Vec<Fragment>,
    /// One per fragment; in order once they are sorted, which is done once.
    pub(super) keys: Vec<SortKey>,
    pub(super) tenants: Tenants,
}

impl Fragments {
    /// Adds a numbered message of a thread whose newest runs are `open`.
    #[inline]
    pub(super) fn add(
        &mut self,
        open: &mut OpenRuns,
        owner: &Owner<'_>,
        emitter: Emitter,
        sequence: u64,
        time_us: i64,
        offset: i64,
    ) {
        let newest = &mut open.0[emitter as usize];
        if let Some(fragment) = self.fragments.get_mut(*newest as usize)
            && fragment.run.take(sequence, time_us, offset)
        {
            return;
        }
        let index = self.fragments.len() as u32;
        *newest = index;
        if self.fragments.len() == self.fragments.capacity() {
            self.grow();
        }
        self.fragments.push(Fragment {
            run: Run::of(sequence, time_us, offset),
            emitter,
        });
        self.keys.push(SortKey {
            partition: owner.partition,
            tenant: self.tenants.number(owner.tenant_id),
            thread_prefix: prefix(owner.thread_id),
            thread: owner.thread,
            fragment: index,
        });
    }

    /// Makes room for more, on large pages: they are read in the order of their names.
    #[cold]
    fn grow(&mut self) {
        self.fragments.reserve(1);
        want_large_pages(&self.fragments);
    }

    /// Asks for the newest runs of a thread, which are likely to grow soon.
    #[inline]
    pub(super) fn prefetch(&self, open: &OpenRuns) {
        for newest in open.0 {
            if let Some(fragment) = self.fragments.get(newest as usize) {
                prefetch(fragment);
            }
        }
    }

    /// Whether the commit has no numbered message yet.
    pub(super) fn is_empty(&self) -> bool {
        self.fragments.is_empty()
    }

    /// Begins the next commit, which is likely to have as many: their room is kept.
    pub(super) fn clear(&mut self) {
        let room = self.fragments.len() * 2;
        self.fragments.clear();
        self.fragments.shrink_to(room);
        self.keys.clear();
        self.keys.shrink_to(room);
        self.tenants = Tenants::default();
    }
}

/// The first 16 bytes of a text as numbers that order as the text does.
#[inline]
fn prefix(text: &str) -> [u64; 2] {
    let bytes = match text.as_bytes().first_chunk::<16>() {
        Some(bytes) => *bytes,
        None => {
            let mut bytes = [0; 16];
            bytes[..text.len()].copy_from_slice(text.as_bytes());
            bytes
        }
    };
    let bytes = u128::from_be_bytes(bytes);
    [(bytes >> 64) as u64, bytes as u64]
}

/// The tenants of a commit, numbered as they come.
#[derive(Debug, Default)]
pub(super) struct Tenants {
    pub(super) names: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u32>,
    newest: u32,
}

impl Tenants {
    #[inline]
    fn number(&mut self, tenant_id: &str) -> u32 {
        let is_newest = self
            .names
            .get(self.newest as usize)
            .is_some_and(|newest| **newest == *tenant_id);
        if !is_newest {
            self.newest = self.look_up(tenant_id);
        }
        self.newest
    }

    fn look_up(&mut self, tenant_id: &str) -> u32 {
        if let Some(number) = self.numbers.get(tenant_id) {
            return *number;
        }
        let number = self.names.len() as u32;
        let name = Arc::<str>::from(tenant_id);
        self.names.push(Arc::clone(&name));
        self.numbers.insert(name, number);
        number
    }
}
