//! What a session knows of runs.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::record_batch::RecordBatch;
use datafusion::catalog::Session;
use datafusion::common::Result;
use datafusion::execution::TaskContext;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::execution_plan::reset_plan_states;
use tokio::sync::OnceCell;

use super::run::Runs;
use super::{collect, count, parts, spans};
use crate::catalog::Source;

/// Selections of threads whose runs are kept, beside those of all threads. Sections of a report ask for the same ones.
const SELECTIONS_MAX: usize = 4;

/// The runs of a session. Those of all threads are cut when they are first asked for, and kept, and so are the last few
/// selections of threads.
#[derive(Debug, Default)]
pub(crate) struct SharedRuns {
    all: OnceCell<Arc<Threadwork>>,
    selections: Mutex<VecDeque<(Vec<Expr>, Arc<Threadwork>)>>,
}

impl SharedRuns {
    /// The runs of the threads that pass these filters of their names, or of all threads if these are known or there is no
    /// filter.
    pub(super) async fn of(
        source: &Source,
        state: &dyn Session,
        filters: &[Expr],
    ) -> Result<Arc<Threadwork>> {
        let shared = &source.runs;
        let all = shared.all.get();
        if filters.is_empty() || all.is_some_and(|all| all.cut.initialized()) {
            let all = shared
                .all
                .get_or_try_init(|| Threadwork::plan(source, state, &[]));
            return all.await.cloned();
        }
        if let Some(known) = shared.selection(filters) {
            return Ok(known);
        }
        let planned = Threadwork::plan(source, state, filters).await?;
        let mut selections = shared.selections.lock().unwrap_or_else(PoisonError::into_inner);
        selections.truncate(SELECTIONS_MAX - 1);
        selections.push_front((filters.to_vec(), Arc::clone(&planned)));
        Ok(planned)
    }

    fn selection(&self, filters: &[Expr]) -> Option<Arc<Threadwork>> {
        let selections = self.selections.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, known) = selections.iter().find(|(known, _)| known == filters)?;
        Some(Arc::clone(known))
    }
}

/// The runs of some threads, planned; cut and counted when they are first read.
#[derive(Debug)]
pub(super) struct Threadwork {
    graph: Arc<dyn ExecutionPlan>,
    messages: Arc<dyn ExecutionPlan>,
    cut: OnceCell<Arc<Cut>>,
    parts: OnceCell<RecordBatch>,
}

/// Runs, and what they tell as rows.
#[derive(Debug)]
pub(super) struct Cut {
    pub(super) runs: Arc<Runs>,
    /// One row per run, as [`spans::all`] gives them.
    pub(super) rows: RecordBatch,
}

impl Threadwork {
    async fn plan(source: &Source, state: &dyn Session, filters: &[Expr]) -> Result<Arc<Self>> {
        Ok(Arc::new(Self {
            graph: plan(source, state, include_str!("graph.sql"), filters).await?,
            messages: plan(source, state, include_str!("messages.sql"), filters).await?,
            cut: OnceCell::new(),
            parts: OnceCell::new(),
        }))
    }

    /// The runs.
    pub(super) async fn cut(&self, context: &Arc<TaskContext>) -> Result<Arc<Cut>> {
        let cut = async || {
            let runs = collect::runs(fresh(&self.graph)?, Arc::clone(context)).await?;
            Ok(Arc::new(Cut {
                rows: spans::all(&runs)?,
                runs: Arc::new(runs),
            }))
        };
        self.cut.get_or_try_init(cut).await.cloned()
    }

    /// The rows of `run_spans`.
    pub(super) async fn spans(&self, context: &Arc<TaskContext>) -> Result<RecordBatch> {
        let cut = self.cut(context).await?;
        spans::rows(&cut.runs, &cut.rows)
    }

    /// The rows of `run_parts`.
    pub(super) async fn parts(&self, context: &Arc<TaskContext>) -> Result<RecordBatch> {
        let count = async || {
            let runs = Arc::clone(&self.cut(context).await?.runs);
            let counts = count::count(&runs, &fresh(&self.messages)?, context).await?;
            parts::rows(&runs, &counts)
        };
        self.parts.get_or_try_init(count).await.cloned()
    }
}

/// A plan that has not run: one whose reader went away is begun anew.
fn fresh(plan: &Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    reset_plan_states(Arc::clone(plan))
}

async fn plan(
    source: &Source,
    state: &dyn Session,
    text: &str,
    filters: &[Expr],
) -> Result<Arc<dyn ExecutionPlan>> {
    let mut plan = source.state()?.create_logical_plan(text).await?;
    if let Some(filter) = conjunction(filters.iter().cloned()) {
        plan = LogicalPlanBuilder::from(plan).filter(filter)?.build()?;
    }
    state.create_physical_plan(&plan).await
}
