//! Scores of answers: how near an answer comes to the expected one, from 0 to 1.
//!
//! | file | noun |
//! |---|---|
//! | `method.rs` | the methods by name |
//! | `error.rs` | expected texts that a method cannot use |
//! | `exact.rs`, `case_insensitive.rs`, `contains.rs` | equality of texts, and part of a text |
//! | `fuzzy.rs`, `fuzzy_bytes.rs` | edit distance |
//! | `numeric.rs` | numbers within a tolerance |
//! | `set.rs` | lists in any order |
//! | `regex.rs` | patterns |
//! | `token_f1.rs` | words in common |
//! | `json.rs` | values of JSON |
//! | `fence.rs` | fenced blocks of Markdown in answers |
//! | `pass_at_k.rs` | the chance that one of k tries passes |

mod case_insensitive;
mod contains;
mod error;
mod exact;
mod fence;
mod fuzzy;
mod fuzzy_bytes;
mod json;
mod method;
mod numeric;
mod pass_at_k;
mod regex;
mod set;
mod token_f1;

pub use error::ScoreError;
pub use method::{ScoringMethod, UnknownMethod};
pub use numeric::Tolerance;
pub use pass_at_k::pass_at_k;

/// How near `actual` comes to `expected` by a method, from 0 (nothing of it) to 1 (as good as equal).
///
/// Numbers are compared with the default [`Tolerance`]; see [`score_within`] for another.
///
/// # Errors
///
/// The method cannot use the expected text: a pattern that does not compile, a text without a number, or one that is not
/// JSON; or one of them is too long for an edit distance. What stands in the answer is never an error, but its length may be.
pub fn score(actual: &str, expected: &str, method: ScoringMethod) -> Result<f64, ScoreError> {
    score_within(actual, expected, method, Tolerance::default())
}

/// [`score`], with a tolerance for [`ScoringMethod::Numeric`]; the other methods do not look at it.
///
/// # Errors
///
/// As [`score`].
pub fn score_within(
    actual: &str,
    expected: &str,
    method: ScoringMethod,
    tolerance: Tolerance,
) -> Result<f64, ScoreError> {
    Ok(match method {
        ScoringMethod::ExactMatch => exact::score(actual, expected),
        ScoringMethod::CaseInsensitiveMatch => case_insensitive::score(actual, expected),
        ScoringMethod::FuzzyMatch => fuzzy::score(actual, expected)?,
        ScoringMethod::FuzzyBytes => fuzzy_bytes::score(actual, expected)?,
        ScoringMethod::Contains => contains::score(actual, expected),
        ScoringMethod::Numeric => numeric::score(actual, expected, tolerance)?,
        ScoringMethod::Set => set::score(actual, expected),
        ScoringMethod::Regex => regex::score(actual, expected)?,
        ScoringMethod::TokenF1 => token_f1::score(actual, expected),
        ScoringMethod::Json => json::score(actual, expected)?,
    })
}

/// 1 for yes, 0 for no.
fn yes_or_no(yes: bool) -> f64 {
    if yes { 1.0 } else { 0.0 }
}
