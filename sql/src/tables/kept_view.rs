//! A view whose rows a session computes once.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan, TableType};
use datafusion::physical_plan::{ExecutionPlan, collect_partitioned};
use tokio::sync::OnceCell;

/// A view that others read several times within one statement: a plan of it would run as often.
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
}

#[async_trait]
impl TableProvider for KeptView {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
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
