//! The threads in memory: a table of places over a slab of entries that never move.

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::fragments::OpenRuns;
use super::memory::{prefetch, want_large_pages};
use super::name::ThreadName;
use super::places::Places;
use super::thread::ThreadState;

/// Entries per chunk of the slab, as a power of two: 48 MiB of address space, used as it fills. So much is always fresh
/// from the operating system, which cannot give large pages where small ones lie already.
const CHUNK_BITS: u32 = 18;
const CHUNK: usize = 1 << CHUNK_BITS;

/// Marks a free entry.
const NO_PARTITION: u32 = u32::MAX;

/// Number of an entry in the slab.
pub(super) type Slot = u32;

/// Hash of the name of a thread.
pub(super) type Tag = u32;

/// One thread in memory: three cache lines, of which a message of a known thread touches all and nothing else. The name
/// is the first of them: the end of a commit reads nothing but names.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct HotThread {
    pub(super) name: ThreadName,
    pub(super) state: ThreadState,
    /// The commit, counted since the book was opened, in which it was last touched.
    pub(super) touched: u64,
    /// Its newest runs of that commit.
    pub(super) open_runs: OpenRuns,
    /// Index of its partition in the book.
    pub(super) partition: u32,
}

const _: () = assert!(size_of::<HotThread>() == 192);

/// The threads in memory.
#[derive(Debug)]
pub(super) struct HotThreads {
    places: Places,
    chunks: Vec<Vec<HotThread>>,
    free: Vec<Slot>,
    /// Differs in every process, so that nobody can choose thread names that fall on one another.
    seed: u64,
}

impl HotThreads {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            places: Places::default(),
            chunks: Vec::new(),
            free: Vec::new(),
            seed,
        }
    }

    /// Number of threads in memory.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// What a thread is found by if it is the first of its name in its partition.
    #[inline]
    pub(super) fn tag(&self, partition: u32, thread_id: &[u8]) -> Tag {
        (xxh3_64_with_seed(thread_id, self.seed ^ u64::from(partition)) >> 32) as Tag
    }

    /// What the others of its name are found by, which other tenants have: under one tag they would be one long chain.
    #[inline]
    fn tag_of_tenant(&self, partition: u32, tenant_id: &str, thread_id: &str) -> Tag {
        let tenant = xxh3_64_with_seed(tenant_id.as_bytes(), !self.seed ^ u64::from(partition));
        (xxh3_64_with_seed(thread_id.as_bytes(), tenant) >> 32) as Tag
    }

    /// The entry of a thread, if it is in memory.
    #[inline]
    pub(super) fn find(&self, partition: u32, tenant_id: &str, thread_id: &str) -> Option<Slot> {
        let is_it = |slot| self.is(slot, partition, tenant_id, thread_id);
        let tag = self.tag(partition, thread_id.as_bytes());
        self.places.find(tag, is_it).or_else(|| {
            let tag = self.tag_of_tenant(partition, tenant_id, thread_id);
            self.places.find(tag, is_it)
        })
    }

    /// An entry that is found under a tag: likely that of the thread whose tag it is.
    #[inline]
    pub(super) fn any_under(&self, tag: Tag) -> Option<Slot> {
        self.places.find(tag, |_| true)
    }

    /// Asks for the place of a tag, which will be read soon.
    #[inline]
    pub(super) fn prefetch_place(&self, tag: Tag) {
        self.places.prefetch(tag);
    }

    /// Whether an entry is that of this thread. Free entries and numbers that were never used are nobody's.
    #[inline]
    pub(super) fn is(&self, slot: Slot, partition: u32, tenant_id: &str, thread_id: &str) -> bool {
        self.get(slot)
            .is_some_and(|thread| thread.partition == partition && thread.name.is(tenant_id, thread_id))
    }

    #[inline]
    pub(super) fn get(&self, slot: Slot) -> Option<&HotThread> {
        self.chunks
            .get((slot >> CHUNK_BITS) as usize)?
            .get(slot as usize % CHUNK)
    }

    /// Asks for the entry, which will be read soon.
    #[inline]
    pub(super) fn prefetch(&self, slot: Slot) {
        if let Some(thread) = self.get(slot) {
            prefetch(thread);
        }
    }

    /// As [`Self::prefetch`], where only the name will be read.
    #[inline]
    pub(super) fn prefetch_name(&self, slot: Slot) {
        if let Some(thread) = self.get(slot) {
            prefetch(&thread.name);
        }
    }

    #[inline]
    pub(super) fn get_mut(&mut self, slot: Slot) -> Option<&mut HotThread> {
        self.chunks
            .get_mut((slot >> CHUNK_BITS) as usize)?
            .get_mut(slot as usize % CHUNK)
    }

    /// Takes a thread in that is not there yet.
    pub(super) fn insert(&mut self, partition: u32, name: ThreadName, state: ThreadState) -> Slot {
        let mut tag = self.tag(partition, name.thread_id().as_bytes());
        if self.any_under(tag).is_some() {
            tag = self.tag_of_tenant(partition, name.tenant_id(), name.thread_id());
        }
        let thread = HotThread {
            state,
            name,
            partition,
            touched: 0,
            open_runs: OpenRuns::default(),
        };
        let slot = match self.free.pop() {
            Some(slot) => {
                if let Some(place) = self.get_mut(slot) {
                    *place = thread;
                }
                slot
            }
            None => {
                if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
                    let chunk = Vec::with_capacity(CHUNK);
                    // The first one may remain nearly empty.
                    if !self.chunks.is_empty() {
                        want_large_pages(&chunk);
                    }
                    self.chunks.push(chunk);
                }
                let full = (self.chunks.len() - 1) * CHUNK;
                let chunk = self
                    .chunks
                    .last_mut()
                    .expect("a chunk was pushed when there was none with room");
                chunk.push(thread);
                (full + chunk.len() - 1) as Slot
            }
        };
        self.places.insert(tag, slot);
        slot
    }

    /// Frees an entry.
    pub(super) fn remove(&mut self, slot: Slot) {
        let Some(thread) = self.get(slot) else { return };
        if thread.partition == NO_PARTITION {
            return;
        }
        let (tenant_id, thread_id) = (thread.name.tenant_id(), thread.name.thread_id());
        let tag = self.tag(thread.partition, thread_id.as_bytes());
        let tag_of_tenant = self.tag_of_tenant(thread.partition, tenant_id, thread_id);
        if !self.places.remove(tag, slot) {
            self.places.remove(tag_of_tenant, slot);
        }
        if let Some(thread) = self.get_mut(slot) {
            thread.partition = NO_PARTITION;
            thread.name = ThreadName::new("", "");
        }
        self.free.push(slot);
    }

    /// Every thread in memory, in order of entries.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Slot, &HotThread)> {
        self.chunks
            .iter()
            .flatten()
            .enumerate()
            .filter(|(_, thread)| thread.partition != NO_PARTITION)
            .map(|(slot, thread)| (slot as Slot, thread))
    }
}
