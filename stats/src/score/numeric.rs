//! Numbers.

use std::sync::LazyLock;

use regex::Regex;

use super::{ScoreError, yes_or_no};

/// How far two numbers may be apart and still be equal: `|a - e| <= max(absolute, relative |e|)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    /// Part of the expected number.
    pub relative: f64,
    /// In units of the numbers.
    pub absolute: f64,
}

impl Default for Tolerance {
    /// What rounding of decimal fractions may do, and no more. None of it is absolute: physical constants and charges are
    /// smaller than any number that would seem little.
    fn default() -> Self {
        Self {
            relative: 1e-6,
            absolute: 0.0,
        }
    }
}

/// A number in a text.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Number {
    value: f64,
    /// Whether a percent sign follows.
    percent: bool,
    /// Whether it stands behind a hyphen and a blank at the beginning of a line: a sign, or the mark of a list.
    is_marked: bool,
}

/// 1 if the last number of the answer equals that of the expected text. Words, units and currency signs around numbers
/// do not count. The last, since an answer that shows its steps ends with its result (Cobbe et al. 2021 score GSM8K so).
/// `45 %` equals `45` as well as `0.45`, and `- 5` on a line of its own `5` as well as `-5`: its hyphen may be the mark of a
/// list.
pub(super) fn score(actual: &str, expected: &str, tolerance: Tolerance) -> Result<f64, ScoreError> {
    let wanted = match numbers(expected)[..] {
        [one] => one,
        ref numbers => {
            return Err(ScoreError::Number {
                expected: expected.to_owned(),
                found: numbers.len(),
            });
        }
    };
    if !wanted.value.is_finite() {
        return Err(ScoreError::Infinite {
            expected: expected.to_owned(),
        });
    }
    let Some(given) = numbers(actual).last().copied() else {
        return Ok(0.0);
    };
    let near = |value: f64, wanted: f64| {
        let is_near =
            |value: f64| (value - wanted).abs() <= tolerance.absolute.max(tolerance.relative * wanted.abs());
        is_near(value) || given.is_marked && is_near(-value)
    };
    let equal = near(given.value, wanted.value)
        || match (given.percent, wanted.percent) {
            (true, false) => near(given.value / 100.0, wanted.value),
            (false, true) => near(given.value, wanted.value / 100.0),
            _ => false,
        };
    Ok(yes_or_no(equal))
}

/// The numbers of a text, with a point before decimals and commas, apostrophes, underscores or (narrow) no-break spaces
/// between thousands. So `100,200,300` is one number: a list has a blank behind its commas.
fn numbers(text: &str) -> Vec<Number> {
    static NUMBER: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
            r"(?:\d{1,3}(?:[,'’_\u{a0}\u{202f}]\d{3})+|\d+)(?:\.\d+)?(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?",
        )
        .expect("the pattern is constant")
    });
    NUMBER
        .find_iter(text)
        .filter_map(|found| {
            let digits: String = found
                .as_str()
                .chars()
                .filter(|c| !matches!(c, ',' | '\'' | '’' | '_' | '\u{a0}' | '\u{202f}'))
                .collect();
            let value: f64 = digits.parse().ok()?;
            let before = &text[..found.start()];
            Some(Number {
                value: if is_negative(before) { -value } else { value },
                is_marked: is_marked(before),
                percent: text[found.end()..].trim_start().starts_with(['%', '％']),
            })
        })
        .collect()
}

/// Whether what stands before a number makes it negative. A hyphen after a letter or digit joins (`GPT-4`, `1914-1918`), and one
/// between blanks subtracts (`7 - 5`), but for one behind a sign (`x = - 5`).
fn is_negative(before: &str) -> bool {
    let before = before.trim_end_matches(CURRENCIES);
    if let Some(rest) = before.strip_suffix(MINUS) {
        return !rest.ends_with(char::is_alphanumeric);
    }
    let rest = before.trim_end_matches([' ', '\t']).strip_suffix(MINUS);
    rest.is_some_and(|rest| rest.trim_end_matches([' ', '\t']).ends_with(['=', '≈', ':', '(']))
}

/// Whether a hyphen and blanks alone stand between a number and the beginning of its line.
fn is_marked(before: &str) -> bool {
    let line = before.rsplit('\n').next().unwrap_or(before);
    let rest = line.trim_end_matches(CURRENCIES).trim_start().strip_prefix(MINUS);
    rest.is_some_and(|rest| !rest.is_empty() && rest.trim_start().is_empty())
}

const CURRENCIES: [char; 4] = ['$', '€', '£', '¥'];
const MINUS: [char; 2] = ['-', '−'];

#[cfg(test)]
mod tests {
    use super::*;

    fn equal(actual: &str, expected: &str) -> bool {
        score(actual, expected, Tolerance::default()).unwrap() == 1.0
    }

    #[test]
    fn what_stands_around_a_number_does_not_count() {
        assert!(equal("about 1,234.50 EUR", "1234.5"));
        assert!(equal("$1'000'000", "1000000 dollars"));
        assert!(equal("1.2e3 m/s", "1200"));
        assert!(equal("-$5", "−5"));
        assert!(!equal("5", "-5"));
        assert!(!equal("no idea", "5"));
    }

    #[test]
    fn the_last_number_is_the_answer() {
        assert!(equal("12 * 12 = 144.", "144"));
        assert!(!equal("144 is 12 * 12", "144"));
    }

    #[test]
    fn a_hyphen_between_words_is_no_sign() {
        assert!(equal("GPT-4", "4"));
        assert!(equal("1914-1918", "1918"));
    }

    #[test]
    fn a_hyphen_before_a_blank_may_be_a_sign_or_a_mark() {
        for answer in ["- 5", "So:\n  - 5", "− 5", "- $5"] {
            assert!(equal(answer, "-5") && equal(answer, "5"), "{answer}");
        }
        assert!(equal("x = - 5", "-5") && !equal("x = - 5", "5"));
        assert!(equal("7 - 5", "5") && !equal("7 - 5", "-5"));
        assert!(!equal("-5", "5"));
    }

    #[test]
    fn thousands_have_no_blanks() {
        assert!(equal("100,200,300", "100200300"));
        assert!(equal("100, 200, 300", "300"));
    }

    #[test]
    fn percent_is_a_unit_or_a_hundredth() {
        assert!(equal("45 %", "45%"));
        assert!(equal("45%", "0.45"));
        assert!(equal("0.45", "45 %"));
        assert!(equal("45", "45 %"));
        assert!(!equal("45 %", "0.45 %"));
    }

    #[test]
    fn tolerances_are_relative_or_absolute() {
        let within =
            |relative, absolute| score("3.14", "3.14159", Tolerance { relative, absolute }).unwrap() == 1.0;
        assert!(within(0.001, 0.0));
        assert!(within(0.0, 0.01));
        assert!(!within(0.0001, 0.001));
    }

    #[test]
    fn small_numbers_are_told_apart() {
        assert!(!equal("6.626e-34", "1.602e-19"));
        assert!(!equal("1e-10", "0"));
        assert!(equal("0.0", "0"));
        assert!(equal("1.602e-19 C", "1.602e-19"));
    }

    #[test]
    fn a_number_without_bound_equals_nothing() {
        let error = score("5", "1e999", Tolerance::default()).unwrap_err();
        assert!(
            error.to_string().contains("'1e999' is a number too large"),
            "{error}"
        );
        assert!(!equal("1e999", "5"));
    }

    #[test]
    fn an_expected_text_without_one_number_is_an_error() {
        for (expected, found) in [("Paris", 0), ("1 or 2", 2)] {
            let error = score("1", expected, Tolerance::default()).unwrap_err();
            assert_eq!(
                error,
                ScoreError::Number {
                    expected: expected.into(),
                    found
                }
            );
        }
    }
}
