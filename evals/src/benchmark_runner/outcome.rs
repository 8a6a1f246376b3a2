//! A benchmark, its comparison and what follows.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use quipu_stats::difference::Difference;
use serde::Serialize;

use super::selection::{BenchmarkOptions, Selection, select};
use crate::baseline::PricingRecord;
use crate::benchmark::{
    BenchmarkResult, LatencyJudgement, PerformanceJudgement, PerformanceRule, comparison_report,
    format_benchmark_report, judge_performance,
};
use crate::converter::{Conversion, Converted};
use crate::error::{EvalError, Result};
use crate::file;
use crate::verdict::{FailOn, Verdict};

/// A benchmark and, if there is a baseline, what follows from the comparison.
#[derive(Clone, Debug)]
pub struct BenchmarkOutcome {
    /// The statistics.
    pub result: BenchmarkResult,
    /// The baseline with what follows.
    pub comparison: Option<(BenchmarkResult, PerformanceJudgement)>,
    /// What a reader should know besides.
    pub notes: Vec<String>,
}

/// Measures the runs in analytics, one document a file, and compares them with a baseline. They must have been converted by
/// the formulas of [`BenchmarkResult::conversion`] of the baseline.
///
/// # Errors
///
/// There are no runs, an option cannot be, or the baseline was computed by other formulas or of other runs.
pub fn benchmark(
    files: &[Converted],
    baseline: Option<BenchmarkResult>,
    options: &BenchmarkOptions,
) -> Result<BenchmarkOutcome> {
    if !options.threshold.is_finite() || options.threshold < 0.0 {
        return Err(EvalError::Usage(format!(
            "the threshold is {}; give 0 or more, such as 0.2 for 20 %",
            options.threshold
        )));
    }
    let conversion = files.first().map_or(Conversion::Default, |file| file.conversion);
    if let Some(baseline) = baseline
        .as_ref()
        .filter(|baseline| baseline.conversion() != conversion)
    {
        return Err(EvalError::Invalid {
            what: "benchmark baseline",
            path: None,
            why: format!(
                "its runs were computed by the formulas '{}' and these by '{conversion}'; use --counting {}",
                baseline.conversion(),
                baseline.conversion()
            ),
        });
    }
    let Selection {
        runs,
        unit,
        warmup,
        mut notes,
    } = select(files, options)?;
    if let Some(other) = baseline
        .as_ref()
        .and_then(|baseline| baseline.sample_unit.as_deref())
        .filter(|other| *other != unit)
    {
        return Err(EvalError::Invalid {
            what: "benchmark baseline",
            path: None,
            why: format!(
                "each of its runs is one {other} and each of these one {unit}, which do not compare; give analytics as they \
                 were then (the sessions of one file, or several files), or save it anew"
            ),
        });
    }
    let result = BenchmarkResult {
        warmup: Some(warmup),
        sample_unit: Some(unit.to_owned()),
        counting: Some(conversion),
        pricing: files.first().map(|file| PricingRecord::from(file.pricing)),
        ..BenchmarkResult::of_metrics(&runs, options.confidence_level)?
    };
    let comparison = baseline.map(|baseline| {
        let judgement = judge_performance(&baseline, &result, options.threshold);
        (baseline, judgement)
    });
    if let Some((baseline, judgement)) = &comparison {
        if judgement.rule == PerformanceRule::ConfidenceLimit {
            notes.push(
                "the baseline has no runs of its own, so its rule is used: the 95th percentile against the upper limit of its \
                 interval; save it anew to compare runs"
                    .into(),
            );
        }
        if baseline.pricing.is_some() && baseline.pricing != result.pricing {
            notes.push("the baseline's cost is of other prices, so costs differ by them as well".into());
        }
    }
    notes.extend(files.iter().flat_map(|file| file.notes.iter().cloned()));
    let mut known = BTreeSet::new();
    notes.retain(|note| known.insert(note.clone()));
    Ok(BenchmarkOutcome {
        result,
        comparison,
        notes,
    })
}

impl BenchmarkOutcome {
    /// The report of the runs.
    #[must_use]
    pub fn report(&self) -> String {
        let mut text = format_benchmark_report(&self.result);
        for note in &self.notes {
            writeln!(text, "Note: {note}").expect("writing to a String cannot fail");
        }
        text
    }

    /// The report of the comparison, if there is one.
    #[must_use]
    pub fn comparison_report(&self) -> Option<String> {
        let (baseline, judgement) = self.comparison.as_ref()?;
        Some(comparison_report(baseline, &self.result, judgement))
    }

    /// What follows, if there is a baseline.
    #[must_use]
    pub fn verdict(&self) -> Option<Verdict> {
        self.comparison.as_ref().map(|(_, judgement)| judgement.verdict)
    }

    /// The last line, if there is a baseline.
    #[must_use]
    pub fn line(&self) -> Option<&'static str> {
        Some(match self.verdict()? {
            Verdict::Regressed => "❌ PERFORMANCE REGRESSION DETECTED",
            Verdict::Inconclusive => "❔ INCONCLUSIVE",
            Verdict::Pass | Verdict::Improved => "✅ NO PERFORMANCE REGRESSION",
        })
    }

    /// 1 if the gate fails, else 0; without a baseline there is no gate.
    #[must_use]
    pub fn exit_code(&self, fail_on: FailOn) -> u8 {
        self.verdict().map_or(0, |verdict| verdict.exit_code(fail_on))
    }

    /// As indented JSON, without a newline at its end.
    #[must_use]
    pub fn to_json(&self, fail_on: FailOn) -> String {
        let judgement = self.comparison.as_ref().map(|(_, judgement)| judgement);
        file::to_json(&Document {
            result: &self.result,
            baseline: self.comparison.as_ref().map(|(baseline, _)| baseline),
            verdict: self.verdict().map(Verdict::as_str),
            rule: judgement.map(|judgement| judgement.rule),
            evidence: judgement.and_then(|judgement| judgement.evidence.as_deref()),
            mean: judgement
                .and_then(|judgement| judgement.mean.as_ref())
                .map(Row::from),
            p95: judgement
                .and_then(|judgement| judgement.p95.as_ref())
                .map(Row::from),
            exit_code: self.exit_code(fail_on),
            notes: &self.notes,
        })
    }
}

#[derive(Serialize)]
struct Document<'a> {
    result: &'a BenchmarkResult,
    baseline: Option<&'a BenchmarkResult>,
    verdict: Option<&'static str>,
    rule: Option<PerformanceRule>,
    evidence: Option<&'a str>,
    mean: Option<Row<'a>>,
    p95: Option<Row<'a>>,
    exit_code: u8,
    notes: &'a [String],
}

/// What the runs say of one statistic of the latency, milliseconds.
#[derive(Serialize)]
struct Row<'a> {
    verdict: &'static str,
    difference: Option<f64>,
    difference_lower: Option<f64>,
    difference_upper: Option<f64>,
    p_value: Option<f64>,
    evidence: &'a str,
}

impl<'a> From<&'a LatencyJudgement> for Row<'a> {
    fn from(of: &'a LatencyJudgement) -> Self {
        let number = |get: fn(&Difference) -> f64| of.difference.as_ref().map(get);
        Self {
            verdict: of.verdict.as_str(),
            difference: number(|of| of.difference),
            difference_lower: number(|of| of.lower),
            difference_upper: number(|of| of.upper),
            p_value: number(|of| of.p_value),
            evidence: &of.evidence,
        }
    }
}
