//! Edit distance as dashflow-streaming measures it.

use super::{ScoreError, fuzzy};

/// `(n - d) / n`: d in Unicode scalar values, without normalisation, but n in UTF-8 bytes. So texts with nothing in common
/// score above 0 when their characters have several bytes; kept to reproduce scores of that time.
pub(super) fn score(actual: &str, expected: &str) -> Result<f64, ScoreError> {
    let longer = actual.len().max(expected.len());
    Ok(fuzzy::of_distance(fuzzy::distance(actual, expected)?, longer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_is_that_of_the_bytes() {
        assert_eq!(score("大阪", "東京"), Ok(4.0 / 6.0));
        assert_eq!(score("é", "e"), Ok(0.5));
        assert_eq!(score("Parus", "Paris"), Ok(0.8));
    }
}
