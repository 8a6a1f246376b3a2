//! Why a metric regressed: which part of it carries the difference, and the runs to look at.

use quipu_evals::judge::{Breakdown, Comparison, PartDifference, part_differences};
use quipu_sql::Report;

use super::baseline::BaselineSide;
use super::measured::Measured;
use super::{Gate, narrowed};
use crate::error::Result;

/// Parts that are told.
const PARTS_MAX: usize = 3;

/// Why a metric regressed.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// How the metric was taken apart; none if it cannot be, or the baseline does not tell.
    pub breakdown: Option<&'static Breakdown>,
    /// The parts that changed most, those first. Amounts are of a run.
    pub parts: Vec<PartDifference>,
    /// The query that shows the parts of now.
    pub sql: Option<String>,
    /// A usual run of the baseline.
    pub usual_run: Option<String>,
    /// The worst run of now.
    pub worst_run: Option<String>,
}

impl Explanation {
    /// What it says, in lines.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(breakdown) = self.breakdown {
            for of in &self.parts {
                lines.push(format!(
                    "{} {}: {} -> {} a run ({})",
                    breakdown.name,
                    of.part,
                    breakdown.unit.show(of.baseline),
                    breakdown.unit.show(of.current),
                    breakdown.unit.show_difference(of.difference()),
                ));
            }
        }
        match (&self.usual_run, &self.worst_run) {
            (Some(usual), Some(worst)) => lines.push(format!("compare: quipu report diff {usual} {worst}")),
            (None, Some(worst)) => lines.push(format!("worst run: {worst}")),
            (_, None) => {}
        }
        if let Some(sql) = &self.sql {
            lines.push(format!("sql: {sql}"));
        }
        lines
    }
}

impl Gate {
    /// Why a metric changed. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// As [`Gate::measure`].
    pub async fn explain(
        &self,
        of: &Comparison,
        baseline: &BaselineSide,
        current: &Measured,
    ) -> Result<Explanation> {
        let metric = &of.evidence.metric;
        let mut explanation = Explanation {
            breakdown: Breakdown::of_metric(&metric.name),
            parts: Vec::new(),
            sql: None,
            usual_run: baseline.usual_runs.get(&metric.name).cloned(),
            worst_run: current.sample(&metric.name).and_then(|sample| {
                sample.run_at(|a, b| metric.better.worsening(a).total_cmp(&metric.better.worsening(b)))
            }),
        };
        let Some(breakdown) = explanation.breakdown else {
            return Ok(explanation);
        };
        let before = match (baseline.parts.get(breakdown.name), &baseline.selection) {
            (Some(parts), _) => parts.clone(),
            (None, Some(selection)) => self.parts_of(breakdown.name, selection).await?,
            (None, None) => return Ok(explanation),
        };
        let now = self.parts_of(breakdown.name, &current.selection).await?;
        explanation.parts = part_differences(&before, &now);
        explanation.parts.truncate(PARTS_MAX);
        let report = Report::parse(breakdown.name, breakdown.sql)?;
        explanation.sql = Some(report.text(&narrowed(&current.selection))?);
        Ok(explanation)
    }
}
