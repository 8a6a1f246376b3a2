//! Equality without case.

use super::yes_or_no;

/// 1 if the texts are equal in lower case, by the mapping of Unicode.
pub(super) fn score(actual: &str, expected: &str) -> f64 {
    yes_or_no(actual.to_lowercase() == expected.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_all_scripts_have_case() {
        assert_eq!(score("CAFÉ", "café"), 1.0);
        assert_eq!(score("ΣΊΣΥΦΟΣ", "σίσυφος"), 1.0);
        assert_eq!(score("cafe", "café"), 0.0);
    }
}
