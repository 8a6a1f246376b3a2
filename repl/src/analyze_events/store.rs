//! The rows of a store as documents.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use quipu::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, StringArray};
use quipu::arrow::compute::cast;
use quipu::arrow::datatypes::{DataType, Int64Type};
use quipu::evals::analysis::{
    Accumulator, Body, Counting, Document, Event, TokenChunk, TokenStats, ToolStage,
};
use quipu::sql::Session;
use quipu::{Quipu, Rows};
use tokio::runtime::Builder;

/// What was counted of a store.
#[derive(Debug)]
pub(super) struct Counted {
    pub(super) accumulator: Accumulator,
    /// How complete the store is.
    pub(super) completeness: String,
}

/// Counts the messages of a store, copies left out, as of one moment.
pub(super) fn count(path: &Path, counting: Counting) -> Result<Counted> {
    let store = Quipu::open(path)?;
    let runtime = Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the threads of the runtime")?;
    runtime.block_on(async {
        let session = store.session()?;
        let mut counter = Counter {
            accumulator: Accumulator::new(counting),
            rows: 0,
            counting,
        };
        for (statement, body) in SOURCES {
            counter.rows_of(&session, statement, body).await?;
        }
        Ok(Counted {
            accumulator: counter.accumulator,
            completeness: quipu::sql::completeness(&session).await?.to_string(),
        })
    })
}

/// Makes the body of a row.
type BodyOf = for<'r> fn(&'r Columns, usize) -> Body<'r>;

/// Where messages of each type lie, and how their rows are read. One Metrics message has one row an entry.
const SOURCES: [(&str, BodyOf); 9] = [
    (include_str!("store/events.sql"), event),
    (include_str!("store/token_chunks.sql"), token_chunk),
    (include_str!("store/tool_executions.sql"), tool_stage),
    (include_str!("store/errors.sql"), |columns, row| Body::Error {
        severity: columns.text("severity", row).unwrap_or_default(),
    }),
    (include_str!("store/state_diffs.sql"), |_, _| Body::StateDiff),
    (include_str!("store/checkpoints.sql"), |_, _| Body::Checkpoint),
    (include_str!("store/metrics.sql"), |_, _| Body::Metrics),
    (include_str!("store/event_batches.sql"), |columns, row| {
        Body::EventBatch {
            event_count: columns.count("event_count", row),
        }
    }),
    (include_str!("store/execution_traces.sql"), |columns, row| {
        Body::ExecutionTrace {
            completed: columns.flag("completed", row),
        }
    }),
];

fn event(columns: &Columns, row: usize) -> Body<'_> {
    Body::Event(Event {
        event_type: columns.text("event_type", row).unwrap_or_default(),
        node_id: columns.text("node_id", row),
        duration_ms: columns.duration_ms(row),
    })
}

fn token_chunk(columns: &Columns, row: usize) -> Body<'_> {
    let has_stats = columns.int("total_tokens", row).is_some();
    Body::TokenChunk(TokenChunk {
        request_id: columns.text("request_id", row).unwrap_or_default(),
        stats: has_stats.then(|| TokenStats {
            prompt: columns.count("prompt_tokens", row),
            completion: columns.count("completion_tokens", row),
            total: columns.count("total_tokens", row),
        }),
    })
}

fn tool_stage(columns: &Columns, row: usize) -> Body<'_> {
    Body::ToolExecution(ToolStage {
        call_id: columns.text("call_id", row).unwrap_or_default(),
        tool_name: columns.text("tool_name", row).unwrap_or_default(),
        stage: columns.text("stage", row).unwrap_or_default(),
        duration_ms: columns.duration_ms(row),
        retry_count: u32::try_from(columns.count("retry_count", row)).unwrap_or(u32::MAX),
    })
}

struct Counter {
    accumulator: Accumulator,
    /// Rows so far: the place of the next document.
    rows: u64,
    counting: Counting,
}

impl Counter {
    async fn rows_of(&mut self, session: &Session, statement: &str, body: BodyOf) -> Result<()> {
        let mut rows = Rows::from(session.sql(statement).await?);
        while let Some(batch) = rows.next().await {
            let batch = batch?;
            let columns = Columns::of(&batch)?;
            for row in 0..batch.num_rows() {
                let body = body(&columns, row);
                let is_counted = !matches!(body, Body::EventBatch { .. } | Body::ExecutionTrace { .. });
                if self.counting == Counting::Reference && !is_counted {
                    // Types that the reference does not know.
                    continue;
                }
                let document = Document {
                    tenant_id: columns.text("tenant_id", row).unwrap_or_default(),
                    thread_id: columns.text("thread_id", row).unwrap_or_default(),
                    time_us: columns.int("time", row),
                    body,
                };
                self.accumulator.add(self.rows, &document);
                self.rows += 1;
            }
        }
        Ok(())
    }
}

/// The columns of a batch by name, in three types.
struct Columns {
    texts: Vec<(String, StringArray)>,
    ints: Vec<(String, Int64Array)>,
    flags: Vec<(String, BooleanArray)>,
}

impl Columns {
    fn of(batch: &RecordBatch) -> Result<Self> {
        let mut columns = Self {
            texts: Vec::new(),
            ints: Vec::new(),
            flags: Vec::new(),
        };
        for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
            let name = field.name().clone();
            match column.data_type() {
                DataType::Boolean => columns.flags.push((name, column.as_boolean().clone())),
                data_type if data_type.is_integer() || matches!(data_type, DataType::Timestamp(..)) => {
                    let ints = converted(column, &DataType::Int64, &name)?;
                    columns
                        .ints
                        .push((name, ints.as_primitive::<Int64Type>().clone()));
                }
                _ => {
                    let texts = converted(column, &DataType::Utf8, &name)?;
                    columns.texts.push((name, texts.as_string::<i32>().clone()));
                }
            }
        }
        Ok(columns)
    }

    fn text(&self, name: &str, row: usize) -> Option<&str> {
        let column = find(&self.texts, name)?;
        column.is_valid(row).then(|| column.value(row))
    }

    fn int(&self, name: &str, row: usize) -> Option<i64> {
        let column = find(&self.ints, name)?;
        column.is_valid(row).then(|| column.value(row))
    }

    fn count(&self, name: &str, row: usize) -> u64 {
        self.int(name, row)
            .and_then(|count| u64::try_from(count).ok())
            .unwrap_or_default()
    }

    fn flag(&self, name: &str, row: usize) -> bool {
        find(&self.flags, name).is_some_and(|column| column.is_valid(row) && column.value(row))
    }

    /// Milliseconds, where the message has a duration: as in documents, one that is not positive is none.
    #[allow(clippy::cast_precision_loss)]
    fn duration_ms(&self, row: usize) -> Option<f64> {
        let us = self.int("duration_us", row).filter(|us| *us > 0)?;
        Some(us as f64 / 1_000.0)
    }
}

fn converted(column: &ArrayRef, data_type: &DataType, name: &str) -> Result<ArrayRef> {
    cast(column, data_type).map_err(|error| anyhow!("cannot read column {name} of the store: {error}"))
}

fn find<'c, T>(columns: &'c [(String, T)], name: &str) -> Option<&'c T> {
    columns
        .iter()
        .find(|(known, _)| known == name)
        .map(|(_, column)| column)
}
