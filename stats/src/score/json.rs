//! Values of JSON.

use serde_json::{Number, Value};

use super::{ScoreError, fence, yes_or_no};

/// 1 if both texts are JSON and equal values: keys in any order, numbers by value (`1` equals `1.0`). Of an answer that is not
/// JSON the first fenced block of Markdown counts, whatever is written around it; if that is none either it scores 0.
pub(super) fn score(actual: &str, expected: &str) -> Result<f64, ScoreError> {
    let wanted: Value = serde_json::from_str(expected).map_err(|error| ScoreError::Json {
        expected: expected.to_owned(),
        what: error.to_string(),
    })?;
    let given = serde_json::from_str(actual).ok().or_else(|| {
        let block = fence::inside(actual)?;
        serde_json::from_str(block).ok()
    });
    Ok(yes_or_no(
        given.is_some_and(|given: Value| equal(&given, &wanted)),
    ))
}

fn equal(one: &Value, two: &Value) -> bool {
    match (one, two) {
        (Value::Number(one), Value::Number(two)) => equal_numbers(one, two),
        (Value::Array(one), Value::Array(two)) => {
            one.len() == two.len() && one.iter().zip(two).all(|(one, two)| equal(one, two))
        }
        (Value::Object(one), Value::Object(two)) => {
            one.len() == two.len()
                && one
                    .iter()
                    .all(|(key, one)| two.get(key).is_some_and(|two| equal(one, two)))
        }
        _ => one == two,
    }
}

/// Whole numbers are compared as such: above 2^53 different ones may have one double.
fn equal_numbers(one: &Number, two: &Number) -> bool {
    match (one.as_i128(), two.as_i128()) {
        (Some(one), Some(two)) => one == two,
        _ => one.as_f64() == two.as_f64(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_no_order_and_numbers_one_value() {
        assert_eq!(
            score(r#" {"b": [1.0, 2e0], "a": null}"#, r#"{"a":null,"b":[1,2]}"#),
            Ok(1.0)
        );
        assert_eq!(score("[1, 2]", "[2, 1]"), Ok(0.0));
        assert_eq!(score(r#"{"a": 1, "b": 2}"#, r#"{"a": 1}"#), Ok(0.0));
        assert_eq!(score(r#""1""#, "1"), Ok(0.0));
    }

    #[test]
    fn large_whole_numbers_are_told_apart() {
        assert_eq!(score("9007199254740993", "9007199254740992"), Ok(0.0));
    }

    #[test]
    fn an_answer_may_be_fenced() {
        for answer in [
            "```json\n{\"a\": 1}\n```\n",
            "```json {\"a\": 1}```",
            "Here it is:\n\n```\n{\"a\": 1}\n```\nAnything else?",
        ] {
            assert_eq!(score(answer, r#"{"a": 1}"#), Ok(1.0), "{answer}");
        }
        assert_eq!(score(r#""```1```""#, r#""```1```""#), Ok(1.0));
    }

    #[test]
    fn only_the_expected_text_must_be_json() {
        assert_eq!(score("not JSON", "{}"), Ok(0.0));
        assert!(matches!(score("{}", "{"), Err(ScoreError::Json { .. })));
    }
}
