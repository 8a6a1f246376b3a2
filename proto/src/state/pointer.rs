//! Places in a state: JSON Pointers of RFC 6901.

use std::fmt;

use serde_json::Value;

/// A JSON Pointer: empty for the whole, else `/` before each name or index, with `~0` for `~` and `~1` for `/`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pointer {
    tokens: Vec<String>,
}

/// Why a text is no pointer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PointerError {
    /// It has a start of its own.
    #[error("pointer {pointer:?} must be empty or start with '/'")]
    Start {
        /// The text.
        pointer: String,
    },
    /// A `~` that is followed by neither 0 nor 1.
    #[error("pointer {pointer:?} has a '~' that is not followed by 0 (for '~') or 1 (for '/')")]
    Escape {
        /// The text.
        pointer: String,
    },
}

impl Pointer {
    /// Reads a pointer.
    ///
    /// # Errors
    /// [`PointerError`] for a text that neither is empty nor starts with `/`, and for an escape that is none.
    pub fn parse(text: &str) -> Result<Self, PointerError> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let Some(rest) = text.strip_prefix('/') else {
            return Err(PointerError::Start {
                pointer: text.to_owned(),
            });
        };
        let tokens = rest
            .split('/')
            .map(|token| {
                unescape(token).ok_or_else(|| PointerError::Escape {
                    pointer: text.to_owned(),
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { tokens })
    }

    /// The pointer with these names and indexes on the way, unescaped.
    pub(super) fn from_tokens(tokens: impl Iterator<Item = String>) -> Self {
        Self {
            tokens: tokens.collect(),
        }
    }

    /// Names and indexes on the way, unescaped.
    #[must_use]
    pub fn tokens(&self) -> &[String] {
        &self.tokens
    }

    /// The way to the place that holds this one, and the last name; none for the whole.
    pub(super) fn split_last(&self) -> Option<(&str, &[String])> {
        self.tokens
            .split_last()
            .map(|(last, parents)| (last.as_str(), parents))
    }

    /// Whether this place lies within `other`, or is it.
    pub(super) fn is_within(&self, other: &Self) -> bool {
        self.tokens.starts_with(&other.tokens)
    }

    /// What stands there, if anything does.
    #[must_use]
    pub fn get<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        self.tokens.iter().try_fold(value, |value, token| match value {
            Value::Object(members) => members.get(token),
            Value::Array(items) => items.get(index(token)?),
            _ => None,
        })
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tokens.iter().try_for_each(|token| write_token(f, token))
    }
}

/// Writes a name or index, escaped, with the `/` before it.
pub(super) fn write_token(out: &mut impl fmt::Write, token: &str) -> fmt::Result {
    out.write_char('/')?;
    let mut rest = token;
    while let Some((plain, special)) = rest.find(['~', '/']).and_then(|at| rest.split_at_checked(at)) {
        out.write_str(plain)?;
        out.write_str(if special.starts_with('~') { "~0" } else { "~1" })?;
        rest = &special[1..];
    }
    out.write_str(rest)
}

/// What stands at the end of this way.
pub(super) fn get_mut<'a>(value: &'a mut Value, tokens: &[String]) -> Option<&'a mut Value> {
    tokens.iter().try_fold(value, |value, token| match value {
        Value::Object(members) => members.get_mut(token),
        Value::Array(items) => items.get_mut(index(token)?),
        _ => None,
    })
}

/// An index into an array: digits without a sign and without leading zeros.
pub(super) fn index(token: &str) -> Option<usize> {
    let is_plain = token == "0"
        || token.starts_with(|first: char| first.is_ascii_digit() && first != '0')
            && token.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| token.parse().ok()).flatten()
}

fn unescape(token: &str) -> Option<String> {
    let mut parts = token.split('~');
    let mut name = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (sign, rest) = match part.as_bytes().first() {
            Some(b'0') => ('~', &part[1..]),
            Some(b'1') => ('/', &part[1..]),
            _ => return None,
        };
        name.push(sign);
        name.push_str(rest);
    }
    Some(name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    #[test]
    fn pointers_find_what_they_name_and_are_written_as_they_were_read() {
        let value = json!({"a/b": {"m~n": [10, {"": true}]}, "01": 5});
        for (pointer, expected) in [
            ("", Some(&value)),
            ("/a~1b/m~0n/0", Some(&json!(10))),
            ("/a~1b/m~0n/1/", Some(&json!(true))),
            ("/01", Some(&json!(5))),
            ("/a~1b/m~0n/00", None),
            ("/a~1b/m~0n/+1", None),
            ("/a~1b/m~0n/-", None),
            ("/a~1b/m~0n/2", None),
            ("/a~1b/m~0n/99999999999999999999", None),
            ("/a~1b/m~0n/0/x", None),
        ] {
            let parsed = Pointer::parse(pointer).unwrap();
            assert_eq!(parsed.get(&value), expected, "{pointer}");
            assert_eq!(parsed.to_string(), pointer);
        }
    }

    #[test]
    fn texts_that_are_no_pointers_are_refused() {
        for text in ["a", "#/a", "~0"] {
            assert!(
                matches!(Pointer::parse(text), Err(PointerError::Start { .. })),
                "{text}"
            );
        }
        for text in ["/~", "/~2", "/a~/b", "/~é"] {
            assert!(
                matches!(Pointer::parse(text), Err(PointerError::Escape { .. })),
                "{text}"
            );
        }
        assert_eq!(Pointer::parse("/~01").unwrap().tokens(), ["~1"]);
    }
}
