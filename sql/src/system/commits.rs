//! `system.commits`: one row per commit that the manifest still tells about, newest last.

use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::array::{Int64Array, UInt32Array, UInt64Array};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use quipu_store::{CommitNote, Manifest};

use super::{batch, times};

/// The newest commits. `manifest` is the number of the manifest that the commit made; `rows` counts those of all
/// tables; `press_us` is the time to encode and write the segments, `sync_us` the time until they were durable.
pub(super) fn rows(manifest: &Manifest) -> Result<RecordBatch> {
    let each = || manifest.commits.iter().map(Arc::as_ref);
    batch([
        (
            "manifest",
            Arc::new(UInt64Array::from_iter_values(each().map(|c| c.manifest.0))),
        ),
        ("committed", times(each().map(|c| Some(c.created_us)))),
        (
            "rows",
            Arc::new(UInt64Array::from_iter_values(each().map(CommitNote::rows_added))),
        ),
        (
            "segments_added",
            Arc::new(UInt32Array::from_iter_values(each().map(|c| c.segments_added))),
        ),
        (
            "segments_removed",
            Arc::new(UInt32Array::from_iter_values(each().map(|c| c.segments_removed))),
        ),
        (
            "bytes_added",
            Arc::new(UInt64Array::from_iter_values(each().map(|c| c.bytes_added))),
        ),
        (
            "press_us",
            Arc::new(Int64Array::from_iter_values(each().map(|c| micros(c.press)))),
        ),
        (
            "sync_us",
            Arc::new(Int64Array::from_iter_values(each().map(|c| micros(c.sync)))),
        ),
    ])
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
