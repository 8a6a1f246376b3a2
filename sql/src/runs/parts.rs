//! Parts of threads as rows: what view `run_parts` shows.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::Array;
use datafusion::arrow::array::{
    ArrayRef, BinaryViewArray, BooleanArray, Decimal128Array, Int64Array, StringViewArray,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;

use super::count::{Count, Counts};
use super::run::{Run, Runs};
use super::spans::{time, times};

/// Digits of a sum of tokens.
const SUM_DIGITS: u8 = 38;

/// The columns of `run_parts`.
pub(super) fn schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let mut fields = Vec::new();
        let mut add = |names: &[&str], data_type: DataType, nullable: bool| {
            fields.extend(
                names
                    .iter()
                    .map(|name| Field::new(*name, data_type.clone(), nullable)),
            );
        };
        add(
            &["topic", "incarnation", "tenant_id", "thread_id"],
            DataType::Utf8View,
            false,
        );
        add(&["part"], DataType::Int64, true);
        add(&["is_run"], DataType::Boolean, true);
        add(&["run_number"], DataType::Int64, true);
        add(
            &["has_start", "has_failure", "has_end", "has_stopped"],
            DataType::Boolean,
            true,
        );
        add(&["run_id"], DataType::BinaryView, true);
        add(&["graph_name"], DataType::Utf8View, true);
        add(&["started", "ended"], time(), true);
        add(&["duration_us"], DataType::Int64, true);
        add(&["first_time", "last_time", "last_arrived"], time(), true);
        add(&["messages", "numbered"], DataType::Int64, false);
        // The kinds of messages.sql, in its order.
        add(
            &[
                "events",
                "token_chunks",
                "tool_executions",
                "state_diffs",
                "checkpoints",
                "metrics",
                "error_messages",
                "execution_traces",
            ],
            DataType::Int64,
            false,
        );
        add(&["tool_calls", "errors"], DataType::Int64, false);
        add(
            &[
                "llm_end_input_tokens",
                "llm_end_output_tokens",
                "chunk_input_tokens",
                "chunk_output_tokens",
            ],
            DataType::Decimal128(SUM_DIGITS, 0),
            true,
        );
        Arc::new(Schema::new(fields))
    });
    Arc::clone(&SCHEMA)
}

/// A part of a thread.
struct Part<'a> {
    name: [&'a str; 4],
    number: i64,
    count: &'a Count,
    /// What the messages of the graph tell, and where the run is in the list of all; none before the first run.
    run: Option<(&'a Run, usize)>,
    /// Whether it is a run: messages without a thread id are in none.
    is_run: bool,
    /// The number of the run in its thread, from 1.
    run_number: Option<i64>,
}

impl Part<'_> {
    fn is(&self, what: fn(&Run) -> bool) -> bool {
        self.run.is_some_and(|(run, _)| what(run))
    }

    fn has_stopped(&self) -> bool {
        self.is_run && self.is(Run::has_stopped)
    }

    fn ended(&self) -> Option<i64> {
        let (run, _) = self.run?;
        if self.is_run { run.ended() } else { run.ended_at }
    }
}

/// The rows of `run_parts`.
pub(super) fn rows(runs: &Runs, counts: &Counts) -> Result<RecordBatch> {
    let parts: Vec<Part<'_>> = counts
        .parts
        .iter()
        .zip(&counts.counts)
        .map(|((thread, part), count)| {
            let other = thread.checked_sub(runs.threads.len());
            let run = other.is_none().then(|| runs.of_part(*thread, *part)).flatten();
            let is_run = run.is_some() && runs.has_runs(*thread);
            Part {
                name: other.map_or_else(|| runs.threads.name(*thread), |other| counts.others.name(other)),
                number: i64::try_from(*part).unwrap_or(i64::MAX),
                count,
                run: run.map(|run| (&runs.runs[run], run)),
                is_run,
                run_number: run.filter(|_| is_run).map(|run| runs.number(*thread, run)),
            }
        })
        .collect();
    let each = || parts.iter();
    let names = |part: usize| -> ArrayRef {
        Arc::new(StringViewArray::from_iter_values(
            each().map(|row| row.name[part]),
        ))
    };
    let is = |what: &dyn Fn(&Part<'_>) -> bool| -> ArrayRef {
        Arc::new(BooleanArray::from_iter(each().map(|part| Some(what(part)))))
    };
    let number = |what: &dyn Fn(&Part<'_>) -> i64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(each().map(what)))
    };
    let tokens = |kind: usize, way: usize| -> Result<ArrayRef> {
        let sums: Decimal128Array = each().map(|part| part.count.tokens[kind][way]).collect();
        Ok(Arc::new(sums.with_precision_and_scale(SUM_DIGITS, 0)?))
    };
    let ids = each().map(|part| {
        let (_, run) = part.run?;
        runs.ids.is_valid(run).then(|| runs.ids.value(run))
    });
    let graph_names = each().map(|part| {
        let (_, run) = part.run?;
        runs.graph_names
            .is_valid(run)
            .then(|| runs.graph_names.value(run))
    });
    let durations = each().map(|part| part.run.and_then(|(run, _)| run.duration_us));
    let mut columns: Vec<ArrayRef> = (0..4).map(names).collect();
    columns.extend([
        number(&|part| part.number),
        is(&|part| part.is_run),
        Arc::new(Int64Array::from_iter(each().map(|part| part.run_number))),
        is(&|part| part.is(|run| !run.is_headless())),
        is(&|part| part.is(|run| run.has_failure)),
        is(&|part| part.is(|run| run.has_end)),
        is(&|part| part.has_stopped()),
        Arc::new(BinaryViewArray::from_iter(ids)),
        Arc::new(StringViewArray::from_iter(graph_names)),
        times(each().map(|part| part.run.and_then(|(run, _)| run.first.at()))),
        times(each().map(|part| part.ended())),
        Arc::new(Int64Array::from_iter(durations)),
        times(each().map(|part| part.count.first_time)),
        times(each().map(|part| part.count.last_time)),
        times(each().map(|part| part.count.last_arrived)),
        number(&|part| part.count.kinds.iter().sum()),
        number(&|part| part.count.numbered),
    ]);
    columns.extend((0..super::count::KINDS).map(|kind| number(&|part| part.count.kinds[kind])));
    columns.extend([
        number(&|part| part.count.tool_calls),
        number(&|part| part.count.errors),
    ]);
    columns.extend([tokens(0, 0)?, tokens(0, 1)?, tokens(1, 0)?, tokens(1, 1)?]);
    Ok(RecordBatch::try_new(schema(), columns)?)
}
