//! The side that runs are compared with.

use std::collections::BTreeMap;

use quipu_evals::judge::{BREAKDOWNS, Parts};
use quipu_evals::metrics::MetricGroup;
use quipu_evals::{Baseline, Environment, EvalMetric, MetricValues};
use quipu_sql::Report;
use quipu_sql::reports::{Filter, time_text};
use serde::Deserialize;

use super::Gate;
use super::measured::Measured;
use crate::error::Result;

/// The side that runs are compared with: values, and samples where they are known.
#[derive(Clone, Debug, Default)]
pub struct BaselineSide {
    /// Values of runs by metric.
    pub samples: BTreeMap<String, Vec<f64>>,
    /// Values of metrics without samples.
    pub values: BTreeMap<String, f64>,
    /// The id of the run of each of those values, where it is known.
    pub runs: BTreeMap<String, Vec<Option<String>>>,
    /// The id of a usual run by metric.
    pub usual_runs: BTreeMap<String, String>,
    /// What metrics are made of, by breakdown.
    pub parts: BTreeMap<String, Parts>,
    /// The runs themselves, if they are in the store: what is not known of them can be asked.
    pub selection: Option<Filter>,
}

impl From<&Baseline> for BaselineSide {
    fn from(baseline: &Baseline) -> Self {
        let values = baseline.values();
        // Where there are samples, a metric without any was not measured, whatever number the old form of the file demands.
        let is_known = |name: &str| {
            let is_quality = EvalMetric::parse(name).is_some_and(|of| of.group() == MetricGroup::Quality);
            baseline.samples.is_empty() || is_quality
        };
        let named = EvalMetric::ALL
            .into_iter()
            .filter(|metric| is_known(metric.name()))
            .filter_map(|metric| Some((metric.name().to_owned(), values.get(metric)?)));
        Self {
            samples: baseline.samples.clone(),
            runs: BTreeMap::new(),
            values: named.collect(),
            usual_runs: baseline.usual_runs.clone(),
            parts: baseline.parts.clone(),
            selection: None,
        }
    }
}

impl From<&Measured> for BaselineSide {
    fn from(measured: &Measured) -> Self {
        let each = || {
            let samples = measured.samples.iter();
            samples.filter(|sample| !sample.values.is_empty())
        };
        Self {
            samples: each()
                .map(|sample| (sample.metric.name.clone(), sample.values.clone()))
                .collect(),
            runs: each()
                .map(|sample| (sample.metric.name.clone(), sample.runs.clone()))
                .collect(),
            usual_runs: usual_runs(measured),
            values: BTreeMap::new(),
            parts: BTreeMap::new(),
            selection: Some(measured.selection.clone()),
        }
    }
}

/// The run of each metric whose value is nearest to that of the metric.
fn usual_runs(measured: &Measured) -> BTreeMap<String, String> {
    let usual = measured.samples.iter().filter_map(|sample| {
        let value = sample.metric.statistic.of(&sample.values)?;
        let run = sample.run_at(|a, b| (b - value).abs().total_cmp(&(a - value).abs()))?;
        Some((sample.metric.name.clone(), run))
    });
    usual.collect()
}

#[derive(Deserialize)]
struct PartRow {
    part: Option<String>,
    amount: Option<f64>,
}

impl Gate {
    /// What metrics are made of in a selection: by breakdown, the amount of a run by part. Must be called within a tokio
    /// runtime.
    ///
    /// # Errors
    /// As [`Gate::measure`].
    pub async fn parts(&self, selection: &Filter) -> Result<BTreeMap<String, Parts>> {
        let mut all = BTreeMap::new();
        for breakdown in BREAKDOWNS {
            all.insert(
                breakdown.name.to_owned(),
                self.parts_of(breakdown.name, selection).await?,
            );
        }
        Ok(all)
    }

    /// What one breakdown finds in a selection.
    pub(super) async fn parts_of(&self, breakdown: &str, selection: &Filter) -> Result<Parts> {
        let Some(breakdown) = BREAKDOWNS.iter().find(|of| of.name == breakdown) else {
            return Ok(Parts::new());
        };
        let report = Report::parse(breakdown.name, breakdown.sql)?;
        let rows: Vec<PartRow> = self.ask(&report, selection).await?.collect_as().await?;
        let runs = if breakdown.is_mean {
            1
        } else {
            self.count_runs(selection).await?
        };
        let per_run = |amount: f64| amount / runs.max(1) as f64;
        Ok(rows
            .into_iter()
            .filter_map(|row| Some((row.part?, per_run(row.amount?))))
            .collect())
    }

    /// A baseline of what was measured, with its samples and what they are made of. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// As [`Gate::measure`].
    pub async fn baseline(&self, app_name: &str, version: &str, measured: &Measured) -> Result<Baseline> {
        let mut values = MetricValues::default();
        let mut samples = BTreeMap::new();
        for sample in &measured.samples {
            if let Some(metric) = EvalMetric::parse(&sample.metric.name) {
                values.set(metric, sample.metric.statistic.of(&sample.values));
            }
            if !sample.values.is_empty() {
                samples.insert(sample.metric.name.clone(), sample.values.clone());
            }
        }
        let mut baseline = Baseline::new(app_name.to_owned(), version.to_owned(), values.rounded());
        baseline.counting = Some(quipu_evals::Conversion::Default);
        baseline.environment = Some(Environment::current());
        baseline.sample_unit = Some(Baseline::RUN.to_owned());
        baseline.selection = selection_in_words(&measured.selection);
        baseline.samples = samples;
        baseline.usual_runs = usual_runs(measured);
        baseline.parts = self.parts(&measured.selection).await?;
        Ok(baseline)
    }
}

/// A selection in words, as a baseline keeps it: names of filters, and what they let through.
#[must_use]
pub fn selection_in_words(selection: &Filter) -> BTreeMap<String, String> {
    let time = |us: Option<i64>| us.map(time_text);
    let parts = [
        ("since", time(selection.since_us)),
        ("until", time(selection.until_us)),
        ("tenant", selection.tenant.clone()),
        ("thread", selection.thread.clone()),
        ("graph", selection.graph.clone()),
        ("where", selection.condition.clone()),
    ];
    parts
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
}
