//! Questions about the state of a thread as tables.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::StreamExt;
use quipu_proto::state::Pointer;

use super::at::{Last, Moment};
use super::blame::{self, Blame};
use super::history::{self, History};
use super::messages::{LEDGER, MESSAGES, Messages, Numbers, plan};
use super::walk::{Stepped, Walk};
use crate::catalog::Source;

/// Rows of one batch, at most.
const BATCH_ROWS: usize = 1_024;

/// Bytes of states and operations after which a batch is full.
const BATCH_BYTES: usize = 8 << 20;

/// A thread by its names, in whatever topics it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Thread {
    pub(crate) tenant_id: String,
    pub(crate) thread_id: String,
}

/// What is asked of a thread.
#[derive(Clone, Debug)]
pub(crate) enum Question {
    /// Every step.
    History,
    /// The last step up to a moment.
    At(Moment),
    /// The steps that changed what stands at this place.
    Blame(Pointer),
}

/// Which columns that cost something somebody looks at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// The state.
    pub(super) state: bool,
}

/// Steps on their way to rows.
pub(super) trait Rows: fmt::Debug + Send {
    /// Takes the next step.
    fn take(&mut self, stepped: &Stepped<'_>);

    /// After the last step.
    fn end(&mut self) {}

    /// Rows at hand, and the bytes of their states.
    fn size(&self) -> (usize, usize);

    /// The rows at hand, which leave.
    fn finish(&mut self) -> Result<RecordBatch>;
}

/// The answer to a question about a thread, as a table.
#[derive(Debug)]
pub(crate) struct StateTable {
    source: Arc<Source>,
    thread: Thread,
    question: Question,
}

impl StateTable {
    pub(crate) fn new(source: Arc<Source>, thread: Thread, question: Question) -> Self {
        Self {
            source,
            thread,
            question,
        }
    }
}

#[async_trait]
impl TableProvider for StateTable {
    fn schema(&self) -> SchemaRef {
        match self.question {
            Question::History | Question::At(_) => history::schema(),
            Question::Blame(_) => blame::schema(),
        }
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let state = self.source.state()?;
        let column = self.schema().index_of("state").ok();
        let wanted = Wanted {
            state: projection.is_none_or(|columns| column.is_some_and(|column| columns.contains(&column))),
        };
        let steps = Steps {
            schema: self.schema(),
            messages: plan(&state, MESSAGES, &self.thread).await?,
            ledger: plan(&state, LEDGER, &self.thread).await?,
            thread: self.thread.clone(),
            question: self.question.clone(),
            wanted,
        };
        Ok(Arc::new(StreamingTableExec::try_new(
            self.schema(),
            vec![Arc::new(steps)],
            projection,
            [],
            false,
            limit,
        )?))
    }
}

/// A planned replay.
#[derive(Debug)]
struct Steps {
    schema: SchemaRef,
    messages: Arc<dyn ExecutionPlan>,
    ledger: Arc<dyn ExecutionPlan>,
    thread: Thread,
    question: Question,
    wanted: Wanted,
}

impl PartitionStream for Steps {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (messages, ledger) = (Arc::clone(&self.messages), Arc::clone(&self.ledger));
        let thread = self.thread.clone();
        let (mut rows, moment): (Box<dyn Rows>, _) = match &self.question {
            Question::History => (Box::new(History::new(thread, self.wanted)), Moment::Newest),
            Question::At(moment) => (Box::new(Last::new(thread, self.wanted)), *moment),
            Question::Blame(pointer) => (Box::new(Blame::new(thread, pointer.clone())), Moment::Newest),
        };
        let mut stream = RecordBatchReceiverStream::builder(Arc::clone(&self.schema), 1);
        let sender = stream.tx();
        // Dropping the stream ends the task.
        stream.spawn(async move {
            let mut walk = Walk::new(Numbers::read(ledger, Arc::clone(&context)).await?);
            let mut batches = execute_stream(messages, context)?;
            while let Some(batch) = batches.next().await {
                let messages = Messages::of(&batch?)?;
                for row in 0..messages.len() {
                    let message = messages.get(row);
                    if !moment.admits(&message) {
                        continue;
                    }
                    if let Some(stepped) = walk.take(message) {
                        rows.take(&stepped);
                    }
                    let (count, bytes) = rows.size();
                    if (count >= BATCH_ROWS || bytes >= BATCH_BYTES)
                        && sender.send(rows.finish()).await.is_err()
                    {
                        return Ok(());
                    }
                }
            }
            rows.end();
            // Nobody waits for the rest if the receiver has gone.
            let _ = sender.send(rows.finish()).await;
            Ok(())
        });
        stream.build()
    }
}
