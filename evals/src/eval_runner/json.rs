//! An evaluation for programs. The first keys are those that users know, in the order of their documentation.

use serde::Serialize;

use super::conclusion::Status;
use super::evaluation::Evaluation;
use crate::converter::{Conversion, Totals};
use crate::file;
use crate::judge::Comparison;
use crate::metrics::EvalMetrics;
use crate::regression::{Regression, RegressionSeverity, RegressionThresholds};

#[derive(Serialize)]
struct Document<'a> {
    status: Status,
    summary: Summary,
    current: &'a EvalMetrics,
    baseline: &'a EvalMetrics,
    regressions: &'a [Regression],
    exit_code: u8,
    verdict: &'static str,
    app_name: &'a str,
    baseline_path: &'a str,
    counting: Conversion,
    thresholds: &'a RegressionThresholds,
    comparisons: Vec<Row<'a>>,
    totals: &'a Totals,
    notes: &'a [String],
}

#[derive(Serialize)]
struct Summary {
    critical_regressions: usize,
    warnings: usize,
    info: usize,
    inconclusive: usize,
}

/// One metric. Values are those that were compared: means of sessions, which `current` and `baseline` round.
#[derive(Serialize)]
struct Row<'a> {
    metric: &'a str,
    verdict: &'static str,
    reason: String,
    severity: Option<RegressionSeverity>,
    baseline_value: Option<f64>,
    current_value: Option<f64>,
    baseline_samples: usize,
    current_samples: usize,
    difference: Option<f64>,
    difference_lower: Option<f64>,
    difference_upper: Option<f64>,
    p_value: Option<f64>,
    adjusted_p_value: Option<f64>,
}

impl<'a> From<&'a Comparison> for Row<'a> {
    fn from(comparison: &'a Comparison) -> Self {
        let evidence = &comparison.evidence;
        let difference = evidence
            .statistics
            .as_ref()
            .map(|statistics| statistics.difference);
        Self {
            metric: comparison.name(),
            verdict: comparison.verdict.as_str(),
            reason: comparison.reason.to_string(),
            severity: comparison.severity.map(Into::into),
            baseline_value: evidence.baseline.value,
            current_value: evidence.current.value,
            baseline_samples: evidence.baseline.samples,
            current_samples: evidence.current.samples,
            difference: comparison.difference,
            difference_lower: difference.map(|difference| difference.lower),
            difference_upper: difference.map(|difference| difference.upper),
            p_value: difference.map(|difference| difference.p_value),
            adjusted_p_value: comparison.adjusted_p,
        }
    }
}

impl Evaluation {
    /// As indented JSON, without a newline at its end.
    #[must_use]
    pub fn to_json(&self) -> String {
        let conclusion = &self.conclusion;
        file::to_json(&Document {
            status: conclusion.status(),
            summary: Summary {
                critical_regressions: conclusion.critical,
                warnings: conclusion.warnings,
                info: conclusion.info,
                inconclusive: conclusion.inconclusive,
            },
            current: &self.current.metrics,
            baseline: &self.baseline.metrics,
            regressions: &self.regressions,
            exit_code: conclusion.exit_code(),
            verdict: conclusion.verdict().as_str(),
            app_name: &self.app_name,
            baseline_path: &self.baseline_path,
            counting: self.current.conversion,
            thresholds: &self.thresholds,
            comparisons: self.judgement.comparisons.iter().map(Row::from).collect(),
            totals: &self.current.totals,
            notes: &self.notes,
        })
    }
}
