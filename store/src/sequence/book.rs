//! The book itself: who is in it, what arrives, what a commit takes out.

use std::hash::BuildHasher as _;
use std::path::Path;

use arrow_array::RecordBatch;
use hashbrown::HashMap;
use quipu_proto::{Emitter, LogPartition};

use super::cold::{ColdThreads, Kept};
use super::cold_entry;
use super::error::BookError;
use super::hot::{HotThread, HotThreads, Slot};
use super::name::ThreadName;
use super::partition::{Partition, PartitionKey};
use super::run_rows;
use super::runs::{Fragments, OpenRuns};
use super::sled_tree::IndexError;
use super::thread::{NO_TIME, Observation, ThreadState, id_hash};
use crate::manifest::{Head, ManifestId};

/// Entries that are made ready for the index at a time.
const COLD_BATCH: usize = 1 << 16;
/// Longest name, in bytes of tenant and thread together, that goes into the index. Threads of longer names stay in
/// memory.
const COLD_NAME_BYTES_MAX: usize = 4096;
/// Messages between two snapshots of a small book.
const SNAPSHOT_MESSAGES_MIN: u64 = 500_000;

/// Settings of a book. None of them changes an answer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BookOptions {
    /// Threads kept in memory, about 220 bytes each. Beyond that number those untouched for longest go to disk at the
    /// next commit. Default 1,000,000.
    pub hot_threads_max: usize,
    /// Threads in memory up to which a clean close writes them to disk, which takes about 10 µs each. With more, the
    /// book is rebuilt from its snapshot instead. Default 50,000.
    pub close_threads_max: usize,
}

impl Default for BookOptions {
    fn default() -> Self {
        Self {
            hot_threads_max: 1_000_000,
            close_threads_max: 50_000,
        }
    }
}

/// What opening a book found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BookStart {
    /// The book is that of the newest manifest.
    Current,
    /// The book is empty. It is rebuilt by [`SequenceBook::restore`] from the newest snapshot there is, then
    /// [`SequenceBook::replay`] of every message after it.
    Rebuild {
        /// Why, in plain words, about "the index".
        reason: String,
    },
}

/// How a book was closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BookClose {
    /// Everything is on disk: the next open takes it over.
    Clean,
    /// The next open rebuilds the book.
    Rebuild {
        /// Why, in plain words.
        reason: String,
    },
}

/// A message on its way into the store, as far as the book cares.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// Its tenant.
    pub tenant_id: &'a str,
    /// Its thread. A message without one stands outside any numbering.
    pub thread_id: &'a str,
    /// Which kind of counter numbered it.
    pub emitter: Emitter,
    /// Its number, 0 when it has none.
    pub sequence: u64,
    /// Its id, empty when it has none.
    pub message_id: &'a [u8],
    /// Its time in microseconds since the Unix epoch.
    pub time_us: Option<i64>,
    /// Offset of its record.
    pub offset: i64,
}

/// A message that is in the store already, for [`SequenceBook::replay`].
#[derive(Clone, Copy, Debug)]
pub struct ReplayRow<'a> {
    /// Its tenant.
    pub tenant_id: &'a str,
    /// Its thread.
    pub thread_id: &'a str,
    /// Its number.
    pub sequence: u64,
    /// Its id, empty when it has none.
    pub message_id: &'a [u8],
    /// Its time in microseconds since the Unix epoch.
    pub time_us: Option<i64>,
}

/// The account of every thread: what number comes next, which ids came last, which numbers this commit has seen.
///
/// What the book says of a message depends on the messages observed before in its partition and on nothing else: not
/// on commits, restarts, settings, or on what lies in its folder.
#[derive(Debug)]
pub struct SequenceBook {
    options: BookOptions,
    partitions: Vec<Partition>,
    keys: HashMap<LogPartition, PartitionKey>,
    pub(super) threads: HotThreads,
    /// None in a book without a folder.
    pub(super) cold: Option<ColdThreads>,
    /// Threads that are on disk only.
    cold_threads: u64,
    fragments: Fragments,
    /// Number of the commit in the making, counted from 1 since the book was opened.
    commit: u64,
    /// The manifest that the threads reflect, but for the messages since.
    manifest: ManifestId,
    unsealed: u64,
    since_snapshot: u64,
    /// Threads in memory above which the next seal tries to make room.
    make_room_above: usize,
    /// Why cold threads cannot be read any more.
    lost: Option<String>,
    key: Vec<u8>,
}

impl SequenceBook {
    /// An empty book that keeps all threads in memory.
    #[must_use]
    pub fn new(options: BookOptions) -> Self {
        // The hasher of the standard library gives every process its own secret.
        let seed = std::hash::RandomState::new().hash_one(0_u64);
        Self {
            make_room_above: options.hot_threads_max,
            options,
            partitions: Vec::new(),
            keys: HashMap::new(),
            threads: HotThreads::new(seed),
            cold: None,
            cold_threads: 0,
            fragments: Fragments::default(),
            commit: 1,
            manifest: ManifestId::default(),
            unsealed: 0,
            since_snapshot: 0,
            lost: None,
            key: Vec::new(),
        }
    }

    /// Opens the book of a store, whose index lies in `folder` and nowhere else. `manifest` is the newest one.
    ///
    /// Whatever is wrong with the folder is no error: the index is then deleted and the book says that it has to be
    /// rebuilt.
    #[must_use]
    pub fn open(
        folder: &Path,
        store_id: &str,
        manifest: ManifestId,
        options: BookOptions,
    ) -> (Self, BookStart) {
        let mut book = Self::new(options);
        book.manifest = manifest;
        let (cold, kept) = ColdThreads::open(folder, store_id, manifest);
        book.cold = Some(cold);
        let start = match kept {
            Ok(Kept {
                threads,
                since_snapshot,
            }) => {
                book.cold_threads = threads;
                book.since_snapshot = since_snapshot;
                BookStart::Current
            }
            Err(reason) => BookStart::Rebuild { reason },
        };
        (book, start)
    }

    /// Names a partition whose messages will be observed or replayed. `head` counts from now on for its runs.
    pub fn open_partition(&mut self, name: &LogPartition, head: Head) -> PartitionKey {
        let key = self.partition_key(name);
        self.partitions[key.0 as usize].head = head;
        key
    }

    pub(super) fn partition_key(&mut self, name: &LogPartition) -> PartitionKey {
        if let Some(key) = self.keys.get(name) {
            return *key;
        }
        let key = PartitionKey(self.partitions.len() as u32);
        self.partitions.push(Partition::new(name.clone()));
        self.keys.insert(name.clone(), key);
        key
    }

    /// The partition of that name, if the book has it.
    pub(super) fn find_partition(&self, name: &LogPartition) -> Option<PartitionKey> {
        self.keys.get(name).copied()
    }

    pub(super) fn partition_of(&self, thread: &HotThread) -> &LogPartition {
        &self.partitions[thread.partition as usize].name
    }

    /// Number of threads in memory and on disk.
    #[must_use]
    pub fn threads(&self) -> u64 {
        self.threads.len() as u64 + self.cold_threads
    }

    /// Number of threads in memory.
    #[must_use]
    pub fn hot_threads(&self) -> usize {
        self.threads.len()
    }

    /// Takes a message in and says what it is. Messages of a partition come in the order of the log: of a batch first
    /// its header, if that is to be counted, then its events.
    #[inline]
    pub fn observe(&mut self, partition: PartitionKey, arrival: &Arrival<'_>) -> Observation {
        let slot = self.slot(partition, arrival.tenant_id, arrival.thread_id);
        self.unsealed += 1;
        self.since_snapshot += 1;
        let sequence = numbered(arrival.thread_id, arrival.sequence);
        let time_us = arrival.time_us.unwrap_or(NO_TIME);
        let thread = touch(&mut self.threads, slot, self.commit);
        if sequence != 0 {
            self.fragments.add(
                &mut thread.open_runs,
                slot,
                arrival.emitter,
                sequence,
                time_us,
                arrival.offset,
            );
        }
        thread
            .state
            .arrive(sequence, id_hash(arrival.message_id), time_us)
    }

    /// Takes a message in that the store holds already and the snapshot does not, in the order in which it was
    /// observed.
    pub fn replay(&mut self, partition: PartitionKey, row: &ReplayRow<'_>) {
        let slot = self.slot(partition, row.tenant_id, row.thread_id);
        self.since_snapshot += 1;
        let sequence = numbered(row.thread_id, row.sequence);
        let thread = touch(&mut self.threads, slot, self.commit);
        thread
            .state
            .arrive(sequence, id_hash(row.message_id), row.time_us.unwrap_or(NO_TIME));
        self.make_room();
    }

    /// Puts a thread in as it stood in a snapshot.
    pub(super) fn put(
        &mut self,
        partition: PartitionKey,
        tenant_id: &str,
        thread_id: &str,
        state: ThreadState,
    ) {
        let tag = self.threads.tag(partition.0, tenant_id, thread_id);
        match self.threads.find(tag, partition.0, tenant_id, thread_id) {
            Some(slot) => touch(&mut self.threads, slot, self.commit).state = state,
            None => {
                self.threads
                    .insert(tag, partition.0, ThreadName::new(tenant_id, thread_id), state);
            }
        }
    }

    /// The entry of a thread, which is made when there is none.
    #[inline]
    fn slot(&mut self, partition: PartitionKey, tenant_id: &str, thread_id: &str) -> Slot {
        let PartitionKey(number) = partition;
        let newest = self.partitions[number as usize].newest_thread;
        if self.threads.is(newest, number, tenant_id, thread_id) {
            return newest;
        }
        let tag = self.threads.tag(number, tenant_id, thread_id);
        let slot = match self.threads.find(tag, number, tenant_id, thread_id) {
            Some(slot) => slot,
            None => self.admit(tag, number, tenant_id, thread_id),
        };
        self.partitions[number as usize].newest_thread = slot;
        slot
    }

    /// Takes a thread into memory: from disk if it is there, else as a new one.
    #[cold]
    fn admit(&mut self, tag: u32, partition: u32, tenant_id: &str, thread_id: &str) -> Slot {
        let state = match self.find_cold(partition, tenant_id, thread_id) {
            Ok(Some(state)) => {
                self.cold_threads = self.cold_threads.saturating_sub(1);
                state
            }
            Ok(None) => ThreadState::default(),
            Err(error) => {
                self.lose(&error);
                ThreadState::default()
            }
        };
        self.threads
            .insert(tag, partition, ThreadName::new(tenant_id, thread_id), state)
    }

    fn find_cold(
        &mut self,
        partition: u32,
        tenant_id: &str,
        thread_id: &str,
    ) -> Result<Option<ThreadState>, IndexError> {
        let Some(cold) = self.cold.as_ref().filter(|cold| cold.holds_any()) else {
            return Ok(None);
        };
        let Some(prefix) = &self.partitions[partition as usize].key_prefix else {
            return Ok(None);
        };
        if tenant_id.len() + thread_id.len() > COLD_NAME_BYTES_MAX {
            return Ok(None);
        }
        self.key.clear();
        self.key.extend_from_slice(prefix);
        cold_entry::push_name(&mut self.key, tenant_id, thread_id);
        cold.find(&self.key)
    }

    /// Cold threads cannot be read: nothing may be committed any more, and the index goes, so that the next open
    /// rebuilds the book.
    fn lose(&mut self, error: &IndexError) {
        if self.lost.is_none() {
            tracing::error!(%error, "cold threads of the sequence book are lost; the store must be opened again");
            self.lost = Some(error.to_string());
            if let Some(cold) = &mut self.cold {
                cold.unmark();
            }
        }
    }

    /// Ends the commit in the making, which will be `manifest`, and hands out its rows of `sequence_runs`: usually in
    /// one batch, in none when nothing was numbered.
    ///
    /// # Errors
    /// After an error, here or in the commit that follows, the book is ahead of the store: it is to be dropped, and
    /// the store opened again.
    pub fn seal(&mut self, manifest: ManifestId) -> Result<Vec<RecordBatch>, BookError> {
        if let Some(reason) = &self.lost {
            return Err(BookError::ColdThreadsLost {
                reason: reason.clone(),
            });
        }
        if let Some(cold) = &mut self.cold {
            cold.unmark();
        }
        let fragments = self.fragments.take();
        let batches = run_rows::rows(&fragments, &self.threads, &self.partitions)?;
        self.commit += 1;
        self.manifest = manifest;
        self.unsealed = 0;
        self.make_room();
        Ok(batches)
    }

    /// Moves the threads untouched for longest to disk if there are too many in memory.
    pub(super) fn make_room(&mut self) {
        let hot = self.threads.len();
        // The runs of a commit in the making point to threads in memory.
        if hot <= self.make_room_above || !self.fragments.is_empty() || self.cold.is_none() {
            return;
        }
        // A little more than need be, so that not every commit searches all threads.
        let keep = self.options.hot_threads_max - self.options.hot_threads_max / 32;
        let mut oldest: Vec<(u64, Slot)> = self
            .threads
            .iter()
            .filter(|(_, thread)| self.fits_cold(thread))
            .map(|(slot, thread)| (thread.touched, slot))
            .collect();
        let surplus = hot - keep;
        if surplus < oldest.len() {
            oldest.select_nth_unstable(surplus);
            oldest.truncate(surplus);
        }
        for slots in oldest.chunks(COLD_BATCH) {
            let slots: Vec<Slot> = slots.iter().map(|(_, slot)| *slot).collect();
            if let Err(error) = self.put_cold(&slots) {
                tracing::warn!(%error, "threads of the sequence book stay in memory: its index cannot be written");
                break;
            }
            self.cold_threads += slots.len() as u64;
            slots.into_iter().for_each(|slot| self.threads.remove(slot));
        }
        let hot = self.threads.len();
        self.make_room_above = if hot > self.options.hot_threads_max {
            hot + hot / 8
        } else {
            self.options.hot_threads_max
        };
    }

    fn fits_cold(&self, thread: &HotThread) -> bool {
        self.partitions[thread.partition as usize].key_prefix.is_some()
            && thread.name.tenant_id().len() + thread.name.thread_id().len() <= COLD_NAME_BYTES_MAX
    }

    /// Writes threads to the index; they stay in memory.
    fn put_cold(&mut self, slots: &[Slot]) -> Result<(), IndexError> {
        let Some(cold) = self.cold.as_mut().filter(|cold| cold.is_writable()) else {
            return Err(IndexError("it failed before".to_owned()));
        };
        let mut entries = Vec::with_capacity(slots.len());
        for thread in slots.iter().filter_map(|slot| self.threads.get(*slot)) {
            let mut key = self.partitions[thread.partition as usize]
                .key_prefix
                .clone()
                .unwrap_or_default();
            cold_entry::push_name(&mut key, thread.name.tenant_id(), thread.name.thread_id());
            let value = cold_entry::encode_value(&key, &thread.state, self.manifest);
            entries.push((key, value));
        }
        entries.sort_unstable();
        cold.put(&entries, self.manifest)
    }

    /// Whether it is time to commit a snapshot of the book: rarely enough that it costs little next to the messages,
    /// often enough that rebuilding replays few of them.
    #[must_use]
    pub fn snapshot_due(&self) -> bool {
        self.since_snapshot >= SNAPSHOT_MESSAGES_MIN.max(self.threads().saturating_mul(4))
    }

    /// Messages observed or replayed since the last snapshot.
    #[must_use]
    pub fn messages_since_snapshot(&self) -> u64 {
        self.since_snapshot
    }

    pub(super) fn snapshot_begins(&mut self) {
        self.since_snapshot = 0;
    }

    /// Closes the book. `manifest` is the newest one committed.
    ///
    /// Everything is written to disk if the book reflects exactly that manifest and is not too large; else the next
    /// open rebuilds it. Dropping a book instead has the latter effect.
    pub fn close(mut self, manifest: ManifestId) -> BookClose {
        let result = self.write_all(manifest);
        let Some(mut cold) = self.cold.take() else {
            return BookClose::Rebuild {
                reason: "the book has no folder".to_owned(),
            };
        };
        let kept = Kept {
            threads: self.threads(),
            since_snapshot: self.since_snapshot,
        };
        match result {
            Ok(()) => match cold.close(manifest, kept) {
                Ok(()) => BookClose::Clean,
                Err(reason) => BookClose::Rebuild { reason },
            },
            Err(reason) => {
                cold.discard();
                BookClose::Rebuild { reason }
            }
        }
    }

    fn write_all(&mut self, manifest: ManifestId) -> Result<(), String> {
        if let Some(reason) = &self.lost {
            return Err(reason.clone());
        }
        if self.unsealed > 0 || self.manifest > manifest {
            return Err("messages were observed that are not committed".to_owned());
        }
        let hot = self.threads.len();
        if hot > self.options.close_threads_max {
            return Err(format!(
                "{hot} threads in memory are more than close_threads_max = {}",
                self.options.close_threads_max
            ));
        }
        let slots: Vec<Slot> = self.threads.iter().map(|(slot, _)| slot).collect();
        if self.threads.iter().any(|(_, thread)| !self.fits_cold(thread)) {
            return Err(format!(
                "a thread has a name of more than {COLD_NAME_BYTES_MAX} bytes"
            ));
        }
        for slots in slots.chunks(COLD_BATCH) {
            self.put_cold(slots).map_err(|error| error.to_string())?;
        }
        // An empty book makes an empty index, so that the next open finds one.
        if slots.is_empty() {
            self.put_cold(&[]).map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}

/// The number of a message, 0 when it stands outside any numbering.
#[inline]
fn numbered(thread_id: &str, sequence: u64) -> u64 {
    if thread_id.is_empty() { 0 } else { sequence }
}

/// The thread of an entry that is known to exist, marked as touched in this commit.
#[inline]
fn touch(threads: &mut HotThreads, slot: Slot, commit: u64) -> &mut HotThread {
    let thread = threads
        .get_mut(slot)
        .expect("the entry was found or made a moment ago");
    if thread.touched != commit {
        thread.touched = commit;
        thread.open_runs = OpenRuns::default();
    }
    thread
}
