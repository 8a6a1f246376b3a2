//! One pass over the ledger: what threads with one counter lack, and which threads are contested.
//!
//! This is what a window function over `sequence_runs` would tell. It is done here because the window sorts all runs by
//! four names, which takes 14 s for a million threads; here a thread is a number as soon as its name was seen.

use std::collections::HashMap;

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::datatypes::{Int32Type, Int64Type, UInt64Type};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use datafusion::execution::SessionState;
use datafusion::physical_plan::execute_stream;
use futures::StreamExt;
use quipu_proto::Table;
use quipu_store::Head;
use quipu_store::sequence::strands::{StrandRun, message_id_hash};

use super::runs::{Missing, sort, sweep};
use super::{ContestedThread, Names, ThreadName, flags, numbers};
use crate::catalog::Source;

/// Runs that are held in memory at once, at about 100 bytes each; beyond that the ledger is read in several passes, each
/// of which takes the threads of its share of hashes.
const RUNS_MAX: u64 = 16_000_000;

/// What the ledger tells without a look at the messages.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// Threads in which some number came more than once, in no order.
    pub(super) contested: Vec<ContestedThread>,
    /// What the others lack: thread by thread.
    pub(super) missing: Vec<(ThreadName, Vec<Missing>)>,
}

/// Reads the whole ledger.
pub(super) async fn walk(source: &Source, state: &SessionState) -> Result<Walk> {
    let rows = source.snapshot.manifest().rows(Table::SequenceRuns);
    let passes = rows.div_ceil(RUNS_MAX).max(1);
    let mut found = Walk::default();
    for pass in 0..passes {
        let mut threads = Threads::default();
        let plan = state.create_logical_plan(include_str!("ledger.sql")).await?;
        let plan = state.create_physical_plan(&plan).await?;
        let mut batches = execute_stream(plan, state.task_ctx())?;
        while let Some(batch) = batches.next().await {
            threads.take(&batch?, |hash| hash % u128::from(passes) == u128::from(pass))?;
        }
        threads.sweep(&mut found);
    }
    Ok(found)
}

/// The runs of the threads of one pass.
#[derive(Debug, Default)]
struct Threads {
    by_hash: HashMap<u128, u32>,
    names: ThreadNames,
    head_unknown: Vec<bool>,
    runs: Vec<(u32, StrandRun)>,
}

impl Threads {
    fn take(&mut self, batch: &RecordBatch, is_ours: impl Fn(u128) -> bool) -> Result<()> {
        let names = Names::of(batch)?;
        let partition = numbers::<Int32Type>(batch, "partition")?;
        let [first, last] =
            ["first_sequence", "last_sequence"].map(|name| numbers::<UInt64Type>(batch, name));
        let [messages, first_time, last_time, first_offset, last_offset] = [
            "messages",
            "first_time",
            "last_time",
            "first_offset",
            "last_offset",
        ]
        .map(|name| numbers::<Int64Type>(batch, name));
        let (first, last) = (first?, last?);
        let (messages, first_time, last_time) = (messages?, first_time?, last_time?);
        let (first_offset, last_offset) = (first_offset?, last_offset?);
        let head_unknown = flags(batch, "is_head_unknown")?;
        let (first, last) = (
            first.as_primitive::<UInt64Type>(),
            last.as_primitive::<UInt64Type>(),
        );
        let partition = partition.as_primitive::<Int32Type>();
        let [messages, first_time, last_time, first_offset, last_offset] =
            [&messages, &first_time, &last_time, &first_offset, &last_offset]
                .map(|array| array.as_primitive::<Int64Type>());
        let mut key = Vec::new();
        for row in 0..batch.num_rows() {
            names.key(row, &mut key);
            let hash = message_id_hash(&key);
            if !is_ours(hash) {
                continue;
            }
            let thread = *self.by_hash.entry(hash).or_insert_with(|| {
                self.head_unknown.push(false);
                self.names.push(&names, row)
            });
            self.head_unknown[thread as usize] |= head_unknown.value(row);
            let run = StrandRun {
                partition: partition.value(row),
                first: first.value(row),
                last: last.value(row),
                messages: u64::try_from(messages.value(row)).unwrap_or(0),
                first_time: first_time.is_valid(row).then(|| first_time.value(row)),
                last_time: last_time.is_valid(row).then(|| last_time.value(row)),
                first_offset: first_offset.value(row),
                last_offset: last_offset.value(row),
            };
            self.runs.push((thread, run));
        }
        Ok(())
    }

    fn sweep(mut self, found: &mut Walk) {
        self.runs
            .sort_unstable_by_key(|(thread, run)| (*thread, run.first));
        let mut runs = Vec::new();
        for of_thread in self.runs.chunk_by(|a, b| a.0 == b.0) {
            let thread = of_thread[0].0 as usize;
            runs.clear();
            runs.extend(of_thread.iter().map(|(_, run)| *run));
            sort(&mut runs);
            let head = if self.head_unknown[thread] {
                Head::Unknown
            } else {
                Head::FromOne
            };
            let swept = sweep(&runs, head);
            let messages: u64 = runs.iter().fold(0, |sum, run| sum.saturating_add(run.messages));
            if messages > swept.seen {
                found.contested.push(ContestedThread {
                    name: self.names.get(thread),
                    messages,
                    head,
                    missing: swept.missing,
                    strands: None,
                });
            } else if !swept.missing.is_empty() {
                found.missing.push((self.names.get(thread), swept.missing));
            }
        }
    }
}

/// Names of threads, close together in memory.
#[derive(Debug, Default)]
struct ThreadNames {
    /// Topic and incarnation, of which there are few.
    logs: Vec<(String, String)>,
    text: String,
    /// Per thread: its log, and where its tenant and its id end in the text.
    ends: Vec<(u32, usize, usize)>,
}

impl ThreadNames {
    fn push(&mut self, names: &Names, row: usize) -> u32 {
        let log = (names.topic(row), names.incarnation(row));
        let known = self
            .logs
            .iter()
            .rposition(|(topic, incarnation)| (topic.as_str(), incarnation.as_str()) == log);
        let index = known.unwrap_or_else(|| {
            self.logs.push((log.0.to_owned(), log.1.to_owned()));
            self.logs.len() - 1
        });
        self.text.push_str(names.tenant_id(row));
        let tenant_end = self.text.len();
        self.text.push_str(names.thread_id(row));
        self.ends.push((index as u32, tenant_end, self.text.len()));
        (self.ends.len() - 1) as u32
    }

    fn get(&self, thread: usize) -> ThreadName {
        let start = thread.checked_sub(1).map_or(0, |before| self.ends[before].2);
        let (log, tenant_end, end) = self.ends[thread];
        let (topic, incarnation) = &self.logs[log as usize];
        ThreadName {
            topic: topic.clone(),
            incarnation: incarnation.clone(),
            tenant_id: self.text[start..tenant_end].to_owned(),
            thread_id: self.text[tenant_end..end].to_owned(),
        }
    }
}
