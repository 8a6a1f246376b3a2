//! `system.functions`: every function that a statement can call.

use std::sync::Arc;

use datafusion::arrow::array::StringViewArray;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use datafusion::execution::SessionState;
use datafusion::logical_expr::Documentation;

use super::batch;
use crate::functions::{Origin, table_functions};

struct Row {
    name: String,
    kind: &'static str,
    origin: Origin,
    syntax: Option<String>,
    description: Option<String>,
    example: Option<String>,
}

impl Row {
    fn new(name: &str, kind: &'static str, documentation: Option<&Documentation>) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            origin: Origin::of(name),
            syntax: documentation.map(|text| text.syntax_example.clone()),
            description: documentation.map(|text| text.description.clone()),
            example: documentation.and_then(|text| text.sql_example.clone()),
        }
    }

    /// A function that gives a table.
    fn table(name: &str) -> Self {
        let ours = table_functions()
            .into_iter()
            .find(|function| function.name == name);
        Self {
            name: name.to_owned(),
            kind: "table",
            origin: ours.map_or(Origin::DataFusion, |_| Origin::Quipu),
            syntax: ours.map(|function| function.syntax.to_owned()),
            description: ours.map(|function| function.description.to_owned()),
            example: ours.map(|function| function.example.to_owned()),
        }
    }
}

/// One row per function: `kind` is scalar, aggregate, window or table, `origin` tells who made it, `example` is a
/// statement that uses it.
pub(super) fn rows(state: &SessionState) -> Result<RecordBatch> {
    let mut rows: Vec<Row> = Vec::new();
    // Functions stand in the session once per alias.
    rows.extend(
        state
            .scalar_functions()
            .values()
            .map(|f| Row::new(f.name(), "scalar", f.documentation())),
    );
    rows.extend(
        state
            .aggregate_functions()
            .values()
            .map(|f| Row::new(f.name(), "aggregate", f.documentation())),
    );
    rows.extend(
        state
            .window_functions()
            .values()
            .map(|f| Row::new(f.name(), "window", f.documentation())),
    );
    rows.extend(state.table_functions().keys().map(|name| Row::table(name)));
    rows.sort_by(|a, b| (&a.name, a.kind).cmp(&(&b.name, b.kind)));
    rows.dedup_by(|a, b| (&a.name, a.kind) == (&b.name, b.kind));
    batch([
        (
            "name",
            Arc::new(StringViewArray::from_iter_values(
                rows.iter().map(|row| &row.name),
            )),
        ),
        (
            "kind",
            Arc::new(StringViewArray::from_iter_values(rows.iter().map(|row| row.kind))),
        ),
        (
            "origin",
            Arc::new(StringViewArray::from_iter_values(
                rows.iter().map(|row| row.origin.as_str()),
            )),
        ),
        (
            "syntax",
            Arc::new(StringViewArray::from_iter(
                rows.iter().map(|row| row.syntax.as_deref()),
            )),
        ),
        (
            "description",
            Arc::new(StringViewArray::from_iter(
                rows.iter().map(|row| row.description.as_deref()),
            )),
        ),
        (
            "example",
            Arc::new(StringViewArray::from_iter(
                rows.iter().map(|row| row.example.as_deref()),
            )),
        ),
    ])
}
