//! From two sides to a judgement, by SQL.

use std::sync::Arc;

use quipu_evals::judge::{Evidence, GATE_SQL, Judgement, Metric, Rules, Side, Statistics, judge};
use quipu_sql::arrow::array::{ArrayRef, BooleanArray, Float64Array, RecordBatch, StringBuilder};
use quipu_sql::{Arguments, Report};
use quipu_stats::difference::{Difference, Method};
use serde::Deserialize;

use super::Gate;
use super::baseline::BaselineSide;
use super::measured::Measured;
use crate::error::{Error, Result};
use crate::rows::Rows;

/// A row of the gate's query: what the samples of a metric prove. Null where they are too small to prove anything.
#[derive(Deserialize)]
struct Proven {
    metric: String,
    baseline: Option<f64>,
    current: Option<f64>,
    difference: Option<f64>,
    lower: Option<f64>,
    upper: Option<f64>,
    p_value: Option<f64>,
    method: Option<String>,
    mann_whitney_p: Option<f64>,
    hedges_g: Option<f64>,
    cliffs_delta: Option<f64>,
    detectable: Option<f64>,
}

impl Proven {
    fn statistics(&self, level: f64) -> Option<Statistics> {
        Some(Statistics {
            difference: Difference {
                baseline: self.baseline?,
                current: self.current?,
                difference: self.difference?,
                lower: self.lower?,
                upper: self.upper?,
                level,
                p_value: self.p_value?,
                method: Method::parse(self.method.as_deref()?)?,
            },
            mann_whitney_p: self.mann_whitney_p,
            hedges_g: self.hedges_g,
            cliffs_delta: self.cliffs_delta,
            detectable: self.detectable,
        })
    }
}

impl Gate {
    /// What follows from two sides. The query that says what samples prove is
    /// [`GATE_SQL`]. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// As for any question.
    pub async fn judge(
        &self,
        baseline: &BaselineSide,
        current: &Measured,
        rules: &Rules,
    ) -> Result<Judgement> {
        let proven = self.prove(baseline, current, rules).await?;
        let evidence = current.samples.iter().map(|sample| {
            let metric = &sample.metric;
            let samples = baseline
                .samples
                .get(&metric.name)
                .map(Vec::as_slice)
                .unwrap_or_default();
            let statistics = (samples.len().min(sample.values.len()) >= rules.samples_min)
                .then(|| proven.iter().find(|of| of.metric == metric.name))
                .flatten()
                .and_then(|of| of.statistics(rules.level));
            Evidence {
                baseline: side(metric, samples, baseline.values.get(&metric.name).copied()),
                current: side(metric, &sample.values, None),
                metric: metric.clone(),
                statistics,
            }
        });
        Ok(judge(evidence.collect(), rules))
    }

    /// Asks the gate's query what the samples prove.
    async fn prove(&self, baseline: &BaselineSide, current: &Measured, rules: &Rules) -> Result<Vec<Proven>> {
        // Of its own: a gate may judge several times.
        let session = self.session.another()?;
        session.add_rows("samples", samples(baseline, current)?)?;
        let mut arguments = Arguments::default();
        let seed = i64::try_from(rules.seed).unwrap_or(i64::MAX);
        arguments
            .named
            .insert("level".to_owned(), rules.level.to_string());
        arguments.named.insert("seed".to_owned(), seed.to_string());
        let answer = session.ask(&Report::parse("gate", GATE_SQL)?, &arguments).await?;
        Rows::new(answer).collect_as().await
    }
}

fn side(metric: &Metric, samples: &[f64], value: Option<f64>) -> Side {
    Side {
        value: metric.statistic.of(samples).or(value),
        samples: samples.len(),
    }
}

/// The samples of both sides, of the metrics that have some on both.
fn samples(baseline: &BaselineSide, current: &Measured) -> Result<RecordBatch> {
    let (mut metrics, mut statistics) = (StringBuilder::new(), StringBuilder::new());
    let (mut sides, mut values) = (vec![], vec![]);
    for sample in &current.samples {
        let name = sample.metric.name.as_str();
        let before = baseline.samples.get(name).map(Vec::as_slice).unwrap_or_default();
        if before.is_empty() || sample.values.is_empty() {
            continue;
        }
        let statistic = sample.metric.statistic.to_string();
        for (is_current, side) in [(false, before), (true, sample.values.as_slice())] {
            for _ in side {
                metrics.append_value(name);
                statistics.append_value(&statistic);
            }
            sides.resize(sides.len() + side.len(), is_current);
            values.extend_from_slice(side);
        }
    }
    let columns: [(&str, ArrayRef); 4] = [
        ("metric", Arc::new(metrics.finish())),
        ("statistic", Arc::new(statistics.finish())),
        ("is_current", Arc::new(BooleanArray::from(sides))),
        ("value", Arc::new(Float64Array::from(values))),
    ];
    RecordBatch::try_from_iter(columns).map_err(|error| Error::metric("samples", error.to_string()))
}
