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

/// A view that others read several times within one statement: a plan of it would run as often. What is asked of all of
/// it is answered from rows that the session keeps; what is asked of a part only, such as one thread, is computed, and
/// reads no more than that needs.
#[derive(Debug)]
pub(crate) struct KeptView {
    plan: LogicalPlan,
    schema: SchemaRef,
    rows: OnceCell<Vec<Vec<RecordBatch>>>,
}

impl KeptView {
    pub(crate) fn new(plan: &LogicalPlan, state: &SessionState) -> Result<Self> {
        // Types are final only then: a text may become a view of one.
        let plan = state.optimize(plan)?;
        Ok(Self {
            schema: Arc::clone(plan.schema().inner()),
            plan,
            rows: OnceCell::new(),
        })
    }

    async fn compute(&self, state: &dyn Session) -> Result<Vec<Vec<RecordBatch>>> {
        let plan = state.create_physical_plan(&self.plan).await?;
        collect_partitioned(plan, state.task_ctx()).await
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
        if !filters.is_empty() && !self.rows.initialized() {
            return state.create_physical_plan(&self.part(projection, filters)?).await;
        }
        let rows = self.rows.get_or_try_init(|| self.compute(state)).await?;
        let kept = MemorySourceConfig::try_new_exec(rows, self.schema(), projection.cloned())?;
        Ok(kept)
    }
}
