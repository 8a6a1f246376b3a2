//! Dealing messages to counters.

use std::collections::{BTreeMap, HashSet};

use super::evidence::Thread;

/// How far a number may lie behind the newest of its counter, and for how long, when two tasks of one process drew
/// number and time in different order.
const INVERTED_NUMBERS_MAX: u64 = 4;
const INVERTED_US_MAX: i64 = 10_000;

/// Messages after which a counter that was left is not returned to, where the order is that of arrival: sends overtake
/// each other by a few places.
const OVERTAKING_MAX: usize = 16;

/// A counter in the making.
#[derive(Debug, Default)]
pub(super) struct Counter {
    /// Places of its messages in the thread.
    pub(super) members: Vec<usize>,
    pub(super) numbers: HashSet<u64>,
    /// Highest number.
    pub(super) newest: u64,
    /// Whether something in it contradicts what it was dealt by.
    pub(super) doubtful: bool,
    /// Place in the thread of its newest message.
    touched: usize,
    /// Time of the message with the highest number.
    newest_time: Option<i64>,
}

impl Counter {
    pub(super) fn take(&mut self, thread: &Thread, at: usize) {
        let message = &thread.messages[at];
        self.members.push(at);
        self.numbers.insert(message.sequence);
        if message.sequence > self.newest {
            self.newest = message.sequence;
            self.newest_time = message.time;
        }
        self.touched = at;
    }

    /// Numbers missing below the newest, from 1 or from the first that came.
    pub(super) fn missing(&self, from_one: bool) -> u64 {
        let seen = self.numbers.len() as u64;
        if from_one {
            return self.newest - seen;
        }
        let first = self.numbers.iter().min().copied().unwrap_or(1);
        self.newest - first + u64::from(seen > 0) - seen
    }
}

/// Deals messages to one counter at a time: a number that it has begins the next.
pub(super) fn one_at_a_time(thread: &Thread, places: &[usize]) -> Vec<Counter> {
    let mut counters: Vec<Counter> = Vec::new();
    for &at in places {
        let index = if thread.by_time {
            by_time(thread, at, &mut counters)
        } else {
            by_arrival(thread, at, &counters)
        };
        let index = index.unwrap_or_else(|| {
            counters.push(Counter::default());
            counters.len() - 1
        });
        counters[index].take(thread, at);
    }
    counters
}

/// The counter that goes on with a message, when messages come in the order of time.
fn by_time(thread: &Thread, at: usize, counters: &mut [Counter]) -> Option<usize> {
    let message = &thread.messages[at];
    let current = counters.len().checked_sub(1)?;
    let counter = &mut counters[current];
    if message.sequence > counter.newest {
        return Some(current);
    }
    if counter.numbers.contains(&message.sequence) {
        return None;
    }
    // A number below the newest at a later time: another counter whose beginning is lost, or two tasks that raced.
    let behind = counter.newest - message.sequence;
    let later = message
        .time
        .unwrap_or(0)
        .saturating_sub(counter.newest_time.unwrap_or(0));
    counter.doubtful = true;
    (behind <= INVERTED_NUMBERS_MAX && later <= INVERTED_US_MAX).then_some(current)
}

/// The same when messages come in the order of arrival: among those touched of late, the one whose newest number is
/// nearest.
fn by_arrival(thread: &Thread, at: usize, counters: &[Counter]) -> Option<usize> {
    let sequence = thread.messages[at].sequence;
    let current = counters.len().checked_sub(1)?;
    (0..counters.len())
        .rev()
        .take_while(|&index| index == current || at - counters[index].touched <= OVERTAKING_MAX)
        .filter(|&index| !counters[index].numbers.contains(&sequence))
        .min_by_key(|&index| counters[index].newest.abs_diff(sequence))
}

/// Deals messages to any number of counters at once: to the one that expects the number, else to the one that is
/// nearest below it, else to a new one.
pub(super) fn several_at_once(thread: &Thread) -> Vec<Counter> {
    let mut counters: Vec<Counter> = Vec::new();
    // By newest number, the one touched last at the end.
    let mut by_newest: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    for (at, message) in thread.messages.iter().enumerate() {
        let below = by_newest
            .range_mut(..message.sequence)
            .next_back()
            .and_then(|(_, indices)| indices.pop());
        let index = below.unwrap_or_else(|| {
            counters.push(Counter::default());
            counters.len() - 1
        });
        let before = counters[index].newest;
        if by_newest.get(&before).is_some_and(Vec::is_empty) {
            by_newest.remove(&before);
        }
        counters[index].take(thread, at);
        by_newest.entry(message.sequence).or_default().push(index);
    }
    counters
}
