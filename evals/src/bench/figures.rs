//! Figures of a metric as people read them.

/// The unit that the name of a metric ends with.
fn unit(metric: &str) -> &'static str {
    match metric.rsplit('_').next() {
        Some("ms") => " ms",
        Some("us") => " us",
        Some("s") => " s",
        Some("bytes") => " bytes",
        Some("usd") => " USD",
        _ => "",
    }
}

/// A value of a metric with its unit: at least four digits, none that says nothing.
pub(super) fn value(metric: &str, value: f64) -> String {
    format!("{}{}", number(value), unit(metric))
}

/// A value without its unit.
pub(super) fn number(value: f64) -> String {
    let decimals = match value.abs() {
        1000.0.. => 0,
        100.0.. => 1,
        10.0.. => 2,
        1.0.. => 3,
        _ => 5,
    };
    format!("{value:.decimals$}")
}

/// A relative change in percent, with its sign.
pub(super) fn percent(change: f64) -> String {
    format!("{:+.1} %", change * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_the_unit_of_their_metric() {
        assert_eq!(value("wall_time_ms", 12.3456), "12.35 ms");
        assert_eq!(value("cost_usd", 0.00123), "0.00123 USD");
        assert_eq!(value("tokens", 12345.6), "12346");
        assert_eq!(value("tokens", 123.45), "123.5");
        assert_eq!(value("p95_s", -1.5), "-1.500 s");
    }

    #[test]
    fn changes_have_a_sign() {
        assert_eq!(percent(0.0512), "+5.1 %");
        assert_eq!(percent(-0.2), "-20.0 %");
    }
}
