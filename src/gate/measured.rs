//! What the runs of a selection gave.

use std::cmp::Ordering;
use std::panic::resume_unwind;

use quipu_evals::judge::{Metric, MetricFile, Statistic};
use quipu_sql::arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use quipu_sql::arrow::compute::cast;
use quipu_sql::arrow::datatypes::{DataType, Float64Type};
use quipu_sql::arrow::error::ArrowError;
use quipu_sql::reports::Filter;
use quipu_sql::{Report, Session};
use tokio::task::JoinSet;

use super::narrowed;
use crate::error::{Error, Result};
use crate::rows::Rows;

/// The column of a metric that holds its numbers.
const VALUE: &str = "value";

/// The column of a metric that names the run of a number.
const RUN: &str = "run_id";

/// What the runs of a selection gave, metric by metric.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// In the order of the gate.
    pub samples: Vec<Sample>,
    /// What was selected.
    pub selection: Filter,
}

/// The values of one metric.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The metric.
    pub metric: Metric,
    /// One value for each run, or for what else the metric counts.
    pub values: Vec<f64>,
    /// The id of the run of each value, as text; none where the metric does not tell.
    pub runs: Vec<Option<String>>,
    /// Values that were left out: scores and fractions that are not from 0 to 1.
    pub left_out: usize,
}

impl Sample {
    /// The run of the greatest value by an order, of the runs that are known; of equal ones the first by id.
    pub(super) fn run_at(&self, order: impl Fn(f64, f64) -> Ordering) -> Option<String> {
        let known = self
            .values
            .iter()
            .zip(&self.runs)
            .filter_map(|(value, run)| Some((*value, run.as_ref()?)));
        let greatest = known.max_by(|a, b| order(a.0, b.0).then_with(|| b.1.cmp(a.1)));
        greatest.map(|(_, run)| run.clone())
    }
}

impl Measured {
    /// The values of a metric.
    #[must_use]
    pub fn sample(&self, metric: &str) -> Option<&Sample> {
        self.samples.iter().find(|sample| sample.metric.name == metric)
    }
}

/// Runs the metrics side by side.
pub(super) async fn measure(
    session: &Session,
    metrics: &[(MetricFile, Report)],
    selection: &Filter,
) -> Result<Measured> {
    let arguments = narrowed(selection);
    let questions: Vec<_> = metrics.iter().map(|(_, report)| (report, &arguments)).collect();
    session.foresee(&questions).await?;
    // A task each, so that they use all processors. Those that are left end with the first that fails.
    let mut tasks = JoinSet::new();
    for (place, (file, report)) in metrics.iter().enumerate() {
        let (session, metric) = (session.clone(), file.metric.clone());
        let (report, arguments) = (report.clone(), arguments.clone());
        tasks.spawn(async move {
            let answer = session.ask(&report, &arguments).await?;
            let batches = Rows::new(answer).collect().await?;
            Ok((place, sample(&metric, &batches)?))
        });
    }
    let mut samples = Vec::with_capacity(metrics.len());
    while let Some(ended) = tasks.join_next().await {
        // Nothing aborts a task but the end of this function, so that one that did not end panicked.
        let sample: Result<_> = ended.unwrap_or_else(|error| resume_unwind(error.into_panic()));
        samples.push(sample?);
    }
    samples.sort_by_key(|(place, _)| *place);
    Ok(Measured {
        samples: samples.into_iter().map(|(_, sample)| sample).collect(),
        selection: selection.clone(),
    })
}

fn sample(metric: &Metric, batches: &[RecordBatch]) -> Result<Sample> {
    let wrong = |why: String| Error::metric(&metric.name, why);
    let mut values: Vec<(Option<String>, f64)> = Vec::new();
    let mut left_out = 0;
    for batch in batches {
        let numbers = batch.column_by_name(VALUE).ok_or_else(|| {
            let schema = batch.schema();
            let names: Vec<&str> = schema
                .fields()
                .iter()
                .map(|field| field.name().as_str())
                .collect();
            wrong(format!(
                "its query gives no column {VALUE}, but {}",
                names.join(", ")
            ))
        })?;
        let numbers = cast(numbers, &DataType::Float64).map_err(|_| {
            wrong(format!(
                "its column {VALUE} is {}, not a number",
                numbers.data_type()
            ))
        })?;
        let runs = batch
            .column_by_name(RUN)
            .map(texts)
            .transpose()
            .map_err(|error| wrong(format!("its column {RUN} names no runs: {error}")))?;
        for (row, value) in numbers.as_primitive::<Float64Type>().iter().enumerate() {
            let Some(value) = value else { continue };
            if !value.is_finite() {
                return Err(wrong(format!(
                    "a value of it is {value}: a metric is made of finite numbers"
                )));
            }
            if metric.statistic == Statistic::Rate && value != 0.0 && value != 1.0 {
                return Err(wrong(format!(
                    "a value of it is {value}: a rate is made of 0 and 1; use Statistic: mean for shares"
                )));
            }
            if metric.unit.is_fraction() && !(0.0..=1.0).contains(&value) {
                left_out += 1;
                continue;
            }
            let run = runs.as_ref().filter(|runs| runs.is_valid(row));
            values.push((run.map(|runs| runs.value(row).to_owned()), value));
        }
    }
    // Rows come as threads find them. By run, so that the values of two metrics lie in the same order of runs.
    values.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.total_cmp(&b.1)));
    let (runs, values) = values.into_iter().unzip();
    Ok(Sample {
        metric: metric.clone(),
        values,
        runs,
        left_out,
    })
}

/// Ids as people write them: UUIDs, or what else they are in hexadecimal.
fn texts(ids: &ArrayRef) -> std::result::Result<StringArray, ArrowError> {
    let bytes = match ids.data_type() {
        DataType::Binary | DataType::BinaryView | DataType::LargeBinary => cast(ids, &DataType::Binary)?,
        _ => return Ok(cast(ids, &DataType::Utf8)?.as_string::<i32>().clone()),
    };
    let bytes = bytes.as_binary::<i32>();
    Ok(bytes.iter().map(|id| id.map(quipu_sql::id_text)).collect())
}
