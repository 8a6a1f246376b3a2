//! Memory that coming messages will need, asked for while others are at work.
//!
//! A message of one thread among a million finds nothing of it in the caches of the processor: the book would wait for
//! memory three times, for the place of the name, for the entry and for the run that the message continues. But a
//! producer gives its records the id of their thread as key, and a source has the key of a record long before the record
//! is decoded. So the source announces keys some records ahead, and by the time a message is observed its entry is there.
//!
//! An announcement is a hint and no more. A key says nothing of the tenant, and need not be the id of a thread at all.

use super::fragments::Fragments;
use super::hot::{HotThreads, Tag};

/// Threads below which the caches hold them all.
const THREADS_MIN: usize = 1 << 14;

/// How many messages ahead a source announces threads: memory answers three times, each within about three of them.
pub(super) const AHEAD: usize = 8;

/// Announcements after which the place has arrived and the entry is asked for.
const UNTIL_ENTRY: usize = 3;

/// Announcements after which the entry has arrived and its run is asked for.
const UNTIL_RUN: usize = 6;

/// Announcements that are remembered: a power of two.
const REMEMBERED: usize = 8;

const _: () = assert!(UNTIL_ENTRY < UNTIL_RUN && UNTIL_RUN < REMEMBERED);

/// The newest announcements.
#[derive(Debug, Default)]
pub(super) struct Lookahead {
    tags: [Tag; REMEMBERED],
    next: usize,
}

impl Lookahead {
    /// How far ahead threads should be announced; 0 in a small book.
    #[inline]
    pub(super) fn distance(threads: &HotThreads) -> usize {
        if threads.len() < THREADS_MIN { 0 } else { AHEAD }
    }

    /// Announces a thread, and asks for what those announced before it need next.
    #[inline]
    pub(super) fn announce(
        &mut self,
        partition: u32,
        thread_id: &[u8],
        threads: &HotThreads,
        fragments: &Fragments,
    ) {
        let tag = threads.tag(partition, thread_id);
        threads.prefetch_place(tag);
        self.tags[self.next % REMEMBERED] = tag;
        let slot_of = |steps: usize| threads.any_under(self.tags[self.next.wrapping_sub(steps) % REMEMBERED]);
        if let Some(slot) = slot_of(UNTIL_ENTRY) {
            threads.prefetch(slot);
        }
        if let Some(thread) = slot_of(UNTIL_RUN).and_then(|slot| threads.get(slot)) {
            fragments.prefetch(&thread.open_runs);
        }
        self.next = self.next.wrapping_add(1);
    }
}
