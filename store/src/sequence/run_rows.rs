//! From the fragments of a commit to rows of `sequence_runs`, sorted by partition, tenant, thread, emitter, number.

use std::cmp::Ordering;

use arrow_array::RecordBatch;
use quipu_proto::Emitter;

use super::error::BookError;
use super::fragments::{Fragment, Fragments, SortKey};
use super::hot::{HotThreads, Slot};
use super::memory::prefetch;
use super::partition::Partition;
use super::run_builders::{RunName, RunRows};
use super::runs::Run;

/// Text of one batch beyond which the next begins: far from the 2 GiB that a text column can hold.
pub(super) const BATCH_TEXT_BYTES_MAX: usize = 512 << 20;

/// How many entries ahead memory is asked for: as many misses as a processor can have under way, about.
const AHEAD: usize = 12;

/// Joins the fragments and makes rows of them: usually one batch, none when there are no fragments.
///
/// As long as no number of a thread came from both emitters in this commit, nothing tells their counters apart, and
/// their runs are joined: a thread with one counter would else have a row for every change between graph and node.
pub(super) fn rows(
    fragments: &mut Fragments,
    threads: &HotThreads,
    partitions: &[Partition],
) -> Result<Vec<RecordBatch>, BookError> {
    let by_rank = sort(fragments, threads, partitions);
    let Fragments {
        fragments,
        keys: sorted,
        ..
    } = fragments;
    let mut rows = RunRows::with_capacity(sorted.len());
    let mut batches = Vec::new();
    // Those of one thread: together, so that a thread of many is not sorted all over memory.
    let mut several: Vec<Fragment> = Vec::new();
    let mut at = 0;
    for keys in sorted.chunk_by(|a, b| a.thread == b.thread) {
        at += keys.len();
        if let Some(ahead) = sorted.get(at + AHEAD) {
            threads.prefetch_name(ahead.thread);
            prefetch(&fragments[ahead.fragment as usize]);
        }
        let Some((key, thread)) = keys.first().and_then(|key| Some((key, threads.get(key.thread)?))) else {
            continue;
        };
        let partition = &partitions[by_rank[key.partition as usize]];
        let name = RunName {
            topic: &partition.name.log.topic,
            incarnation: &partition.name.log.incarnation,
            partition: partition.name.partition.0,
            tenant_id: thread.name.tenant_id(),
            thread_id: thread.name.thread_id(),
            head: partition.head,
        };
        let of = |key: &SortKey| fragments[key.fragment as usize];
        if let [key] = keys {
            let Fragment { run, emitter } = of(key);
            rows.push(&name, RunEmitter::One(emitter), &run);
        } else {
            several.clear();
            several.extend(keys.iter().map(of));
            several.sort_by_key(|fragment| (fragment.emitter, fragment.run.first));
            let nodes_at = several.partition_point(|fragment| fragment.emitter == Emitter::Graph);
            let (graph, node) = several.split_at(nodes_at);
            let runs = |fragments: &[Fragment]| joined(fragments.iter().map(|fragment| &fragment.run));
            arranged([runs(graph), runs(node), Vec::new()], |emitter, run| {
                rows.push(&name, emitter, run);
            });
        }
        if rows.text_bytes() >= BATCH_TEXT_BYTES_MAX {
            batches.push(std::mem::take(&mut rows).finish()?);
        }
    }
    if rows.len() > 0 {
        batches.push(rows.finish()?);
    }
    Ok(batches)
}

/// Whose numbers a run holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RunEmitter {
    One(Emitter),
    Mixed,
}

impl RunEmitter {
    /// Every kind, in the order in which the runs of a thread stand where they are not joined.
    pub(crate) const ALL: [Self; 3] = [Self::One(Emitter::Graph), Self::One(Emitter::Node), Self::Mixed];

    /// The word in column `emitter`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::One(emitter) => emitter.as_str(),
            Self::Mixed => "mixed",
        }
    }
}

/// Joins runs that touch or overlap. They come sorted by their first number.
pub(crate) fn joined<'a>(sorted: impl Iterator<Item = &'a Run>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for next in sorted {
        if runs.last_mut().is_none_or(|last| !last.join(next)) {
            runs.push(*next);
        }
    }
    runs
}

/// Gives out the runs of a thread, of which there is a sorted and joined list for each of [`RunEmitter::ALL`]. As long
/// as no number is in two lists, neighbours are joined whatever list they come from.
pub(crate) fn arranged(lists: [Vec<Run>; 3], mut give: impl FnMut(RunEmitter, &Run)) {
    let [graph, node, mixed] = &lists;
    let filled = lists.iter().filter(|runs| !runs.is_empty()).count();
    if filled > 1 && disjoint(graph, node) && disjoint(graph, mixed) && disjoint(node, mixed) {
        interleaved(&lists)
            .iter()
            .for_each(|(emitter, run)| give(*emitter, run));
        return;
    }
    for (emitter, runs) in RunEmitter::ALL.into_iter().zip(&lists) {
        runs.iter().for_each(|run| give(emitter, run));
    }
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

/// Sorted and disjoint lists as one, neighbours joined.
fn interleaved(lists: &[Vec<Run>; 3]) -> Vec<(RunEmitter, Run)> {
    let of = |(emitter, runs): (RunEmitter, &Vec<Run>)| {
        runs.iter().map(move |run| (emitter, *run)).collect::<Vec<_>>()
    };
    let mut all: Vec<_> = RunEmitter::ALL.into_iter().zip(lists).flat_map(of).collect();
    all.sort_by_key(|(_, run)| run.first);
    let mut runs: Vec<(RunEmitter, Run)> = Vec::new();
    for (emitter, next) in all {
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

/// Brings the keys of the fragments into the order of the rows. Their partitions become ranks; gives the partition of each
/// rank.
fn sort(fragments: &mut Fragments, threads: &HotThreads, partitions: &[Partition]) -> Vec<usize> {
    let Fragments { keys, tenants, .. } = fragments;
    let names: Vec<_> = partitions.iter().map(|partition| &partition.name).collect();
    let by_rank = in_order(&names);
    let (partition_ranks, tenant_ranks) = (ranks(&by_rank), ranks(&in_order(&tenants.names)));
    for key in &mut *keys {
        key.partition = partition_ranks[key.partition as usize];
        key.tenant = tenant_ranks[key.tenant as usize];
    }
    keys.sort_unstable_by(|a, b| {
        (a.partition, a.tenant, a.thread_prefix)
            .cmp(&(b.partition, b.tenant, b.thread_prefix))
            // Whole names are compared only where the first bytes are equal.
            .then_with(|| by_name(a.thread, b.thread, threads))
            .then(a.fragment.cmp(&b.fragment))
    });
    by_rank
}

fn by_name(a: Slot, b: Slot, threads: &HotThreads) -> Ordering {
    if a == b {
        return Ordering::Equal;
    }
    let name = |slot| threads.get(slot).map(|thread| thread.name.thread_id());
    name(a).cmp(&name(b))
}

/// Where the values stand that come first, second and so on in order.
fn in_order<T: Ord>(values: &[T]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_unstable_by_key(|index| &values[*index]);
    order
}

/// The rank of each value of which `order` says where those in order stand.
fn ranks(order: &[usize]) -> Vec<u32> {
    let mut ranks = vec![0; order.len()];
    for (rank, index) in order.iter().enumerate() {
        ranks[*index] = rank as u32;
    }
    ranks
}
