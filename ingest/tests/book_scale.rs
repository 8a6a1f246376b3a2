//! How long a store with very many threads takes to open when the index of its book is gone.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::sync::Arc;
use std::time::Instant;

use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, DictionaryArray, Int32Array, Int64Array, RecordBatch, StringArray,
    UInt64Array, new_null_array,
};
use arrow_schema::DataType;
use quipu_ingest::{Pipeline, PipelineOptions, Progress};
use quipu_proto::{Emitter, LogPartition, PartitionId, Table, TopicIncarnation};
use quipu_store::sequence::{Arrival, BookOptions, SequenceBook};
use quipu_store::{Commit, Head, Writer, WriterOptions};

fn log() -> LogPartition {
    LogPartition::new(TopicIncarnation::new("topic", "life"), PartitionId(0))
}

/// As long as a UUID, and far from its neighbours in order.
fn name(thread: u64) -> String {
    let mixed = thread.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    format!("{:08x}-7d1f-4c2b-9e3a-{thread:012x}", mixed >> 32)
}

/// Events of these threads, one each, with the columns that rebuilding reads, at offsets from `first` on.
fn events(first: i64, threads: &[u64]) -> RecordBatch {
    let count = threads.len();
    let offsets = first..first + count as i64;
    let schema = Table::Events.schema();
    let columns = schema.fields().iter().map(|field| -> ArrayRef {
        match (field.name().as_str(), field.data_type()) {
            ("thread_id", _) => Arc::new(StringArray::from_iter_values(
                threads.iter().map(|thread| name(*thread)),
            )),
            ("message_id", _) => Arc::new(BinaryArray::from_iter_values(
                offsets.clone().map(|offset| offset.to_le_bytes().repeat(2)),
            )),
            ("offset", _) => Arc::new(Int64Array::from_iter_values(offsets.clone())),
            ("sequence", _) => Arc::new(UInt64Array::from_iter_values(
                offsets.clone().map(|offset| offset as u64 + 1),
            )),
            (_, data_type) if field.is_nullable() => new_null_array(data_type, count),
            (_, DataType::Int64) => Arc::new(Int64Array::from(vec![0; count])),
            (_, DataType::Int32) => Arc::new(Int32Array::from(vec![0; count])),
            (_, DataType::Boolean) => Arc::new(BooleanArray::from(vec![false; count])),
            (_, DataType::Utf8) => Arc::new(StringArray::from(vec!["t"; count])),
            (name, DataType::Dictionary(..)) => {
                let word = match name {
                    "topic" => "topic",
                    "incarnation" => "life",
                    _ => "word",
                };
                Arc::new(DictionaryArray::<Int32Type>::from_iter(std::iter::repeat_n(
                    word, count,
                )))
            }
            (name, other) => panic!("no values for {name} of type {other}"),
        }
    });
    RecordBatch::try_new(Arc::clone(&schema), columns.collect()).unwrap()
}

/// A store of so many threads: a snapshot of its book, and messages of random threads after it, four a thread, which is
/// when the next snapshot is due. Gives how long opening takes without an index.
fn open_without_an_index(threads: u64) -> std::time::Duration {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = Writer::open(folder.path(), WriterOptions::default()).unwrap();
    let mut book = SequenceBook::new(BookOptions::default());
    let key = book.open_partition(&log(), Head::FromOne);
    for thread in 0..threads {
        for number in 1..=8_u64 {
            book.observe(
                key,
                &Arrival {
                    tenant_id: "t",
                    thread_id: &name(thread),
                    emitter: Emitter::Graph,
                    sequence: number,
                    message_id: &(thread * 8 + number).to_le_bytes(),
                    time_us: Some(1),
                    offset: thread as i64,
                },
            );
        }
    }
    book.seal(writer.manifest().id.next()).unwrap();
    let snapshot = book.snapshot_batches().map(Result::unwrap).collect();
    writer
        .commit(Commit {
            batches: vec![(Table::SequenceBook, snapshot)],
            ..Commit::default()
        })
        .unwrap();
    drop(book);
    let messages = threads * 4;
    let each = (messages / 16).max(1);
    for commit in 0..16 {
        let chosen: Vec<u64> = (0..each)
            .map(|row| (commit * each + row).wrapping_mul(0x9e37_79b1) % threads)
            .collect();
        let batches = vec![(Table::Events, vec![events((commit * each) as i64, &chosen)])];
        writer
            .commit(Commit {
                batches,
                ..Commit::default()
            })
            .unwrap();
    }
    writer.close();
    let started = Instant::now();
    let pipeline = Pipeline::open(
        folder.path(),
        PipelineOptions::default(),
        Arc::new(Progress::default()),
    )
    .unwrap();
    let took = started.elapsed();
    drop(pipeline);
    took
}

#[test]
#[ignore = "prints a figure, of a million threads"]
fn a_store_of_a_million_threads_opens_without_an_index() {
    println!("opened in {:?}", open_without_an_index(1_000_000));
}

#[test]
fn a_store_of_many_threads_opens_without_an_index() {
    open_without_an_index(5_000);
}
