//! What became worse than a baseline by more than fixed thresholds.
//!
//! One number is compared with another here, so noise is not told from change; see [`crate::benchmark`] for samples.

mod detect;
mod severity;
mod thresholds;

use serde::{Deserialize, Serialize};

pub(crate) use detect::description;
pub use detect::{detect_in_values, detect_regressions};
pub use severity::RegressionSeverity;
pub use thresholds::{RegressionThresholds, ThresholdMode};

/// One metric that became worse.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Regression {
    /// Name of the metric.
    pub metric: String,
    /// What it was.
    pub baseline_value: f64,
    /// What it is.
    pub current_value: f64,
    /// The threshold that was passed: a difference for shares, a multiple for amounts.
    pub threshold: f64,
    /// How bad that is.
    pub severity: RegressionSeverity,
    /// By how much, in words: `1.5x slower`.
    pub description: String,
}

impl Regression {
    /// One line: `⚠ avg_latency: 1500.0000 (baseline: 1000.0000, 1.5x slower)`.
    #[must_use]
    pub fn format_plain(&self) -> String {
        format!(
            "{} {}: {:.4} (baseline: {:.4}, {})",
            self.severity.icon(),
            self.metric,
            self.current_value,
            self.baseline_value,
            self.description
        )
    }

    /// The same line in the colour of its severity, for a terminal.
    #[must_use]
    pub fn format_colored(&self) -> String {
        format!("{}{}\u{1b}[0m", self.severity.color(), self.format_plain())
    }
}

/// Whether any of them is critical.
#[must_use]
pub fn has_critical_regressions(regressions: &[Regression]) -> bool {
    regressions
        .iter()
        .any(|regression| regression.severity == RegressionSeverity::Critical)
}

/// How many there are: critical, warnings, information.
#[must_use]
pub fn count_by_severity(regressions: &[Regression]) -> (usize, usize, usize) {
    let count = |severity| {
        regressions
            .iter()
            .filter(|regression| regression.severity == severity)
            .count()
    };
    (
        count(RegressionSeverity::Critical),
        count(RegressionSeverity::Warning),
        count(RegressionSeverity::Info),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn regression(severity: RegressionSeverity) -> Regression {
        Regression {
            metric: "avg_latency".into(),
            baseline_value: 1000.0,
            current_value: 1500.0,
            threshold: 1.2,
            severity,
            description: "1.5x slower".into(),
        }
    }

    #[test]
    fn a_line_may_have_colour() {
        let warning = regression(RegressionSeverity::Warning);
        let plain = "⚠ avg_latency: 1500.0000 (baseline: 1000.0000, 1.5x slower)";
        assert_eq!(warning.format_plain(), plain);
        assert_eq!(warning.format_colored(), format!("\u{1b}[33m{plain}\u{1b}[0m"));
    }

    #[test]
    fn severities_are_counted() {
        use RegressionSeverity::{Critical, Info, Warning};
        let all = [Warning, Critical, Warning, Info].map(regression);
        assert_eq!(count_by_severity(&all), (1, 2, 1));
        assert!(has_critical_regressions(&all));
        assert!(!has_critical_regressions(&all[2..]));
    }
}
