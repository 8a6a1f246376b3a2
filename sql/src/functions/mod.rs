//! Functions beyond those of DataFusion, registered from one list.
//!
//! To add one, write `functions/<name>.rs` with a `udf()` or `udaf()` and put it into [`scalar_functions`] or
//! [`aggregate_functions`]; one that gives a table has a `function()` and stands in [`table_functions`].

mod arguments;
mod cost;
pub(crate) mod iso_time;
mod json_patch;
mod literal;
mod percentile;
mod percentile_sketch;
mod score;
mod state_at;
mod state_blame;
mod state_hash;
mod state_history;
mod statistics;
mod table;
mod trace_diff;
mod uuid_text;

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::Result;
use datafusion::execution::FunctionRegistry;
use datafusion::logical_expr::{AggregateUDF, Expr, LogicalPlan, LogicalPlanBuilder, ScalarUDF};
use datafusion::prelude::SessionContext;
use datafusion_functions_json::udfs;

pub(crate) use self::table::TableFunction;
pub use self::uuid_text::id_text;
use crate::catalog::Source;
use crate::prices::PriceTable;

/// Where a function comes from, as column `origin` of `system.functions` tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// This crate.
    Quipu,
    /// datafusion-functions-json, with the operators `->` and `->>`.
    Json,
    /// DataFusion itself.
    DataFusion,
}

impl Origin {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Quipu => "quipu",
            Self::Json => "json",
            Self::DataFusion => "datafusion",
        }
    }

    /// Where the function of that name comes from.
    pub(crate) fn of(name: &str) -> Self {
        let scalars = scalar_functions(&PriceTable::built_in());
        if scalars.iter().any(|function| function.name() == name)
            || aggregate_functions()
                .iter()
                .any(|function| function.name() == name)
        {
            Self::Quipu
        } else if json_functions().iter().any(|function| function.name() == name) {
            Self::Json
        } else {
            Self::DataFusion
        }
    }
}

/// Our own functions of one row.
pub(crate) fn scalar_functions(prices: &Arc<PriceTable>) -> Vec<Arc<ScalarUDF>> {
    vec![
        cost::cost_note(prices),
        cost::cost_usd(prices),
        iso_time::udf(),
        json_patch::udf(),
        score::levenshtein_similarity(),
        score::score(),
        state_hash::udf(),
        uuid_text::udf(),
    ]
}

/// Our own functions of many rows.
pub(crate) fn aggregate_functions() -> Vec<Arc<AggregateUDF>> {
    let mut functions = vec![percentile::udaf(), percentile_sketch::udaf()];
    functions.extend(statistics::udafs());
    functions
}

/// Our own functions that give tables.
pub(crate) fn table_functions() -> Vec<TableFunction> {
    vec![
        state_at::function(),
        state_blame::function(),
        state_history::function(),
        trace_diff::function(),
    ]
}

/// The type of a point in time, as columns of the store have it.
fn time_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// The functions over JSON text.
fn json_functions() -> Vec<Arc<ScalarUDF>> {
    vec![
        udfs::json_as_text_udf(),
        udfs::json_contains_udf(),
        udfs::json_from_scalar_udf(),
        udfs::json_get_array_udf(),
        udfs::json_get_bool_udf(),
        udfs::json_get_float_udf(),
        udfs::json_get_int_udf(),
        udfs::json_get_json_udf(),
        udfs::json_get_str_udf(),
        udfs::json_get_udf(),
        udfs::json_length_udf(),
        udfs::json_object_keys_udf(),
        udfs::json_union_to_text_udf(),
    ]
}

/// Gives a session all of them but those that read tables.
pub(crate) fn register(context: &SessionContext, prices: &Arc<PriceTable>) -> Result<()> {
    let state = context.state_ref();
    let mut state = state.write();
    // With the functions come the operators and the rewriting of `(a -> 'b')::int`.
    datafusion_functions_json::register_all(&mut *state)?;
    for function in scalar_functions(prices) {
        state.register_udf(function)?;
    }
    for function in aggregate_functions() {
        state.register_udaf(function)?;
    }
    Ok(())
}

/// Gives a session the functions that read its tables.
pub(crate) fn register_over(context: &SessionContext, source: &Arc<Source>) {
    for function in table_functions() {
        context.register_udtf(function.name, function.over(source));
    }
}

/// Shows as text what `->` gives: a column of mixed types, which only the JSON functions understand.
pub(crate) fn json_as_text(plan: LogicalPlan) -> Result<LogicalPlan> {
    let is_json = |data_type: &_| datafusion_functions_json::JSON_UNION_DATA_TYPE.equals_datatype(data_type);
    if !plan
        .schema()
        .fields()
        .iter()
        .any(|field| is_json(field.data_type()))
    {
        return Ok(plan);
    }
    let to_text = udfs::json_union_to_text_udf();
    let columns: Vec<Expr> = plan
        .schema()
        .iter()
        .map(|(qualifier, field)| {
            let column = Expr::from((qualifier, field));
            if is_json(field.data_type()) {
                to_text
                    .call(vec![column])
                    .alias_qualified(qualifier.cloned(), field.name())
            } else {
                column
            }
        })
        .collect();
    LogicalPlanBuilder::from(plan).project(columns)?.build()
}
