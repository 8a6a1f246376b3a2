//! JSON text to a value that keeps every number exactly.
//!
//! serde_json's own parser may miss the last bit of a float with many digits, unless a feature is on that would change
//! it for everyone in the program. A state that is one bit off has another hash, so states are parsed here: structure
//! and numbers by this file, escapes in strings by serde_json.

use serde_json::{Map, Number, Value};

use super::STATE_NESTING_MAX;

/// Why a text is not taken as JSON.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// Something else than the grammar of JSON allows.
    #[error("not JSON: expected {expected} at byte {position}")]
    Syntax {
        /// What could have stood there.
        expected: &'static str,
        /// Where, in bytes from the start.
        position: usize,
    },
    /// The text nests deeper than a state may.
    #[error("the JSON nests deeper than {limit} levels at byte {position}")]
    Nesting {
        /// The most levels.
        limit: usize,
        /// Where, in bytes from the start.
        position: usize,
    },
}

/// Reads one JSON value. Integers of 64 bits stay integers; all other numbers become the nearest float. Of several
/// members of one name the last one counts.
///
/// # Errors
/// [`JsonError`] for anything but one JSON value that nests at most [`STATE_NESTING_MAX`] levels.
pub fn parse(text: &str) -> Result<Value, JsonError> {
    let mut parser = Parser { text, at: 0 };
    let value = parser.value(0)?;
    parser.blanks();
    if parser.at < text.len() {
        return parser.expected("the end");
    }
    Ok(value)
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl Parser<'_> {
    fn expected<T>(&self, expected: &'static str) -> Result<T, JsonError> {
        Err(JsonError::Syntax {
            expected,
            position: self.at,
        })
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Takes this byte if it is next.
    fn takes(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value, JsonError> {
        self.blanks();
        match self.peek() {
            Some(b'{' | b'[') if depth == STATE_NESTING_MAX => Err(JsonError::Nesting {
                limit: STATE_NESTING_MAX,
                position: self.at,
            }),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => Ok(Value::String(self.string()?)),
            Some(b'-' | b'0'..=b'9') => self.number().map(Value::Number),
            _ => self.word(),
        }
    }

    fn word(&mut self) -> Result<Value, JsonError> {
        for (word, value) in [
            ("null", Value::Null),
            ("true", Value::Bool(true)),
            ("false", Value::Bool(false)),
        ] {
            if self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(value);
            }
        }
        self.expected("a value")
    }

    fn object(&mut self, depth: usize) -> Result<Value, JsonError> {
        self.at += 1;
        let mut members = Map::new();
        self.blanks();
        if self.takes(b'}') {
            return Ok(Value::Object(members));
        }
        loop {
            self.blanks();
            if self.peek() != Some(b'"') {
                return self.expected("a name");
            }
            let name = self.string()?;
            self.blanks();
            if !self.takes(b':') {
                return self.expected("':'");
            }
            members.insert(name, self.value(depth + 1)?);
            self.blanks();
            if self.takes(b'}') {
                return Ok(Value::Object(members));
            }
            if !self.takes(b',') {
                return self.expected("',' or '}'");
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value, JsonError> {
        self.at += 1;
        let mut items = Vec::new();
        self.blanks();
        if self.takes(b']') {
            return Ok(Value::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.blanks();
            if self.takes(b']') {
                return Ok(Value::Array(items));
            }
            if !self.takes(b',') {
                return self.expected("',' or ']'");
            }
        }
    }

    fn string(&mut self) -> Result<String, JsonError> {
        let start = self.at;
        let bytes = self.text.as_bytes();
        let mut end = start + 1;
        let mut is_escaped = false;
        loop {
            match bytes.get(end) {
                Some(b'"') => break,
                Some(b'\\') => {
                    is_escaped = true;
                    end += 2;
                }
                Some(0..0x20) | None => {
                    self.at = end.min(bytes.len());
                    return self.expected("the end of a string");
                }
                Some(_) => end += 1,
            }
        }
        self.at = end + 1;
        if !is_escaped {
            return Ok(self.text[start + 1..end].to_owned());
        }
        serde_json::from_str(&self.text[start..=end]).map_err(|_| JsonError::Syntax {
            expected: "escapes that JSON knows",
            position: start,
        })
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return self.expected("a digit");
        }
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<Number, JsonError> {
        let start = self.at;
        let is_negative = self.takes(b'-');
        if !self.takes(b'0') {
            self.digits()?;
        }
        let mut is_integer = true;
        if self.takes(b'.') {
            is_integer = false;
            self.digits()?;
        }
        if self.takes(b'e') || self.takes(b'E') {
            is_integer = false;
            let _ = self.takes(b'+') || self.takes(b'-');
            self.digits()?;
        }
        let text = &self.text[start..self.at];
        // "-0" is a float: no integer has a sign of zero.
        if is_integer && text != "-0" {
            let integer = if is_negative {
                text.parse::<i64>().map(Number::from)
            } else {
                text.parse::<u64>().map(Number::from)
            };
            if let Ok(integer) = integer {
                return Ok(integer);
            }
        }
        let float = text.parse().ok().and_then(Number::from_f64);
        float.ok_or(JsonError::Syntax {
            expected: "a number that a float can hold",
            position: start,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_that_are_not_json_are_refused_at_their_byte() {
        for (text, position) in [
            ("", 0),
            ("[1,]", 3),
            ("{\"a\" 1}", 5),
            ("{a:1}", 1),
            ("01", 1),
            ("1.", 2),
            ("-", 1),
            ("nul", 0),
            ("\"a", 2),
            ("\"\n\"", 1),
            ("[1] 2", 4),
            ("1e", 2),
            ("\"\\x\"", 0),
            ("\"\\", 2),
            ("1e999", 0),
            ("+1", 0),
        ] {
            let Err(JsonError::Syntax { position: at, .. }) = parse(text) else {
                panic!("{text:?} was taken");
            };
            assert_eq!(at, position, "{text:?}");
            assert!(serde_json::from_str::<Value>(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_value_that_nests_deeper_than_the_limit_is_refused() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(&nested(STATE_NESTING_MAX)).is_ok());
        assert_eq!(
            parse(&nested(STATE_NESTING_MAX + 1)),
            Err(JsonError::Nesting {
                limit: STATE_NESTING_MAX,
                position: STATE_NESTING_MAX
            })
        );
        assert!(parse(&nested(100_000)).is_err());
    }

    #[test]
    fn integers_of_64_bits_are_kept_and_the_last_of_equal_names_counts() {
        let value =
            parse(" {\"a\": 18446744073709551615, \"b\": [-9223372036854775808, 1.0], \"a\": -0} ").unwrap();
        assert_eq!(value.to_string(), r#"{"a":-0.0,"b":[-9223372036854775808,1.0]}"#);
        assert_eq!(
            parse("18446744073709551616").unwrap().to_string(),
            "1.8446744073709552e+19"
        );
    }

    proptest! {
        #[test]
        fn what_serde_json_writes_is_read_back_bit_by_bit(bits: u64) {
            let float = f64::from_bits(bits);
            prop_assume!(float.is_finite());
            let text = Value::from(float).to_string();
            let read = parse(&text).unwrap().as_f64().unwrap();
            prop_assert_eq!(read.to_bits(), bits, "{}", text);
        }

        #[test]
        fn texts_mean_what_serde_json_says(text in r#"[\[\]{},:"\\a-c0-2 .e+-]{0,12}|null|true"#) {
            let ours = parse(&text).ok();
            let theirs = serde_json::from_str::<Value>(&text).ok();
            prop_assert_eq!(ours, theirs, "{}", text);
        }

        #[test]
        fn strings_keep_their_text(text: String) {
            let written = Value::from(text.as_str()).to_string();
            prop_assert_eq!(parse(&written).unwrap(), Value::from(text));
        }
    }
}
