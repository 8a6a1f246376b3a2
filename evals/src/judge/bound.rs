//! Fixed thresholds: how much worse a metric may be, whatever its noise.

use std::fmt;
use std::str::FromStr;

use crate::output::Severity;

/// How much worse a metric may be than its baseline.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound {
    /// How it is compared.
    pub limit: Limit,
    /// How bad it is to be worse than that.
    pub severity: Severity,
}

/// How a value is compared with its baseline.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    /// As a multiple: 1.2 is a fifth worse.
    Ratio(f64),
    /// As a difference on the metric's own scale: 0.05 of a fraction are five percentage points.
    Difference(f64),
}

impl Limit {
    /// Whether a worsening goes beyond it. A value exactly at the limit does not. Without a baseline to compare with
    /// (0), every worsening is beyond a ratio.
    #[must_use]
    pub fn is_exceeded(self, baseline: f64, worsening: f64) -> bool {
        // What rounding makes of a value at the limit is not beyond it. Infinity is, and would be lost in its own rounding.
        worsening == f64::INFINITY
            || worsening > self.allowed(baseline) + 1e-9 * baseline.abs().max(worsening.abs())
    }

    /// Reads the text of a limit that takes the place of a `known` one. A bare number in the place of a multiple is a multiple:
    /// `1.3` for `1.2x` means `1.3x`, and not 1.3 ms.
    ///
    /// # Errors
    ///
    /// The text is no limit; in the place of a multiple also where the number is below 1.
    pub fn parse_for(text: &str, known: Option<Self>) -> Result<Self, LimitError> {
        match (text.parse()?, known) {
            (Self::Difference(multiple), Some(Self::Ratio(_))) => format!("{multiple}x").parse(),
            (limit, _) => Ok(limit),
        }
        .map_err(|_| LimitError::new(text))
    }

    /// The worsening that it allows, on the metric's own scale.
    #[must_use]
    pub fn allowed(self, baseline: f64) -> f64 {
        match self {
            Self::Ratio(ratio) => baseline.abs() * (ratio - 1.0),
            Self::Difference(difference) => difference,
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ratio(ratio) => write!(f, "{ratio}x"),
            Self::Difference(difference) => write!(f, "{difference}"),
        }
    }
}

/// What is wrong with the text of a limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitError {
    text: String,
}

impl fmt::Display for LimitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "\"{}\" is no threshold: use a multiple from 1 such as 1.2x, or a difference from 0 such as 0.05",
            self.text
        )
    }
}

impl std::error::Error for LimitError {}

impl LimitError {
    pub(super) fn new(text: &str) -> Self {
        Self {
            text: text.to_owned(),
        }
    }
}

impl FromStr for Limit {
    type Err = LimitError;

    /// Reads `1.2x` as a ratio and `0.05` as a difference.
    fn from_str(text: &str) -> Result<Self, LimitError> {
        let wrong = || LimitError::new(text);
        let number = |text: &str| text.trim().parse::<f64>().map_err(|_| wrong());
        let limit = match text.trim().strip_suffix('x') {
            Some(ratio) => Self::Ratio(number(ratio)?),
            None => Self::Difference(number(text)?),
        };
        let is_right = match limit {
            Self::Ratio(ratio) => ratio.is_finite() && ratio >= 1.0,
            Self::Difference(difference) => difference.is_finite() && difference >= 0.0,
        };
        is_right.then_some(limit).ok_or_else(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_at_the_limit_passes() {
        assert!(!Limit::Ratio(1.5).is_exceeded(100.0, 50.0));
        assert!(Limit::Ratio(1.5).is_exceeded(100.0, 50.1));
        assert!(!Limit::Ratio(1.2).is_exceeded(1000.0, 200.0));
        assert!(!Limit::Difference(0.05).is_exceeded(0.95, 0.95 - 0.9));
        assert!(!Limit::Difference(0.25).is_exceeded(0.9, 0.25));
        assert!(Limit::Difference(0.25).is_exceeded(0.9, 0.26));
    }

    #[test]
    fn without_end_is_beyond_every_limit() {
        assert!(Limit::Ratio(1.5).is_exceeded(100.0, f64::INFINITY));
        assert!(!Limit::Ratio(1.5).is_exceeded(100.0, f64::NAN));
    }

    #[test]
    fn a_bare_number_is_of_the_kind_that_is_known() {
        let ratio = Some(Limit::Ratio(1.2));
        assert_eq!(Limit::parse_for("1.3", ratio), Ok(Limit::Ratio(1.3)));
        assert_eq!(Limit::parse_for("1.3x", ratio), Ok(Limit::Ratio(1.3)));
        let error = Limit::parse_for("0.05", ratio).unwrap_err().to_string();
        assert!(error.starts_with("\"0.05\" is no threshold"), "{error}");
        for known in [None, Some(Limit::Difference(0.1))] {
            assert_eq!(Limit::parse_for("0.05", known), Ok(Limit::Difference(0.05)));
        }
    }

    #[test]
    fn anything_is_more_than_a_multiple_of_nothing() {
        assert!(Limit::Ratio(1.5).is_exceeded(0.0, 1.0));
        assert!(!Limit::Ratio(1.5).is_exceeded(0.0, 0.0));
    }

    #[test]
    fn limits_are_read_as_they_are_written() {
        for text in ["1.2x", "0.05", "2x", "0"] {
            assert_eq!(text.parse::<Limit>().unwrap().to_string(), text);
        }
        for text in ["0.9x", "-0.1", "x", "", "nan", "infx", "5%"] {
            assert!(
                text.parse::<Limit>().unwrap_err().to_string().contains("1.2x"),
                "{text}"
            );
        }
    }
}
