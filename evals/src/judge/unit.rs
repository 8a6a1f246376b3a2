//! What a metric is measured in.

use std::fmt;

/// What a metric is measured in, and how people read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Milliseconds.
    Milliseconds,
    /// A fraction from 0 to 1 inside; percent on screen.
    Fraction,
    /// US dollars.
    Usd,
    /// Tokens.
    Tokens,
    /// A number of things: calls, messages.
    Count,
    /// A score from 0 to 1.
    Score,
    /// A bare number.
    Number,
}

impl Unit {
    /// Every unit, with the name that headers and files use.
    pub const NAMES: [(&'static str, Self); 7] = [
        ("ms", Self::Milliseconds),
        ("fraction", Self::Fraction),
        ("usd", Self::Usd),
        ("tokens", Self::Tokens),
        ("count", Self::Count),
        ("score", Self::Score),
        ("number", Self::Number),
    ];

    /// The unit of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let mut known = Self::NAMES.iter();
        known.find(|(known, _)| *known == name).map(|(_, unit)| *unit)
    }

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Milliseconds => "ms",
            Self::Fraction => "fraction",
            Self::Usd => "usd",
            Self::Tokens => "tokens",
            Self::Count => "count",
            Self::Score => "score",
            Self::Number => "number",
        }
    }

    /// Whether its values lie on a scale of their own from 0 to 1, so that two of them are compared by their difference
    /// and not by their ratio.
    #[must_use]
    pub fn is_fraction(self) -> bool {
        matches!(self, Self::Fraction | Self::Score)
    }

    /// A value as people read it.
    #[must_use]
    pub fn show(self, value: f64) -> String {
        match self {
            Self::Milliseconds => format!("{value:.2}ms"),
            Self::Fraction => format!("{:.1}%", value * 100.0),
            Self::Usd => format!("${value:.5}"),
            Self::Score => format!("{value:.3}"),
            // Means of whole numbers are seldom whole.
            Self::Tokens | Self::Count | Self::Number if value.fract() == 0.0 && value.abs() < 1e15 => {
                format!("{value:.0}")
            }
            Self::Tokens | Self::Count => format!("{value:.1}"),
            Self::Number => format!("{value:.4}"),
        }
    }

    /// What lies between two values, with its sign: percentage points for fractions.
    #[must_use]
    pub fn show_difference(self, difference: f64) -> String {
        let sign = if difference.is_sign_negative() { '-' } else { '+' };
        match self {
            Self::Fraction => format!("{sign}{:.1} points", difference.abs() * 100.0),
            _ => format!("{sign}{}", self.show(difference.abs())),
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_found_by_its_name() {
        for (name, unit) in Unit::NAMES {
            assert_eq!(Unit::parse(name), Some(unit));
            assert_eq!(unit.as_str(), name);
        }
        assert_eq!(Unit::parse("seconds"), None);
    }

    #[test]
    fn values_are_shown_as_people_read_them() {
        assert_eq!(Unit::Milliseconds.show(1850.0), "1850.00ms");
        assert_eq!(Unit::Fraction.show(0.975), "97.5%");
        assert_eq!(Unit::Usd.show(0.00075), "$0.00075");
        assert_eq!(Unit::Tokens.show(150.0), "150");
        assert_eq!(Unit::Tokens.show(150.25), "150.2");
        assert_eq!(Unit::Fraction.show_difference(-0.031), "-3.1 points");
        assert_eq!(Unit::Milliseconds.show_difference(12.0), "+12.00ms");
    }
}
