//! What is read of a thread: its messages that tell of states and nodes, and the numbers that were seen of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BinaryViewArray, BooleanArray, StringViewArray};
use datafusion::arrow::datatypes::{DataType, Int32Type, Int64Type, UInt64Type};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::{Result, ScalarValue};
use datafusion::execution::{SessionState, TaskContext};
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::StreamExt;

use super::table::Thread;
use crate::strands::{column, flags, numbers, texts};

/// The plan of one of this folder's questions about a thread.
pub(super) async fn plan(state: &SessionState, sql: &str, thread: &Thread) -> Result<Arc<dyn ExecutionPlan>> {
    let names = [&thread.tenant_id, &thread.thread_id];
    let values: Vec<ScalarValue> = names
        .into_iter()
        .map(|name| ScalarValue::Utf8View(Some(name.clone())))
        .collect();
    let plan = state.create_logical_plan(sql).await?.with_param_values(values)?;
    state.create_physical_plan(&plan).await
}

/// The text of `messages.sql`.
pub(super) const MESSAGES: &str = include_str!("messages.sql");

/// The text of `ledger.sql`.
pub(super) const LEDGER: &str = include_str!("ledger.sql");

/// What a message is to the state of its thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    RunStart,
    NodeStart,
    NodeEnd,
    StateDiff,
    Checkpoint,
}

/// A batch of messages.
pub(super) struct Messages {
    kind: ArrayRef,
    topic: StringViewArray,
    incarnation: StringViewArray,
    partition: ArrayRef,
    offset: ArrayRef,
    at: ArrayRef,
    sequence: ArrayRef,
    node_id: StringViewArray,
    state: StringViewArray,
    operations: StringViewArray,
    state_hash: BinaryViewArray,
    is_unreadable: BooleanArray,
    checksum_ok: BooleanArray,
    by_number: BooleanArray,
}

/// One message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message<'a> {
    pub(super) kind: Kind,
    pub(super) topic: &'a str,
    pub(super) incarnation: &'a str,
    pub(super) partition: i32,
    pub(super) offset: i64,
    /// Microseconds since the Unix epoch, UTC.
    pub(super) at: Option<i64>,
    pub(super) sequence: u64,
    pub(super) node_id: Option<&'a str>,
    /// initial_state_json, full_state or the state of a checkpoint.
    pub(super) state: Option<&'a str>,
    pub(super) operations: Option<&'a str>,
    pub(super) state_hash: Option<&'a [u8]>,
    pub(super) is_unreadable: bool,
    pub(super) checksum_ok: Option<bool>,
    /// Whether the messages of this thread follow each other by number, so that numbers between them can be missing.
    pub(super) by_number: bool,
}

impl Messages {
    pub(super) fn of(batch: &RecordBatch) -> Result<Self> {
        Ok(Self {
            kind: numbers::<Int64Type>(batch, "kind")?,
            topic: texts(batch, "topic")?,
            incarnation: texts(batch, "incarnation")?,
            partition: numbers::<Int32Type>(batch, "partition")?,
            offset: numbers::<Int64Type>(batch, "offset")?,
            at: numbers::<Int64Type>(batch, "at")?,
            sequence: numbers::<UInt64Type>(batch, "sequence")?,
            node_id: texts(batch, "node_id")?,
            state: texts(batch, "state")?,
            operations: texts(batch, "operations")?,
            state_hash: column(batch, "state_hash", &DataType::BinaryView)?
                .as_binary_view()
                .clone(),
            is_unreadable: flags(batch, "is_unreadable")?,
            checksum_ok: flags(batch, "checksum_ok")?,
            by_number: flags(batch, "by_number")?,
        })
    }

    pub(super) fn len(&self) -> usize {
        self.topic.len()
    }

    pub(super) fn get(&self, row: usize) -> Message<'_> {
        let text = |texts: &'_ StringViewArray| texts.is_valid(row).then_some(row);
        let at = self.at.as_primitive::<Int64Type>();
        Message {
            kind: match self.kind.as_primitive::<Int64Type>().value(row) {
                1 => Kind::RunStart,
                2 => Kind::NodeStart,
                4 => Kind::StateDiff,
                5 => Kind::Checkpoint,
                _ => Kind::NodeEnd,
            },
            topic: self.topic.value(row),
            incarnation: self.incarnation.value(row),
            partition: self.partition.as_primitive::<Int32Type>().value(row),
            offset: self.offset.as_primitive::<Int64Type>().value(row),
            at: at.is_valid(row).then(|| at.value(row)),
            sequence: self.sequence.as_primitive::<UInt64Type>().value(row),
            node_id: text(&self.node_id).map(|row| self.node_id.value(row)),
            state: text(&self.state).map(|row| self.state.value(row)),
            operations: text(&self.operations).map(|row| self.operations.value(row)),
            state_hash: self.state_hash.is_valid(row).then(|| self.state_hash.value(row)),
            is_unreadable: self.is_unreadable.value(row),
            checksum_ok: self
                .checksum_ok
                .is_valid(row)
                .then(|| self.checksum_ok.value(row)),
            by_number: self.by_number.value(row),
        }
    }
}

/// The numbers that were seen of a thread, in each of its logs.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    /// By topic and incarnation: runs of numbers, first to last, that neither overlap nor touch.
    seen: BTreeMap<(String, String), Vec<(u64, u64)>>,
}

impl Numbers {
    pub(super) async fn read(plan: Arc<dyn ExecutionPlan>, context: Arc<TaskContext>) -> Result<Self> {
        let mut found = Self::default();
        let mut batches = execute_stream(plan, context)?;
        while let Some(batch) = batches.next().await {
            let batch = batch?;
            let (topic, incarnation) = (texts(&batch, "topic")?, texts(&batch, "incarnation")?);
            let [first, last] =
                ["first_sequence", "last_sequence"].map(|name| numbers::<UInt64Type>(&batch, name));
            let (first, last) = (first?, last?);
            let (first, last) = (
                first.as_primitive::<UInt64Type>(),
                last.as_primitive::<UInt64Type>(),
            );
            for row in 0..batch.num_rows() {
                let log = (topic.value(row).to_owned(), incarnation.value(row).to_owned());
                found
                    .seen
                    .entry(log)
                    .or_default()
                    .push((first.value(row), last.value(row)));
            }
        }
        for runs in found.seen.values_mut() {
            join(runs);
        }
        Ok(found)
    }

    /// How many numbers between these two, both exclusive, were not seen, and the first of them.
    pub(super) fn missing(
        &self,
        topic: &str,
        incarnation: &str,
        after: u64,
        before: u64,
    ) -> Option<(u64, u64)> {
        let log = (topic.to_owned(), incarnation.to_owned());
        let runs = self.seen.get(&log).map_or(&[][..], Vec::as_slice);
        let (mut next, mut missing, mut first) = (after.checked_add(1)?, 0, None);
        let start = runs.partition_point(|run| run.1 < next);
        let ends = [(before, before)];
        for &(from, to) in runs[start..].iter().chain(&ends) {
            let from = from.min(before);
            if from > next {
                first.get_or_insert(next);
                missing += from - next;
            }
            next = next.max(to.saturating_add(1));
            if next >= before {
                break;
            }
        }
        first.map(|first| (missing, first))
    }
}

/// Sorts runs and joins those that overlap or touch.
fn join(runs: &mut Vec<(u64, u64)>) {
    runs.sort_unstable();
    runs.dedup_by(|next, run| {
        let touches = next.0 <= run.1.saturating_add(1);
        if touches {
            run.1 = run.1.max(next.1);
        }
        touches
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_were_not_seen_are_counted_between_two_that_were() {
        let mut runs = vec![(9, 9), (1, 3), (2, 4), (5, 5), (20, 30)];
        join(&mut runs);
        assert_eq!(runs, [(1, 5), (9, 9), (20, 30)]);
        let log = ("t".to_owned(), "i".to_owned());
        let numbers = Numbers {
            seen: BTreeMap::from([(log, runs)]),
        };
        let missing = |after, before| numbers.missing("t", "i", after, before);
        assert_eq!(missing(1, 5), None);
        assert_eq!(missing(5, 9), Some((3, 6)));
        assert_eq!(missing(4, 20), Some((3 + 10, 6)));
        assert_eq!(missing(9, 10), None);
        assert_eq!(missing(9, 12), Some((2, 10)));
        assert_eq!(missing(25, 40), Some((9, 31)));
        assert_eq!(missing(9, 9), None);
        assert_eq!(missing(9, 3), None);
        assert_eq!(numbers.missing("t", "j", 1, 3), Some((1, 2)));
        assert_eq!(missing(u64::MAX, u64::MAX), None);
    }
}
