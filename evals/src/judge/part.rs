//! What a metric is made of, and which part of it carries a difference.

use std::collections::BTreeMap;

use super::unit::Unit;

/// A way to take metrics apart: a query that gives `part` and `amount`, summed over the runs of a selection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breakdown {
    /// Its name.
    pub name: &'static str,
    /// The metrics that it takes apart.
    pub explains: &'static [&'static str],
    /// What amounts are measured in.
    pub unit: Unit,
    /// Whether an amount is a mean already. Others are sums, to be divided by the number of runs.
    pub is_mean: bool,
    /// Its text, a report of one statement.
    pub sql: &'static str,
}

macro_rules! breakdown {
    ($name:literal, $unit:ident, $is_mean:literal, $explains:expr) => {
        Breakdown {
            name: $name,
            explains: &$explains,
            unit: Unit::$unit,
            is_mean: $is_mean,
            sql: include_str!(concat!("parts/", $name, ".sql")),
        }
    };
}

/// Every way to take metrics apart.
pub const BREAKDOWNS: &[Breakdown] = &[
    breakdown!("nodes", Milliseconds, false, ["avg_latency", "p95_latency"]),
    breakdown!("first_tokens", Milliseconds, true, ["time_to_first_token"]),
    breakdown!("errors", Count, false, ["error_rate", "success_rate"]),
    breakdown!("models", Tokens, false, ["total_tokens"]),
    breakdown!("costs", Usd, false, ["cost_per_run"]),
    breakdown!("tools", Count, false, ["tool_calls"]),
];

/// Amounts of a run by part.
pub type Parts = BTreeMap<String, f64>;

/// A part that changed.
#[derive(Clone, Debug, PartialEq)]
pub struct PartDifference {
    /// A node, a tool, a model, a kind of error.
    pub part: String,
    /// What it was in a run; 0 if it was not there.
    pub baseline: f64,
    /// What it is.
    pub current: f64,
}

impl PartDifference {
    /// Current - baseline.
    #[must_use]
    pub fn difference(&self) -> f64 {
        self.current - self.baseline
    }
}

impl Breakdown {
    /// The one that takes a metric apart, if there is one.
    #[must_use]
    pub fn of_metric(metric: &str) -> Option<&'static Self> {
        BREAKDOWNS.iter().find(|of| of.explains.contains(&metric))
    }
}

/// What a part must have changed by to be told, as a share of what it was, and of what changed most.
const TOLD_MIN: f64 = 0.01;

/// The parts that grew, those that grew most first, then those that shrank; what hardly changed is left out.
#[must_use]
pub fn part_differences(baseline: &Parts, current: &Parts) -> Vec<PartDifference> {
    let names = baseline
        .keys()
        .chain(current.keys().filter(|part| !baseline.contains_key(*part)));
    let mut changed: Vec<PartDifference> = names
        .map(|part| PartDifference {
            part: part.clone(),
            baseline: baseline.get(part).copied().unwrap_or(0.0),
            current: current.get(part).copied().unwrap_or(0.0),
        })
        .collect();
    let most = changed.iter().map(|of| of.difference().abs()).fold(0.0, f64::max);
    changed.retain(|of| {
        let difference = of.difference().abs();
        difference > TOLD_MIN * of.baseline.abs().max(of.current.abs()) && difference >= TOLD_MIN * most
    });
    changed.sort_by(|a, b| {
        let by_growth = b.difference().total_cmp(&a.difference());
        by_growth.then_with(|| a.part.cmp(&b.part))
    });
    changed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::MetricFile;

    #[test]
    fn what_grew_most_comes_first() {
        let parts = |of: &[(&str, f64)]| {
            of.iter()
                .map(|(part, amount)| ((*part).to_owned(), *amount))
                .collect()
        };
        let changed = part_differences(
            &parts(&[
                ("plan", 100.0),
                ("search", 200.0),
                ("old", 5.0),
                ("same", 1.0),
                ("noisy", 1000.0),
            ]),
            &parts(&[
                ("plan", 110.0),
                ("search", 500.0),
                ("new", 7.0),
                ("same", 1.0),
                ("noisy", 1004.0),
            ]),
        );
        let told: Vec<(&str, f64)> = changed
            .iter()
            .map(|of| (of.part.as_str(), of.difference()))
            .collect();
        assert_eq!(
            told,
            [("search", 300.0), ("plan", 10.0), ("new", 7.0), ("old", -5.0)]
        );
    }

    #[test]
    fn what_is_taken_apart_is_a_metric() {
        let metrics = MetricFile::built_in().unwrap();
        for metric in BREAKDOWNS.iter().flat_map(|of| of.explains) {
            assert!(metrics.iter().any(|of| of.metric.name == *metric), "{metric}");
        }
        assert_eq!(
            Breakdown::of_metric("cost_per_run").map(|of| of.name),
            Some("costs")
        );
        assert_eq!(Breakdown::of_metric("safety"), None);
    }
}
