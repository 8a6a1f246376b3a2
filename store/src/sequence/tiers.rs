//! Between memory and disk: a thread is fetched when its next message comes, goes when there are too many, and all go
//! when the book is closed.

use super::book::SequenceBook;
use super::cold::Kept;
use super::cold_entry;
use super::hot::{HotThread, Slot};
use super::name::ThreadName;
use super::options::BookClose;
use super::sled_tree::IndexError;
use super::thread::ThreadState;
use crate::manifest::ManifestId;

/// Entries that are made ready for the index at a time.
const COLD_BATCH: usize = 1 << 16;
/// Longest name, in bytes of tenant and thread together, that goes into the index. Threads of longer names stay in
/// memory.
const COLD_NAME_BYTES_MAX: usize = 4096;
impl SequenceBook {
    /// Takes a thread into memory: from disk if it is there, else as a new one.
    #[cold]
    pub(super) fn admit(&mut self, partition: u32, tenant_id: &str, thread_id: &str) -> Slot {
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
            .insert(partition, ThreadName::new(tenant_id, thread_id), state)
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
