//! Gates: metrics of two selections of runs, and what follows from them.
//!
//! ```no_run
//! use quipu::Quipu;
//! use quipu::evals::judge::{GateFailOn, MetricFile, Rules};
//! use quipu::gate::{BaselineSide, Gate};
//! use quipu::sql::reports::Filter;
//!
//! # async fn gate() -> Result<(), Box<dyn std::error::Error>> {
//! let quipu = Quipu::open("quipu-store")?;
//! let gate = Gate::open(&quipu, MetricFile::built_in()?).await?;
//! let before = Filter { condition: Some("graph_name = 'planner'".to_owned()), ..Filter::default() };
//! let current = gate.measure(&before).await?;
//! let baseline = quipu::evals::Baseline::load("baselines/planner_v1.0.0.json")?;
//! let judgement = gate.judge(&BaselineSide::from(&baseline), &current, &Rules::default()).await?;
//! println!("{}", judgement.outcome("planner", GateFailOn::Warning).verdict_line());
//! # Ok(())
//! # }
//! ```

mod baseline;
mod explain;
mod judging;
mod measured;
mod tables;

use std::collections::BTreeMap;

use quipu_evals::judge::MetricFile;
use quipu_sql::reports::Filter;
use quipu_sql::{Arguments, Report, Session};

use crate::error::Result;
use crate::handle::Quipu;
use crate::rows::Rows;

pub use baseline::{BaselineSide, selection_in_words};
pub use explain::Explanation;
pub use measured::{Measured, Sample};

/// Views that several metrics read: each is computed once for a gate. What reads another comes after it.
const PINNED: [&str; 3] = ["runs", "llm_calls", "costs_by_run"];

/// Metrics over one snapshot of a store.
#[derive(Debug)]
pub struct Gate {
    session: Session,
    metrics: Vec<(MetricFile, Report)>,
}

impl Gate {
    /// Opens a gate of these metrics over the newest snapshot. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`ErrorKind::Query`](crate::ErrorKind::Query) for a metric whose SQL is wrong; as [`Quipu::session`].
    pub async fn open(quipu: &Quipu, metrics: Vec<MetricFile>) -> Result<Self> {
        let session = quipu.session()?.another()?;
        for view in PINNED {
            session.pin(view).await?;
        }
        let parsed = metrics.into_iter().map(|file| {
            let report = Report::parse(&file.metric.name, &file.sql)?;
            Ok((file, report))
        });
        Ok(Self {
            session,
            metrics: parsed.collect::<Result<_>>()?,
        })
    }

    /// The metrics of the gate.
    pub fn metrics(&self) -> impl Iterator<Item = &MetricFile> {
        self.metrics.iter().map(|(file, _)| file)
    }

    /// The values that the runs of a selection give, metric by metric. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) for a selection that a metric cannot be narrowed down by, or a metric
    /// that has no column `value`; as for any question.
    pub async fn measure(&self, selection: &Filter) -> Result<Measured> {
        measured::measure(&self.session, &self.metrics, selection).await
    }

    /// The rows of a report of one statement over the snapshot of the gate.
    async fn ask(&self, report: &Report, selection: &Filter) -> Result<Rows> {
        Ok(Rows::new(self.session.ask(report, &narrowed(selection)).await?))
    }

    /// How many runs a selection has.
    async fn count_runs(&self, selection: &Filter) -> Result<u64> {
        const RUNS: &str = "-- Filter: time = started, tenant = tenant_id, thread = thread_id, graph = graph_name\n\
                            SELECT CAST(count(*) AS BIGINT UNSIGNED) FROM runs WHERE $filter";
        let counts: Vec<u64> = self
            .ask(&Report::parse("runs", RUNS)?, selection)
            .await?
            .collect_as()
            .await?;
        Ok(counts.first().copied().unwrap_or_default())
    }
}

/// The arguments of a report that is narrowed down and has no parameters.
fn narrowed(selection: &Filter) -> Arguments {
    Arguments {
        filter: selection.clone(),
        named: BTreeMap::new(),
        positional: Vec::new(),
    }
}
