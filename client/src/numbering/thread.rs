//! The numbers of one thread, and the messages that wait for its first number.

use std::collections::VecDeque;

/// One thread. `P` is a message that waits.
#[derive(Debug)]
pub(crate) struct ThreadNumbers<P> {
    /// The next number; `None` while it is not known.
    next: Option<u64>,
    /// Whether somebody is being asked for the first number, or the messages that waited for it are being sent. All
    /// others wait behind them, so that numbers follow the order of the calls.
    is_settling: bool,
    waiting: VecDeque<P>,
    /// Numbers to leave out once those that wait have theirs.
    skipped: u64,
}

impl<P> Default for ThreadNumbers<P> {
    fn default() -> Self {
        Self {
            next: None,
            is_settling: false,
            waiting: VecDeque::new(),
            skipped: 0,
        }
    }
}

impl<P> ThreadNumbers<P> {
    /// Whether the next number is known.
    pub(crate) fn is_known(&self) -> bool {
        self.next.is_some()
    }

    /// Whether messages of this thread have to wait.
    pub(crate) fn is_settling(&self) -> bool {
        self.is_settling
    }

    /// Begins at a number, unless one is known.
    pub(crate) fn begin_at(&mut self, first: u64) {
        self.next.get_or_insert(first.max(1));
    }

    /// Gives a message its number: its own, or the next one for 0.
    pub(crate) fn number(&mut self, sequence: &mut u64) {
        let next = self.next.get_or_insert(1);
        if *sequence == 0 {
            *sequence = *next;
        }
        *next = (*next).max(sequence.saturating_add(1));
    }

    /// Leaves out a number, for a message that was not taken.
    pub(crate) fn skip(&mut self) {
        match &mut self.next {
            Some(next) if !self.is_settling => *next = next.saturating_add(1),
            _ => self.skipped += 1,
        }
    }

    /// From now on messages wait.
    pub(crate) fn settle(&mut self) {
        self.is_settling = true;
    }

    pub(crate) fn wait(&mut self, message: P) {
        self.waiting.push_back(message);
    }

    /// The next message that waits. After the last one no other has to wait any more.
    pub(crate) fn next_waiting(&mut self) -> Option<P> {
        let next = self.waiting.pop_front();
        self.is_settling = next.is_some();
        if !self.is_settling
            && let Some(number) = &mut self.next
        {
            *number = number.saturating_add(std::mem::take(&mut self.skipped));
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(thread: &mut ThreadNumbers<()>, given: u64) -> u64 {
        let mut sequence = given;
        thread.number(&mut sequence);
        sequence
    }

    #[test]
    fn numbers_count_on_from_the_greatest() {
        let mut thread = ThreadNumbers::default();
        let got: Vec<u64> = [0, 0, 7, 0, 3, 0]
            .map(|given| numbered(&mut thread, given))
            .to_vec();
        assert_eq!(got, [1, 2, 7, 8, 3, 9]);
        assert_eq!(numbered(&mut thread, u64::MAX), u64::MAX);
    }

    #[test]
    fn a_thread_begins_where_it_is_told_and_only_once() {
        let mut thread = ThreadNumbers::default();
        thread.begin_at(41);
        thread.begin_at(1);
        assert_eq!(numbered(&mut thread, 0), 41);
    }

    #[test]
    fn who_waits_comes_in_order_and_the_last_one_ends_it() {
        let mut thread = ThreadNumbers::default();
        thread.settle();
        thread.wait(1);
        thread.wait(2);
        assert_eq!(thread.next_waiting(), Some(1));
        assert!(thread.is_settling());
        assert_eq!(thread.next_waiting(), Some(2));
        assert!(thread.is_settling(), "the last one is still on its way");
        assert_eq!(thread.next_waiting(), None);
        assert!(!thread.is_settling());
    }

    #[test]
    fn a_number_that_is_left_out_is_missing_whenever_that_happens() {
        let mut thread = ThreadNumbers::default();
        thread.skip();
        thread.settle();
        thread.wait(());
        thread.skip();
        thread.begin_at(5);
        assert!(thread.next_waiting().is_some());
        assert_eq!(numbered(&mut thread, 0), 5);
        assert!(thread.next_waiting().is_none());
        assert_eq!(numbered(&mut thread, 0), 8);
        thread.skip();
        assert_eq!(numbered(&mut thread, 0), 10);
    }
}
