//! Canonical JSON and its hash.
//!
//! The hash of a state is the SHA-256 of its canonical text: members sorted by the UTF-8 bytes of their names, no
//! blanks, strings escaped no more than JSON demands, integers as digits, floats in the shortest form that reads back
//! the same and always marked as floats. Producers differ in one spelling: a float from 1e16 on has its exponent with
//! a `+` or without, depending on the age of the library that printed it. Both are accepted.

use serde_json::{Number, Value};
use sha2::{Digest, Sha256};

use crate::json::write_string;

/// Length of a hash, in bytes.
pub const HASH_BYTES: usize = 32;

/// How an exponent above zero is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exponent {
    /// `1e+16`
    Signed,
    /// `1e16`
    Bare,
}

/// The canonical JSON text of a value. Exponents above zero carry a `+`.
#[must_use]
pub fn canonical(value: &Value) -> String {
    let mut out = Vec::new();
    write_canonical(&mut out, value);
    // Everything written is UTF-8 by its parts.
    String::from_utf8(out).unwrap_or_default()
}

/// Appends the canonical JSON text of a value.
pub(super) fn write_canonical(out: &mut Vec<u8>, value: &Value) {
    write(out, value, Exponent::Signed);
}

/// The hash of a state.
#[must_use]
pub fn hash(value: &Value) -> [u8; HASH_BYTES] {
    Sha256::digest(canonical(value)).into()
}

/// Whether these bytes are the hash of the state, in either spelling of exponents.
#[must_use]
pub fn is_hash_of(bytes: &[u8], value: &Value) -> bool {
    if bytes.len() != HASH_BYTES {
        return false;
    }
    let mut out = Vec::new();
    let has_exponent = write(&mut out, value, Exponent::Signed);
    if Sha256::digest(&out).as_slice() == bytes {
        return true;
    }
    if !has_exponent {
        return false;
    }
    out.clear();
    write(&mut out, value, Exponent::Bare);
    Sha256::digest(&out).as_slice() == bytes
}

/// Writes a value, and tells whether it holds a float whose exponent can be spelled in two ways.
fn write(out: &mut Vec<u8>, value: &Value, exponent: Exponent) -> bool {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) => return write_number(out, number, exponent),
        Value::String(text) => write_string(out, text),
        Value::Array(items) => {
            let mut found = false;
            out.push(b'[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                found |= write(out, item, exponent);
            }
            out.push(b']');
            return found;
        }
        Value::Object(members) => {
            let mut found = false;
            // A map that keeps the order of insertion would do as well: the order here is that of the hash.
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_unstable_by(|a, b| a.0.cmp(b.0));
            out.push(b'{');
            for (at, (name, member)) in sorted.into_iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                write_string(out, name);
                out.push(b':');
                found |= write(out, member, exponent);
            }
            out.push(b'}');
            return found;
        }
    }
    false
}

/// Writes a number, with the wanted spelling whichever of them serde_json prints.
fn write_number(out: &mut Vec<u8>, number: &Number, exponent: Exponent) -> bool {
    let text = number.to_string();
    let Some((digits, power)) = text.split_once('e') else {
        out.extend_from_slice(text.as_bytes());
        return false;
    };
    out.extend_from_slice(digits.as_bytes());
    out.push(b'e');
    let is_above_zero = !power.starts_with('-');
    if is_above_zero && exponent == Exponent::Signed {
        out.push(b'+');
    }
    out.extend_from_slice(power.trim_start_matches('+').as_bytes());
    is_above_zero
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;
    use crate::state::parse;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn hashes_are_those_that_the_protocol_states() {
        let golden = parse(r#"{"b":2,"a":1,"nested":{"z":"x","y":[true,null]}}"#).unwrap();
        assert_eq!(
            hex(&hash(&golden)),
            "f35279c8aa6b00bc82d43a191596cc3b41b7de7899ee16e36a08efe3afc45103"
        );
        assert!(hex(&hash(&json!({}))).starts_with("44136fa3"));
        assert!(hex(&hash(&json!({"x": 1.0}))).starts_with("bf32f562"));
        assert!(hex(&hash(&json!({"x": 1}))).starts_with("5041bf1f"));
    }

    #[test]
    fn canonical_text_is_sorted_by_bytes_and_escapes_as_little_as_it_can() {
        // U+FF5E sorts before U+1F600 by UTF-8 bytes, after it by UTF-16 units.
        let value = json!({"\u{1F600}": 1, "\u{FF5E}": 2, "b": [0.00001, 1e-6, -0.0, 1.0], "a": "\u{1}\u{8}/\u{2028}\"\\\u{7f}"});
        assert_eq!(
            canonical(&value),
            "{\"a\":\"\\u0001\\b/\u{2028}\\\"\\\\\u{7f}\",\"b\":[0.00001,1e-6,-0.0,1.0],\"\u{FF5E}\":2,\"\u{1F600}\":1}"
        );
    }

    #[test]
    fn a_hash_over_either_spelling_of_large_floats_is_accepted() {
        let value = json!({"x": [1e16, 1.5e300, 1e-7]});
        let signed = r#"{"x":[1e+16,1.5e+300,1e-7]}"#;
        assert_eq!(canonical(&value), signed);
        let bare = signed.replace("e+", "e");
        assert!(is_hash_of(&Sha256::digest(signed), &value));
        assert!(is_hash_of(&Sha256::digest(&bare), &value));
        assert!(!is_hash_of(
            &Sha256::digest(r#"{"x":[1e16,1.5e+300,1e-7]}"#),
            &value
        ));
        assert!(!is_hash_of(&Sha256::digest(&bare)[..31], &value));
        assert!(!is_hash_of(b"", &value));
    }
}
