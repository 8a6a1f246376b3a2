//! Statistics of one sample and of two, as aggregates over [`quipu_stats`].

mod interval;
mod samples;
mod two_samples;

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, StructArray};
use datafusion::arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::AggregateUDF;

/// The functions.
pub(super) fn udafs() -> Vec<Arc<AggregateUDF>> {
    interval::udafs()
        .into_iter()
        .chain(two_samples::udafs())
        .collect()
}

/// Fields of a struct of numbers that may be null.
fn numbers(names: &[&str]) -> Fields {
    names
        .iter()
        .map(|name| Field::new(*name, DataType::Float64, true))
        .collect()
}

/// One struct; its fields are null where nothing can be told.
fn row(fields: Fields, values: Vec<ArrayRef>) -> ScalarValue {
    ScalarValue::Struct(Arc::new(StructArray::new(fields, values, None)))
}
