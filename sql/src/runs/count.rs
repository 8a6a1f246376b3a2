//! Counting the messages of each part of a thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use datafusion::arrow::array::{Array, AsArray, Int64Array};
use datafusion::arrow::datatypes::Int64Type;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use datafusion::common::runtime::JoinSet;
use datafusion::error::DataFusionError;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use futures::StreamExt;
use hashbrown::HashSet;
use quipu_store::sequence::strands::message_id_hash;

use super::place::Places;
use super::run::Runs;
use super::threads::{Names, Threads};
use crate::strands::{flags, numbers, texts};

/// Kinds of messages that `messages.sql` tells apart.
pub(super) const KINDS: usize = 8;

/// Kinds whose token counts are summed: events and token chunks.
const KINDS_WITH_TOKENS: usize = 2;

/// What is counted of a part of a thread. Times are in microseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) first_time: Option<i64>,
    pub(super) last_time: Option<i64>,
    /// The newest arrival in Kafka; of what has no time in Kafka that of the producer.
    pub(super) last_arrived: Option<i64>,
    pub(super) kinds: [i64; KINDS],
    /// Messages with a number.
    pub(super) numbered: i64,
    pub(super) errors: i64,
    /// Calls of tools, by their call_id.
    pub(super) tool_calls: i64,
    /// By kind the tokens read and written, where any message tells them.
    pub(super) tokens: [[Option<i128>; 2]; KINDS_WITH_TOKENS],
}

impl Count {
    fn add(&mut self, other: &Self) {
        self.first_time = least(self.first_time, other.first_time);
        self.last_time = self.last_time.max(other.last_time);
        self.last_arrived = self.last_arrived.max(other.last_arrived);
        for (count, more) in self.kinds.iter_mut().zip(other.kinds) {
            *count += more;
        }
        self.numbered += other.numbered;
        self.errors += other.errors;
        let sums = self.tokens.iter_mut().flatten();
        for (sum, more) in sums.zip(other.tokens.iter().flatten()) {
            add_tokens(sum, *more);
        }
    }
}

fn least(a: Option<i64>, b: Option<i64>) -> Option<i64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        _ => a.or(b),
    }
}

fn add_tokens(sum: &mut Option<i128>, more: Option<i128>) {
    if let Some(more) = more {
        *sum = Some(sum.unwrap_or(0).saturating_add(more));
    }
}

/// The counts of all parts of all threads that have messages.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Threads without a message of the graph.
    pub(super) others: Threads,
    /// Thread and part of each count, in no order. Threads are numbered through those of the runs and the others.
    pub(super) parts: Vec<(usize, usize)>,
    pub(super) counts: Vec<Count>,
}

/// Reads the messages that a plan of `messages.sql` gives, several of its partitions at once, and counts them.
pub(super) async fn count(
    runs: &Arc<Runs>,
    plan: &Arc<dyn ExecutionPlan>,
    context: &Arc<TaskContext>,
) -> Result<Counts> {
    let partitions = plan.output_partitioning().partition_count();
    let next = Arc::new(AtomicUsize::new(0));
    let mut workers = JoinSet::new();
    for _ in 0..partitions.min(context.session_config().target_partitions()) {
        let (runs, plan, context) = (Arc::clone(runs), Arc::clone(plan), Arc::clone(context));
        let next = Arc::clone(&next);
        workers.spawn(async move {
            let mut counter = Counter::new(runs);
            loop {
                let partition = next.fetch_add(1, Ordering::Relaxed);
                if partition >= partitions {
                    return Ok(counter);
                }
                let mut batches = plan.execute(partition, Arc::clone(&context))?;
                while let Some(batch) = batches.next().await {
                    counter.take(&batch?)?;
                }
            }
        });
    }
    let mut whole = Counter::new(Arc::clone(runs));
    while let Some(counter) = workers.join_next().await {
        let counter: Result<Counter> =
            counter.map_err(|error| DataFusionError::Internal(format!("counting stopped: {error}")))?;
        whole.merge(counter?);
    }
    Ok(whole.finish())
}

/// Counts of one worker. Parts of which it saw nothing cost it a number each.
#[derive(Debug)]
struct Counter {
    runs: Arc<Runs>,
    /// Threads without a message of the graph: these have one part each.
    others: Threads,
    /// Per part of the threads of the runs where its count is, from 1; 0 for none. Those of a thread begin at the number of
    /// runs before it and of threads before it: it has at most one part more than runs.
    places: Vec<u32>,
    other_places: Vec<u32>,
    parts: Vec<(usize, usize)>,
    counts: Vec<Count>,
    /// Count and hash of each call.
    calls: HashSet<(u32, u128)>,
}

impl Counter {
    fn new(runs: Arc<Runs>) -> Self {
        Self {
            places: vec![0; runs.runs.len() + runs.threads.len()],
            runs,
            others: Threads::default(),
            other_places: Vec::new(),
            parts: Vec::new(),
            counts: Vec::new(),
            calls: HashSet::new(),
        }
    }

    fn take(&mut self, batch: &RecordBatch) -> Result<()> {
        let names = Names::of(batch)?;
        let places = Places::of(batch)?;
        let kind = numbers::<Int64Type>(batch, "kind")?;
        let kind = kind.as_primitive::<Int64Type>();
        let [at, kafka_time, input_tokens, output_tokens] =
            ["at", "kafka_time", "input_tokens", "output_tokens"]
                .map(|name| numbers::<Int64Type>(batch, name));
        let (at, kafka_time, input_tokens, output_tokens) = (at?, kafka_time?, input_tokens?, output_tokens?);
        let [at, kafka_time, input_tokens, output_tokens] =
            [&at, &kafka_time, &input_tokens, &output_tokens].map(|array| array.as_primitive::<Int64Type>());
        let is_error = flags(batch, "is_error")?;
        let call_id = texts(batch, "call_id")?;
        let mut owner = 0;
        let mut other_owner = 0;
        for row in 0..batch.num_rows() {
            let place = places.get(row);
            let slot = match self.runs.threads.find(&names, row, &mut owner) {
                Some(thread) => {
                    let part = self.runs.part_at(thread, &place);
                    self.slot(thread, part)
                }
                None => {
                    let thread = self.others.intern(&names, row, &mut other_owner);
                    self.other_slot(thread)
                }
            };
            let count = &mut self.counts[slot as usize];
            let valid = |array: &Int64Array| array.is_valid(row).then(|| array.value(row));
            let (at, kafka_time) = (valid(at), valid(kafka_time));
            count.first_time = least(count.first_time, at);
            count.last_time = count.last_time.max(at);
            count.last_arrived = count.last_arrived.max(kafka_time.or(at));
            let kind = usize::try_from(kind.value(row)).unwrap_or(0);
            count.kinds[kind] += 1;
            count.numbered += i64::from(place.is_numbered());
            count.errors += i64::from(is_error.is_valid(row) && is_error.value(row));
            if let Some(sums) = count.tokens.get_mut(kind) {
                for (sum, more) in sums.iter_mut().zip([valid(input_tokens), valid(output_tokens)]) {
                    add_tokens(sum, more.map(i128::from));
                }
            }
            if call_id.is_valid(row) {
                self.calls
                    .insert((slot, message_id_hash(call_id.value(row).as_bytes())));
            }
        }
        Ok(())
    }

    /// Where the count of a part of a thread of the runs is.
    fn slot(&mut self, thread: usize, part: usize) -> u32 {
        let at = self.runs.of(thread).start + thread + part;
        if self.places[at] == 0 {
            self.parts.push((thread, part));
            self.counts.push(Count::default());
            self.places[at] = self.counts.len() as u32;
        }
        self.places[at] - 1
    }

    /// Where the count of another thread is.
    fn other_slot(&mut self, thread: usize) -> u32 {
        if self.other_places.len() <= thread {
            self.other_places.resize(thread + 1, 0);
        }
        if self.other_places[thread] == 0 {
            self.parts.push((self.runs.threads.len() + thread, 0));
            self.counts.push(Count::default());
            self.other_places[thread] = self.counts.len() as u32;
        }
        self.other_places[thread] - 1
    }

    /// Adds the counts of another worker.
    fn merge(&mut self, other: Self) {
        let known = self.runs.threads.len();
        let mut owner = 0;
        let mut slots = Vec::with_capacity(other.counts.len());
        for ((thread, part), count) in other.parts.iter().zip(&other.counts) {
            let slot = match thread.checked_sub(known) {
                None => self.slot(*thread, *part),
                Some(thread) => {
                    let thread = self.others.intern_from(&other.others, thread, &mut owner);
                    self.other_slot(thread)
                }
            };
            self.counts[slot as usize].add(count);
            slots.push(slot);
        }
        if self.calls.is_empty() {
            self.calls.reserve(other.calls.len());
        }
        self.calls.extend(
            other
                .calls
                .into_iter()
                .map(|(slot, call)| (slots[slot as usize], call)),
        );
    }

    fn finish(mut self) -> Counts {
        for (slot, _) in &self.calls {
            self.counts[*slot as usize].tool_calls += 1;
        }
        Counts {
            others: self.others,
            parts: self.parts,
            counts: self.counts,
        }
    }
}

#[cfg(test)]
mod tests;
