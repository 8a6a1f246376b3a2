//! How long the ledger takes to answer about a million threads. Figures, and no test: run it with
//! `cargo test --release --workspace --test ledger_scale -- --ignored --nocapture`.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a program that measures")]

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use quipu::Quipu;
use quipu::arrow::array::{
    ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray, UInt64Array, new_null_array,
};
use quipu::arrow::compute::cast;
use quipu::arrow::datatypes::DataType;
use quipu::store::{Commit, Writer, WriterOptions};
use quipu_proto::Table;

const THREADS: usize = 1_000_000;
/// One thread in so many has a gap: 1,200,000 runs together.
const GAP_EVERY: usize = 5;

/// One run: thread, first number, last number.
type Run = (usize, u64, u64);

/// The ledger of threads with ten numbers each, sorted as commits and merges leave it, in two segments.
fn write(store: &Path) -> usize {
    let runs: Vec<Run> = (0..THREADS)
        .flat_map(|thread| {
            if thread % GAP_EVERY == 0 {
                vec![(thread, 1, 4), (thread, 6, 10)]
            } else {
                vec![(thread, 1, 10)]
            }
        })
        .collect();
    let mut writer = Writer::open(store, WriterOptions::default()).unwrap();
    for part in runs.chunks(runs.len().div_ceil(2)) {
        writer
            .commit(Commit {
                batches: vec![(Table::SequenceRuns, part.chunks(100_000).map(rows).collect())],
                ..Commit::default()
            })
            .unwrap();
    }
    runs.len()
}

fn rows(runs: &[Run]) -> RecordBatch {
    let schema = Table::SequenceRuns.schema();
    let columns = schema.fields().iter().map(|field| {
        let text = |text: &str| -> ArrayRef { Arc::new(StringArray::from(vec![text; runs.len()])) };
        let array: ArrayRef = match field.name().as_str() {
            "topic" => text("dashstream-events"),
            "incarnation" => text("9d1c4d6f"),
            "tenant_id" => text("default"),
            "emitter" => text("graph"),
            "head" => text("from_one"),
            "thread_id" => {
                Arc::new(StringArray::from_iter_values(runs.iter().map(|run| {
                    format!("{:032x}", run.0 as u128 * 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced)
                })))
            }
            "partition" => Arc::new(Int32Array::from(vec![0; runs.len()])),
            "first_sequence" => Arc::new(UInt64Array::from_iter_values(runs.iter().map(|run| run.1))),
            "last_sequence" => Arc::new(UInt64Array::from_iter_values(runs.iter().map(|run| run.2))),
            "messages" => Arc::new(Int64Array::from_iter_values(
                runs.iter().map(|run| (run.2 - run.1) as i64 + 1),
            )),
            "first_offset" | "last_offset" => {
                Arc::new(Int64Array::from_iter_values(runs.iter().map(|run| run.0 as i64)))
            }
            _ => new_null_array(&DataType::Int64, runs.len()),
        };
        cast(&array, field.data_type()).unwrap()
    });
    let columns = columns.collect();
    RecordBatch::try_new(schema, columns).unwrap()
}

#[tokio::test]
#[ignore = "takes figures, and checks nothing but the sums"]
async fn a_million_threads() {
    let folder = tempfile::tempdir().unwrap();
    let runs = write(folder.path());
    println!("{THREADS} threads, {runs} rows of sequence_runs");
    for question in [
        "select count(*) from system.contested_threads",
        "select count(*), sum(missing) from gaps",
        "select * from gaps order by missing desc limit 10",
        "select count(*), sum(seen), sum(missing) from strands",
    ] {
        let mut times = Vec::new();
        for _ in 0..5 {
            let quipu = Quipu::open(folder.path()).unwrap();
            let began = Instant::now();
            let rows = quipu.sql(question).await.unwrap().collect().await.unwrap();
            times.push(began.elapsed().as_secs_f64());
            assert!(!rows.is_empty());
        }
        times.sort_by(f64::total_cmp);
        println!(
            "{:6.2} s (least {:.2}, most {:.2})  {question}",
            times[2], times[0], times[4]
        );
    }
}
