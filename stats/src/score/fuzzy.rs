//! Edit distance in characters.

use rapidfuzz::distance::levenshtein;
use unicode_normalization::UnicodeNormalization;

use super::ScoreError;

/// Most characters of a text. The time grows with the product of both lengths: two texts of this many take about a second.
pub(super) const CHARACTERS_MAX: usize = 100_000;

/// `1 - d / n`: d is the distance of Levenshtein (1966) with insertions, deletions and substitutions at cost 1, n the longer
/// length, both in Unicode scalar values after NFC. Two empty texts are equal. The distance is found with 64 characters in one
/// step (Myers 1999; Hyyrö 2003), in memory for the characters of one text.
pub(super) fn score(actual: &str, expected: &str) -> Result<f64, ScoreError> {
    let (actual, expected): (String, String) = (actual.nfc().collect(), expected.nfc().collect());
    let longer = actual.chars().count().max(expected.chars().count());
    Ok(of_distance(distance(&actual, &expected)?, longer))
}

/// The distance of two texts in characters.
pub(super) fn distance(actual: &str, expected: &str) -> Result<usize, ScoreError> {
    if actual == expected {
        return Ok(0);
    }
    for text in [actual, expected] {
        let characters = text.chars().count();
        if characters > CHARACTERS_MAX {
            return Err(ScoreError::TooLong {
                characters,
                limit: CHARACTERS_MAX,
            });
        }
    }
    Ok(levenshtein::distance(actual.chars(), expected.chars()))
}

/// The part of the longer text that need not be changed.
pub(super) fn of_distance(distance: usize, longer: usize) -> f64 {
    if longer == 0 {
        return 1.0;
    }
    longer.saturating_sub(distance) as f64 / longer as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(actual: &str, expected: &str) -> f64 {
        super::score(actual, expected).unwrap()
    }

    #[test]
    fn a_character_is_one_whatever_its_bytes() {
        assert_eq!(score("大阪", "東京"), 0.0);
        assert_eq!(score("東京", "東京都"), 2.0 / 3.0);
        assert_eq!(score("café", "cafe"), 0.75);
    }

    #[test]
    fn a_letter_with_an_accent_equals_its_composition() {
        assert_eq!(score("cafe\u{301}", "caf\u{e9}"), 1.0);
    }

    #[test]
    fn a_distance_is_measured_by_the_longer_text() {
        assert_eq!(score("kitten", "sitting"), 4.0 / 7.0);
        assert_eq!(score("", "Paris"), 0.0);
        assert_eq!(score("", ""), 1.0);
    }

    #[test]
    fn long_answers_differ_by_what_differs() {
        let expected = "abcdefghij".repeat(2_000);
        let mut actual = expected.clone();
        actual.replace_range(10_000..10_100, &"#".repeat(100));
        assert_eq!(score(&actual, &expected), 1.0 - 100.0 / 20_000.0);
    }

    #[test]
    fn an_absurd_length_is_an_error_unless_both_are_equal() {
        let long = "a".repeat(CHARACTERS_MAX + 1);
        assert_eq!(score(&long, &long), 1.0);
        let error = super::score(&long, "a").unwrap_err().to_string();
        assert!(
            error.contains("100001 characters and 100000 is the limit"),
            "{error}"
        );
    }

    /// The table of Wagner and Fischer (1974), which is right at a glance.
    fn by_table(one: &str, two: &str) -> usize {
        let two: Vec<char> = two.chars().collect();
        let mut row: Vec<usize> = (0..=two.len()).collect();
        for (place, c) in one.chars().enumerate() {
            let mut diagonal = row[0];
            row[0] = place + 1;
            for (at, other) in two.iter().enumerate() {
                let substituted = diagonal + usize::from(c != *other);
                diagonal = row[at + 1];
                row[at + 1] = substituted.min(row[at] + 1).min(diagonal + 1);
            }
        }
        row[two.len()]
    }

    proptest::proptest! {
        #[test]
        fn a_distance_is_that_of_the_table(one in "[abé東]{0,150}", two in "[abé東]{0,150}") {
            proptest::prop_assert_eq!(distance(&one, &two).unwrap(), by_table(&one, &two));
        }
    }
}
