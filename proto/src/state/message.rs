//! StateDiff messages: their operations, and the state that they lead to.

use serde_json::Value;

use super::hash::is_hash_of;
use super::operation::Operation;
use super::parse::{JsonError, parse};
use super::patch::{PatchError, Reason, apply};
use super::pointer::Pointer;
use crate::enums;
use crate::message::diff_operation::{OpType, ValueEncoding};
use crate::message::{DiffOperation, StateDiff};
use crate::messages::state_diff::name_of;

/// Why a StateDiff leads to no state.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum DiffError {
    /// The whole state was sent, and is not UTF-8.
    #[error("full_state is not UTF-8")]
    NotText,
    /// The whole state was sent, and is not JSON.
    #[error("full_state is {0}")]
    FullState(#[from] JsonError),
    /// The operations cannot be read or applied.
    #[error(transparent)]
    Patch(#[from] PatchError),
}

/// The state that a StateDiff leads to.
#[derive(Clone, Debug, PartialEq)]
pub struct Applied {
    /// The state.
    pub state: Value,
    /// Whether the producer's hash is that of the state; none without a hash. One that differs says that the base was
    /// another one, or that the producer prints numbers in its own way.
    pub hash_ok: Option<bool>,
}

/// The state that a StateDiff leads to from `base`, the state after the StateDiff before it. A whole state in the message
/// counts alone; base and operations do not then.
///
/// # Errors
/// [`DiffError`] that names what cannot be read or applied. Nothing of the diff is applied then.
pub fn apply_diff(base: &Value, diff: &StateDiff) -> Result<Applied, DiffError> {
    let state = if diff.full_state.is_empty() {
        apply(base, &operations(&diff.operations)?)?
    } else {
        let text = simdutf8::basic::from_utf8(&diff.full_state).map_err(|_| DiffError::NotText)?;
        parse(text)?
    };
    let hash_ok = (!diff.state_hash.is_empty()).then(|| is_hash_of(&diff.state_hash, &state));
    Ok(Applied { state, hash_ok })
}

/// The operations of a message.
fn operations(messages: &[DiffOperation]) -> Result<Vec<Operation>, PatchError> {
    let read = |(at, message): (usize, &DiffOperation)| {
        operation(message).map_err(|reason| {
            let name = OpType::try_from(message.op)
                .map_or_else(|_| enums::operation(message.op), |op| name_of(op).into());
            PatchError::Operation {
                number: at + 1,
                total: messages.len(),
                what: format!("{name} {:?}", message.path),
                reason,
            }
        })
    };
    messages.iter().enumerate().map(read).collect()
}

fn operation(message: &DiffOperation) -> Result<Operation, Reason> {
    let op = OpType::try_from(message.op).map_err(|_| Reason::Unknown)?;
    let path = Pointer::parse(&message.path)?;
    Ok(match op {
        OpType::Add => Operation::Add {
            path,
            value: value(message)?,
        },
        OpType::Remove => Operation::Remove { path },
        OpType::Replace => Operation::Replace {
            path,
            value: value(message)?,
        },
        OpType::Move => Operation::Move {
            from: Pointer::parse(&message.from)?,
            path,
        },
        OpType::Copy => Operation::Copy {
            from: Pointer::parse(&message.from)?,
            path,
        },
        OpType::Test => Operation::Test {
            path,
            value: value(message)?,
        },
    })
}

/// The value of an operation. No bytes stand for null; raw bytes and those of an unknown encoding are read as JSON, as
/// producers' own readers do.
fn value(message: &DiffOperation) -> Result<Value, Reason> {
    let encoding = ValueEncoding::try_from(message.encoding);
    if let Ok(ValueEncoding::Msgpack | ValueEncoding::Protobuf) = encoding {
        return Err(Reason::Encoding(
            enums::value_encoding(message.encoding).into_owned(),
        ));
    }
    if message.value.is_empty() {
        return Ok(Value::Null);
    }
    let text = simdutf8::basic::from_utf8(&message.value).map_err(|_| Reason::NotText)?;
    parse(text).map_err(Reason::Value)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;
    use crate::state::hash;

    fn message(op: i32, path: &str, value: &[u8], from: &str, encoding: i32) -> DiffOperation {
        DiffOperation {
            op,
            path: path.to_owned(),
            value: value.to_vec(),
            from: from.to_owned(),
            encoding,
        }
    }

    fn diff(operations: Vec<DiffOperation>) -> StateDiff {
        StateDiff {
            operations,
            ..StateDiff::default()
        }
    }

    #[test]
    fn operations_of_every_kind_and_encoding_are_applied() {
        let json = ValueEncoding::Json as i32;
        let raw = ValueEncoding::Raw as i32;
        let operations = vec![
            message(OpType::Test as i32, "/a", b"[1, 2]", "", json),
            message(OpType::Add as i32, "/a/0", b"", "", json),
            message(OpType::Remove as i32, "/a/1", b"", "", json),
            message(OpType::Replace as i32, "/b", b"1.0", "", raw),
            message(OpType::Copy as i32, "/c", b"", "/a", json),
            message(OpType::Move as i32, "/d~1e", b"", "/b", json),
            message(OpType::Add as i32, "/f", b"\"\xc3\xa9\"", "", 99),
        ];
        let mut diff = diff(operations);
        let base = json!({"a": [1, 2], "b": 0});
        let expected = json!({"a": [null, 2], "c": [null, 2], "d/e": 1.0, "f": "é"});
        for (hash, hash_ok) in [
            (vec![], None),
            (hash(&expected).to_vec(), Some(true)),
            (hash(&base).to_vec(), Some(false)),
        ] {
            diff.state_hash = hash;
            let state = expected.clone();
            assert_eq!(apply_diff(&base, &diff), Ok(Applied { state, hash_ok }));
        }
        // A whole state counts alone.
        diff.full_state = b"[7]".to_vec();
        assert_eq!(apply_diff(&base, &diff).unwrap().state, json!([7]));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (operation, reason) in [
            (
                message(6, "/a", b"1", "", 0),
                "operation 1 of 1 (UNKNOWN(6) \"/a\"): the operation is unknown",
            ),
            (
                message(0, "/a", b"\x01", "", 1),
                "(add \"/a\"): its value has encoding MSGPACK",
            ),
            (message(0, "/a", b"", "", 2), "its value has encoding PROTOBUF"),
            (
                message(2, "/a", b"hi", "", 3),
                "(replace \"/a\"): its value is not JSON: expected a value at byte 0",
            ),
            (message(0, "/a", b"\xff", "", 0), "its value is not UTF-8"),
            (message(0, "a", b"1", "", 0), "must be empty or start with '/'"),
            (message(3, "/a", b"", "b", 0), "must be empty or start with '/'"),
            (message(1, "/b", b"", "", 0), "there is nothing at \"/b\""),
        ] {
            let error = apply_diff(&json!({"a": 1}), &diff(vec![operation])).unwrap_err();
            assert!(error.to_string().contains(reason), "{error}");
        }
        for (full_state, reason) in [(&b"\xff"[..], "not UTF-8"), (b"{", "full_state is not JSON")] {
            let diff = StateDiff {
                full_state: full_state.to_vec(),
                ..StateDiff::default()
            };
            let error = apply_diff(&Value::Null, &diff).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }
}
