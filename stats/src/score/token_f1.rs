//! Words in common.

use std::collections::HashMap;

/// Harmonic mean of the share of the answer's words that are expected and the share of the expected words that the answer
/// has, each word as often as it comes. Words are those of SQuAD (Rajpurkar et al. 2016): in lower case, without ASCII
/// punctuation and without the articles a, an and the. Where one side has no words the score is 1 if neither has, else 0
/// (Rajpurkar et al. 2018).
pub(super) fn score(actual: &str, expected: &str) -> f64 {
    let (actual, expected) = (normalised(actual), normalised(expected));
    let (actual, expected) = (words(&actual), words(&expected));
    if actual.is_empty() || expected.is_empty() {
        return super::yes_or_no(actual.is_empty() && expected.is_empty());
    }
    let mut left: HashMap<&str, usize> = HashMap::new();
    for word in &expected {
        *left.entry(word).or_default() += 1;
    }
    let mut common = 0_usize;
    for word in &actual {
        if let Some(count) = left.get_mut(word).filter(|count| **count > 0) {
            *count -= 1;
            common += 1;
        }
    }
    // 2 P R / (P + R) with P = common / actual and R = common / expected.
    2.0 * common as f64 / (actual.len() + expected.len()) as f64
}

fn normalised(text: &str) -> String {
    text.to_lowercase()
        .chars()
        .filter(|c| !c.is_ascii_punctuation())
        .collect()
}

fn words(text: &str) -> Vec<&str> {
    text.split_whitespace()
        .filter(|word| !matches!(*word, "a" | "an" | "the"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn articles_punctuation_and_case_do_not_count() {
        assert_eq!(score("The Nile.", "nile"), 1.0);
    }

    #[test]
    fn words_too_many_and_too_few_cost() {
        // Precision 1/5, recall 1.
        assert!((score("The capital of France is Paris", "Paris") - 2.0 * 0.2 / 1.2).abs() < 1e-12);
        assert_eq!(score("London", "Paris"), 0.0);
    }

    #[test]
    fn a_word_counts_as_often_as_it_comes() {
        // One of two in common on one side: precision 1/2, recall 1.
        assert!((score("yes yes", "yes") - 2.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn nothing_equals_nothing_only() {
        assert_eq!(score("the", ""), 1.0);
        assert_eq!(score("Paris", "a"), 0.0);
    }
}
