//! Evaluations inside `cargo test`.
//!
//! | file | noun |
//! |---|---|
//! | `runner.rs` | metrics against a baseline |
//! | `macros.rs` | assertions |
//! | `mock.rs` | metrics and baselines for tests of tests |

mod macros;
mod mock;
mod runner;

pub use mock::{mock_baseline, mock_metrics};
pub use runner::EvalTestRunner;

use crate::metrics::EvalMetrics;
use crate::regression::{Regression, RegressionSeverity, RegressionThresholds, detect_regressions};

/// Checks metrics against others: the text of [`assert_no_critical_regressions!`](crate::assert_no_critical_regressions). Shares
/// in percent become fractions on both sides.
///
/// # Errors
///
/// The critical regressions, one a line, if there are any; or a value that cannot be.
pub fn check_critical(
    current: &EvalMetrics,
    baseline: &EvalMetrics,
    thresholds: &RegressionThresholds,
) -> Result<(), String> {
    let lines: Vec<String> = regressions(baseline, current, thresholds)?
        .iter()
        .filter(|regression| regression.severity == RegressionSeverity::Critical)
        .map(|regression| format!("  - {}", regression.format_plain()))
        .collect();
    if lines.is_empty() {
        Ok(())
    } else {
        Err(format!("Critical regressions detected:\n{}", lines.join("\n")))
    }
}

/// What became worse, with both sides on one scale: a share in percent on one of them would hide every change of the other.
///
/// # Errors
///
/// The side and the value that cannot be.
fn regressions(
    baseline: &EvalMetrics,
    current: &EvalMetrics,
    thresholds: &RegressionThresholds,
) -> Result<Vec<Regression>, String> {
    let scaled = |metrics: &EvalMetrics, side: &str| {
        let metrics = metrics.clone().on_one_scale();
        metrics.map_err(|why| format!("{side} metrics: {why}"))
    };
    Ok(detect_regressions(
        &scaled(baseline, "baseline")?,
        &scaled(current, "current")?,
        thresholds,
    ))
}
