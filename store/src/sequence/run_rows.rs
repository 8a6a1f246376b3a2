//! From the fragments of a commit to rows of `sequence_runs`, sorted by partition, tenant, thread, emitter, number.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow_array::builder::{
    Int32Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder, UInt64Builder,
};
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, DictionaryArray, Int32Array, RecordBatch, StringArray};
use arrow_schema::ArrowError;
use hashbrown::HashMap;
use quipu_proto::{Emitter, Table};

use super::error::BookError;
use super::hot::{HotThread, HotThreads, Slot};
use super::partition::Partition;
use super::runs::{Fragment, Run};
use super::thread::NO_TIME;

/// Text of one batch beyond which the next begins: far from the 2 GiB that a text column can hold.
pub(super) const BATCH_TEXT_BYTES_MAX: usize = 512 << 20;

/// What a fragment is sorted by. Whole names are compared only where the first 16 bytes are equal.
struct SortKey {
    partition: u32,
    tenant: u32,
    thread_prefix: u128,
    thread: Slot,
    emitter: Emitter,
    first: u64,
    fragment: u32,
}

/// Joins the fragments and makes rows of them: usually one batch, none when there are no fragments.
///
/// As long as no number of a thread came from both emitters in this commit, nothing tells their counters apart, and
/// their runs are joined: a thread with one counter would else have a row for every change between graph and node.
pub(super) fn rows(
    fragments: &[Fragment],
    threads: &HotThreads,
    partitions: &[Partition],
) -> Result<Vec<RecordBatch>, BookError> {
    let mut rows = RunRows::default();
    let mut batches = Vec::new();
    for keys in sorted(fragments, threads, partitions).chunk_by(|a, b| a.thread == b.thread) {
        let Some(thread) = keys.first().and_then(|key| threads.get(key.thread)) else {
            continue;
        };
        let nodes_at = keys.partition_point(|key| key.emitter == Emitter::Graph);
        let (graph, node) = keys.split_at(nodes_at);
        let runs = match (joined(graph, fragments), joined(node, fragments)) {
            (graph, node) if disjoint(&graph, &node) => interleaved(&graph, &node),
            (graph, node) => {
                let of = |emitter| move |run| (RunEmitter::One(emitter), run);
                graph
                    .into_iter()
                    .map(of(Emitter::Graph))
                    .chain(node.into_iter().map(of(Emitter::Node)))
                    .collect()
            }
        };
        for (emitter, run) in &runs {
            rows.push(thread, &partitions[thread.partition as usize], *emitter, run);
        }
        if rows.text_bytes >= BATCH_TEXT_BYTES_MAX {
            batches.push(std::mem::take(&mut rows).finish()?);
        }
    }
    if !rows.head.keys.is_empty() {
        batches.push(rows.finish()?);
    }
    Ok(batches)
}

/// Whose numbers a run holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RunEmitter {
    One(Emitter),
    Mixed,
}

impl RunEmitter {
    fn as_str(self) -> &'static str {
        match self {
            Self::One(emitter) => emitter.as_str(),
            Self::Mixed => "mixed",
        }
    }
}

/// The runs of fragments that are sorted by their first number.
fn joined(keys: &[SortKey], fragments: &[Fragment]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for key in keys {
        let next = &fragments[key.fragment as usize].run;
        if runs.last_mut().is_none_or(|last| !last.join(next)) {
            runs.push(*next);
        }
    }
    runs
}

/// Whether two sorted lists of runs have no number in common.
fn disjoint(a: &[Run], b: &[Run]) -> bool {
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    while let (Some(left), Some(right)) = (a.peek(), b.peek()) {
        if left.last < right.first {
            a.next();
        } else if right.last < left.first {
            b.next();
        } else {
            return false;
        }
    }
    true
}

/// Two sorted and disjoint lists as one, neighbours joined.
fn interleaved(graph: &[Run], node: &[Run]) -> Vec<(RunEmitter, Run)> {
    let of = |emitter| move |run: &Run| (RunEmitter::One(emitter), *run);
    let mut both: Vec<_> = graph
        .iter()
        .map(of(Emitter::Graph))
        .chain(node.iter().map(of(Emitter::Node)))
        .collect();
    both.sort_by_key(|(_, run)| run.first);
    let mut runs: Vec<(RunEmitter, Run)> = Vec::new();
    for (emitter, next) in both {
        if let Some((open, run)) = runs.last_mut()
            && run.join(&next)
        {
            if *open != emitter {
                *open = RunEmitter::Mixed;
            }
            continue;
        }
        runs.push((emitter, next));
    }
    runs
}

fn sorted(fragments: &[Fragment], threads: &HotThreads, partitions: &[Partition]) -> Vec<SortKey> {
    let partition_ranks = partition_ranks(partitions);
    let mut tenants: Vec<&str> = Vec::new();
    let mut tenant_numbers: HashMap<&str, u32> = HashMap::new();
    let mut newest_tenant = None;
    let mut keys = Vec::with_capacity(fragments.len());
    for (index, fragment) in fragments.iter().enumerate() {
        let Some(thread) = threads.get(fragment.thread) else {
            continue;
        };
        let tenant_id = thread.name.tenant_id();
        let tenant = match newest_tenant {
            Some((same, tenant)) if same == tenant_id => tenant,
            _ => *tenant_numbers.entry(tenant_id).or_insert_with(|| {
                tenants.push(tenant_id);
                (tenants.len() - 1) as u32
            }),
        };
        newest_tenant = Some((tenant_id, tenant));
        keys.push(SortKey {
            partition: partition_ranks[thread.partition as usize],
            tenant,
            thread_prefix: thread.name.thread_prefix(),
            thread: fragment.thread,
            emitter: fragment.emitter,
            first: fragment.run.first,
            fragment: index as u32,
        });
    }
    let tenant_ranks = ranks(&tenants);
    for key in &mut keys {
        key.tenant = tenant_ranks[key.tenant as usize];
    }
    keys.sort_unstable_by(|a, b| {
        (a.partition, a.tenant, a.thread_prefix)
            .cmp(&(b.partition, b.tenant, b.thread_prefix))
            .then_with(|| by_name(a.thread, b.thread, threads))
            .then_with(|| (a.emitter, a.first, a.fragment).cmp(&(b.emitter, b.first, b.fragment)))
    });
    keys
}

fn by_name(a: Slot, b: Slot, threads: &HotThreads) -> Ordering {
    if a == b {
        return Ordering::Equal;
    }
    let name = |slot| threads.get(slot).map(|thread| thread.name.thread_id());
    name(a).cmp(&name(b))
}

fn partition_ranks(partitions: &[Partition]) -> Vec<u32> {
    ranks(
        &partitions
            .iter()
            .map(|partition| &partition.name)
            .collect::<Vec<_>>(),
    )
}

/// The place of each of these different values among them in order.
fn ranks<T: Ord>(values: &[T]) -> Vec<u32> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_unstable_by_key(|index| &values[*index]);
    let mut ranks = vec![0; values.len()];
    for (rank, index) in order.into_iter().enumerate() {
        ranks[index] = rank as u32;
    }
    ranks
}

/// Builders of the columns of `sequence_runs`.
struct RunRows {
    topic: Choices,
    incarnation: Choices,
    partition: Int32Builder,
    tenant_id: StringBuilder,
    thread_id: StringBuilder,
    emitter: Choices,
    first_sequence: UInt64Builder,
    last_sequence: UInt64Builder,
    messages: Int64Builder,
    first_time: TimestampMicrosecondBuilder,
    last_time: TimestampMicrosecondBuilder,
    first_offset: Int64Builder,
    last_offset: Int64Builder,
    head: Choices,
    text_bytes: usize,
}

impl Default for RunRows {
    fn default() -> Self {
        Self {
            topic: Choices::default(),
            incarnation: Choices::default(),
            partition: Int32Builder::new(),
            tenant_id: StringBuilder::new(),
            thread_id: StringBuilder::new(),
            emitter: Choices::default(),
            first_sequence: UInt64Builder::new(),
            last_sequence: UInt64Builder::new(),
            messages: Int64Builder::new(),
            first_time: TimestampMicrosecondBuilder::new().with_timezone("UTC"),
            last_time: TimestampMicrosecondBuilder::new().with_timezone("UTC"),
            first_offset: Int64Builder::new(),
            last_offset: Int64Builder::new(),
            head: Choices::default(),
            text_bytes: 0,
        }
    }
}

impl RunRows {
    fn push(&mut self, thread: &HotThread, partition: &Partition, emitter: RunEmitter, run: &Run) {
        let Run {
            first,
            last,
            messages,
            first_time,
            last_time,
            first_offset,
            last_offset,
        } = *run;
        let (tenant_id, thread_id) = (thread.name.tenant_id(), thread.name.thread_id());
        self.topic.push(&partition.name.log.topic);
        self.incarnation.push(&partition.name.log.incarnation);
        self.partition.append_value(partition.name.partition.0);
        self.tenant_id.append_value(tenant_id);
        self.thread_id.append_value(thread_id);
        self.emitter.push(emitter.as_str());
        self.first_sequence.append_value(first);
        self.last_sequence.append_value(last);
        self.messages
            .append_value(i64::try_from(messages).unwrap_or(i64::MAX));
        self.first_time
            .append_option(Some(first_time).filter(|time| *time != NO_TIME));
        self.last_time
            .append_option(Some(last_time).filter(|time| *time != NO_TIME));
        self.first_offset.append_value(first_offset);
        self.last_offset.append_value(last_offset);
        self.head.push(partition.head.as_str());
        self.text_bytes += tenant_id.len() + thread_id.len();
    }

    fn finish(self) -> Result<RecordBatch, BookError> {
        self.try_finish().map_err(|source| BookError::Rows {
            table: Table::SequenceRuns.name(),
            source,
        })
    }

    fn try_finish(mut self) -> Result<RecordBatch, ArrowError> {
        let columns: Vec<ArrayRef> = vec![
            self.topic.finish()?,
            self.incarnation.finish()?,
            Arc::new(self.partition.finish()),
            Arc::new(self.tenant_id.finish()),
            Arc::new(self.thread_id.finish()),
            self.emitter.finish()?,
            Arc::new(self.first_sequence.finish()),
            Arc::new(self.last_sequence.finish()),
            Arc::new(self.messages.finish()),
            Arc::new(self.first_time.finish()),
            Arc::new(self.last_time.finish()),
            Arc::new(self.first_offset.finish()),
            Arc::new(self.last_offset.finish()),
            self.head.finish()?,
        ];
        RecordBatch::try_new(Table::SequenceRuns.schema(), columns)
    }
}

/// A column of few different values that come in long stretches.
#[derive(Default)]
struct Choices {
    keys: Vec<i32>,
    values: Vec<String>,
    /// Key of the newest row.
    newest: usize,
}

impl Choices {
    fn push(&mut self, value: &str) {
        if self.values.get(self.newest).is_none_or(|newest| newest != value) {
            self.newest = self
                .values
                .iter()
                .position(|known| known == value)
                .unwrap_or_else(|| {
                    self.values.push(value.to_owned());
                    self.values.len() - 1
                });
        }
        self.keys.push(self.newest as i32);
    }

    fn finish(self) -> Result<ArrayRef, ArrowError> {
        let values = StringArray::from(self.values);
        let column = DictionaryArray::<Int32Type>::try_new(Int32Array::from(self.keys), Arc::new(values))?;
        Ok(Arc::new(column))
    }
}
