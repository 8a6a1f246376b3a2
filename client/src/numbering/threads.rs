//! All threads that are numbered here, bounded in memory.

use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::{Equivalent, HashMap};

use super::thread::ThreadNumbers;

/// Tenant and name of a thread.
#[derive(Debug, PartialEq, Eq, Hash)]
struct ThreadKey {
    tenant: Box<str>,
    thread: Box<str>,
}

/// The same, borrowed. Hashes alike: `Box<str>` hashes as `str`, fields in order.
#[derive(Hash)]
struct ThreadName<'a> {
    tenant: &'a str,
    thread: &'a str,
}

impl Equivalent<ThreadKey> for ThreadName<'_> {
    fn equivalent(&self, key: &ThreadKey) -> bool {
        *self.thread == *key.thread && *self.tenant == *key.tenant
    }
}

/// A thread that may be held by several at once.
pub(crate) type SharedThread<P> = Arc<Mutex<ThreadNumbers<P>>>;

/// Threads by name. Above the limit those that were not used for longest are forgotten, never one that is in use.
#[derive(Debug)]
pub(crate) struct Threads<P> {
    table: Mutex<Table<P>>,
    threads_max: usize,
}

#[derive(Debug)]
struct Table<P> {
    threads: HashMap<ThreadKey, (SharedThread<P>, u64), std::hash::RandomState>,
    uses: u64,
}

impl<P> Threads<P> {
    /// At least one thread is kept.
    pub(crate) fn new(threads_max: usize) -> Self {
        Self {
            table: Mutex::new(Table {
                threads: HashMap::default(),
                uses: 0,
            }),
            threads_max: threads_max.max(1),
        }
    }

    /// The thread of that name, new if it was not known, or was forgotten.
    pub(crate) fn thread(&self, tenant: &str, thread: &str) -> SharedThread<P> {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        table.uses += 1;
        let uses = table.uses;
        if let Some((found, used)) = table.threads.get_mut(&ThreadName { tenant, thread }) {
            *used = uses;
            return Arc::clone(found);
        }
        if table.threads.len() >= self.threads_max {
            table.forget_some(self.threads_max);
        }
        let key = ThreadKey {
            tenant: tenant.into(),
            thread: thread.into(),
        };
        let new = SharedThread::<P>::default();
        table.threads.insert(key, (Arc::clone(&new), uses));
        new
    }

    /// How many are known.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.table
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .threads
            .len()
    }
}

impl<P> Table<P> {
    /// Makes room: one in a hundred of those that were not used for longest goes, so that the search pays.
    fn forget_some(&mut self, threads_max: usize) {
        let mut uses: Vec<u64> = self
            .threads
            .values()
            // Whoever works with a thread holds it, and gets it only here.
            .filter(|(thread, _)| Arc::strong_count(thread) == 1)
            .map(|(_, used)| *used)
            .collect();
        let count = (threads_max / 100).max(1).min(uses.len());
        let Some(last) = count.checked_sub(1) else {
            return;
        };
        let (_, newest_to_go, _) = uses.select_nth_unstable(last);
        let newest_to_go = *newest_to_go;
        self.threads
            .retain(|_, (thread, used)| *used > newest_to_go || Arc::strong_count(thread) > 1);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn next(threads: &Threads<()>, tenant: &str, thread: &str) -> u64 {
        let mut sequence = 0;
        threads
            .thread(tenant, thread)
            .lock()
            .unwrap()
            .number(&mut sequence);
        sequence
    }

    #[test]
    fn tenants_with_equal_thread_names_count_for_themselves() {
        let threads = Threads::new(10);
        assert_eq!(next(&threads, "a", "t"), 1);
        assert_eq!(next(&threads, "b", "t"), 1);
        assert_eq!(next(&threads, "a", "t"), 2);
        // The border between the names counts, too.
        assert_eq!(next(&threads, "at", ""), 1);
        assert_eq!(next(&threads, "", "at"), 1);
    }

    #[test]
    fn those_not_used_for_longest_are_forgotten() {
        let threads = Threads::new(3);
        for thread in ["1", "2", "3", "1", "4"] {
            next(&threads, "", thread);
        }
        assert_eq!(threads.len(), 3);
        assert_eq!(next(&threads, "", "1"), 3, "used after 2");
        assert_eq!(next(&threads, "", "2"), 1, "forgotten");
    }

    #[test]
    fn memory_is_bounded_and_threads_in_use_stay() {
        let threads = Threads::new(100);
        let held = threads.thread("", "held");
        for index in 0..10_000 {
            next(&threads, "", &index.to_string());
            assert!(threads.len() <= 101);
        }
        assert!(Arc::ptr_eq(&held, &threads.thread("", "held")));
    }
}
