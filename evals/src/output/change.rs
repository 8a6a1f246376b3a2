//! How one value stands to another, for people.

/// What is told instead of a multiple or a percentage of nothing.
pub(crate) const UP_FROM_NOTHING: &str = "up from 0";

/// A change in percent of the baseline: `+12.50%`. Of nothing there is no percentage, and of what is not finite neither.
pub(crate) fn change(baseline: f64, current: f64) -> String {
    if baseline == current {
        "+0.00%".to_owned()
    } else if !(baseline.is_finite() && current.is_finite()) {
        "not known".to_owned()
    } else if baseline == 0.0 {
        UP_FROM_NOTHING.to_owned()
    } else {
        format!("{:+.2}%", (current - baseline) / baseline * 100.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_nothing_there_is_no_percentage() {
        let infinity = f64::INFINITY;
        for (baseline, current, expected) in [
            (100.0, 112.5, "+12.50%"),
            (100.0, 0.0, "-100.00%"),
            (0.0, 0.0, "+0.00%"),
            (0.0, 5.0, "up from 0"),
            (infinity, infinity, "+0.00%"),
            (infinity, 5.0, "not known"),
            (5.0, f64::NAN, "not known"),
        ] {
            assert_eq!(change(baseline, current), expected, "{baseline} {current}");
        }
    }
}
