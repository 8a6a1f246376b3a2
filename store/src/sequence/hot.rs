//! The threads in memory: a table of places over a slab of entries that never move.

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::memory::{prefetch, want_large_pages};
use super::name::ThreadName;
use super::places::Places;
use super::runs::OpenRuns;
use super::thread::ThreadState;

/// Entries per chunk of the slab, as a power of two: 48 MiB of address space, used as it fills. So much is always fresh
/// from the operating system, which cannot give large pages where small ones lie already.
const CHUNK_BITS: u32 = 18;
const CHUNK: usize = 1 << CHUNK_BITS;

/// Marks a free entry.
const NO_PARTITION: u32 = u32::MAX;

/// Number of an entry in the slab.
pub(super) type Slot = u32;

/// One thread in memory: three cache lines, of which a message of a known thread touches all and nothing else.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct HotThread {
    pub(super) state: ThreadState,
    pub(super) name: ThreadName,
    /// Index of its partition in the book.
    pub(super) partition: u32,
    /// The commit, counted since the book was opened, in which it was last touched.
    pub(super) touched: u64,
    /// Its newest runs of that commit.
    pub(super) open_runs: OpenRuns,
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

    /// What a name is found by.
    #[inline]
    pub(super) fn tag(&self, partition: u32, tenant_id: &str, thread_id: &str) -> u32 {
        let tenant = xxh3_64_with_seed(tenant_id.as_bytes(), self.seed ^ u64::from(partition));
        (xxh3_64_with_seed(thread_id.as_bytes(), tenant) >> 32) as u32
    }

    /// The entry of a thread, if it is in memory.
    #[inline]
    pub(super) fn find(&self, tag: u32, partition: u32, tenant_id: &str, thread_id: &str) -> Option<Slot> {
        self.places
            .find(tag, |slot| self.is(slot, partition, tenant_id, thread_id))
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

    #[inline]
    pub(super) fn get_mut(&mut self, slot: Slot) -> Option<&mut HotThread> {
        self.chunks
            .get_mut((slot >> CHUNK_BITS) as usize)?
            .get_mut(slot as usize % CHUNK)
    }

    /// Takes a thread in that is not there yet.
    pub(super) fn insert(&mut self, tag: u32, partition: u32, name: ThreadName, state: ThreadState) -> Slot {
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
        let tag = self.tag(thread.partition, thread.name.tenant_id(), thread.name.thread_id());
        self.places.remove(tag, slot);
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
