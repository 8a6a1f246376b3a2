//! A judgement as the outcome of a gate.

use quipu_stats::difference::Statistic;

use super::comparison::{Comparison, Reason};
use super::judgement::Judgement;
use crate::Verdict;
use crate::output::{Finding, Outcome, Severity, Status};
use crate::verdict::FailOn;

/// On what a gate of metrics fails. Each also fails on what those before it fail on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GateFailOn {
    /// Only a critical regression.
    #[default]
    Critical,
    /// Also a regression that is a warning.
    Warning,
    /// Also that nothing could be concluded.
    Inconclusive,
}

impl GateFailOn {
    /// Every choice, with the name that flags use.
    pub const NAMES: [(&'static str, Self); 3] = [
        ("critical", Self::Critical),
        ("warning", Self::Warning),
        ("inconclusive", Self::Inconclusive),
    ];

    /// From which severity on a regression fails the gate.
    fn severity(self) -> Severity {
        match self {
            Self::Critical => Severity::Critical,
            Self::Warning | Self::Inconclusive => Severity::Warning,
        }
    }

    fn verdicts(self) -> FailOn {
        match self {
            Self::Critical | Self::Warning => FailOn::Regressed,
            Self::Inconclusive => FailOn::Inconclusive,
        }
    }
}

impl Judgement {
    /// The outcome of the gate: what is printed, and the exit code. A regression of less severity than the gate fails on is
    /// a warning.
    #[must_use]
    pub fn outcome(&self, title: &str, fail_on: GateFailOn) -> Outcome {
        let findings: Vec<Finding> = self
            .comparisons
            .iter()
            .map(|of| finding(of, fail_on.severity()))
            .collect();
        let mut outcome = Outcome {
            fail_on: fail_on.verdicts(),
            findings,
            notes: self.notes.clone(),
            ..Outcome::new(title, None)
        };
        let counts = outcome.counts();
        let verdict = if counts.of(Status::Failed) > 0 {
            Verdict::Regressed
        } else if self.is_incomplete || self.is_empty() || counts.of(Status::Inconclusive) > 0 {
            Verdict::Inconclusive
        } else if counts.of(Status::Warning) == 0 && self.count_verdict(Verdict::Improved) > 0 {
            Verdict::Improved
        } else {
            Verdict::Pass
        };
        outcome.verdict = Some(verdict);
        outcome.summary = self.summary();
        outcome
    }

    /// `1 critical regression, 2 warnings, 3 inconclusive, 1 improved of 9 metrics`.
    fn summary(&self) -> String {
        let measured = self
            .comparisons
            .iter()
            .filter(|of| of.reason != Reason::NotMeasured);
        let plural = |count: usize, one: &str, many: &str| match count {
            1 => format!("1 {one}"),
            _ => format!("{count} {many}"),
        };
        let mut parts = Vec::new();
        let regressed = self.count(Severity::Critical);
        if regressed > 0 {
            parts.push(plural(regressed, "critical regression", "critical regressions"));
        }
        let warnings = self.count(Severity::Warning);
        if warnings > 0 {
            parts.push(plural(
                warnings,
                "regression beyond its threshold",
                "regressions beyond their thresholds",
            ));
        }
        let small = self.count(Severity::Info);
        if small > 0 {
            parts.push(plural(
                small,
                "regression within its threshold",
                "regressions within their thresholds",
            ));
        }
        for (verdict, word) in [
            (Verdict::Inconclusive, "inconclusive"),
            (Verdict::Improved, "improved"),
        ] {
            let count = self.count_verdict(verdict);
            if count > 0 {
                parts.push(format!("{count} {word}"));
            }
        }
        if parts.is_empty() {
            parts.push("no regression".to_owned());
        }
        format!(
            "{} in {}",
            parts.join(", "),
            plural(measured.count(), "metric", "metrics")
        )
    }
}

/// A level in percent, with as many digits as it has.
fn percent(level: f64) -> f64 {
    (level * 1e6).round() / 1e4
}

fn finding(of: &Comparison, fails_from: Severity) -> Finding {
    let status = match (of.verdict, of.severity) {
        (Verdict::Regressed, Some(severity)) if severity < fails_from => Status::Warning,
        (Verdict::Regressed, _) => Status::Failed,
        (Verdict::Inconclusive, _) => Status::Inconclusive,
        (Verdict::Pass, _) if of.reason == Reason::NotMeasured => Status::Skipped,
        (Verdict::Pass | Verdict::Improved, _) => Status::Passed,
    };
    Finding {
        severity: of.severity.unwrap_or(of.bound.severity),
        details: details(of),
        ..Finding::new(of.name(), "metrics", status).with_message(message(of))
    }
}

/// `1850.00ms -> 2405.00ms (+30.0 %): regressed, significant`.
fn message(of: &Comparison) -> String {
    let unit = of.evidence.metric.unit;
    let (baseline, current) = (of.evidence.baseline.value, of.evidence.current.value);
    let values = match (baseline, current) {
        (Some(baseline), Some(current)) => format!("{} -> {}", unit.show(baseline), unit.show(current)),
        (Some(baseline), None) => format!("{} -> not measured", unit.show(baseline)),
        (None, Some(current)) => format!("{}, no baseline", unit.show(current)),
        (None, None) => return of.reason.to_string(),
    };
    let change = match (of.difference, of.relative) {
        (Some(difference), _) if unit.is_fraction() => format!(" ({})", unit.show_difference(difference)),
        (_, Some(relative)) => format!(" ({:+.1} %)", relative * 100.0),
        _ => String::new(),
    };
    match of.verdict {
        Verdict::Pass => format!("{values}{change}: {}", of.reason),
        verdict => format!("{values}{change}: {verdict}, {}", of.reason),
    }
}

/// What the samples say, in lines.
fn details(of: &Comparison) -> Vec<String> {
    let Some(statistics) = &of.evidence.statistics else {
        return Vec::new();
    };
    let unit = of.evidence.metric.unit;
    let found = &statistics.difference;
    let show = |value: f64| {
        if value.is_finite() {
            unit.show_difference(value)
        } else if value > 0.0 {
            "any more".to_owned()
        } else {
            "any less".to_owned()
        }
    };
    let mut lines = vec![format!(
        "{} of {} and {} runs: {} with a {} % interval from {} to {} ({})",
        of.evidence.metric.statistic,
        of.evidence.baseline.samples,
        of.evidence.current.samples,
        unit.show_difference(found.difference),
        percent(found.level),
        show(found.lower),
        show(found.upper),
        found.method.as_str(),
    )];
    let p = |p: f64| {
        if p < 0.0001 {
            "p < 0.0001".to_owned()
        } else {
            format!("p = {p:.4}")
        }
    };
    let mut tests = vec![p(found.p_value)];
    if let Some(adjusted) = of.adjusted_p {
        tests.push(format!("{} among all metrics", p(adjusted)));
    }
    if let Some(ranks) = statistics.mann_whitney_p {
        tests.push(format!("Mann-Whitney {}", p(ranks)));
    }
    if let Some(effect) = statistics.hedges_g {
        tests.push(format!("effect {effect:+.2} deviations"));
    }
    // It is that of means.
    if let Some(detectable) = statistics.detectable
        && of.evidence.metric.statistic == Statistic::Mean
    {
        tests.push(format!("detectable {}", unit.show(detectable)));
    }
    lines.push(tests.join(", "));
    lines
}

#[cfg(test)]
mod tests {
    use super::super::{Better, Evidence, Metric, Rules, Statistic, Unit, judge};
    use super::*;

    fn judgement(of: &[(&str, Unit, f64, f64)]) -> Judgement {
        let evidence = of.iter().map(|(name, unit, baseline, current)| {
            let metric = Metric {
                name: (*name).to_owned(),
                about: String::new(),
                unit: *unit,
                better: if unit.is_fraction() {
                    Better::Higher
                } else {
                    Better::Lower
                },
                statistic: Statistic::Mean,
                is_exact: false,
                bound: None,
            };
            Evidence::of_values(metric, Some(*baseline), Some(*current))
        });
        judge(evidence.collect(), &Rules::default())
    }

    #[test]
    fn the_exit_code_follows_from_what_the_gate_fails_on() {
        let slower = judgement(&[("avg_latency", Unit::Milliseconds, 1000.0, 1500.0)]);
        let codes =
            |of: &Judgement| GateFailOn::NAMES.map(|(_, fail_on)| of.outcome("gate", fail_on).exit_code());
        assert_eq!(codes(&slower), [0, 1, 1]);
        let wrong = judgement(&[("correctness", Unit::Score, 0.95, 0.5)]);
        assert_eq!(codes(&wrong), [1, 1, 1]);
        let fine = judgement(&[("avg_latency", Unit::Milliseconds, 1000.0, 1010.0)]);
        assert_eq!(codes(&fine), [0, 0, 0]);
        let incomplete = fine.on_incomplete_data("half is missing".to_owned());
        assert_eq!(codes(&incomplete), [0, 0, 1]);
        assert_eq!(
            incomplete.outcome("gate", GateFailOn::Critical).verdict_line(),
            "INCONCLUSIVE: 1 inconclusive in 1 metric"
        );
    }

    #[test]
    fn a_finding_says_what_changed_and_why_it_matters() {
        let judgement = judgement(&[
            ("avg_latency", Unit::Milliseconds, 1000.0, 1500.0),
            ("correctness", Unit::Score, 0.95, 0.5),
            ("total_tokens", Unit::Tokens, 100.0, 40.0),
        ]);
        let outcome = judgement.outcome("gate", GateFailOn::Critical);
        let messages: Vec<&str> = outcome.findings.iter().map(|of| of.message.as_str()).collect();
        assert_eq!(
            messages,
            [
                "1000.00ms -> 1500.00ms (+50.0 %): regressed, beyond the threshold; no samples",
                "0.950 -> 0.500 (-0.450): regressed, beyond the threshold; no samples",
                "100 -> 40 (-60.0 %): improved, beyond the threshold; no samples",
            ]
        );
        assert_eq!(
            outcome.verdict_line(),
            "FAILED: 1 critical regression, 1 regression beyond its threshold, 1 improved in 3 metrics"
        );
    }

    #[test]
    fn samples_are_told_in_lines_of_their_own() {
        let metric = Metric {
            name: "avg_latency".to_owned(),
            about: String::new(),
            unit: Unit::Milliseconds,
            better: Better::Lower,
            statistic: Statistic::Mean,
            is_exact: false,
            bound: None,
        };
        let base: Vec<f64> = (0..30).map(|at| 1000.0 + f64::from(at)).collect();
        let current: Vec<f64> = base.iter().map(|value| value * 1.3).collect();
        let rules = Rules::default();
        let judgement = judge(
            vec![Evidence::of_samples(metric, &base, &current, &rules)],
            &rules,
        );
        let details = &judgement.outcome("gate", GateFailOn::Warning).findings[0].details;
        assert!(details[0].starts_with("mean of 30 and 30 runs: +304.35ms with a 95 % interval from +"));
        assert!(details[1].contains("among all metrics, Mann-Whitney p < 0.0001, effect +"));
    }
}
