//! `system.prices`: the price list that `cost_usd` uses.

use std::sync::Arc;

use datafusion::arrow::array::{Float64Array, StringViewArray};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;

use super::{batch, times};
use crate::prices::PriceTable;

/// One row per price; `valid_from` is null for a price that always held.
pub(super) fn rows(table: &PriceTable) -> Result<RecordBatch> {
    let each = || table.prices().iter();
    batch([
        (
            "model",
            Arc::new(StringViewArray::from_iter_values(
                each().map(|price| &price.model),
            )),
        ),
        (
            "input_usd_per_mtok",
            Arc::new(Float64Array::from_iter_values(
                each().map(|price| price.input_usd_per_mtok),
            )),
        ),
        (
            "output_usd_per_mtok",
            Arc::new(Float64Array::from_iter_values(
                each().map(|price| price.output_usd_per_mtok),
            )),
        ),
        (
            "cached_input_usd_per_mtok",
            Arc::new(Float64Array::from_iter(
                each().map(|price| price.cached_input_usd_per_mtok),
            )),
        ),
        ("valid_from", times(each().map(|price| price.valid_from_us))),
    ])
}
