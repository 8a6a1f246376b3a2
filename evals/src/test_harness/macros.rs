//! Assertions. They take metrics by reference, so that what is given can be used after.

/// Panics if a quality became critically worse. Current metrics come first, then those of the baseline, then thresholds.
///
/// ```
/// use quipu_evals::{RegressionThresholds, assert_no_critical_regressions, mock_metrics};
///
/// let (current, baseline) = (mock_metrics(1800.0, 1000.0, 145), mock_metrics(1850.0, 1047.5, 150));
/// assert_no_critical_regressions!(current, baseline, RegressionThresholds::default());
/// ```
#[macro_export]
macro_rules! assert_no_critical_regressions {
    ($current:expr, $baseline:expr, $thresholds:expr $(,)?) => {
        if let Err(text) = $crate::test_harness::check_critical(&$current, &$baseline, &$thresholds) {
            panic!("{text}");
        }
    };
}

/// Panics unless a value is at most `baseline * multiplier`, up to rounding; NaN never is.
///
/// ```
/// quipu_evals::assert_metric_within_threshold!(1620.0, 1850.0, 1.2, "P95 latency");
/// ```
#[macro_export]
macro_rules! assert_metric_within_threshold {
    ($current:expr, $baseline:expr, $threshold:expr, $name:expr $(,)?) => {{
        let (current, baseline, threshold): (f64, f64, f64) = ($current, $baseline, $threshold);
        let limit = baseline * threshold;
        let within = current <= limit + 1e-9 * limit.abs();
        assert!(
            within,
            "{} regressed: {current} > {limit} (baseline {baseline} × threshold {threshold})",
            $name
        );
    }};
}

/// Panics unless a score is at least `baseline - drop`, up to rounding; NaN never is.
///
/// ```
/// quipu_evals::assert_quality_maintained!(0.94, 0.95, 0.05, "Correctness");
/// ```
#[macro_export]
macro_rules! assert_quality_maintained {
    ($current:expr, $baseline:expr, $drop:expr, $name:expr $(,)?) => {{
        let (current, baseline, drop): (f64, f64, f64) = ($current, $baseline, $drop);
        let limit = baseline - drop;
        let maintained = current >= limit - 1e-9;
        assert!(
            maintained,
            "{} degraded: {current} < {limit} (baseline {baseline} - threshold {drop})",
            $name
        );
    }};
}
