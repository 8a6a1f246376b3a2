//! Views of things that lie in runs: the rows of their text, each with what is known of its run.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{ArrayRef, RecordBatchOptions};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Result, plan_err};
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, SessionState, TaskContext};
use datafusion::logical_expr::expr_rewriter::unnormalize_cols;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{
    Expr, LogicalPlan, LogicalPlanBuilder, TableProviderFilterPushDown, TableType,
};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use futures::{StreamExt, TryStreamExt, stream};

use super::found::Found;
use super::place::Places;
use super::shared::{Cut, SharedRuns, Threadwork};
use super::threads::Names;
use super::{filters, spans};
use crate::catalog::Source;

/// What tells the run of a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// Its time, in this column of the text: it belongs to the newest run of its thread that began no later.
    Time(&'static str),
    /// Its place: it is itself a message of the graph.
    Place,
}

impl By {
    fn columns(self) -> Vec<&'static str> {
        match self {
            Self::Time(at) => vec![at],
            Self::Place => Places::COLUMNS.to_vec(),
        }
    }
}

/// Where the values of a column come from.
#[derive(Clone, Debug)]
enum Origin {
    /// That column of the text.
    Text(usize),
    /// That column of view `run_spans`.
    Run(usize),
    /// Whether the thing is the first message of the graph in its run.
    BeginsRun,
    /// Whether it is the last one.
    EndsRun,
}

/// A view whose text gives all of its columns but those of the run.
#[derive(Debug)]
pub(crate) struct InRuns {
    source: Arc<Source>,
    text: LogicalPlan,
    by: By,
    schema: SchemaRef,
    columns: Vec<Origin>,
}

impl InRuns {
    /// The view with these columns in this order: those that the text does not give are columns of `run_spans`, or
    /// `begins_run` and `ends_run`.
    pub(crate) fn new(
        source: Arc<Source>,
        text: LogicalPlan,
        by: By,
        names: impl Iterator<Item = String>,
        state: &SessionState,
    ) -> Result<Self> {
        // Types are final only then.
        let text = state
            .analyzer()
            .execute_and_check(text, state.config_options(), |_, _| {})?;
        let spans = spans::schema();
        let mut fields = Vec::new();
        let mut columns = Vec::new();
        for name in names {
            let (field, column) = if let Some(at) = text.schema().index_of_column_by_name(None, &name) {
                (text.schema().field(at).as_ref().clone(), Origin::Text(at))
            } else if let Some((at, field)) = spans.column_with_name(&name) {
                (field.clone(), Origin::Run(at))
            } else {
                match name.as_str() {
                    "begins_run" => (Field::new(name, DataType::Boolean, true), Origin::BeginsRun),
                    "ends_run" => (Field::new(name, DataType::Boolean, false), Origin::EndsRun),
                    _ => return plan_err!("neither the text of the view nor a run has a column {name}"),
                }
            };
            fields.push(field);
            columns.push(column);
        }
        Ok(Self {
            source,
            text,
            by,
            schema: Arc::new(Schema::new(fields)),
            columns,
        })
    }

    /// The rows of the text that pass the filters, with these of its columns.
    fn rows(&self, filters: &[Expr], columns: &[usize]) -> Result<LogicalPlan> {
        let mut builder = LogicalPlanBuilder::from(self.text.clone());
        // The filters name this view; its text does not know that name.
        if let Some(filter) = conjunction(unnormalize_cols(filters.iter().cloned())) {
            builder = builder.filter(filter)?;
        }
        let columns = columns
            .iter()
            .map(|at| Expr::from(self.text.schema().qualified_field(*at)));
        builder.project(columns.collect::<Vec<_>>())?.build()
    }

    /// The columns of the text that these ones need.
    fn needed(&self, columns: &[Origin]) -> Vec<usize> {
        let mut needed: Vec<usize> = columns
            .iter()
            .filter_map(|column| match column {
                Origin::Text(at) => Some(*at),
                _ => None,
            })
            .collect();
        if needed.len() < columns.len() {
            let more = Names::COLUMNS.into_iter().chain(self.by.columns());
            needed.extend(more.filter_map(|name| self.text.schema().index_of_column_by_name(None, name)));
        }
        if needed.is_empty() {
            // Rows are counted by a column.
            needed.push(0);
        }
        needed.sort_unstable();
        needed.dedup();
        needed
    }
}

#[async_trait]
impl TableProvider for InRuns {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    /// What is about columns of the text is up to the text, as runs are cut apart from it.
    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let is_of_text = |name: &str| {
            let column = self.schema.column_with_name(name);
            column.is_some_and(|(at, _)| matches!(self.columns[at], Origin::Text(_)))
        };
        let supports = filters.iter().map(|filter| {
            if filters::speaks_only_of(filter, is_of_text) {
                TableProviderFilterPushDown::Exact
            } else {
                TableProviderFilterPushDown::Unsupported
            }
        });
        Ok(supports.collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let (schema, columns) = match projection {
            Some(chosen) => (
                Arc::new(self.schema.project(chosen)?),
                chosen.iter().map(|at| self.columns[*at].clone()).collect(),
            ),
            None => (self.schema(), self.columns.clone()),
        };
        let needed = self.needed(&columns);
        let plan = state.create_physical_plan(&self.rows(filters, &needed)?).await?;
        let work = if columns.iter().all(|column| matches!(column, Origin::Text(_))) {
            None
        } else {
            Some(SharedRuns::of(&self.source, state, &filters::of_names(filters)).await?)
        };
        let place = |column: Origin| match column {
            Origin::Text(at) => Origin::Text(needed.iter().position(|known| *known == at).unwrap_or(0)),
            other => other,
        };
        let columns: Arc<[Origin]> = columns.into_iter().map(place).collect();
        let portions = (0..plan.output_partitioning().partition_count()).map(|partition| {
            let portion: Arc<dyn PartitionStream> = Arc::new(Portion {
                schema: Arc::clone(&schema),
                plan: Arc::clone(&plan),
                partition,
                work: work.clone(),
                by: self.by,
                columns: Arc::clone(&columns),
            });
            portion
        });
        let portions = portions.collect();
        Ok(Arc::new(StreamingTableExec::try_new(
            schema,
            portions,
            None,
            [],
            false,
            limit,
        )?))
    }
}

/// The rows of one partition of the text.
#[derive(Debug)]
struct Portion {
    schema: SchemaRef,
    plan: Arc<dyn ExecutionPlan>,
    partition: usize,
    /// None if no column of the run is asked for.
    work: Option<Arc<Threadwork>>,
    by: By,
    columns: Arc<[Origin]>,
}

impl PartitionStream for Portion {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (plan, partition, work) = (Arc::clone(&self.plan), self.partition, self.work.clone());
        let (by, columns, schema) = (self.by, Arc::clone(&self.columns), Arc::clone(&self.schema));
        let batches = async move {
            let cut = match work {
                Some(work) => Some(work.cut(&context).await?),
                None => None,
            };
            let batches = plan.execute(partition, context)?;
            Ok::<_, DataFusionError>(
                batches.map(move |batch| with_runs(&batch?, &schema, &columns, by, cut.as_deref())),
            )
        };
        let batches = stream::once(batches).try_flatten().boxed();
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), batches))
    }
}

/// The columns of a batch with those of the runs.
fn with_runs(
    batch: &RecordBatch,
    schema: &SchemaRef,
    columns: &[Origin],
    by: By,
    cut: Option<&Cut>,
) -> Result<RecordBatch> {
    let runs = cut.map(|cut| Found::of(batch, by, cut)).transpose()?;
    let arrays = columns.iter().map(|column| match (column, &runs) {
        (Origin::Text(at), _) => Ok(Arc::clone(batch.column(*at))),
        (Origin::Run(at), Some(found)) => found.column(*at),
        (Origin::BeginsRun, Some(found)) => Ok(found.is_at(|run| run.first)),
        (Origin::EndsRun, Some(found)) => Ok(found.is_at(|run| run.last)),
        (_, None) => plan_err!("the runs of the rows are not known"),
    });
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let arrays = arrays.collect::<Result<Vec<ArrayRef>>>()?;
    Ok(RecordBatch::try_new_with_options(
        Arc::clone(schema),
        arrays,
        &options,
    )?)
}
