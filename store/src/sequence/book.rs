//! The book itself: who is in it, what arrives, what a commit takes out.

use std::hash::BuildHasher as _;
use std::path::Path;

use arrow_array::RecordBatch;
use hashbrown::HashMap;
use quipu_proto::LogPartition;

use super::arrival::{Arrival, ReplayRow};
use super::cold::{ColdThreads, Kept};
use super::error::BookError;
use super::fragments::{Fragments, OpenRuns, Owner};
use super::hot::{HotThread, HotThreads, Slot};
use super::lookahead::Lookahead;
use super::name::ThreadName;
use super::options::{BookOptions, BookStart};
use super::partition::{Partition, PartitionKey};
use super::run_rows;
use super::thread::{NO_TIME, Observation, ThreadState, id_hash};
use crate::manifest::{Head, ManifestId};

/// Messages between two snapshots of a small book.
const SNAPSHOT_MESSAGES_MIN: u64 = 500_000;

/// The account of every thread: what number comes next, which ids came last, which numbers this commit has seen.
///
/// What the book says of a message depends on the messages observed before in its partition and on nothing else: not
/// on commits, restarts, settings, or on what lies in its folder.
#[derive(Debug)]
pub struct SequenceBook {
    pub(super) options: BookOptions,
    pub(super) partitions: Vec<Partition>,
    pub(super) keys: HashMap<LogPartition, PartitionKey>,
    pub(super) threads: HotThreads,
    pub(super) lookahead: Lookahead,
    /// None in a book without a folder.
    pub(super) cold: Option<ColdThreads>,
    /// Threads that are on disk only.
    pub(super) cold_threads: u64,
    pub(super) fragments: Fragments,
    /// Number of the commit in the making, counted from 1 since the book was opened.
    pub(super) commit: u64,
    /// The manifest that the threads reflect, but for the messages since.
    pub(super) manifest: ManifestId,
    pub(super) unsealed: u64,
    pub(super) since_snapshot: u64,
    /// Threads in memory above which the next seal tries to make room.
    pub(super) make_room_above: usize,
    /// Why cold threads cannot be read any more.
    pub(super) lost: Option<String>,
    pub(super) key: Vec<u8>,
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
            lookahead: Lookahead::default(),
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

    /// How many messages ahead it is worth to [`Self::announce`] them; 0 while the book is small, and on processors that
    /// cannot be asked for memory ahead.
    #[inline]
    #[must_use]
    pub fn lookahead(&self) -> usize {
        Lookahead::distance(&self.threads)
    }

    /// Tells the book that a message of this thread is likely to come [`Self::lookahead`] messages later, so that it need
    /// not wait for memory then. Changes nothing of what the book says. Announcements come in the order of the messages.
    #[inline]
    pub fn announce(&mut self, partition: PartitionKey, thread_id: &[u8]) {
        self.lookahead.announce(
            partition.0,
            thread_id,
            &self.threads,
            &self.fragments,
            self.commit,
        );
    }

    /// Takes a message in and says what it is. Messages of a partition come in the order of the log: of a batch first
    /// its header, if that is to be counted, then its events.
    #[inline]
    pub fn observe(&mut self, partition: PartitionKey, arrival: &Arrival<'_>) -> Observation {
        self.lookahead.come(&self.threads, &self.fragments, self.commit);
        let slot = self.slot(partition, arrival.tenant_id, arrival.thread_id);
        self.unsealed += 1;
        self.since_snapshot += 1;
        let sequence = numbered(arrival.thread_id, arrival.sequence);
        let time_us = arrival.time_us.unwrap_or(NO_TIME);
        let thread = touch(&mut self.threads, slot, self.commit);
        if sequence != 0 {
            self.fragments.add(
                &mut thread.open_runs,
                &Owner {
                    partition: partition.0,
                    tenant_id: arrival.tenant_id,
                    thread_id: arrival.thread_id,
                    thread: slot,
                },
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
        match self.threads.find(partition.0, tenant_id, thread_id) {
            Some(slot) => touch(&mut self.threads, slot, self.commit).state = state,
            None => {
                self.threads
                    .insert(partition.0, ThreadName::new(tenant_id, thread_id), state);
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
        let slot = match self.threads.find(number, tenant_id, thread_id) {
            Some(slot) => slot,
            None => self.admit(number, tenant_id, thread_id),
        };
        self.partitions[number as usize].newest_thread = slot;
        slot
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
        let batches = run_rows::rows(&mut self.fragments, &self.threads, &self.partitions);
        self.fragments.clear();
        let batches = batches?;
        self.commit += 1;
        self.manifest = manifest;
        self.unsealed = 0;
        self.make_room();
        Ok(batches)
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
