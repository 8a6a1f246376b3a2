//! Short ways to feed a book and to read what it gives.

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int32Type, Int64Type, TimestampMicrosecondType, UInt64Type};
use quipu_proto::{Emitter, LogPartition, PartitionId, TopicIncarnation};

use crate::sequence::*;

pub(super) fn partition(topic: &str, number: i32) -> LogPartition {
    LogPartition::new(TopicIncarnation::new(topic, "life-1"), PartitionId(number))
}

/// A graph-level message of tenant `t` with an id of its own kind: its number and copy.
pub(super) fn arrival<'a>(
    thread_id: &'a str,
    sequence: u64,
    message_id: &'a [u8],
    offset: i64,
) -> Arrival<'a> {
    Arrival {
        tenant_id: "t",
        thread_id,
        emitter: Emitter::Graph,
        sequence,
        message_id,
        time_us: Some(offset * 10),
        offset,
    }
}

/// One row of `sequence_runs`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RunRow {
    pub(super) partition: i32,
    pub(super) tenant_id: String,
    pub(super) thread_id: String,
    pub(super) emitter: String,
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) messages: i64,
    pub(super) first_time: i64,
    pub(super) last_time: i64,
    pub(super) first_offset: i64,
    pub(super) last_offset: i64,
    pub(super) head: String,
}

pub(super) fn run_rows(batches: &[RecordBatch]) -> Vec<RunRow> {
    let mut rows = Vec::new();
    for batch in batches {
        let text = |name: &str, row: usize| {
            let column = batch.column_by_name(name).unwrap();
            match column.as_string_opt::<i32>() {
                Some(plain) => plain.value(row).to_owned(),
                None => {
                    let dictionary = column.as_dictionary::<Int32Type>();
                    let key = dictionary.key(row).unwrap();
                    dictionary.values().as_string::<i32>().value(key).to_owned()
                }
            }
        };
        let number = |name: &str, row: usize| {
            batch
                .column_by_name(name)
                .unwrap()
                .as_primitive::<Int64Type>()
                .value(row)
        };
        let unsigned = |name: &str, row: usize| {
            batch
                .column_by_name(name)
                .unwrap()
                .as_primitive::<UInt64Type>()
                .value(row)
        };
        let time = |name: &str, row: usize| {
            batch
                .column_by_name(name)
                .unwrap()
                .as_primitive::<TimestampMicrosecondType>()
                .value(row)
        };
        for row in 0..batch.num_rows() {
            rows.push(RunRow {
                partition: batch
                    .column_by_name("partition")
                    .unwrap()
                    .as_primitive::<Int32Type>()
                    .value(row),
                tenant_id: text("tenant_id", row),
                thread_id: text("thread_id", row),
                emitter: text("emitter", row),
                first: unsigned("first_sequence", row),
                last: unsigned("last_sequence", row),
                messages: number("messages", row),
                first_time: time("first_time", row),
                last_time: time("last_time", row),
                first_offset: number("first_offset", row),
                last_offset: number("last_offset", row),
                head: text("head", row),
            });
        }
    }
    rows
}

/// Numbers that give the same numbers in every run.
#[derive(Debug)]
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}
