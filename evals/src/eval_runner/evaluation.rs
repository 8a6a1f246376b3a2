//! Metrics beside a baseline.

use super::conclusion::{Conclusion, Enforcement, FailFrom};
use super::evidence;
use crate::baseline::Baseline;
use crate::converter::{Conversion, Converted};
use crate::error::{EvalError, Result};
use crate::judge::{Comparison, Judgement, Rules, judge};
use crate::metrics::EvalMetric;
use crate::output::UP_FROM_NOTHING;
use crate::regression::{self, Regression, RegressionThresholds};

/// Whether a baseline must be of the same application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AppCheck {
    /// It must.
    #[default]
    Same,
    /// It may be of any: `--any-app`, and where no name was given.
    Any,
}

/// How metrics are compared with a baseline.
#[derive(Clone, Debug, Default)]
pub struct EvaluationOptions {
    /// Whether the baseline must be of the same application.
    pub app_check: AppCheck,
    /// How much worse is too much.
    pub thresholds: RegressionThresholds,
    /// On what the gate fails.
    pub fail_on: FailFrom,
    /// Whether a failure is one of the program.
    pub enforcement: Enforcement,
    /// Metrics without noise: the same application gives the same values again, so that every change counts that is large
    /// enough. Tokens at temperature 0 may be so.
    pub exact: Vec<EvalMetric>,
}

/// Metrics beside a baseline.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// The application.
    pub app_name: String,
    /// Where the baseline was found, as it is shown.
    pub baseline_path: String,
    /// The baseline.
    pub baseline: Baseline,
    /// What is compared with it.
    pub current: Converted,
    /// How much worse is too much.
    pub thresholds: RegressionThresholds,
    /// Metric by metric.
    pub judgement: Judgement,
    /// What became worse; the worst first.
    pub regressions: Vec<Regression>,
    /// What follows.
    pub conclusion: Conclusion,
    /// What a reader should know besides.
    pub notes: Vec<String>,
}

/// Compares metrics with a baseline. They must have been converted by the formulas of [`Baseline::conversion`].
///
/// Where both sides have five sessions or more, a difference must be significant and worth counting, and the fixed
/// thresholds grade it; else the fixed thresholds decide alone, and a note says so.
///
/// # Errors
///
/// The baseline is of another application, was computed by other formulas, or nothing was measured.
pub fn evaluate(
    app_name: &str,
    current: Converted,
    baseline_path: &str,
    baseline: Baseline,
    options: &EvaluationOptions,
) -> Result<Evaluation> {
    if options.app_check == AppCheck::Same && baseline.app_name != app_name {
        return Err(EvalError::OtherApp {
            baseline: baseline.app_name,
            current: app_name.to_owned(),
        });
    }
    if baseline.conversion() != current.conversion {
        return Err(EvalError::Invalid {
            what: "baseline",
            path: Some(baseline_path.into()),
            why: format!(
                "its metrics were computed by the formulas '{}' and these by '{}'; use --counting {}",
                baseline.conversion(),
                current.conversion,
                baseline.conversion()
            ),
        });
    }
    current.check_measured()?;
    let rules = Rules::new(&options.thresholds);
    let judgement = judge(
        evidence::of_all(&current, &baseline, &rules, &options.exact),
        &rules,
    );
    let notes = notes(&current, &baseline, &judgement, &rules);
    Ok(Evaluation {
        app_name: app_name.to_owned(),
        baseline_path: baseline_path.to_owned(),
        conclusion: Conclusion::of(&judgement, options.fail_on, options.enforcement),
        regressions: regressions(&judgement, &options.thresholds),
        thresholds: options.thresholds.clone(),
        judgement,
        notes,
        baseline,
        current,
    })
}

impl Evaluation {
    /// The comparison of a metric; none if neither side has it.
    #[must_use]
    pub fn comparison(&self, metric: EvalMetric) -> Option<&Comparison> {
        self.judgement
            .comparisons
            .iter()
            .find(|comparison| comparison.name() == metric.name())
    }

    /// The regression of a metric, if it has one.
    #[must_use]
    pub fn regression(&self, metric: EvalMetric) -> Option<&Regression> {
        self.regressions
            .iter()
            .find(|regression| regression.metric == metric.name())
    }
}

/// What became worse, in the form that users have.
fn regressions(judgement: &Judgement, thresholds: &RegressionThresholds) -> Vec<Regression> {
    let mut regressions: Vec<Regression> = judgement
        .comparisons
        .iter()
        .filter_map(|comparison| {
            let metric = EvalMetric::parse(comparison.name())?;
            let (baseline_value, current_value) = (
                comparison.evidence.baseline.value?,
                comparison.evidence.current.value?,
            );
            Some(Regression {
                metric: metric.name().to_owned(),
                baseline_value,
                current_value,
                threshold: thresholds.get(metric),
                severity: comparison.severity?.into(),
                description: description(metric, baseline_value, current_value),
            })
        })
        .collect();
    regressions.sort_by_key(|regression| regression.severity);
    regressions
}

/// By how much, in words. Of nothing there is no multiple.
fn description(metric: EvalMetric, baseline: f64, current: f64) -> String {
    if baseline == 0.0 && metric.is_amount() {
        UP_FROM_NOTHING.to_owned()
    } else {
        regression::description(metric, baseline, current)
    }
}

/// What a reader should know besides the comparison itself.
fn notes(current: &Converted, baseline: &Baseline, judgement: &Judgement, rules: &Rules) -> Vec<String> {
    let mut notes = current.notes.clone();
    if baseline.schema_version.is_none() {
        notes.push(
            "the baseline has no schema version, so both sides are computed by the formulas of dashflow-streaming (latencies of \
             nodes, sums over all sessions) and the fixed thresholds decide alone; save it anew to compare sessions"
                .to_owned(),
        );
    } else if current.conversion == Conversion::Default
        && judgement
            .comparisons
            .iter()
            .all(|comparison| comparison.evidence.statistics.is_none())
    {
        notes.push(format!(
            "fewer than {} sessions on one side, so the fixed thresholds decide alone; noise cannot be told from change",
            rules.samples_min
        ));
    } else {
        notes.extend(judgement.comparisons.iter().filter_map(|comparison| {
            let least = evidence::fallen_back(comparison, current, baseline, rules)?;
            Some(format!(
                "{} needs {least} sessions on each side, so its fixed threshold decides alone",
                comparison.name()
            ))
        }));
    }
    if let Some(unit) = baseline
        .sample_unit
        .as_deref()
        .filter(|unit| current.conversion == Conversion::Default && *unit != Baseline::SESSION)
    {
        notes.push(format!(
            "the baseline is of {unit}s and these are metrics of sessions, which differ where a session has several; save it \
             anew to compare sessions"
        ));
    }
    if baseline.has_other_prices(current.pricing) {
        notes.push(format!(
            "the baseline's cost is of other prices ({}), so costs differ by them as well",
            baseline
                .pricing
                .as_ref()
                .and_then(|record| record.model.as_deref())
                .unwrap_or("of its own")
        ));
    }
    notes.extend(judgement.notes.iter().cloned());
    notes
}
