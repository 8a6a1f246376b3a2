//! Views `run_spans` and `run_parts` as tables.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use futures::{StreamExt, TryStreamExt, stream};

use super::shared::{SharedRuns, Threadwork};
use super::{filters, parts, spans};
use crate::catalog::Source;

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rows {
    /// One row per run.
    Spans,
    /// One row per part of a thread.
    Parts,
}

/// One of the two views.
#[derive(Debug)]
pub(crate) struct RunsTable {
    source: Arc<Source>,
    rows: Rows,
}

impl RunsTable {
    pub(crate) fn new(source: Arc<Source>, rows: Rows) -> Self {
        Self { source, rows }
    }
}

#[async_trait]
impl TableProvider for RunsTable {
    fn schema(&self) -> SchemaRef {
        match self.rows {
            Rows::Spans => spans::schema(),
            Rows::Parts => parts::schema(),
        }
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    /// Filters of names leave out threads, unless those of all are known; the others do nothing.
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
        let work = SharedRuns::of(&self.source, state, &filters::of_names(filters)).await?;
        let of = state.config().target_partitions();
        let portions = (0..of).map(|number| -> Arc<dyn PartitionStream> {
            Arc::new(Portion {
                schema: self.schema(),
                work: Arc::clone(&work),
                rows: self.rows,
                batch_rows: state.config().batch_size(),
                number,
                of,
            })
        });
        let portions = portions.collect();
        let schema = self.schema();
        Ok(Arc::new(StreamingTableExec::try_new(
            schema,
            portions,
            projection,
            [],
            false,
            None,
        )?))
    }
}

/// The rows of one partition of a plan: every so manieth batch.
#[derive(Debug)]
struct Portion {
    schema: SchemaRef,
    work: Arc<Threadwork>,
    rows: Rows,
    batch_rows: usize,
    number: usize,
    of: usize,
}

impl PartitionStream for Portion {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (work, rows) = (Arc::clone(&self.work), self.rows);
        let (batch_rows, number, of) = (self.batch_rows, self.number, self.of);
        let batches = async move {
            let all = match rows {
                Rows::Spans => work.spans(&context).await?,
                Rows::Parts => work.parts(&context).await?,
            };
            let starts = (number * batch_rows..all.num_rows()).step_by(of * batch_rows);
            let batches = starts.map(move |start| -> Result<RecordBatch> {
                Ok(all.slice(start, batch_rows.min(all.num_rows() - start)))
            });
            Ok::<_, DataFusionError>(stream::iter(batches))
        };
        let batches = stream::once(batches).try_flatten().boxed();
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), batches))
    }
}
