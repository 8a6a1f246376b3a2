//! A metric: a number with a name, a unit and a better direction.

use std::fmt;

use quipu_stats::difference::Statistic;

use super::bound::Bound;
use super::unit::Unit;

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Better {
    /// Less of it.
    Lower,
    /// More of it.
    Higher,
}

/// A number with a name, a unit and a better direction, and how it is made of the values of runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// Its name, which thresholds and files use.
    pub name: String,
    /// What it tells, in a line.
    pub about: String,
    /// What its values are measured in.
    pub unit: Unit,
    /// Which way is better.
    pub better: Better,
    /// How it is made of the values of runs.
    pub statistic: Statistic,
    /// Whether the same program gives the same values again, so that every difference is one of the programs. Token
    /// counts at temperature 0 may be so.
    pub is_exact: bool,
    /// The fixed threshold of its own, where it is none of the known metrics.
    pub bound: Option<Bound>,
}

impl Better {
    /// The direction of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "lower" => Some(Self::Lower),
            "higher" => Some(Self::Higher),
            _ => None,
        }
    }

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lower => "lower",
            Self::Higher => "higher",
        }
    }

    /// How much worse a value has become that changed by this much: above 0 it is worse.
    #[must_use]
    pub fn worsening(self, change: f64) -> f64 {
        match self {
            Self::Lower => change,
            Self::Higher => -change,
        }
    }
}

impl fmt::Display for Better {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_better_lower_worsens_upwards() {
        assert!(Better::Lower.worsening(1.0) > 0.0);
        assert!(Better::Higher.worsening(1.0) < 0.0);
    }
}
