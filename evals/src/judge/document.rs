//! A comparison as a document: what `quipu eval compare --keep` leaves in the store, and what view `comparisons` reads.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::comparison::Comparison;
use super::judgement::Judgement;
use crate::Verdict;
use crate::output::Outcome;

/// A comparison of two selections of runs.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ComparisonDocument {
    /// Version of the document's form.
    pub schema_version: u32,
    /// The application.
    pub app_name: String,
    /// What it was compared with: a file, or a condition.
    pub baseline: String,
    /// When, RFC 3339.
    pub compared_at: String,
    /// Which runs were judged.
    pub selection: BTreeMap<String, String>,
    /// What the gate said: `passed`, `failed` or `inconclusive`.
    pub result: String,
    /// What followed.
    pub verdict: String,
    /// The worst regression: `critical`, `warning` or `info`; none if there was none.
    pub severity: Option<String>,
    /// What a reader should know beside the verdict.
    pub notes: Vec<String>,
    /// Metric by metric.
    pub comparisons: Vec<ComparedMetric>,
}

/// A metric of a [`ComparisonDocument`]. What could not be told is none.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ComparedMetric {
    /// Its name.
    pub metric: String,
    /// What it is measured in.
    pub unit: String,
    /// `lower` or `higher`.
    pub better: String,
    /// `mean`, `rate` or a percentile.
    pub statistic: String,
    /// What it was.
    pub baseline: Option<f64>,
    /// What it is.
    pub current: Option<f64>,
    /// Values of the baseline.
    pub baseline_samples: usize,
    /// Values of now.
    pub current_samples: usize,
    /// Current - baseline.
    pub difference: Option<f64>,
    /// The difference as a share of the baseline.
    pub relative: Option<f64>,
    /// Lower limit of the difference.
    pub lower: Option<f64>,
    /// Upper limit of the difference.
    pub upper: Option<f64>,
    /// How often two samples without a difference would differ as much.
    pub p_value: Option<f64>,
    /// The same among all metrics of the gate.
    pub adjusted_p: Option<f64>,
    /// p-value of the Mann-Whitney test.
    pub mann_whitney_p: Option<f64>,
    /// Hedges' g.
    pub hedges_g: Option<f64>,
    /// Cliff's delta.
    pub cliffs_delta: Option<f64>,
    /// The least difference that such samples show 4 times out of 5.
    pub detectable: Option<f64>,
    /// The fixed threshold: `1.2x`, or a difference.
    pub threshold: String,
    /// What follows.
    pub verdict: String,
    /// How bad a regression is.
    pub severity: Option<String>,
    /// Why.
    pub reason: String,
}

impl ComparisonDocument {
    /// The version of the form that is written.
    pub const SCHEMA_VERSION: u32 = 1;

    /// As a JSON value.
    #[must_use]
    pub fn to_value(&self) -> Value {
        // Its keys are texts and its numbers finite.
        serde_json::to_value(self).unwrap_or_default()
    }

    /// The document of a judgement of now.
    #[must_use]
    pub fn new(
        judgement: &Judgement,
        outcome: &Outcome,
        app_name: &str,
        baseline: &str,
        selection: BTreeMap<String, String>,
    ) -> Self {
        Self {
            schema_version: Self::SCHEMA_VERSION,
            app_name: app_name.to_owned(),
            baseline: baseline.to_owned(),
            compared_at: chrono::Utc::now().to_rfc3339(),
            selection,
            result: outcome.word().to_owned(),
            verdict: outcome
                .verdict
                .map_or_else(|| Verdict::Inconclusive.to_string(), |of| of.to_string()),
            severity: judgement.severity.map(|of| of.to_string()),
            notes: judgement.notes.clone(),
            comparisons: judgement.comparisons.iter().map(ComparedMetric::from).collect(),
        }
    }
}

impl From<&Comparison> for ComparedMetric {
    fn from(of: &Comparison) -> Self {
        let evidence = &of.evidence;
        let metric = &evidence.metric;
        let statistics = evidence.statistics.as_ref();
        // JSON has no infinity: a limit that is none is not there.
        let finite = |value: f64| value.is_finite().then_some(value);
        let found = statistics.map(|of| of.difference);
        Self {
            metric: metric.name.clone(),
            unit: metric.unit.to_string(),
            better: metric.better.to_string(),
            statistic: metric.statistic.to_string(),
            baseline: evidence.baseline.value,
            current: evidence.current.value,
            baseline_samples: evidence.baseline.samples,
            current_samples: evidence.current.samples,
            difference: of.difference,
            relative: of.relative,
            lower: found.and_then(|found| finite(found.lower)),
            upper: found.and_then(|found| finite(found.upper)),
            p_value: found.map(|found| found.p_value),
            adjusted_p: of.adjusted_p,
            mann_whitney_p: statistics.and_then(|of| of.mann_whitney_p),
            hedges_g: statistics.and_then(|of| of.hedges_g).and_then(finite),
            cliffs_delta: statistics.and_then(|of| of.cliffs_delta),
            detectable: statistics.and_then(|of| of.detectable),
            threshold: of.bound.limit.to_string(),
            verdict: of.verdict.to_string(),
            severity: of.severity.map(|of| of.to_string()),
            reason: of.reason.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Better, Evidence, GateFailOn, Metric, Rules, Statistic, Unit, judge};
    use super::*;

    #[test]
    fn a_document_says_what_the_judgement_says() {
        let metric = Metric {
            name: "avg_latency".to_owned(),
            about: String::new(),
            unit: Unit::Milliseconds,
            better: Better::Lower,
            statistic: Statistic::Mean,
            is_exact: false,
            bound: None,
        };
        let base: Vec<f64> = (0..20).map(|at| 100.0 + f64::from(at)).collect();
        let slow: Vec<f64> = base.iter().map(|value| value * 2.0).collect();
        let rules = Rules::default();
        let judgement = judge(vec![Evidence::of_samples(metric, &base, &slow, &rules)], &rules);
        let outcome = judgement.outcome("gate", GateFailOn::Warning);
        let document = ComparisonDocument::new(&judgement, &outcome, "app", "file", BTreeMap::new());
        let text = serde_json::to_string(&document).unwrap();
        let read: ComparisonDocument = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (read.verdict.as_str(), read.severity.as_deref()),
            ("regressed", Some("warning"))
        );
        let of = &read.comparisons[0];
        assert_eq!(
            (of.baseline, of.current, of.difference),
            (Some(109.5), Some(219.0), Some(109.5))
        );
        assert_eq!(
            (of.threshold.as_str(), of.reason.as_str()),
            ("1.2x", "significant")
        );
        assert_eq!((of.baseline_samples, of.current_samples), (20, 20));
        assert!(of.lower < of.difference && of.difference < of.upper);
        assert!(of.adjusted_p < Some(0.001));
    }
}
