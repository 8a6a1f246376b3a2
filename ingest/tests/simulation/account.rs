//! The oracle: what a store must hold, computed from the log alone.

use std::collections::{BTreeMap, HashMap, HashSet};

use quipu_proto::Table;
use quipu_store::Head;

use crate::log::{Entry, Fate, Message, Partition};

/// Next offset by partition.
pub(crate) type Positions = BTreeMap<i32, i64>;

/// Table, partition, offset, item.
pub(crate) type RowKey = (Table, i32, i64, i32);

/// Partition, tenant, thread.
pub(crate) type ThreadKey = (i32, String, String);

/// Reason and payload of a dead letter.
pub(crate) type Letter = (String, Option<Vec<u8>>);

/// What the oracle knows of a row of a fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) tenant: String,
    pub(crate) thread: String,
    pub(crate) sequence: u64,
    pub(crate) verdict: String,
    pub(crate) repeated: bool,
    pub(crate) id: Vec<u8>,
    pub(crate) time_us: i64,
}

/// An unbroken run of numbers, joined over commits and emitters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) messages: i64,
    /// Offset and time of the message with the lowest number; of copies the one with the smallest offset.
    pub(crate) first_seen: (i64, i64),
    /// Likewise of the highest.
    pub(crate) last_seen: (i64, i64),
    pub(crate) head: String,
}

/// Everything that a store says, in a form that does not depend on commits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) rows: BTreeMap<RowKey, Row>,
    /// By partition and offset.
    pub(crate) letters: BTreeMap<(i32, i64), Letter>,
    /// Last offset and cause by partition and first offset; neighbours of one cause are one.
    pub(crate) holes: BTreeMap<(i32, i64), (i64, String)>,
    pub(crate) runs: BTreeMap<ThreadKey, Vec<Run>>,
    /// Next offset and offset of the last record by partition.
    pub(crate) positions: BTreeMap<i32, (i64, Option<i64>)>,
}

impl Account {
    /// What a store must hold that has read so far.
    pub(crate) fn of(log: &[Partition], positions: &Positions) -> Self {
        let mut account = Self::default();
        for partition in log {
            let next = positions.get(&partition.number()).copied();
            let next = next.unwrap_or(partition.start);
            if next > partition.start {
                account.add(partition, next);
            }
        }
        account
    }

    fn add(&mut self, partition: &Partition, next: i64) {
        let number = partition.number();
        let mut threads = HashMap::new();
        let mut last_record = None;
        for entry in partition.entries.iter().take_while(|entry| entry.last() < next) {
            match entry {
                Entry::Record { offset, value, fate } => {
                    last_record = Some(*offset);
                    match fate {
                        Fate::Messages(messages) => {
                            for message in messages {
                                self.message(number, *offset, partition.head, message, &mut threads);
                            }
                        }
                        Fate::Letter(reason) => {
                            let letter = ((*reason).to_owned(), value.clone());
                            self.letters.insert((number, *offset), letter);
                        }
                    }
                }
                Entry::Hole { first, last, cause } => self.hole(number, *first, *last, cause),
                Entry::Corrupt { first, last, batch } => {
                    let letter = ("corrupt_batch".to_owned(), Some(batch.clone()));
                    self.letters.insert((number, *first), letter);
                    if last > first {
                        self.hole(number, first + 1, *last, "corrupt");
                    }
                }
            }
        }
        self.positions.insert(number, (next, last_record));
    }

    pub(crate) fn hole(&mut self, partition: i32, first: i64, last: i64, cause: &str) {
        let before = self.holes.range_mut(..(partition, first)).next_back();
        match before {
            Some(((before, _), (before_last, before_cause)))
                if *before == partition && *before_last + 1 == first && before_cause == cause =>
            {
                *before_last = last;
            }
            _ => drop(self.holes.insert((partition, first), (last, cause.to_owned()))),
        }
    }

    fn message(
        &mut self,
        partition: i32,
        offset: i64,
        head: Head,
        message: &Message,
        threads: &mut HashMap<(String, String), Thread>,
    ) {
        let thread = threads
            .entry((message.tenant.clone(), message.thread.clone()))
            .or_default();
        let row = Row {
            tenant: message.tenant.clone(),
            thread: message.thread.clone(),
            sequence: message.sequence,
            verdict: thread.verdict(message.sequence).to_owned(),
            // A copy has the number and the time of its original, so that it is always found.
            repeated: !thread.ids.insert(message.id.clone()),
            id: message.id.clone(),
            time_us: message.time_us,
        };
        for item in &message.items {
            self.rows
                .insert((message.table, partition, offset, *item), row.clone());
        }
        if message.sequence > 0 {
            let seen = (offset, message.time_us);
            let key = (partition, message.tenant.clone(), message.thread.clone());
            let runs = self.runs.entry(key).or_default();
            runs.push(Run {
                first: message.sequence,
                last: message.sequence,
                messages: 1,
                first_seen: seen,
                last_seen: seen,
                head: head.as_str().to_owned(),
            });
            join(runs);
        }
    }
}

/// Sorts runs and joins those that touch or overlap.
pub(crate) fn join(runs: &mut Vec<Run>) {
    runs.sort_by_key(|run| (run.first, run.first_seen.0));
    let mut joined: Vec<Run> = Vec::new();
    for next in std::mem::take(runs) {
        match joined.last_mut() {
            Some(run) if next.first <= run.last + 1 => {
                run.messages += next.messages;
                if next.first == run.first && next.first_seen.0 < run.first_seen.0 {
                    run.first_seen = next.first_seen;
                }
                if next.last > run.last || next.last == run.last && next.last_seen.0 < run.last_seen.0 {
                    (run.last, run.last_seen) = (next.last, next.last_seen);
                }
            }
            _ => joined.push(next),
        }
    }
    *runs = joined;
}

/// What the oracle remembers of a thread: everything.
#[derive(Default)]
struct Thread {
    newest: u64,
    ids: HashSet<Vec<u8>>,
}

impl Thread {
    fn verdict(&mut self, sequence: u64) -> &'static str {
        let newest = self.newest;
        self.newest = newest.max(sequence);
        match sequence {
            0 => "unsequenced",
            _ if newest == 0 => "first",
            _ if sequence == newest + 1 => "in_order",
            _ if sequence > newest => "gap",
            _ if sequence == newest => "duplicate",
            _ => "reordered",
        }
    }
}
