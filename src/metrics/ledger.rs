//! What the ledger tells in SQL, asked now and then.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use quipu_sql::arrow::array::{Array, AsArray, RecordBatch};
use quipu_sql::arrow::compute::cast;
use quipu_sql::arrow::datatypes::{DataType, UInt64Type};

use crate::error::Result;
use crate::handle::Quipu;

/// How often the ledger is asked, at most.
const ASK_EVERY: Duration = Duration::from_secs(15);

/// A question that takes long is asked so rarely that it takes one part in so many of the time.
const SHARE_OF_TIME: u32 = 20;

const QUESTION: &str = "select cause, certainty, count(*) as gaps, sum(cast(missing as double)) as missing from gaps group by cause, certainty";

/// Gaps of one cause and certainty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OpenGaps {
    pub(super) cause: String,
    pub(super) certainty: String,
    pub(super) gaps: u64,
    pub(super) missing: u64,
}

/// The newest answers.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// None before the first answer.
    told: Mutex<Option<Told>>,
}

/// An answer.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) open_gaps: Vec<OpenGaps>,
    /// Live segments of the store, and their bytes.
    pub(super) segments: u64,
    pub(super) bytes: u64,
}

impl Ledger {
    pub(super) fn told(&self) -> Option<Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Asks until the task is ended.
pub(super) async fn keep_asking(store: PathBuf, ledger: std::sync::Arc<Ledger>) {
    loop {
        let began = Instant::now();
        let pause = match ask(&store).await {
            Ok(told) => {
                *ledger.told.lock().unwrap_or_else(PoisonError::into_inner) = Some(told);
                ASK_EVERY
            }
            Err(error) => {
                tracing::debug!(%error, "the ledger does not answer; what it told before stays");
                Duration::from_secs(1)
            }
        };
        tokio::time::sleep(pause.max(began.elapsed() * SHARE_OF_TIME)).await;
    }
}

async fn ask(store: &PathBuf) -> Result<Told> {
    let quipu = Quipu::open(store)?;
    let status = quipu.snapshot()?;
    let segments = &status.manifest().segments;
    let (count, bytes) = (
        segments.len() as u64,
        segments.iter().map(|segment| segment.bytes).sum(),
    );
    let mut open_gaps = Vec::new();
    for batch in quipu.sql(QUESTION).await?.collect().await? {
        open_gaps.extend((0..batch.num_rows()).map(|row| OpenGaps {
            cause: text(&batch, 0, row),
            certainty: text(&batch, 1, row),
            gaps: number(&batch, 2, row),
            missing: number(&batch, 3, row),
        }));
    }
    open_gaps.sort_by(|a, b| (&a.cause, &a.certainty).cmp(&(&b.cause, &b.certainty)));
    Ok(Told {
        open_gaps,
        segments: count,
        bytes,
    })
}

fn text(batch: &RecordBatch, column: usize, row: usize) -> String {
    let column = cast(batch.column(column), &DataType::Utf8View).ok();
    column.map_or_else(String::new, |column| {
        column.as_string_view().value(row).to_owned()
    })
}

fn number(batch: &RecordBatch, column: usize, row: usize) -> u64 {
    let column = cast(batch.column(column), &DataType::UInt64).ok();
    column
        .filter(|column| column.is_valid(row))
        .map_or(0, |column| column.as_primitive::<UInt64Type>().value(row))
}
