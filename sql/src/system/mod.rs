//! Tables of schema `system`: the store's own state as rows.
//!
//! To add one, write `system/<name>.rs` with `rows()`, and name it in [`NAMES`] and [`table`].

mod commits;
mod evaluations;
mod functions;
mod partitions;
mod prices;
mod segments;
mod views;

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, TimestampMicrosecondArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::catalog::TableProvider;
use datafusion::common::Result;
use datafusion::datasource::MemTable;
use quipu_proto::Table;

use crate::catalog::Source;
use crate::strands;

/// Every table of the schema.
pub(crate) const NAMES: [&str; 12] = [
    "commits",
    "contested_threads",
    "evaluations",
    "functions",
    "missing_numbers",
    "offset_holes",
    "partitions",
    "prices",
    "segments",
    "split_runs",
    "view_columns",
    "views",
];

/// The table of that name, if there is one, with its rows as of now: a snapshot never changes.
pub(crate) async fn table(name: &str, source: &Arc<Source>) -> Result<Option<Arc<dyn TableProvider>>> {
    let manifest = source.snapshot.manifest();
    let rows = match name {
        "commits" => commits::rows(manifest)?,
        "contested_threads" => strands::contested_threads(&source.account().await?.contested)?,
        "evaluations" => {
            let root = source.snapshot.root();
            return Ok(Some(Arc::new(evaluations::Evaluations::new(root)?)));
        }
        "functions" => functions::rows(&source.state()?)?,
        "missing_numbers" => strands::missing_numbers(source.account().await?)?,
        "offset_holes" => return Ok(Some(Arc::new(source.segment_table(Table::OffsetHoles)))),
        "partitions" => partitions::rows(manifest)?,
        "prices" => prices::rows(&source.prices)?,
        "segments" => segments::rows(manifest)?,
        "split_runs" => strands::split_runs(&source.account().await?.contested)?,
        "view_columns" => views::columns()?,
        "views" => views::rows()?,
        _ => return Ok(None),
    };
    Ok(Some(Arc::new(MemTable::try_new(
        rows.schema(),
        vec![vec![rows]],
    )?)))
}

/// A batch of named columns; whether a column may be null follows from its values.
fn batch<const N: usize>(columns: [(&'static str, ArrayRef); N]) -> Result<RecordBatch> {
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, array)| Field::new(*name, array.data_type().clone(), true))
        .collect();
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?)
}

/// Points in time, in microseconds since the Unix epoch.
fn times(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    let array = TimestampMicrosecondArray::from_iter(values).with_timezone("UTC");
    debug_assert!(matches!(
        array_type(&array),
        DataType::Timestamp(TimeUnit::Microsecond, Some(_))
    ));
    Arc::new(array)
}

fn array_type(array: &TimestampMicrosecondArray) -> &DataType {
    datafusion::arrow::array::Array::data_type(array)
}
