//! What a flush waits for: the messages that were taken before it.
//!
//! Messages are counted by generation. A flush begins the next generation and waits until no message of its own or an
//! earlier one is without outcome. So it ends under any load.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Messages without outcome, by generation.
#[derive(Debug, Default)]
pub(super) struct Outstanding {
    open: Mutex<Open>,
    changed: Notify,
}

#[derive(Debug)]
struct Open {
    /// The generation of the first count.
    first: u64,
    /// Messages of each generation; never empty.
    counts: VecDeque<usize>,
}

impl Default for Open {
    fn default() -> Self {
        Self {
            first: 0,
            counts: VecDeque::from([0]),
        }
    }
}

impl Open {
    fn up_to(&self, generation: u64) -> usize {
        let generations = (generation + 1).saturating_sub(self.first);
        let generations = usize::try_from(generations).unwrap_or(usize::MAX);
        self.counts.iter().take(generations).sum()
    }

    /// Forgets the first generations that are without messages, but the last one. Tells whether there were any.
    fn forget_ended(&mut self) -> bool {
        let before = self.first;
        while self.counts.len() > 1 && self.counts.front() == Some(&0) {
            self.counts.pop_front();
            self.first += 1;
        }
        self.first > before
    }
}

impl Outstanding {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A message was taken. Tells its generation.
    pub(super) fn enter(&self) -> u64 {
        let mut open = self.open();
        if let Some(count) = open.counts.back_mut() {
            *count += 1;
        }
        open.first + open.counts.len() as u64 - 1
    }

    /// Messages have their outcomes, each of its generation.
    pub(super) fn leave(&self, generations: impl IntoIterator<Item = u64>) {
        let mut open = self.open();
        for generation in generations {
            let index = usize::try_from(generation.saturating_sub(open.first)).unwrap_or(usize::MAX);
            if let Some(count) = open.counts.get_mut(index) {
                *count = count.saturating_sub(1);
            }
        }
        let ended = open.forget_ended();
        drop(open);
        if ended {
            self.changed.notify_waiters();
        }
    }

    /// Begins the next generation and tells the one that ends.
    pub(super) fn mark(&self) -> u64 {
        let mut open = self.open();
        open.counts.push_back(0);
        let ends = open.first + open.counts.len() as u64 - 2;
        // One without messages would never be left.
        open.forget_ended();
        ends
    }

    /// Waits until no message up to this generation is without outcome.
    pub(super) async fn wait(&self, generation: u64) {
        loop {
            let changed = self.changed.notified();
            if self.left(generation) == 0 {
                return;
            }
            changed.await;
        }
    }

    /// Messages up to this generation that are without outcome.
    pub(super) fn left(&self, generation: u64) -> usize {
        self.open().up_to(generation)
    }

    /// All messages without outcome.
    pub(super) fn waiting(&self) -> usize {
        self.open().counts.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_flush_waits_for_what_came_before_it_alone() {
        let outstanding = Outstanding::default();
        let early = outstanding.enter();
        let mark = outstanding.mark();
        let late = outstanding.enter();
        assert_eq!((outstanding.left(mark), outstanding.waiting()), (1, 2));
        let waiting = outstanding.wait(mark);
        let ((), ()) = tokio::join!(waiting, async { outstanding.leave([early]) });
        assert_eq!((outstanding.left(mark), outstanding.waiting()), (0, 1));
        // A second flush ends with the second message, and one of nothing at once.
        let mark = outstanding.mark();
        let ((), ()) = tokio::join!(outstanding.wait(mark), async { outstanding.leave([late]) });
        outstanding.wait(outstanding.mark()).await;
    }

    #[tokio::test]
    async fn generations_end_in_any_order() {
        let outstanding = Outstanding::default();
        let (one, first) = (outstanding.enter(), outstanding.mark());
        let (two, second) = (outstanding.enter(), outstanding.mark());
        outstanding.leave([two]);
        assert_eq!((outstanding.left(first), outstanding.left(second)), (1, 1));
        outstanding.leave([one]);
        outstanding.wait(second).await;
        assert_eq!(outstanding.waiting(), 0);
    }

    #[tokio::test]
    async fn flushes_of_nothing_take_no_memory() {
        let outstanding = Outstanding::default();
        for _ in 0..100 {
            outstanding.wait(outstanding.mark()).await;
        }
        assert_eq!(outstanding.open().counts.len(), 1);
        let (one, mark) = (outstanding.enter(), outstanding.mark());
        assert_eq!(outstanding.left(mark), 1);
        outstanding.leave([one]);
        outstanding.wait(mark).await;
    }
}
