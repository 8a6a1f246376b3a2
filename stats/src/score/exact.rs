//! Equality.

use super::yes_or_no;

/// 1 if the texts are equal byte for byte.
pub(super) fn score(actual: &str, expected: &str) -> f64 {
    yes_or_no(actual == expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_and_case_count() {
        assert_eq!(score("Paris", "Paris"), 1.0);
        assert_eq!(score("Paris ", "Paris"), 0.0);
        assert_eq!(score("paris", "Paris"), 0.0);
    }
}
