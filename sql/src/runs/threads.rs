//! Threads as numbers: a name is hashed once a message instead of compared once a step of a sort.

use std::hash::BuildHasher;

use datafusion::arrow::array::StringViewArray;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use hashbrown::{DefaultHashBuilder, HashTable};

use crate::strands::texts;

/// The columns of a batch that name threads.
#[derive(Debug)]
pub(super) struct Names {
    topic: StringViewArray,
    incarnation: StringViewArray,
    tenant_id: StringViewArray,
    thread_id: StringViewArray,
}

impl Names {
    pub(super) const COLUMNS: [&str; 4] = ["topic", "incarnation", "tenant_id", "thread_id"];

    pub(super) fn of(batch: &RecordBatch) -> Result<Self> {
        let [topic, incarnation, tenant_id, thread_id] = Self::COLUMNS.map(|name| texts(batch, name));
        Ok(Self {
            topic: topic?,
            incarnation: incarnation?,
            tenant_id: tenant_id?,
            thread_id: thread_id?,
        })
    }

    fn owner(&self, row: usize) -> [&str; 3] {
        [
            self.topic.value(row),
            self.incarnation.value(row),
            self.tenant_id.value(row),
        ]
    }
}

/// Names of threads, each with a number from 0.
#[derive(Debug, Default)]
pub(super) struct Threads {
    hasher: DefaultHashBuilder,
    /// Topic, incarnation and tenant, which many threads share.
    owners: Vec<[Box<str>; 3]>,
    owner_table: HashTable<u32>,
    /// The ids of threads, one behind the other.
    text: String,
    /// Per thread: its owner, and where its id ends in the text.
    ends: Vec<(u32, usize)>,
    table: HashTable<u32>,
}

impl Threads {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Topic, incarnation, tenant and id of a thread.
    pub(super) fn name(&self, thread: usize) -> [&str; 4] {
        let [topic, incarnation, tenant_id] = &self.owners[self.ends[thread].0 as usize];
        [topic, incarnation, tenant_id, self.thread_id(thread)]
    }

    /// The id of a thread.
    pub(super) fn thread_id(&self, thread: usize) -> &str {
        let start = thread.checked_sub(1).map_or(0, |before| self.ends[before].1);
        &self.text[start..self.ends[thread].1]
    }

    /// The number of the thread of a row, if it has one. `last` is kept between rows: the owner of one is mostly that of
    /// the next.
    pub(super) fn find(&self, names: &Names, row: usize, last: &mut usize) -> Option<usize> {
        let owner = self.find_owner(names.owner(row), last)?;
        self.find_thread(owner, names.thread_id.value(row))
    }

    /// The number of the thread of a row; a new one if it has none.
    pub(super) fn intern(&mut self, names: &Names, row: usize, last: &mut usize) -> usize {
        self.intern_name(names.owner(row), names.thread_id.value(row), last)
    }

    /// The number of a thread of another list; a new one if it has none.
    pub(super) fn intern_from(&mut self, others: &Self, thread: usize, last: &mut usize) -> usize {
        let [topic, incarnation, tenant_id, thread_id] = others.name(thread);
        self.intern_name([topic, incarnation, tenant_id], thread_id, last)
    }

    fn intern_name(&mut self, name: [&str; 3], thread_id: &str, last: &mut usize) -> usize {
        let owner = match self.find_owner(name, last) {
            Some(owner) => owner,
            None => {
                *last = self.owners.len();
                self.owners.push(name.map(Box::from));
                let (hash, owners, hasher) = (self.hasher.hash_one(name), &self.owners, &self.hasher);
                let rehash = |at: &u32| hasher.hash_one(owners[*at as usize].each_ref().map(|part| &**part));
                self.owner_table.insert_unique(hash, *last as u32, rehash);
                *last as u32
            }
        };
        if let Some(thread) = self.find_thread(owner, thread_id) {
            return thread;
        }
        let thread = self.ends.len();
        self.text.push_str(thread_id);
        self.ends.push((owner, self.text.len()));
        let (hash, hasher) = (self.hasher.hash_one((owner, thread_id)), &self.hasher);
        let (ends, text) = (&self.ends, &self.text);
        let rehash = |at: &u32| {
            let at = *at as usize;
            let start = at.checked_sub(1).map_or(0, |before| ends[before].1);
            hasher.hash_one((ends[at].0, &text[start..ends[at].1]))
        };
        self.table.insert_unique(hash, thread as u32, rehash);
        thread
    }

    fn find_owner(&self, name: [&str; 3], last: &mut usize) -> Option<u32> {
        let is = |at: usize| self.owners[at].iter().zip(name).all(|(a, b)| **a == *b);
        if *last < self.owners.len() && is(*last) {
            return Some(*last as u32);
        }
        let hash = self.hasher.hash_one(name);
        let owner = *self.owner_table.find(hash, |at| is(*at as usize))?;
        *last = owner as usize;
        Some(owner)
    }

    fn find_thread(&self, owner: u32, thread_id: &str) -> Option<usize> {
        let is = |at: &u32| self.ends[*at as usize].0 == owner && self.thread_id(*at as usize) == thread_id;
        let hash = self.hasher.hash_one((owner, thread_id));
        self.table.find(hash, is).map(|thread| *thread as usize)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::ArrayRef;

    use super::*;

    fn names(rows: &[[&str; 4]]) -> Names {
        let column = |part: usize| -> ArrayRef {
            Arc::new(StringViewArray::from_iter_values(
                rows.iter().map(|row| row[part]),
            ))
        };
        let columns = Names::COLUMNS.into_iter().enumerate();
        Names::of(&RecordBatch::try_from_iter(columns.map(|(part, name)| (name, column(part)))).unwrap())
            .unwrap()
    }

    #[test]
    fn threads_of_one_name_are_one_and_names_are_told_apart_by_all_four_parts() {
        let rows = [
            ["t", "i", "acme", "a"],
            ["t", "i", "acme", "b"],
            ["t", "i", "ac", "mea"],
            ["t", "i", "acme", "a"],
            ["t", "j", "acme", "a"],
            ["u", "i", "acme", "a"],
            ["t", "i", "acme", ""],
            ["t", "i", "acme", "b"],
        ];
        let names = names(&rows);
        let mut threads = Threads::default();
        let mut last = 0;
        let numbers: Vec<usize> = (0..rows.len())
            .map(|row| threads.intern(&names, row, &mut last))
            .collect();
        assert_eq!(numbers, [0, 1, 2, 0, 3, 4, 5, 1]);
        for (row, thread) in numbers.iter().enumerate() {
            assert_eq!(threads.name(*thread), rows[row]);
            assert_eq!(threads.find(&names, row, &mut last), Some(*thread));
        }
        assert_eq!(threads.len(), 6);
    }

    #[test]
    fn a_name_that_was_not_seen_has_no_number() {
        let mut threads = Threads::default();
        let mut last = 0;
        threads.intern(&names(&[["t", "i", "acme", "a"]]), 0, &mut last);
        let others = names(&[["t", "i", "acme", "b"], ["t", "i", "globex", "a"]]);
        assert_eq!(
            [0, 1].map(|row| threads.find(&others, row, &mut last)),
            [None, None]
        );
    }

    #[test]
    fn many_threads_keep_their_numbers() {
        let ids: Vec<String> = (0..5_000).map(|number| format!("thread-{number}")).collect();
        let tenants: Vec<String> = (0..5_000)
            .map(|number| format!("tenant-{}", number % 700))
            .collect();
        let rows: Vec<[&str; 4]> = ids
            .iter()
            .zip(&tenants)
            .map(|(id, tenant)| ["t", "i", tenant, id])
            .collect();
        let names = names(&rows);
        let (mut threads, mut copied) = (Threads::default(), Threads::default());
        let (mut last, mut last_copied) = (0, 0);
        for row in 0..rows.len() {
            assert_eq!(threads.intern(&names, row, &mut last), row);
        }
        for row in 0..rows.len() {
            assert_eq!(threads.find(&names, row, &mut last), Some(row));
            assert_eq!(copied.intern_from(&threads, row, &mut last_copied), row);
        }
        assert_eq!(copied.name(4_999), rows[4_999]);
    }
}
