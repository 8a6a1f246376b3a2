//! Runs as rows: what view `run_spans` shows, and what other views say of the run of a thing.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Int64Array, StringViewArray, TimestampMicrosecondArray,
};
use datafusion::arrow::compute::filter_record_batch;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;

use super::run::{Run, Runs};

/// The type of a time.
pub(super) fn time() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// Times in microseconds as a column.
pub(super) fn times(times: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from_iter(times).with_timezone("UTC"))
}

/// The columns of `run_spans`.
pub(super) fn schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let name = |name: &str| Field::new(name, DataType::Utf8View, false);
        let other = |name: &str, data_type: DataType| Field::new(name, data_type, true);
        Arc::new(Schema::new(vec![
            name("topic"),
            name("incarnation"),
            name("tenant_id"),
            name("thread_id"),
            other("run_id", DataType::BinaryView),
            other("run_number", DataType::Int64),
            other("graph_name", DataType::Utf8View),
            other("headless", DataType::Boolean),
            other("has_failure", DataType::Boolean),
            other("has_end", DataType::Boolean),
            other("has_stopped", DataType::Boolean),
            other("is_closed", DataType::Boolean),
            other("started", time()),
            other("ended", time()),
            other("duration_us", DataType::Int64),
            other("from_time", time()),
            other("next_time", time()),
        ]))
    });
    Arc::clone(&SCHEMA)
}

/// One row per run, in the order of [`Runs::runs`], also for what would be runs of messages without a thread id.
pub(super) fn all(runs: &Runs) -> Result<RecordBatch> {
    let threads = || 0..runs.threads.len();
    let names = |part: usize| -> ArrayRef {
        let of_thread = |thread: usize| runs.of(thread).map(move |_| runs.threads.name(thread)[part]);
        Arc::new(StringViewArray::from_iter_values(threads().flat_map(of_thread)))
    };
    let numbers = threads().flat_map(|thread| runs.of(thread).map(move |run| runs.number(thread, run)));
    let from_times = threads().flat_map(|thread| {
        let of_thread = runs.of(thread);
        of_thread.clone().map(move |run| runs.since(&of_thread, run))
    });
    let next_times = threads().flat_map(|thread| {
        let of_thread = runs.of(thread);
        let next = move |run: usize| {
            (run + 1 < of_thread.end)
                .then(|| runs.runs[run + 1].first.at())
                .flatten()
        };
        runs.of(thread).map(next)
    });
    let is = |what: fn(&Run) -> bool| -> ArrayRef {
        Arc::new(BooleanArray::from_iter(
            runs.runs.iter().map(|run| Some(what(run))),
        ))
    };
    let columns: Vec<ArrayRef> = vec![
        names(0),
        names(1),
        names(2),
        names(3),
        Arc::new(runs.ids.clone()),
        Arc::new(Int64Array::from_iter_values(numbers)),
        Arc::new(runs.graph_names.clone()),
        is(Run::is_headless),
        is(|run| run.has_failure),
        is(|run| run.has_end),
        is(Run::has_stopped),
        is(Run::is_closed),
        times(runs.runs.iter().map(|run| run.first.at())),
        times(runs.runs.iter().map(Run::ended)),
        Arc::new(Int64Array::from_iter(runs.runs.iter().map(|run| run.duration_us))),
        times(from_times),
        times(next_times),
    ];
    Ok(RecordBatch::try_new(schema(), columns)?)
}

/// The rows of `run_spans`, out of [`all`].
pub(super) fn rows(runs: &Runs, all: &RecordBatch) -> Result<RecordBatch> {
    let has_runs =
        (0..runs.threads.len()).flat_map(|thread| runs.of(thread).map(move |_| Some(runs.has_runs(thread))));
    Ok(filter_record_batch(all, &BooleanArray::from_iter(has_runs))?)
}
