//! `system.views` and `system.view_columns`: what views hold, as their headers tell it.

use std::sync::Arc;

use datafusion::arrow::array::{Int32Array, StringViewArray};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;

use super::batch;
use crate::views::{Header, VIEWS};

/// One row per view: its description, grain, key, units and rules, and its text.
pub(super) fn rows() -> Result<RecordBatch> {
    let headers: Vec<Header> = VIEWS.iter().map(|view| Header::parse(view.sql)).collect();
    let text = |part: fn(&Header) -> &str| -> Arc<StringViewArray> {
        Arc::new(StringViewArray::from_iter_values(headers.iter().map(part)))
    };
    batch([
        (
            "name",
            Arc::new(StringViewArray::from_iter_values(
                VIEWS.iter().map(|view| view.name),
            )),
        ),
        ("description", text(|header| &header.description)),
        ("grain", text(|header| &header.grain)),
        ("key", text(|header| &header.key)),
        ("units", text(|header| &header.units)),
        ("rules", text(|header| &header.rules)),
        (
            "sql",
            Arc::new(StringViewArray::from_iter_values(
                VIEWS.iter().map(|view| view.sql),
            )),
        ),
    ])
}

/// One row per column of a view, in order; `position` counts from 1. Types stand in `information_schema.columns`, which
/// plans every view to find them.
pub(super) fn columns() -> Result<RecordBatch> {
    let mut rows = Vec::new();
    for view in VIEWS {
        let columns = Header::parse(view.sql).columns;
        rows.extend(
            (1..)
                .zip(columns)
                .map(|(position, (name, comment))| (view.name, position, name, comment)),
        );
    }
    batch([
        (
            "view_name",
            Arc::new(StringViewArray::from_iter_values(rows.iter().map(|row| row.0))),
        ),
        (
            "position",
            Arc::new(Int32Array::from_iter_values(rows.iter().map(|row| row.1))),
        ),
        (
            "column_name",
            Arc::new(StringViewArray::from_iter_values(rows.iter().map(|row| &row.2))),
        ),
        (
            "comment",
            Arc::new(StringViewArray::from_iter_values(rows.iter().map(|row| &row.3))),
        ),
    ])
}
