//! Two sides, aligned, as a table.

use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Int64Array, RecordBatch, StringViewArray, UInt64Array,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use serde_json::{Map, Value, json};

use super::align::{Pair, align};
use super::side::{Named, Side};
use super::steps::{self, ATTRIBUTES, Step};
use crate::catalog::Source;

/// The comparison of two sides.
#[derive(Debug)]
pub(crate) struct TraceDiff {
    source: Arc<Source>,
    a: Named,
    b: Named,
}

impl TraceDiff {
    pub(crate) fn new(source: Arc<Source>, a: Named, b: Named) -> Self {
        Self { source, a, b }
    }
}

fn schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let fields = [
            ("position", DataType::Int64),
            ("side", DataType::Utf8View),
            ("step", DataType::Utf8View),
            ("a_sequence", DataType::UInt64),
            ("b_sequence", DataType::UInt64),
            ("a_elapsed_us", DataType::Int64),
            ("b_elapsed_us", DataType::Int64),
            ("a_duration_us", DataType::Int64),
            ("b_duration_us", DataType::Int64),
            ("differs", DataType::Utf8View),
            ("first_divergence", DataType::Boolean),
        ];
        Arc::new(Schema::new(
            fields
                .map(|(name, data_type)| Field::new(name, data_type, true))
                .to_vec(),
        ))
    });
    Arc::clone(&SCHEMA)
}

#[async_trait]
impl TableProvider for TraceDiff {
    fn schema(&self) -> SchemaRef {
        schema()
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
        let (a, b) = (
            Side::find(&state, &self.a).await?,
            Side::find(&state, &self.b).await?,
        );
        let planned = Planned {
            schema: schema(),
            a: (steps::plan(&state, &a).await?, a),
            b: (steps::plan(&state, &b).await?, b),
        };
        Ok(Arc::new(StreamingTableExec::try_new(
            schema(),
            vec![Arc::new(planned)],
            projection,
            [],
            false,
            limit,
        )?))
    }
}

/// A comparison that only has to be read.
#[derive(Debug)]
struct Planned {
    schema: SchemaRef,
    a: (Arc<dyn ExecutionPlan>, Side),
    b: (Arc<dyn ExecutionPlan>, Side),
}

impl PartitionStream for Planned {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let ((plan_a, side_a), (plan_b, side_b)) = (self.a.clone(), self.b.clone());
        let mut stream = RecordBatchReceiverStream::builder(Arc::clone(&self.schema), 1);
        let sender = stream.tx();
        stream.spawn(async move {
            let a = steps::read(plan_a, Arc::clone(&context), &side_a, "side a").await?;
            let b = steps::read(plan_b, context, &side_b, "side b").await?;
            // Two long sides that differ much take a while, in which other tasks go on.
            let rows = tokio::task::spawn_blocking(move || rows(&a, &b))
                .await
                .map_err(|error| DataFusionError::ExecutionJoin(Box::new(error)))?;
            // Nobody waits for them if the receiver has gone.
            let _ = sender.send(rows).await;
            Ok(())
        });
        stream.build()
    }
}

/// One place of the comparison.
struct Row<'a> {
    a: Option<&'a Step>,
    b: Option<&'a Step>,
    differs: Option<String>,
}

fn rows(a: &[Step], b: &[Step]) -> Result<RecordBatch> {
    let keys = |steps: &[Step]| -> Vec<(String, Option<String>)> {
        steps
            .iter()
            .map(|step| (step.kind.clone(), step.name.clone()))
            .collect()
    };
    let rows: Vec<Row<'_>> = align(&keys(a), &keys(b))
        .into_iter()
        .map(|pair| match pair {
            Pair::A(at) => Row {
                a: Some(&a[at]),
                b: None,
                differs: None,
            },
            Pair::B(at) => Row {
                a: None,
                b: Some(&b[at]),
                differs: None,
            },
            Pair::Both(at_a, at_b) => Row {
                a: Some(&a[at_a]),
                b: Some(&b[at_b]),
                differs: differs(&a[at_a], &b[at_b]),
            },
        })
        .collect();
    batch(&rows, start(a), start(b))
}

/// What differs between two steps of one kind and name, as JSON; durations aside, which always do.
fn differs(a: &Step, b: &Step) -> Option<String> {
    let members: Map<String, Value> = ATTRIBUTES
        .iter()
        .zip(a.attributes.iter().zip(&b.attributes))
        .filter(|(_, (a, b))| a != b)
        .map(|((name, _), (a, b))| ((*name).to_owned(), json!({ "a": a, "b": b })))
        .collect();
    (!members.is_empty()).then(|| Value::Object(members).to_string())
}

/// When the first step began.
fn start(steps: &[Step]) -> Option<i64> {
    steps.iter().find_map(|step| step.at)
}

fn batch(rows: &[Row<'_>], start_a: Option<i64>, start_b: Option<i64>) -> Result<RecordBatch> {
    let is_divergent = |row: &Row<'_>| row.a.is_none() || row.b.is_none() || row.differs.is_some();
    let first = rows.iter().position(is_divergent);
    let side = |row: &Row<'_>| match (row.a, row.b) {
        (Some(_), Some(_)) => "both",
        (Some(_), None) => "a",
        _ => "b",
    };
    let step = |row: &Row<'_>| {
        let step = row.a.or(row.b)?;
        Some(match &step.name {
            Some(name) => format!("{} {name}", step.kind),
            None => step.kind.clone(),
        })
    };
    let elapsed = |step: Option<&Step>, start: Option<i64>| step?.at?.checked_sub(start?);
    let each = || rows.iter();
    let numbers = |values: Vec<Option<i64>>| -> ArrayRef { Arc::new(Int64Array::from(values)) };
    let sequences = |of: fn(&Row<'_>) -> Option<u64>| -> ArrayRef {
        Arc::new(UInt64Array::from_iter(rows.iter().map(of)))
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values((1_i64..).take(rows.len()))),
        Arc::new(StringViewArray::from_iter_values(each().map(side))),
        Arc::new(StringViewArray::from_iter(each().map(step))),
        sequences(|row| row.a.map(|step| step.sequence)),
        sequences(|row| row.b.map(|step| step.sequence)),
        numbers(each().map(|row| elapsed(row.a, start_a)).collect()),
        numbers(each().map(|row| elapsed(row.b, start_b)).collect()),
        numbers(each().map(|row| row.a?.duration_us).collect()),
        numbers(each().map(|row| row.b?.duration_us).collect()),
        Arc::new(StringViewArray::from_iter(
            each().map(|row| row.differs.as_deref()),
        )),
        Arc::new(BooleanArray::from_iter(
            (0..rows.len()).map(|at| Some(Some(at) == first)),
        )),
    ];
    Ok(RecordBatch::try_new(schema(), columns)?)
}
