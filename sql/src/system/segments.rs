//! `system.segments`: one row per live segment.

use std::sync::Arc;

use datafusion::arrow::array::{Float64Array, Int64Array, StringViewArray, UInt64Array};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use quipu_store::{Manifest, Segment, StatValue};

use super::{batch, times};

/// The live segments in the order of their numbers. `path` is relative to the root of the store; `threads` is the
/// number of distinct thread ids, null where it was too large to count; the ranges are null where none is kept.
pub(super) fn rows(manifest: &Manifest) -> Result<RecordBatch> {
    let segments = &manifest.segments;
    let each = || segments.iter().map(Arc::as_ref);
    let bound =
        |column: &'static str, pick: fn(&Segment, &str) -> Option<i64>| each().map(move |s| pick(s, column));
    batch([
        (
            "id",
            Arc::new(UInt64Array::from_iter_values(each().map(|s| s.id.0))),
        ),
        (
            "table_name",
            Arc::new(StringViewArray::from_iter_values(each().map(|s| s.table.name()))),
        ),
        (
            "path",
            Arc::new(StringViewArray::from_iter_values(each().map(|s| s.path.as_str()))),
        ),
        (
            "rows",
            Arc::new(UInt64Array::from_iter_values(each().map(|s| s.rows))),
        ),
        (
            "bytes",
            Arc::new(UInt64Array::from_iter_values(each().map(|s| s.bytes))),
        ),
        (
            "bytes_per_row",
            Arc::new(Float64Array::from_iter(each().map(bytes_per_row))),
        ),
        ("min_time", times(bound("time", min))),
        ("max_time", times(bound("time", max))),
        ("min_kafka_time", times(bound("kafka_time", min))),
        ("max_kafka_time", times(bound("kafka_time", max))),
        (
            "min_partition",
            Arc::new(Int64Array::from_iter(bound("partition", min))),
        ),
        (
            "max_partition",
            Arc::new(Int64Array::from_iter(bound("partition", max))),
        ),
        (
            "min_offset",
            Arc::new(Int64Array::from_iter(bound("offset", min))),
        ),
        (
            "max_offset",
            Arc::new(Int64Array::from_iter(bound("offset", max))),
        ),
        (
            "threads",
            Arc::new(UInt64Array::from_iter(
                each().map(|s| Some(s.stats.threads.as_ref()?.threads())),
            )),
        ),
        (
            "added_by",
            Arc::new(UInt64Array::from_iter_values(each().map(|s| s.added_by.0))),
        ),
        (
            "checksum",
            Arc::new(StringViewArray::from_iter_values(
                each().map(|s| format!("{:016x}", s.checksum)),
            )),
        ),
    ])
}

fn bytes_per_row(segment: &Segment) -> Option<f64> {
    (segment.rows > 0).then(|| segment.bytes as f64 / segment.rows as f64)
}

fn min(segment: &Segment, column: &str) -> Option<i64> {
    number(segment.stats.column(column)?.min.as_ref())
}

fn max(segment: &Segment, column: &str) -> Option<i64> {
    number(segment.stats.column(column)?.max.as_ref())
}

fn number(bound: Option<&StatValue>) -> Option<i64> {
    match bound {
        Some(StatValue::Int(value)) => Some(*value),
        _ => None,
    }
}
