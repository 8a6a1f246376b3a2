//! Part of a text.

use super::yes_or_no;

/// 1 if the expected text is a part of the answer, with case; an empty one always is.
pub(super) fn score(actual: &str, expected: &str) -> f64 {
    yes_or_no(actual.contains(expected))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_may_say_more_but_not_less() {
        assert_eq!(score("The capital is Paris.", "Paris"), 1.0);
        assert_eq!(score("Paris", "The capital is Paris."), 0.0);
        assert_eq!(score("anything", ""), 1.0);
    }
}
