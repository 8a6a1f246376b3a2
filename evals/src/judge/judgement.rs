//! What a gate says.

use quipu_stats::multiple::benjamini_hochberg;

use super::comparison::{Comparison, Reason};
use super::evidence::Evidence;
use super::rules::Rules;
use crate::Verdict;
use crate::output::Severity;

/// What a gate says: the verdict line and the exit code come from this one value.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// Metric by metric, in the order asked.
    pub comparisons: Vec<Comparison>,
    /// What follows from all of them.
    pub verdict: Verdict,
    /// The worst regression; none if there is none.
    pub severity: Option<Severity>,
    /// Whether the data is too incomplete for anything but a regression to follow.
    pub is_incomplete: bool,
    /// What a reader should know beside the verdict.
    pub notes: Vec<String>,
}

/// Judges several metrics together. p-values are adjusted for their number by the procedure of Benjamini and Hochberg (1995),
/// so that a gate over many metrics raises no more false alarms than one over few.
#[must_use]
pub fn judge(evidence: Vec<Evidence>, rules: &Rules) -> Judgement {
    // A metric without noise needs no test, and must not dilute those of the others.
    let p_values: Vec<Option<f64>> = evidence
        .iter()
        .map(|of| match &of.statistics {
            Some(statistics) if !of.metric.is_exact => Some(statistics.difference.p_value),
            _ => None,
        })
        .collect();
    let adjusted = benjamini_hochberg(&p_values);
    let comparisons: Vec<Comparison> = evidence
        .into_iter()
        .zip(adjusted)
        .map(|(evidence, p)| Comparison::of(evidence, p, rules))
        .collect();
    Judgement {
        // What neither side measured says nothing; where that is everything, nothing follows.
        verdict: Verdict::of_all(
            comparisons
                .iter()
                .filter(|of| of.reason != Reason::NotMeasured)
                .map(|of| of.verdict),
        ),
        severity: comparisons.iter().filter_map(|of| of.severity).max(),
        notes: comparisons.iter().filter_map(unseen).collect(),
        comparisons,
        is_incomplete: false,
    }
}

/// What a metric that passed could not have shown.
fn unseen(of: &Comparison) -> Option<String> {
    let worst = of.unseen()?;
    let evidence = &of.evidence;
    Some(format!(
        "{} has not become worse, but {} and {} runs do not rule out {} for the worse",
        of.name(),
        evidence.baseline.samples,
        evidence.current.samples,
        evidence.metric.unit.show_difference(worst)
    ))
}

impl Judgement {
    /// Regressions of a severity.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        let regressed = self.comparisons.iter().filter_map(|of| of.severity);
        regressed.filter(|of| *of == severity).count()
    }

    /// Comparisons with a verdict.
    #[must_use]
    pub fn count_verdict(&self, verdict: Verdict) -> usize {
        self.comparisons.iter().filter(|of| of.verdict == verdict).count()
    }

    /// Takes back what incomplete data cannot carry: what is not a regression is inconclusive, and the note says why.
    #[must_use]
    pub fn on_incomplete_data(mut self, note: String) -> Self {
        for of in &mut self.comparisons {
            of.on_incomplete_data();
        }
        if self.verdict != Verdict::Regressed {
            self.verdict = Verdict::Inconclusive;
        }
        self.is_incomplete = true;
        self.notes.push(note);
        self
    }

    /// Whether anything was compared.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.comparisons.iter().all(|of| of.reason == Reason::NotMeasured)
    }
}
