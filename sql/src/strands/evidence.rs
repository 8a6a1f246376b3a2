//! The messages of contested threads.

use std::collections::HashMap;

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::datatypes::{DataType, Int32Type, Int64Type, UInt64Type};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{LogicalPlanBuilder, col, lit};
use datafusion::physical_plan::execute_stream;
use futures::StreamExt;
use quipu_proto::Emitter;
use quipu_store::sequence::strands::{Evidence, Role, message_id_hash};

use super::{ContestedThread, Names, column, flags, numbers, texts};

/// Threads up to which they are looked up by name; beyond that, everything is read.
const NAMED_THREADS_MAX: usize = 1_000;

/// The messages of one thread.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) messages: Vec<Evidence>,
    /// The nodes they name: node 1 is the first of these.
    pub(super) nodes: Vec<String>,
}

impl Found {
    fn node(&mut self, name: &str) -> u32 {
        let known = self.nodes.iter().position(|node| node == name);
        let index = known.unwrap_or_else(|| {
            self.nodes.push(name.to_owned());
            self.nodes.len() - 1
        });
        u32::try_from(index + 1).unwrap_or(0)
    }
}

/// Reads the messages of these threads, in their order.
pub(super) async fn read(state: &SessionState, threads: &[ContestedThread]) -> Result<Vec<Found>> {
    let mut plan = state.create_logical_plan(include_str!("evidence.sql")).await?;
    if threads.len() <= NAMED_THREADS_MAX {
        let names = threads.iter().map(|thread| lit(thread.name.thread_id.as_str()));
        plan = LogicalPlanBuilder::from(plan)
            .filter(col("thread_id").in_list(names.collect(), false))?
            .build()?;
    }
    let mut by_thread_id: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, thread) in threads.iter().enumerate() {
        by_thread_id
            .entry(&thread.name.thread_id)
            .or_default()
            .push(index);
    }
    let mut found: Vec<Found> = threads.iter().map(|_| Found::default()).collect();
    let plan = state.create_physical_plan(&plan).await?;
    let mut batches = execute_stream(plan, state.task_ctx())?;
    while let Some(batch) = batches.next().await {
        let batch = batch?;
        let names = Names::of(&batch)?;
        take(&batch, &mut found, |row| {
            let same_id = by_thread_id.get(names.thread_id(row))?;
            same_id
                .iter()
                .copied()
                .find(|index| names.is(row, &threads[*index].name))
        })?;
    }
    Ok(found)
}

/// Adds the rows of a batch to the threads that `thread_of` says.
fn take(batch: &RecordBatch, found: &mut [Found], thread_of: impl Fn(usize) -> Option<usize>) -> Result<()> {
    let partition = numbers::<Int32Type>(batch, "partition")?;
    let offset = numbers::<Int64Type>(batch, "offset")?;
    let item = numbers::<Int32Type>(batch, "item")?;
    let time = numbers::<Int64Type>(batch, "time")?;
    let kafka_time = numbers::<Int64Type>(batch, "kafka_time")?;
    let sequence = numbers::<UInt64Type>(batch, "sequence")?;
    let message_id = column(batch, "message_id", &DataType::BinaryView)?;
    let in_node = flags(batch, "in_node")?;
    let role = numbers::<Int32Type>(batch, "role")?;
    let node_id = texts(batch, "node_id")?;
    let (partition, item, role) = (
        partition.as_primitive::<Int32Type>(),
        item.as_primitive::<Int32Type>(),
        role.as_primitive::<Int32Type>(),
    );
    let (offset, time, kafka_time) = (
        offset.as_primitive::<Int64Type>(),
        time.as_primitive::<Int64Type>(),
        kafka_time.as_primitive::<Int64Type>(),
    );
    let (sequence, message_id) = (sequence.as_primitive::<UInt64Type>(), message_id.as_binary_view());
    for row in 0..batch.num_rows() {
        let Some(thread) = thread_of(row) else {
            continue;
        };
        let found = &mut found[thread];
        let node = if node_id.is_valid(row) {
            found.node(node_id.value(row))
        } else {
            0
        };
        found.messages.push(Evidence {
            sequence: sequence.value(row),
            message_id: if message_id.is_valid(row) {
                message_id_hash(message_id.value(row))
            } else {
                message_id_hash(&[])
            },
            emitter: if in_node.value(row) {
                Emitter::Node
            } else {
                Emitter::Graph
            },
            role: match role.value(row) {
                1 => Role::GraphBoundary,
                2 => Role::NodeStart,
                3 => Role::NodeEnd,
                _ => Role::Other,
            },
            node,
            time: time.is_valid(row).then(|| time.value(row)),
            kafka_time: kafka_time.is_valid(row).then(|| kafka_time.value(row)),
            partition: partition.value(row),
            offset: offset.value(row),
            item: item.value(row),
        });
    }
    Ok(())
}
