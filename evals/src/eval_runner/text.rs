//! An evaluation for people.

use std::fmt::Write as _;

use super::Colour;
use super::evaluation::Evaluation;
use super::line::{self, GROUPS};
use crate::judge::{Comparison, Reason};
use crate::metrics::EvalMetric;
use crate::output::one_line;
use crate::regression::RegressionSeverity;
use crate::verdict::Verdict;

impl Evaluation {
    /// The report: a line for each metric, what to know besides, and the conclusion.
    #[must_use]
    pub fn to_text(&self, colour: Colour) -> String {
        let mut text = String::new();
        self.write(&mut text, colour)
            .expect("writing to a String cannot fail");
        text
    }

    fn write(&self, out: &mut String, colour: Colour) -> std::fmt::Result {
        writeln!(out, "=== Evaluation Report ===\n")?;
        writeln!(out, "App: {}", one_line(&self.app_name))?;
        writeln!(out, "Baseline: {}\n", one_line(&self.baseline_path))?;
        for (group, title) in GROUPS {
            writeln!(out, "{title}:")?;
            let mut any = false;
            for metric in EvalMetric::ALL
                .into_iter()
                .filter(|metric| metric.group() == group)
            {
                if let Some(comparison) = self.comparison(metric) {
                    any |= self.write_line(out, metric, comparison, colour)?;
                }
            }
            if !any {
                writeln!(out, "  (not evaluated)")?;
            }
            writeln!(out)?;
        }
        for note in &self.notes {
            writeln!(out, "Note: {}", one_line(note))?;
        }
        if !self.notes.is_empty() {
            writeln!(out)?;
        }
        writeln!(out, "{}", self.conclusion.line())
    }

    /// Writes the line of a metric; false, and nothing is written, if no side has a value that can be shown.
    fn write_line(
        &self,
        out: &mut String,
        metric: EvalMetric,
        comparison: &Comparison,
        colour: Colour,
    ) -> Result<bool, std::fmt::Error> {
        let label = line::label(metric);
        let show = |value| line::value(metric, value);
        let (baseline, current) = (
            comparison.evidence.baseline.value,
            comparison.evidence.current.value,
        );
        let text = match (baseline, current) {
            (Some(baseline), Some(current)) => {
                let standing = match self.regression(metric) {
                    Some(regression) => regression.description.clone(),
                    None => line::ratio(metric, baseline, current),
                };
                format!(
                    "{} {label}{} (baseline: {}, {standing}{})",
                    mark(comparison),
                    show(current),
                    show(baseline),
                    proof(comparison)
                )
            }
            (Some(baseline), None) => format!("? {label}not evaluated (baseline: {})", show(baseline)),
            (None, Some(current)) => format!("✓ {label}{} (not in the baseline)", show(current)),
            (None, None) => return Ok(false),
        };
        let severity = comparison.severity.map(RegressionSeverity::from);
        match (severity, colour) {
            (Some(severity), Colour::Ansi) => writeln!(out, "  {}{text}\u{1b}[0m", severity.color())?,
            _ => writeln!(out, "  {text}")?,
        }
        Ok(true)
    }
}

fn mark(comparison: &Comparison) -> &'static str {
    match (comparison.verdict, comparison.severity) {
        (Verdict::Inconclusive, _) => "?",
        (Verdict::Regressed, severity) => {
            severity.map_or("✗", |severity| RegressionSeverity::from(severity).icon())
        }
        (Verdict::Pass | Verdict::Improved, _) => "✓",
    }
}

/// What samples say, where there are any.
fn proof(comparison: &Comparison) -> String {
    let mut text = match comparison.verdict {
        Verdict::Improved => ", improved".to_owned(),
        // The whole reason would not fit on a line.
        Verdict::Inconclusive if comparison.reason == Reason::TooNoisy => {
            ", inconclusive: too noisy".to_owned()
        }
        Verdict::Inconclusive => format!(", inconclusive: {}", comparison.reason),
        Verdict::Pass | Verdict::Regressed => String::new(),
    };
    if let (true, Some(p)) = (
        matches!(comparison.verdict, Verdict::Improved | Verdict::Regressed),
        comparison.adjusted_p,
    ) {
        text.push_str(&format!(
            ", p = {p:.4}, n = {} and {}",
            comparison.evidence.baseline.samples, comparison.evidence.current.samples
        ));
    }
    text
}
