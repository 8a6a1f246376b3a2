//! Applying the operations of RFC 6902 to a state.
//!
//! A patch is applied wholly or not at all. The rules are strict, as those of producers are: an index has no sign and no
//! leading zeros, what is replaced or removed must be there, nothing moves into itself, and `1` and `1.0` differ.

use serde_json::Value;

use super::operation::Operation;
use super::parse::JsonError;
use super::pointer::{Pointer, PointerError, get_mut, index};
use super::{STATE_BYTES_MAX, STATE_NESTING_MAX};

/// Why a patch cannot be read or applied.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PatchError {
    /// The text is not JSON.
    #[error("the operations are {0}")]
    Json(#[from] JsonError),
    /// The text is JSON, but no array.
    #[error("the operations are not a JSON array of objects with op and path")]
    NotAList,
    /// One operation cannot be read or applied.
    #[error("operation {number} of {total} ({what}): {reason}")]
    Operation {
        /// Which one, from 1.
        number: usize,
        /// How many there are.
        total: usize,
        /// Its name and path.
        what: String,
        /// What is wrong with it.
        reason: Reason,
    },
}

/// What is wrong with an operation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// A member is missing, or not a text where one is needed.
    #[error("it has no {0}")]
    Lacks(&'static str),
    /// An operation that RFC 6902 does not know.
    #[error("the operation is unknown; known are add, remove, replace, move, copy and test")]
    Unknown,
    /// A value in another encoding than JSON.
    #[error("its value has encoding {0}; only JSON can be read")]
    Encoding(String),
    /// A value that should be JSON and is not.
    #[error("its value is {0}")]
    Value(JsonError),
    /// A value that should be JSON and is not even UTF-8.
    #[error("its value is not UTF-8")]
    NotText,
    /// A path that is none.
    #[error(transparent)]
    Pointer(#[from] PointerError),
    /// There is nothing there.
    #[error("there is nothing at {0:?}")]
    Nothing(String),
    /// An element beyond the end of an array, or no index at all.
    #[error("{token:?} is no place in an array of {len}")]
    Index {
        /// The last part of the path.
        token: String,
        /// Elements of the array.
        len: usize,
    },
    /// The whole state cannot be removed.
    #[error("the whole state cannot be removed or moved")]
    Whole,
    /// A value moves into a part of itself.
    #[error("{0:?} cannot move into itself")]
    IntoItself(String),
    /// Another value is there than the one that is tested for.
    #[error("the value there is another one")]
    Test,
    /// The state would nest too deeply.
    #[error("the state would nest deeper than {0} levels")]
    Nesting(usize),
    /// The state would grow too large.
    #[error("the state would grow beyond {0} bytes of JSON")]
    Size(usize),
}

/// The state after these operations.
///
/// # Errors
/// [`PatchError`] that names the first operation which cannot be applied.
pub fn apply(state: &Value, operations: &[Operation]) -> Result<Value, PatchError> {
    let mut patched = Patched {
        state: state.clone(),
        bytes_left: STATE_BYTES_MAX.saturating_sub(bytes(state)),
    };
    for (at, operation) in operations.iter().enumerate() {
        patched.apply(operation).map_err(|reason| PatchError::Operation {
            number: at + 1,
            total: operations.len(),
            what: format!("{} {:?}", operation.name(), operation.path().to_string()),
            reason,
        })?;
    }
    Ok(patched.state)
}

/// A state in the middle of a patch.
struct Patched {
    state: Value,
    /// How much the operations that follow may add.
    bytes_left: usize,
}

impl Patched {
    fn apply(&mut self, operation: &Operation) -> Result<(), Reason> {
        match operation {
            Operation::Add { path, value } => {
                self.admit(path, value)?;
                self.add(path, value.clone())
            }
            Operation::Remove { path } => self.remove(path).map(drop),
            Operation::Replace { path, value } => {
                self.admit(path, value)?;
                *self.place(path)? = value.clone();
                Ok(())
            }
            Operation::Move { from, path } if from == path => self.place(from).map(drop),
            Operation::Move { from, path } if path.is_within(from) => {
                Err(Reason::IntoItself(from.to_string()))
            }
            Operation::Move { from, path } => {
                let value = self.remove(from)?;
                check_nesting(path, &value)?;
                self.add(path, value)
            }
            Operation::Copy { from, path } => {
                let value = from
                    .get(&self.state)
                    .ok_or_else(|| Reason::Nothing(from.to_string()))?;
                let (depth, bytes) = (check_nesting(path, value), bytes(value));
                depth?;
                self.spend(bytes)?;
                let value = self.place(from)?.clone();
                self.add(path, value)
            }
            Operation::Test { path, value } if self.place(path)? == value => Ok(()),
            Operation::Test { .. } => Err(Reason::Test),
        }
    }

    /// Checks that a new value may stand there.
    fn admit(&mut self, path: &Pointer, value: &Value) -> Result<(), Reason> {
        check_nesting(path, value)?;
        self.spend(bytes(value))
    }

    fn spend(&mut self, bytes: usize) -> Result<(), Reason> {
        self.bytes_left = self
            .bytes_left
            .checked_sub(bytes)
            .ok_or(Reason::Size(STATE_BYTES_MAX))?;
        Ok(())
    }

    fn place(&mut self, path: &Pointer) -> Result<&mut Value, Reason> {
        get_mut(&mut self.state, path.tokens()).ok_or_else(|| Reason::Nothing(path.to_string()))
    }

    /// What holds the place, and the last part of its path; none for the whole.
    fn parent<'a>(&mut self, path: &'a Pointer) -> Result<Option<(&mut Value, &'a str)>, Reason> {
        let Some((last, parents)) = path.split_last() else {
            return Ok(None);
        };
        match get_mut(&mut self.state, parents) {
            Some(parent) => Ok(Some((parent, last))),
            None => Err(Reason::Nothing(path.to_string())),
        }
    }

    fn add(&mut self, path: &Pointer, value: Value) -> Result<(), Reason> {
        match self.parent(path)? {
            None => self.state = value,
            Some((Value::Object(members), name)) => {
                members.insert(name.to_owned(), value);
            }
            Some((Value::Array(items), "-")) => items.push(value),
            Some((Value::Array(items), token)) => match index(token).filter(|at| *at <= items.len()) {
                Some(at) => items.insert(at, value),
                None => return Err(no_place(token, items)),
            },
            Some(_) => return Err(Reason::Nothing(path.to_string())),
        }
        Ok(())
    }

    fn remove(&mut self, path: &Pointer) -> Result<Value, Reason> {
        match self.parent(path)? {
            None => Err(Reason::Whole),
            Some((Value::Object(members), name)) => members
                .remove(name)
                .ok_or_else(|| Reason::Nothing(path.to_string())),
            Some((Value::Array(items), token)) => match index(token).filter(|at| *at < items.len()) {
                Some(at) => Ok(items.remove(at)),
                None => Err(no_place(token, items)),
            },
            Some(_) => Err(Reason::Nothing(path.to_string())),
        }
    }
}

fn no_place(token: &str, items: &[Value]) -> Reason {
    Reason::Index {
        token: token.to_owned(),
        len: items.len(),
    }
}

fn check_nesting(path: &Pointer, value: &Value) -> Result<(), Reason> {
    if path.tokens().len() + depth(value) > STATE_NESTING_MAX {
        return Err(Reason::Nesting(STATE_NESTING_MAX));
    }
    Ok(())
}

/// Levels of arrays and objects.
pub(super) fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// About the length of a value as JSON text; escapes count as what they stand for.
fn bytes(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + 3,
        Value::Array(items) => 3 + items.iter().map(bytes).sum::<usize>(),
        Value::Object(members) => {
            3 + members
                .iter()
                .map(|(name, member)| name.len() + 3 + bytes(member))
                .sum::<usize>()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => 5,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::state::{parse, parse_patch};

    fn patched(state: &str, patch: &str) -> Result<String, String> {
        let state = parse(state).unwrap();
        let operations = parse_patch(patch).map_err(|error| error.to_string())?;
        apply(&state, &operations)
            .map(|state| state.to_string())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn every_operation_does_what_rfc_6902_says() {
        for (state, patch, expected) in [
            (
                r#"{"a":1}"#,
                r#"[{"op":"add","path":"/b","value":[2]}]"#,
                r#"{"a":1,"b":[2]}"#,
            ),
            (
                r#"{"a":1}"#,
                r#"[{"op":"add","path":"/a","value":2}]"#,
                r#"{"a":2}"#,
            ),
            ("[1,3]", r#"[{"op":"add","path":"/1","value":2}]"#, "[1,2,3]"),
            ("[1]", r#"[{"op":"add","path":"/1","value":2}]"#, "[1,2]"),
            ("[1]", r#"[{"op":"add","path":"/-","value":2}]"#, "[1,2]"),
            ("[1]", r#"[{"op":"add","path":"","value":2}]"#, "2"),
            (
                r#"{"a":1,"b":2}"#,
                r#"[{"op":"remove","path":"/a"}]"#,
                r#"{"b":2}"#,
            ),
            (
                "[1,2,3]",
                r#"[{"op":"remove","path":"/1"},{"op":"remove","path":"/1"}]"#,
                "[1]",
            ),
            (
                r#"{"a":[1]}"#,
                r#"[{"op":"replace","path":"/a/0","value":null}]"#,
                r#"{"a":[null]}"#,
            ),
            (
                r#"{"a":{"b":1},"c":{}}"#,
                r#"[{"op":"move","from":"/a/b","path":"/c/d"}]"#,
                r#"{"a":{},"c":{"d":1}}"#,
            ),
            ("[1,2,3]", r#"[{"op":"move","from":"/0","path":"/2"}]"#, "[2,3,1]"),
            (
                r#"{"a":1}"#,
                r#"[{"op":"move","from":"/a","path":"/a"}]"#,
                r#"{"a":1}"#,
            ),
            (
                r#"{"a":[1]}"#,
                r#"[{"op":"copy","from":"/a","path":"/a/-"}]"#,
                r#"{"a":[1,[1]]}"#,
            ),
            (
                r#"{"a":[1]}"#,
                r#"[{"op":"copy","from":"","path":"/b"}]"#,
                r#"{"a":[1],"b":{"a":[1]}}"#,
            ),
            (
                r#"{"a":[1]}"#,
                r#"[{"op":"test","path":"/a","value":[1]}]"#,
                r#"{"a":[1]}"#,
            ),
            (
                r#"{"01":1}"#,
                r#"[{"op":"replace","path":"/01","value":2}]"#,
                r#"{"01":2}"#,
            ),
        ] {
            assert_eq!(patched(state, patch).unwrap(), expected, "{state} {patch}");
        }
    }

    #[test]
    fn what_cannot_be_applied_is_named_with_its_reason() {
        for (state, patch, message) in [
            (
                "[1]",
                r#"[{"op":"add","path":"/2","value":2}]"#,
                "operation 1 of 1 (add \"/2\"): \"2\" is no place in an array of 1",
            ),
            (
                "[1]",
                r#"[{"op":"remove","path":"/1"}]"#,
                "\"1\" is no place in an array of 1",
            ),
            (
                "[1]",
                r#"[{"op":"replace","path":"/-","value":2}]"#,
                "there is nothing at \"/-\"",
            ),
            ("[1,2]", r#"[{"op":"remove","path":"/01"}]"#, "\"01\" is no place"),
            (
                "[1,2]",
                r#"[{"op":"add","path":"/+1","value":1}]"#,
                "\"+1\" is no place",
            ),
            (
                "{}",
                r#"[{"op":"replace","path":"/a","value":2}]"#,
                "there is nothing at \"/a\"",
            ),
            (
                "{}",
                r#"[{"op":"remove","path":"/a"}]"#,
                "there is nothing at \"/a\"",
            ),
            (
                "{}",
                r#"[{"op":"add","path":"/a/b","value":2}]"#,
                "there is nothing at \"/a/b\"",
            ),
            (
                r#"{"a":1}"#,
                r#"[{"op":"add","path":"/a/b","value":2}]"#,
                "there is nothing at \"/a/b\"",
            ),
            (
                "{}",
                r#"[{"op":"remove","path":""}]"#,
                "the whole state cannot be removed or moved",
            ),
            (
                r#"{"a":{}}"#,
                r#"[{"op":"move","from":"/a","path":"/a/b"}]"#,
                "\"/a\" cannot move into itself",
            ),
            (
                r#"{"a":1}"#,
                r#"[{"op":"test","path":"/a","value":1.0}]"#,
                "the value there is another one",
            ),
            (
                r#"{"a":1}"#,
                r#"[{"op":"remove","path":"/a"},{"op":"copy","from":"/a","path":"/b"}]"#,
                "operation 2 of 2 (copy \"/b\"): there is nothing at \"/a\"",
            ),
        ] {
            let error = patched(state, patch).unwrap_err();
            assert!(error.contains(message), "{error}");
        }
    }

    #[test]
    fn a_patch_that_copies_the_state_into_itself_ends_at_a_limit() {
        let copies = |count: usize, path: &str| {
            let operation = format!(r#"{{"op":"copy","from":"","path":"{path}"}}"#);
            format!("[{}]", vec![operation; count].join(","))
        };
        let state = r#"{"a":"0123456789"}"#;
        let error = patched(state, &copies(100, "/a")).unwrap_err();
        assert!(
            error.contains("operation 100 of 100") && error.contains("deeper than 100 levels"),
            "{error}"
        );
        let wide = format!("[\"{}\"]", "x".repeat(1 << 20));
        let error = patched(&wide, &copies(60, "/-")).unwrap_err();
        assert!(error.contains("beyond 134217728 bytes"), "{error}");
    }

    #[test]
    fn nothing_can_be_moved_or_added_below_the_deepest_level() {
        let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        let state = format!(r#"{{"a":{},"b":[]}}"#, deep(98));
        assert!(patched(&state, r#"[{"op":"move","from":"/a","path":"/b/0"}]"#).is_ok());
        let state = format!(r#"{{"a":{},"b":[[]]}}"#, deep(99));
        let error = patched(&state, r#"[{"op":"move","from":"/a","path":"/b/0/0"}]"#).unwrap_err();
        assert!(error.contains("deeper than 100 levels"), "{error}");
    }
}
