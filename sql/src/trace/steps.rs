//! What is read of one side.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, StringViewArray};
use datafusion::arrow::datatypes::{Int64Type, UInt64Type};
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::execution::{SessionState, TaskContext};
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::StreamExt;
use serde_json::Value;

use super::side::Side;
use crate::strands::{numbers, texts};

/// The most steps of one side.
pub(super) const STEPS_MAX: usize = 20_000;

/// What may differ between two steps that are otherwise the same, and whether it is a number.
pub(super) const ATTRIBUTES: [(&str, bool); 7] = [
    ("graph_name", false),
    ("model", false),
    ("input_tokens", true),
    ("output_tokens", true),
    ("finish_reason", false),
    ("error", false),
    ("retry_count", true),
];

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Step {
    /// What was done: an event type, a stage of a tool, an answer.
    pub(super) kind: String,
    /// By whom or with what: a node, a tool; none if nobody says.
    pub(super) name: Option<String>,
    /// Microseconds since the Unix epoch.
    pub(super) at: Option<i64>,
    pub(super) sequence: u64,
    pub(super) duration_us: Option<i64>,
    /// The values of [`ATTRIBUTES`].
    pub(super) attributes: Vec<Value>,
}

/// The plan to read the thread of a side.
pub(super) async fn plan(state: &SessionState, side: &Side) -> Result<Arc<dyn ExecutionPlan>> {
    let names = [&side.tenant_id, &side.thread_id];
    let values: Vec<ScalarValue> = names
        .into_iter()
        .map(|name| ScalarValue::Utf8View(Some(name.clone())))
        .collect();
    let plan = state.create_logical_plan(include_str!("steps.sql")).await?;
    state.create_physical_plan(&plan.with_param_values(values)?).await
}

/// Reads the steps of a side. `label` names it in errors.
pub(super) async fn read(
    plan: Arc<dyn ExecutionPlan>,
    context: Arc<TaskContext>,
    side: &Side,
    label: &str,
) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    let mut log = side.log.clone();
    let mut batches = execute_stream(plan, context)?;
    while let Some(batch) = batches.next().await {
        let batch = batch?;
        let (topic, incarnation) = (texts(&batch, "topic")?, texts(&batch, "incarnation")?);
        let (kind, name) = (texts(&batch, "kind")?, texts(&batch, "name")?);
        let (at, duration_us) = (
            numbers::<Int64Type>(&batch, "at")?,
            numbers::<Int64Type>(&batch, "duration_us")?,
        );
        let (at, duration_us) = (
            at.as_primitive::<Int64Type>(),
            duration_us.as_primitive::<Int64Type>(),
        );
        let sequence = numbers::<UInt64Type>(&batch, "sequence")?;
        let sequence = sequence.as_primitive::<UInt64Type>();
        let attributes = ATTRIBUTES
            .iter()
            .map(|(name, _)| texts(&batch, name))
            .collect::<Result<Vec<StringViewArray>>>()?;
        for row in 0..batch.num_rows() {
            let here = (topic.value(row), incarnation.value(row));
            match &log {
                Some((topic, incarnation)) if (topic.as_str(), incarnation.as_str()) == here => {}
                Some(_) if side.log.is_some() => continue,
                Some((topic, incarnation)) => {
                    return exec_err!(
                        "thread {:?} of {label} lies in more than one log ({topic} {incarnation}, {} {}); name one of \
                         its runs: trace_diff(run_a, run_b)",
                        side.thread_id,
                        here.0,
                        here.1
                    );
                }
                None => log = Some((here.0.to_owned(), here.1.to_owned())),
            }
            let at = at.is_valid(row).then(|| at.value(row));
            // Messages without any time come last in their thread.
            let is_meant = at.is_none_or(|at| side.from.is_none_or(|from| at >= from))
                && side.until.is_none_or(|until| at.is_some_and(|at| at < until));
            if !is_meant {
                continue;
            }
            if steps.len() == STEPS_MAX {
                return exec_err!(
                    "{label} has more than {STEPS_MAX} steps, which is the limit of trace_diff; compare single runs: \
                     trace_diff(run_a, run_b)"
                );
            }
            let name = name
                .is_valid(row)
                .then(|| name.value(row))
                .filter(|name| !name.is_empty());
            steps.push(Step {
                kind: kind.value(row).to_owned(),
                name: name.map(str::to_owned),
                at,
                sequence: sequence.value(row),
                duration_us: duration_us.is_valid(row).then(|| duration_us.value(row)),
                attributes: attributes
                    .iter()
                    .zip(ATTRIBUTES)
                    .map(|(texts, (_, is_number))| value(texts, row, is_number))
                    .collect(),
            });
        }
    }
    if steps.is_empty() {
        return exec_err!(
            "{label} has no steps: there is no thread {:?} of tenant {:?}; `select tenant_id, thread_id from sessions` \
             lists them",
            side.thread_id,
            side.tenant_id
        );
    }
    Ok(steps)
}

fn value(texts: &StringViewArray, row: usize, is_number: bool) -> Value {
    if texts.is_null(row) {
        return Value::Null;
    }
    let text = texts.value(row);
    match text.parse::<i64>() {
        Ok(number) if is_number => Value::from(number),
        _ => Value::from(text),
    }
}
