//! `system.partitions`: how far each partition has been read.

use std::sync::Arc;

use datafusion::arrow::array::{Int32Array, Int64Array, StringViewArray};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use quipu_store::{Manifest, PartitionState};

use super::batch;

/// One row per partition. Everything from `first_offset` up to `next_offset`, exclusive, is in the store; `head` tells
/// whether the first messages of its threads can have been seen (`from_one`) or not (`unknown`); `high_watermark` is
/// that of the broker at the last commit, and `lag` how many offsets were still to be read then.
pub(super) fn rows(manifest: &Manifest) -> Result<RecordBatch> {
    let each = || manifest.partitions.iter();
    batch([
        (
            "topic",
            Arc::new(StringViewArray::from_iter_values(
                each().map(|p| &*p.log.log.topic),
            )),
        ),
        (
            "incarnation",
            Arc::new(StringViewArray::from_iter_values(
                each().map(|p| &*p.log.log.incarnation),
            )),
        ),
        (
            "partition",
            Arc::new(Int32Array::from_iter_values(each().map(|p| p.log.partition.0))),
        ),
        (
            "first_offset",
            Arc::new(Int64Array::from_iter_values(each().map(|p| p.first_offset.0))),
        ),
        (
            "next_offset",
            Arc::new(Int64Array::from_iter_values(each().map(|p| p.next_offset.0))),
        ),
        (
            "head",
            Arc::new(StringViewArray::from_iter_values(each().map(|p| p.head.as_str()))),
        ),
        (
            "log_start_at_open",
            Arc::new(Int64Array::from_iter_values(
                each().map(|p| p.log_start_at_open.0),
            )),
        ),
        (
            "high_watermark",
            Arc::new(Int64Array::from_iter(
                each().map(|p| p.high_watermark.map(|offset| offset.0)),
            )),
        ),
        ("lag", Arc::new(Int64Array::from_iter(each().map(lag)))),
        (
            "leader_epoch",
            Arc::new(Int32Array::from_iter(each().map(|p| p.leader_epoch))),
        ),
    ])
}

fn lag(state: &PartitionState) -> Option<i64> {
    state
        .high_watermark
        .map(|end| end.0.saturating_sub(state.next_offset.0).max(0))
}
