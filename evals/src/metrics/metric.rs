//! The metrics by name.

use std::fmt;

/// One of the metrics of [`EvalMetrics`](super::EvalMetrics), in the order in which they are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EvalMetric {
    /// How much of the output was correct.
    Correctness,
    /// How relevant retrieved documents were.
    Relevance,
    /// How free of harmful content the output was.
    Safety,
    /// Share of facts that were made up.
    HallucinationRate,
    /// 95th percentile of the latency.
    P95Latency,
    /// Mean latency.
    AvgLatency,
    /// Share of sessions that succeeded.
    SuccessRate,
    /// Share of sessions in which something went wrong.
    ErrorRate,
    /// Tokens.
    TotalTokens,
    /// Cost.
    CostPerRun,
    /// Calls of tools.
    ToolCalls,
}

/// What a metric tells about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MetricGroup {
    /// What was answered.
    Quality,
    /// How fast, and whether at all.
    Performance,
    /// What it took.
    Cost,
}

/// What a metric is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Unit {
    /// A share from 0 to 1, shown in percent.
    Fraction,
    /// Milliseconds.
    Milliseconds,
    /// A number of things.
    Count,
    /// US dollars.
    Usd,
}

impl EvalMetric {
    /// All metrics.
    pub const ALL: [Self; 11] = [
        Self::Correctness,
        Self::Relevance,
        Self::Safety,
        Self::HallucinationRate,
        Self::P95Latency,
        Self::AvgLatency,
        Self::SuccessRate,
        Self::ErrorRate,
        Self::TotalTokens,
        Self::CostPerRun,
        Self::ToolCalls,
    ];

    /// The name in files and options.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Correctness => "correctness",
            Self::Relevance => "relevance",
            Self::Safety => "safety",
            Self::HallucinationRate => "hallucination_rate",
            Self::P95Latency => "p95_latency",
            Self::AvgLatency => "avg_latency",
            Self::SuccessRate => "success_rate",
            Self::ErrorRate => "error_rate",
            Self::TotalTokens => "total_tokens",
            Self::CostPerRun => "cost_per_run",
            Self::ToolCalls => "tool_calls",
        }
    }

    /// The name in reports for people.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Correctness => "Correctness",
            Self::Relevance => "Relevance",
            Self::Safety => "Safety",
            Self::HallucinationRate => "Hallucination Rate",
            Self::P95Latency => "P95 Latency",
            Self::AvgLatency => "Avg Latency",
            Self::SuccessRate => "Success Rate",
            Self::ErrorRate => "Error Rate",
            Self::TotalTokens => "Total Tokens",
            Self::CostPerRun => "Cost per Run",
            Self::ToolCalls => "Tool Calls",
        }
    }

    /// What it tells about.
    #[must_use]
    pub fn group(self) -> MetricGroup {
        match self {
            Self::Correctness | Self::Relevance | Self::Safety | Self::HallucinationRate => {
                MetricGroup::Quality
            }
            Self::P95Latency | Self::AvgLatency | Self::SuccessRate | Self::ErrorRate => {
                MetricGroup::Performance
            }
            Self::TotalTokens | Self::CostPerRun | Self::ToolCalls => MetricGroup::Cost,
        }
    }

    /// What it is measured in.
    #[must_use]
    pub(crate) fn unit(self) -> Unit {
        match self {
            Self::P95Latency | Self::AvgLatency => Unit::Milliseconds,
            Self::TotalTokens | Self::ToolCalls => Unit::Count,
            Self::CostPerRun => Unit::Usd,
            Self::Correctness
            | Self::Relevance
            | Self::Safety
            | Self::HallucinationRate
            | Self::SuccessRate
            | Self::ErrorRate => Unit::Fraction,
        }
    }

    /// Whether it is an amount, of which there are multiples, and not a share.
    pub(crate) fn is_amount(self) -> bool {
        self.unit() != Unit::Fraction
    }

    /// Whether a greater value is better.
    #[must_use]
    pub fn more_is_better(self) -> bool {
        matches!(
            self,
            Self::Correctness | Self::Relevance | Self::Safety | Self::SuccessRate
        )
    }

    /// The metric of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|metric| metric.name() == name)
    }
}

impl fmt::Display for EvalMetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::super::EvalMetrics;
    use super::*;

    #[test]
    fn names_are_those_of_the_file() {
        let file = serde_json::to_value(EvalMetrics::default()).unwrap();
        let mut keys: Vec<&str> = file.as_object().unwrap().keys().map(String::as_str).collect();
        let mut names = EvalMetric::ALL.map(EvalMetric::name);
        keys.sort_unstable();
        names.sort_unstable();
        assert_eq!(keys, names);
        assert_eq!(EvalMetric::parse("safety"), Some(EvalMetric::Safety));
        assert_eq!(EvalMetric::parse("latency"), None);
    }
}
