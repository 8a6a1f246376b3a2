//! What a gate found out, as rows.

use std::sync::Arc;

use quipu_evals::judge::{SHIFTS, SelfTest};
use quipu_sql::arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray, UInt64Array};

use super::Gate;
use super::measured::Measured;
use crate::error::{Error, Result};
use crate::rows::Rows;

/// A metric over its values: the value, and where it would be for very many runs.
const SUMMARY: &str = "SELECT metric, unit, statistic, count(value) AS samples, min(told) AS value, \
     CASE WHEN min(statistic) = 'mean' THEN mean_interval(value)['lower'] END AS lower, \
     CASE WHEN min(statistic) = 'mean' THEN mean_interval(value)['upper'] END AS upper, \
     min(value) AS least, max(value) AS greatest \
     FROM samples GROUP BY metric, unit, statistic, place ORDER BY place";

impl Gate {
    /// What was measured, metric by metric: the value, its 95 % confidence interval where it is a mean, the least and the
    /// greatest value of a run. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// As for any question.
    pub async fn summary(&self, measured: &Measured) -> Result<Rows> {
        let session = self.session.another()?;
        let mut columns: (Vec<&str>, Vec<&str>, Vec<String>, Vec<u64>) = Default::default();
        let (mut told, mut values) = (Vec::new(), Vec::new());
        for (place, sample) in measured.samples.iter().enumerate() {
            let metric = &sample.metric;
            let value = metric.statistic.of(&sample.values);
            // A metric without values is told too.
            let rows = sample
                .values
                .iter()
                .copied()
                .map(Some)
                .chain(sample.values.is_empty().then_some(None));
            for row in rows {
                columns.0.push(&metric.name);
                columns.1.push(metric.unit.as_str());
                columns.2.push(metric.statistic.to_string());
                columns.3.push(place as u64);
                told.push(value);
                values.push(row);
            }
        }
        let columns: [(&str, ArrayRef); 6] = [
            ("metric", Arc::new(StringArray::from(columns.0))),
            ("unit", Arc::new(StringArray::from(columns.1))),
            ("statistic", Arc::new(StringArray::from(columns.2))),
            ("place", Arc::new(UInt64Array::from(columns.3))),
            ("told", Arc::new(Float64Array::from(told))),
            ("value", Arc::new(Float64Array::from(values))),
        ];
        session.add_rows("samples", batch(columns)?)?;
        Ok(Rows::from(session.sql(SUMMARY).await?))
    }

    /// What a self-test found, metric by metric: false alarms, and the share of trials in which a worsening was seen. Must be
    /// called within a tokio runtime.
    ///
    /// # Errors
    /// As for any question.
    pub async fn self_test_rows(&self, told: &SelfTest) -> Result<Rows> {
        let session = self.session.another()?;
        let each = || told.metrics.iter();
        let mut columns: Vec<(String, ArrayRef)> = vec![
            (
                "metric".to_owned(),
                Arc::new(StringArray::from_iter_values(
                    each().map(|of| of.metric.name.as_str()),
                )),
            ),
            (
                "history".to_owned(),
                Arc::new(UInt64Array::from_iter_values(each().map(|of| of.history as u64))),
            ),
            (
                "false_alarms".to_owned(),
                Arc::new(Float64Array::from_iter_values(each().map(|of| of.false_alarms))),
            ),
        ];
        for (at, shift) in SHIFTS.iter().enumerate() {
            let power = each().map(|of| of.power.get(at).copied());
            columns.push((
                format!("power_{:.0}", shift * 100.0),
                Arc::new(Float64Array::from_iter(power)),
            ));
        }
        columns.push((
            "detectable".to_owned(),
            Arc::new(Float64Array::from_iter(each().map(|of| of.detectable))),
        ));
        let proposed = each().map(|of| of.proposed.map(|limit| limit.to_string()));
        columns.push((
            "proposed_threshold".to_owned(),
            Arc::new(StringArray::from_iter(proposed)),
        ));
        session.add_rows("self_test", batch(columns)?)?;
        Ok(Rows::from(session.sql("SELECT * FROM self_test").await?))
    }
}

fn batch<N: AsRef<str>>(columns: impl IntoIterator<Item = (N, ArrayRef)>) -> Result<RecordBatch> {
    let nullable = columns.into_iter().map(|(name, array)| (name, array, true));
    RecordBatch::try_from_iter_with_nullable(nullable)
        .map_err(|error| Error::metric("rows", error.to_string()))
}
