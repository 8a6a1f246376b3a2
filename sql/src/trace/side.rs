//! Which steps one side of a comparison is made of.

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::execution::SessionState;
use datafusion::physical_plan::collect;

use crate::strands::{column, numbers, texts};

/// How a side is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// A thread with all of its runs.
    Thread {
        /// The tenant.
        tenant_id: String,
        /// The thread.
        thread_id: String,
    },
    /// One run.
    Run {
        /// Its run_id.
        id: Vec<u8>,
        /// The same as it was written: for errors.
        text: String,
    },
}

/// A side that was found: where its steps lie.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Side {
    pub(super) tenant_id: String,
    pub(super) thread_id: String,
    /// Topic and incarnation; none if the thread's name has to lie in one only.
    pub(super) log: Option<(String, String)>,
    /// Steps before this time are not meant, in microseconds since the Unix epoch.
    pub(super) from: Option<i64>,
    /// Nor are those from this time on.
    pub(super) until: Option<i64>,
}

impl Side {
    /// Looks up what the name means.
    pub(super) async fn find(state: &SessionState, named: &Named) -> Result<Self> {
        match named {
            Named::Thread { tenant_id, thread_id } => Ok(Self {
                tenant_id: tenant_id.clone(),
                thread_id: thread_id.clone(),
                ..Self::default()
            }),
            Named::Run { id, text } => Self::of_run(state, id, text).await,
        }
    }

    async fn of_run(state: &SessionState, id: &[u8], text: &str) -> Result<Self> {
        let id_value = ScalarValue::BinaryView(Some(id.to_vec()));
        for batch in ask(state, include_str!("thread_of.sql"), vec![id_value]).await? {
            let [topic, incarnation, tenant_id, thread_id] =
                ["topic", "incarnation", "tenant_id", "thread_id"].map(|name| texts(&batch, name));
            let (topic, incarnation, tenant_id, thread_id) = (topic?, incarnation?, tenant_id?, thread_id?);
            for row in 0..batch.num_rows() {
                let mut side = Self {
                    tenant_id: tenant_id.value(row).to_owned(),
                    thread_id: thread_id.value(row).to_owned(),
                    log: Some((topic.value(row).to_owned(), incarnation.value(row).to_owned())),
                    ..Self::default()
                };
                if side.limit_to_run(state, id).await? {
                    return Ok(side);
                }
            }
        }
        plan_err!("there is no run {text}; `select run_id, thread_id, started from runs` lists them")
    }

    /// Finds the times of the run within the thread; false if the thread has no such run.
    async fn limit_to_run(&mut self, state: &SessionState, id: &[u8]) -> Result<bool> {
        let names = [&self.tenant_id, &self.thread_id].map(|name| ScalarValue::Utf8View(Some(name.clone())));
        for batch in ask(state, include_str!("runs.sql"), names.into()).await? {
            let (topic, incarnation) = (texts(&batch, "topic")?, texts(&batch, "incarnation")?);
            let run_id = column(&batch, "run_id", &DataType::BinaryView)?;
            let run_id = run_id.as_binary_view();
            let [from, until] = ["started", "next_started"].map(|name| numbers::<Int64Type>(&batch, name));
            let (from, until) = (from?, until?);
            let time = |times: &dyn Array, row| {
                let times = times.as_primitive::<Int64Type>();
                times.is_valid(row).then(|| times.value(row))
            };
            for row in 0..batch.num_rows() {
                let is_log = self
                    .log
                    .as_ref()
                    .is_some_and(|log| log.0 == topic.value(row) && log.1 == incarnation.value(row));
                if is_log && run_id.is_valid(row) && run_id.value(row) == id {
                    self.from = time(&from, row);
                    self.until = time(&until, row);
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}

async fn ask(state: &SessionState, sql: &str, values: Vec<ScalarValue>) -> Result<Vec<RecordBatch>> {
    let plan = state.create_logical_plan(sql).await?.with_param_values(values)?;
    let plan = state.create_physical_plan(&plan).await?;
    collect(plan, state.task_ctx()).await
}
