//! Memory that coming messages will need, asked for while others are at work.
//!
//! A message of one thread among a million finds nothing of it in the caches of the processor: the book would wait for
//! memory three times, for the place of the name, for the entry and for the run that the message continues. But a
//! producer gives its records the id of their thread as key, and a source has the key of a record long before the record
//! is decoded. So the source announces keys some records ahead, and by the time a message is observed its entry is there.
//!
//! An announcement is a hint and no more. A key says nothing of the tenant, and need not be the id of a thread at all: of
//! threads of one name, only that of the tenant who came first is found by it.

use super::fragments::Fragments;
use super::hot::{HotThreads, Tag};
use super::memory::CAN_PREFETCH;

/// Threads below which the caches hold them all.
const THREADS_MIN: usize = 1 << 14;

/// How many messages ahead a source announces threads: memory answers three times, each within about three of them.
const AHEAD: usize = 8;

/// Steps after which the place has arrived and the entry is asked for.
const UNTIL_ENTRY: usize = 3;

/// Steps after which the entry has arrived and its run is asked for.
const UNTIL_RUN: usize = 6;

/// Announcements that are remembered: a power of two.
const REMEMBERED: usize = 8;

const _: () = assert!(UNTIL_ENTRY < UNTIL_RUN && UNTIL_RUN < REMEMBERED);

/// The newest announcements. Each announcement is a step, and each message where announcements have ended.
#[derive(Debug, Default)]
pub(super) struct Lookahead {
    tags: [Option<Tag>; REMEMBERED],
    steps: usize,
    /// Steps until all that was announced is served.
    unserved: usize,
    /// Whether the newest step came after the newest message.
    stepped: bool,
}

impl Lookahead {
    /// How far ahead threads should be announced; 0 where it is of no use.
    #[inline]
    pub(super) fn distance(threads: &HotThreads) -> usize {
        if CAN_PREFETCH && threads.len() >= THREADS_MIN {
            AHEAD
        } else {
            0
        }
    }

    /// Announces a thread.
    #[inline]
    pub(super) fn announce(
        &mut self,
        partition: u32,
        thread_id: &[u8],
        threads: &HotThreads,
        fragments: &Fragments,
        commit: u64,
    ) {
        let tag = threads.tag(partition, thread_id);
        threads.prefetch_place(tag);
        self.unserved = UNTIL_RUN;
        self.stepped = true;
        self.step(Some(tag), threads, fragments, commit);
    }

    /// Takes note that a message has come.
    #[inline]
    pub(super) fn come(&mut self, threads: &HotThreads, fragments: &Fragments, commit: u64) {
        if self.unserved > 0 && !std::mem::take(&mut self.stepped) {
            self.unserved -= 1;
            self.step(None, threads, fragments, commit);
        }
    }

    /// Asks for what those announced before need next.
    #[inline]
    fn step(&mut self, tag: Option<Tag>, threads: &HotThreads, fragments: &Fragments, commit: u64) {
        self.tags[self.steps % REMEMBERED] = tag;
        let slot_of = |before: usize| {
            let tag = self.tags[self.steps.wrapping_sub(before) % REMEMBERED]?;
            threads.any_under(tag)
        };
        if let Some(slot) = slot_of(UNTIL_ENTRY) {
            threads.prefetch(slot);
        }
        if let Some(thread) = slot_of(UNTIL_RUN).and_then(|slot| threads.get(slot))
            // Else its open runs are those of a commit that is gone.
            && thread.touched == commit
        {
            fragments.prefetch(&thread.open_runs);
        }
        self.steps = self.steps.wrapping_add(1);
    }
}
