//! A view whose rows a session computes once.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::execution::SessionState;
use datafusion::logical_expr::expr_rewriter::unnormalize_cols;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{
    Expr, LogicalPlan, LogicalPlanBuilder, TableProviderFilterPushDown, TableType,
};
use datafusion::physical_plan::{ExecutionPlan, collect_partitioned};
use tokio::sync::OnceCell;

/// A view that others read several times within one statement: a plan of it would run as often.
#[derive(Debug)]
pub(crate) struct KeptView {
    plan: LogicalPlan,
    schema: SchemaRef,
    parts: Parts,
    rows: OnceCell<Vec<Vec<RecordBatch>>>,
}

/// What happens where a part of a kept view is asked for, such as one thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parts {
    /// The part alone is computed, unless the whole is there already: it reads no more than it needs.
    Alone,
    /// The whole is computed and kept.
    OfTheWhole,
}

impl KeptView {
    pub(crate) fn new(plan: &LogicalPlan, parts: Parts, state: &SessionState) -> Result<Self> {
        // Types are final only then: a text may become a view of one.
        let plan = state.optimize(plan)?;
        Ok(Self {
            schema: Arc::clone(plan.schema().inner()),
            plan,
            parts,
            rows: OnceCell::new(),
        })
    }

    fn part(&self, projection: Option<&Vec<usize>>, filters: &[Expr]) -> Result<LogicalPlan> {
        let mut builder = LogicalPlanBuilder::from(self.plan.clone());
        // The filters name this view; its plan does not know that name.
        if let Some(filter) = conjunction(unnormalize_cols(filters.iter().cloned())) {
            builder = builder.filter(filter)?;
        }
        if let Some(columns) = projection {
            let columns = columns
                .iter()
                .map(|at| Expr::from(self.plan.schema().qualified_field(*at)));
            builder = builder.project(columns.collect::<Vec<_>>())?;
        }
        builder.build()
    }
}

#[async_trait]
impl TableProvider for KeptView {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if self.parts == Parts::Alone && !filters.is_empty() && !self.rows.initialized() {
            // As rows too: what its plan promises of their order would hold for this view alone.
            let part = self.part(projection, filters)?;
            let schema = Arc::clone(part.schema().inner());
            let rows = collect(state, &part).await?;
            return Ok(MemorySourceConfig::try_new_exec(&rows, schema, None)?);
        }
        let rows = self.rows.get_or_try_init(|| collect(state, &self.plan)).await?;
        Ok(MemorySourceConfig::try_new_exec(
            rows,
            self.schema(),
            projection.cloned(),
        )?)
    }
}

async fn collect(state: &dyn Session, plan: &LogicalPlan) -> Result<Vec<Vec<RecordBatch>>> {
    let plan = state.create_physical_plan(plan).await?;
    collect_partitioned(plan, state.task_ctx()).await
}
