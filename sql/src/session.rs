//! A session: questions to one snapshot.

use std::fmt;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::{SendableRecordBatchStream, SessionStateBuilder};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use futures::{Stream, StreamExt};
use quipu_store::Snapshot;

use crate::error::{Result, SqlError};
use crate::prices::PriceTable;
use crate::reports::{Arguments, Report};
use crate::{catalog, functions, guard, limits, planner, tables};

/// What a session may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// Statements that write, set or touch files are refused.
    #[default]
    ReadOnly,
    /// Everything that DataFusion can do, such as `COPY .. TO` a file and `SET`. The store stays as it is.
    Full,
}

/// Settings of a session. The default is right for every ordinary use.
#[derive(Clone, Debug, Default)]
pub struct SessionOptions {
    /// The most memory that queries take together, in bytes; beyond it they spill to temporary files where they can
    /// and fail where they cannot. Default: no limit.
    pub memory_bytes_max: Option<usize>,
    /// Parts into which the work of a query is split. Default: the processor's cores.
    pub target_partitions: Option<NonZeroUsize>,
    /// What statements may do. Default: only read.
    pub access: Access,
    /// What models cost. Default: the list that is built in, [`PriceTable::built_in`].
    pub prices: Option<Arc<PriceTable>>,
}

/// Questions to one snapshot of the store. Opening one reads nothing from disk: tables and views are made when a
/// statement first names them.
#[derive(Clone)]
pub struct Session {
    context: SessionContext,
    snapshot: Snapshot,
    options: SessionOptions,
}

impl Session {
    /// Opens a session with default settings.
    ///
    /// # Errors
    /// As [`Session::new`].
    pub fn open(snapshot: Snapshot) -> Result<Self> {
        Self::new(snapshot, SessionOptions::default())
    }

    /// Opens a session.
    ///
    /// # Errors
    /// [`SqlError::Io`] if the folder of the store cannot be found.
    pub fn new(snapshot: Snapshot, options: SessionOptions) -> Result<Self> {
        let mut runtime = RuntimeEnvBuilder::new();
        if let Some(bytes) = options.memory_bytes_max {
            runtime = runtime.with_memory_pool(Arc::new(FairSpillPool::new(bytes)));
        }
        let state = SessionStateBuilder::new()
            .with_config(config(&options))
            .with_runtime_env(runtime.build_arc()?)
            .with_default_features()
            .build();
        let context = SessionContext::new_with_state(state);
        let prices = options.prices.clone().unwrap_or_else(PriceTable::built_in);
        functions::register(&context, &prices)?;
        catalog::register(&context, &snapshot, &prices)?;
        Ok(Self {
            context,
            snapshot,
            options,
        })
    }

    /// The snapshot that answers.
    #[must_use]
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Plans one statement and begins to run it. Must be called within a tokio runtime. [`split`](crate::split)
    /// takes a text of several statements apart.
    ///
    /// # Errors
    /// [`SqlError::Question`] and its relatives for what is wrong with the statement, [`SqlError::Refused`] if it would
    /// write. Errors of running it come from the [`Answer`].
    pub async fn sql(&self, text: &str) -> Result<Answer> {
        limits::check_length(text)?;
        let (session, text) = (self.clone(), text.to_owned());
        self.begin(planner::plan(async move { session.plan(parse(&text)?).await }).await?)
    }

    /// Another session over the same snapshot with the same settings: names given in it are its own.
    ///
    /// # Errors
    /// As [`Session::new`].
    pub fn another(&self) -> Result<Self> {
        Self::new(self.snapshot.clone(), self.options.clone())
    }

    /// As [`Session::sql`], for a statement that is parsed.
    pub(crate) async fn statement(&self, statement: Statement) -> Result<Answer> {
        let session = self.clone();
        self.begin(planner::plan(async move { session.plan(statement).await }).await?)
    }

    /// Gives the rows of a statement a name in this session; they are computed when first asked for, and kept.
    pub(crate) async fn keep(&self, name: &str, statement: Statement) -> Result<()> {
        let (session, name) = (self.clone(), name.to_owned());
        planner::plan(async move {
            let plan = session.logical_plan(statement).await?;
            catalog::keep(&session.context, &name, &plan)?;
            Ok(())
        })
        .await
    }

    /// Computes the rows of a view once in this session, when they are first asked for, and keeps them: for a view that
    /// several questions read. Its columns are those that [`Session::foresee`] was told of, and those that are asked for.
    /// Must be called within a tokio runtime, before anything names the view; a view that reads another after that.
    ///
    /// # Errors
    /// [`SqlError::Question`] if there is no such view.
    pub async fn pin(&self, view: &str) -> Result<()> {
        let (session, view) = (self.clone(), view.to_owned());
        planner::plan(async move { Ok(catalog::pin(&session.context, &view).await?) }).await
    }

    /// Notes what questions to come will read of the views that are pinned, so that these are computed once. Must be
    /// called within a tokio runtime.
    ///
    /// # Errors
    /// As [`Session::ask`], but for what goes wrong while a question runs.
    pub async fn foresee(&self, questions: &[(&Report, &Arguments)]) -> Result<()> {
        let statements = questions
            .iter()
            .map(|(report, arguments)| report.only_statement(arguments))
            .collect::<Result<Vec<_>>>()?;
        let session = self.clone();
        planner::plan(async move {
            for statement in statements {
                let plan = functions::json_as_text(session.logical_plan(statement).await?)?;
                tables::want(&session.context.state(), &plan)?;
            }
            Ok(())
        })
        .await
    }

    /// Gives rows a name in this session.
    ///
    /// # Errors
    /// [`SqlError::Question`] if a table or view has that name.
    pub fn add_rows(&self, name: &str, rows: RecordBatch) -> Result<()> {
        Ok(catalog::add_rows(&self.context, name, rows)?)
    }

    /// Begins to run a report of one statement. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`SqlError::Report`] for arguments that it does not take, and for a report of several statements; as
    /// [`Session::sql`].
    pub async fn ask(&self, report: &Report, arguments: &Arguments) -> Result<Answer> {
        self.statement(report.only_statement(arguments)?).await
    }

    fn begin(&self, plan: Arc<dyn ExecutionPlan>) -> Result<Answer> {
        let schema = plan.schema();
        let stream = execute_stream(Arc::clone(&plan), self.context.task_ctx())?;
        Ok(Answer {
            schema,
            stream,
            plan,
            _snapshot: self.snapshot.clone(),
        })
    }

    /// Runs one statement to its end.
    ///
    /// # Errors
    /// As [`Session::sql`] and [`Answer::collect`].
    pub async fn collect(&self, text: &str) -> Result<Vec<RecordBatch>> {
        self.sql(text).await?.collect().await
    }

    async fn plan(&self, statement: Statement) -> Result<Arc<dyn ExecutionPlan>> {
        let plan = functions::json_as_text(self.logical_plan(statement).await?)?;
        let frame = self.context.execute_logical_plan(plan).await?;
        Ok(frame.create_physical_plan().await?)
    }

    async fn logical_plan(&self, statement: Statement) -> Result<LogicalPlan> {
        if self.options.access == Access::ReadOnly {
            guard::check(&statement)?;
        }
        let state = self.context.state();
        let plan = state.statement_to_plan(statement).await?;
        if self.options.access == Access::ReadOnly {
            guard::check_plan(&plan)?;
        }
        Ok(plan)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("access", &self.options.access)
            .finish_non_exhaustive()
    }
}

fn config(options: &SessionOptions) -> SessionConfig {
    let mut config = SessionConfig::new()
        .with_create_default_catalog_and_schema(false)
        .with_default_catalog_and_schema(catalog::CATALOG, catalog::MAIN)
        .with_information_schema(true);
    if let Some(partitions) = options.target_partitions {
        config = config.with_target_partitions(partitions.get());
    }
    let settings = config.options_mut();
    // The only dialect in which `a ->> 'b' = 'c'` compares the text instead of looking up a truth value.
    settings.sql_parser.dialect = datafusion::config::Dialect::PostgreSQL;
    settings.execution.parquet.pushdown_filters = true;
    settings.execution.parquet.reorder_filters = true;
    settings.execution.time_zone = Some("UTC".to_owned());
    config
}

/// Parses exactly one statement.
pub(crate) fn parse(text: &str) -> Result<Statement> {
    limits::check_tokens(text)?;
    let mut statements = DFParserBuilder::new(text)
        .with_dialect(&PostgreSqlDialect {})
        .build()?
        .parse_statements()?;
    match (statements.pop_front(), statements.len()) {
        (Some(statement), 0) => Ok(statement),
        (None, _) => Err(SqlError::NotOneStatement { found: 0 }),
        (Some(_), others) => Err(SqlError::NotOneStatement { found: others + 1 }),
    }
}

/// The rows that answer a statement, as a stream of batches. Keeps the snapshot's files in place while it lives.
pub struct Answer {
    schema: SchemaRef,
    stream: SendableRecordBatchStream,
    plan: Arc<dyn ExecutionPlan>,
    _snapshot: Snapshot,
}

impl Answer {
    /// The columns, known before the first row.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// The physical plan that runs, with its metrics.
    #[must_use]
    pub fn plan(&self) -> &Arc<dyn ExecutionPlan> {
        &self.plan
    }

    /// The rows that are still to come.
    ///
    /// # Errors
    /// The first error of the stream: [`SqlError::Damaged`] for a damaged segment, [`SqlError::Memory`] beyond the
    /// limit of the session.
    pub async fn collect(mut self) -> Result<Vec<RecordBatch>> {
        let mut batches = Vec::new();
        while let Some(batch) = self.next().await {
            batches.push(batch?);
        }
        Ok(batches)
    }
}

impl Stream for Answer {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.stream
            .as_mut()
            .poll_next(context)
            .map(|item| item.map(|batch| batch.map_err(SqlError::from)))
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("schema", &self.schema)
            .finish_non_exhaustive()
    }
}
