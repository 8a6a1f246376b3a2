//! The comparison of two benchmarks as the outcome of a gate.

use super::benchmark::Benchmark;
use super::comparison::{Comparison, MetricComparison};
use super::figures::{number, percent};
use super::summary::Summary;
use crate::output::{Finding, Outcome, Severity, Status};
use crate::verdict::{FailOn, Verdict};

impl Comparison {
    /// The comparison as the outcome of a gate: a finding for each metric. `baseline` and `current` are what was compared.
    #[must_use]
    pub fn outcome(&self, baseline: &Benchmark, current: &Benchmark, fail_on: FailOn) -> Outcome {
        let group = format!("{} against {}", current.name, baseline.name);
        let mut findings: Vec<Finding> = self
            .metrics
            .iter()
            .map(|metric| finding(metric, &group))
            .collect();
        findings.extend(self.one_sided.iter().map(|metric| {
            Finding::new(metric, &group, Status::Skipped).with_message("only one of the two can be summed up")
        }));
        if current.failed() > baseline.failed() {
            let told =
                |benchmark: &Benchmark| format!("{} of {}", benchmark.failed(), benchmark.samples.len());
            findings.push(Finding {
                severity: Severity::Warning,
                ..Finding::new("failed_runs", &group, Status::Warning).with_message(format!(
                    "{} runs failed, of the baseline {}",
                    told(current),
                    told(baseline)
                ))
            });
        }
        let mut notes = baseline.environment.differences(&current.environment);
        notes.extend(baseline.notes().iter().map(|note| format!("baseline: {note}")));
        notes.extend(current.notes().iter().map(|note| format!("current: {note}")));
        Outcome {
            fail_on,
            findings,
            notes,
            summary: self.summary(),
            properties: vec![
                ("baseline".to_owned(), baseline.command.to_string()),
                ("current".to_owned(), current.command.to_string()),
                ("level".to_owned(), self.options.level.to_string()),
                ("effect_min".to_owned(), self.options.effect_min.to_string()),
            ],
            ..Outcome::new(format!("benchmark of {group}"), Some(self.verdict()))
        }
    }

    fn summary(&self) -> String {
        let decisive = self
            .metrics
            .iter()
            .find(|metric| metric.verdict == self.verdict());
        match decisive {
            Some(metric) => format!("{}: {}", metric.baseline.metric, metric.reason),
            None => "the benchmarks have no metric in common".to_owned(),
        }
    }
}

fn finding(metric: &MetricComparison, group: &str) -> Finding {
    let status = match metric.verdict {
        Verdict::Pass | Verdict::Improved => Status::Passed,
        Verdict::Inconclusive => Status::Inconclusive,
        Verdict::Regressed => Status::Failed,
    };
    let mut details = vec![metric.reason.clone()];
    details.push(figures("baseline", &metric.baseline));
    details.push(figures("current", &metric.current));
    details.extend(metric.superiority.map(|superiority| {
        format!(
            "a run takes longer than one of the baseline in {:.0} % of all pairs",
            superiority * 100.0
        )
    }));
    Finding {
        details,
        ..Finding::new(&metric.baseline.metric, group, status).with_message(metric.line())
    }
}

fn figures(side: &str, summary: &Summary) -> String {
    let spread = (summary.deviation.filter(|_| summary.mean != 0.0)).map(|deviation| {
        format!(
            " (sd {})",
            percent(deviation / summary.mean.abs()).trim_start_matches('+')
        )
    });
    format!(
        "{side}: {} runs, mean {}{}, p50 {}, p95 {}, max {}, outliers {}",
        summary.count,
        number(summary.mean),
        spread.unwrap_or_default(),
        number(summary.p50),
        number(summary.p95),
        number(summary.max),
        summary.mild_outliers + summary.extreme_outliers
    )
}
