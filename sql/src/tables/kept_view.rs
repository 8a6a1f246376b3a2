//! A view whose rows a session computes once.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Column, Result};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::source_as_provider;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, TableType};
use datafusion::physical_plan::{ExecutionPlan, collect_partitioned};

/// A view that others read several times: a plan of it would run as often.
///
/// Columns that nobody asks for may be the dear ones, so rows are kept of the columns that are wanted: all, or those that
/// [`want`] found in the questions to come. A question that wants others has the rows computed again, with its own as well.
#[derive(Debug)]
pub(crate) struct KeptView {
    plan: LogicalPlan,
    schema: SchemaRef,
    /// Places of columns in the schema.
    wanted: Mutex<BTreeSet<usize>>,
    kept: tokio::sync::Mutex<Vec<Arc<Kept>>>,
}

/// The rows of some columns.
#[derive(Debug)]
struct Kept {
    /// Places in the schema of the view, in this order.
    columns: Vec<usize>,
    schema: SchemaRef,
    rows: Vec<Vec<RecordBatch>>,
}

impl Kept {
    /// The places of columns of the view in these rows; none if a column is missing.
    fn places(&self, columns: &[usize]) -> Option<Vec<usize>> {
        columns
            .iter()
            .map(|column| self.columns.binary_search(column).ok())
            .collect()
    }
}

impl KeptView {
    /// A view that is kept whole.
    pub(crate) fn whole(plan: &LogicalPlan, state: &SessionState) -> Result<Self> {
        let view = Self::of_wanted(plan, state)?;
        view.want_columns(0..view.schema.fields().len());
        Ok(view)
    }

    /// A view of which the columns are kept that are wanted.
    pub(crate) fn of_wanted(plan: &LogicalPlan, state: &SessionState) -> Result<Self> {
        // Types are final only then: a text may become a view of one.
        let plan = state.optimize(plan)?;
        Ok(Self {
            schema: Arc::clone(plan.schema().inner()),
            plan,
            wanted: Mutex::default(),
            kept: tokio::sync::Mutex::default(),
        })
    }

    fn want_columns(&self, columns: impl IntoIterator<Item = usize>) {
        self.wanted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(columns);
    }

    /// The plan of these columns.
    fn plan_of(&self, columns: &[usize]) -> Result<LogicalPlan> {
        let names = columns
            .iter()
            .map(|column| Expr::Column(Column::from(self.plan.schema().qualified_field(*column))));
        LogicalPlanBuilder::from(self.plan.clone())
            .project(names)?
            .build()
    }

    /// Rows that have these columns.
    async fn rows_of(&self, state: &dyn Session, columns: &[usize]) -> Result<Arc<Kept>> {
        let mut kept = self.kept.lock().await;
        if let Some(kept) = kept.iter().find(|kept| kept.places(columns).is_some()) {
            return Ok(Arc::clone(kept));
        }
        self.want_columns(columns.iter().copied());
        let columns: Vec<usize> = {
            let wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
            wanted.iter().copied().collect()
        };
        let plan = state.create_physical_plan(&self.plan_of(&columns)?).await?;
        let schema: SchemaRef = Arc::new(Schema::clone(&plan.schema()));
        let rows = collect_partitioned(plan, state.task_ctx()).await?;
        let rows = Arc::new(Kept {
            columns,
            schema,
            rows,
        });
        kept.push(Arc::clone(&rows));
        Ok(rows)
    }
}

/// Notes which columns a plan reads of the kept views in it, and in those that they are made of.
pub(crate) fn want(state: &SessionState, plan: &LogicalPlan) -> Result<()> {
    state
        .optimize(plan)?
        .apply_with_subqueries(|node| {
            if let LogicalPlan::TableScan(scan) = node
                && let Ok(table) = source_as_provider(&scan.source)
                && let Some(view) = table.downcast_ref::<KeptView>()
            {
                let columns = match &scan.projection {
                    Some(columns) => columns.clone(),
                    None => (0..view.schema.fields().len()).collect(),
                };
                want(state, &view.plan_of(&columns)?)?;
                view.want_columns(columns);
            }
            Ok(TreeNodeRecursion::Continue)
        })
        .map(|_| ())
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
        let columns = match projection {
            Some(columns) => columns.clone(),
            None => (0..self.schema.fields().len()).collect(),
        };
        let kept = self.rows_of(state, &columns).await?;
        Ok(MemorySourceConfig::try_new_exec(
            &kept.rows,
            Arc::clone(&kept.schema),
            kept.places(&columns),
        )?)
    }
}
