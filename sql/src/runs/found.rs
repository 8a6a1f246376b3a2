//! The runs of the rows of a batch.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, UInt64Array};
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::Int64Type;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;

use super::in_runs::By;
use super::place::{Place, Places};
use super::run::Run;
use super::shared::Cut;
use super::threads::Names;
use crate::strands::numbers;

/// The runs of the rows of a batch.
#[derive(Debug)]
pub(super) struct Found<'a> {
    cut: &'a Cut,
    /// Per row its run, if it is in one.
    runs: UInt64Array,
    /// Where the rows are messages of the graph: their places.
    places: Option<Places>,
}

impl<'a> Found<'a> {
    pub(super) fn of(batch: &RecordBatch, by: By, cut: &'a Cut) -> Result<Self> {
        let names = Names::of(batch)?;
        let mut owner = 0;
        let mut threads = (0..batch.num_rows()).map(|row| cut.runs.threads.find(&names, row, &mut owner));
        let mut find = |run_of: &dyn Fn(usize, usize) -> Option<usize>| -> UInt64Array {
            let runs = threads
                .by_ref()
                .enumerate()
                .map(|(row, thread)| run_of(row, thread?));
            runs.map(|run| run.map(|run| run as u64)).collect()
        };
        let (runs, places) = match by {
            By::Time(column) => {
                let times = numbers::<Int64Type>(batch, column)?;
                let times = times.as_primitive::<Int64Type>();
                let time = |row: usize| times.is_valid(row).then(|| times.value(row));
                (find(&|row, thread| cut.runs.at_time(thread, time(row))), None)
            }
            By::Place => {
                let places = Places::of(batch)?;
                let runs = find(&|row, thread| cut.runs.at_place(thread, &places.get(row)));
                (runs, Some(places))
            }
        };
        Ok(Self { cut, runs, places })
    }

    /// That column of view `run_spans`; null where there is no run.
    pub(super) fn column(&self, at: usize) -> Result<ArrayRef> {
        let column = take(self.cut.rows.column(at), &self.runs, None)?;
        if self.places.is_some() && self.cut.rows.schema_ref().field(at).name() == "run_number" {
            // Messages of the graph that are in no run have the number 0.
            let numbers = column.as_primitive::<Int64Type>();
            let numbers = numbers.iter().map(|number| number.unwrap_or(0));
            return Ok(Arc::new(Int64Array::from_iter_values(numbers)));
        }
        Ok(column)
    }

    /// Whether each row is that message of its run.
    pub(super) fn is_at(&self, place: fn(&Run) -> Place) -> ArrayRef {
        let is = |(row, run): (usize, Option<u64>)| {
            let (run, places) = (run?, self.places.as_ref()?);
            Some(place(&self.cut.runs.runs[run as usize]) == places.get(row))
        };
        let is_at = self
            .runs
            .iter()
            .enumerate()
            .map(|row| Some(is(row).unwrap_or(false)));
        Arc::new(BooleanArray::from_iter(is_at))
    }
}
