//! Operations of RFC 6902: from their JSON text and back.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;

use super::hash::canonical;
use super::parse::parse;
use super::patch::{PatchError, Reason};
use super::pointer::Pointer;
use crate::json::{write_key, write_string};

/// One operation on a state.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// Puts a value where nothing is, over a member, or before an element; index `-` is the end of an array.
    Add {
        /// Where.
        path: Pointer,
        /// What.
        value: Value,
    },
    /// Takes away what is there.
    Remove {
        /// Where.
        path: Pointer,
    },
    /// Puts a value in place of what is there.
    Replace {
        /// Where.
        path: Pointer,
        /// What.
        value: Value,
    },
    /// Takes away what is at `from` and adds it at `path`.
    Move {
        /// From where.
        from: Pointer,
        /// Where to.
        path: Pointer,
    },
    /// Adds what is at `from` at `path` too.
    Copy {
        /// From where.
        from: Pointer,
        /// Where to.
        path: Pointer,
    },
    /// Fails unless the value is there.
    Test {
        /// Where.
        path: Pointer,
        /// What.
        value: Value,
    },
}

impl Operation {
    /// The name of the operation, as RFC 6902 has it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Add { .. } => "add",
            Self::Remove { .. } => "remove",
            Self::Replace { .. } => "replace",
            Self::Move { .. } => "move",
            Self::Copy { .. } => "copy",
            Self::Test { .. } => "test",
        }
    }

    /// The place that the operation names.
    #[must_use]
    pub fn path(&self) -> &Pointer {
        match self {
            Self::Add { path, .. }
            | Self::Remove { path }
            | Self::Replace { path, .. }
            | Self::Move { path, .. }
            | Self::Copy { path, .. }
            | Self::Test { path, .. } => path,
        }
    }

    /// Whether it sets the whole state, so that nothing needs to have been there.
    pub(super) fn sets_all(&self) -> bool {
        matches!(self, Self::Add { path, .. } | Self::Replace { path, .. } if path.tokens().is_empty())
    }
}

/// Reads a patch: a JSON array of operations, as it stands in column `operations`. Members that RFC 6902 does not know
/// are passed over, but for `encoding`, by which the column tells of a value that was not sent as JSON.
///
/// # Errors
/// [`PatchError`] that names the first operation which cannot be read.
pub fn parse_patch(text: &str) -> Result<Vec<Operation>, PatchError> {
    let Value::Array(items) = parse(text)? else {
        return Err(PatchError::NotAList);
    };
    let total = items.len();
    let read = |(at, item): (usize, Value)| {
        let member = |name| item.get(name).and_then(Value::as_str).unwrap_or("?");
        let what = format!("{} {:?}", member("op"), member("path"));
        operation(item).map_err(|reason| PatchError::Operation {
            number: at + 1,
            total,
            what,
            reason,
        })
    };
    items.into_iter().enumerate().map(read).collect()
}

fn operation(mut item: Value) -> Result<Operation, Reason> {
    let text = |name: &'static str| item.get(name).and_then(Value::as_str).ok_or(Reason::Lacks(name));
    let op = text("op")?.to_owned();
    let path = Pointer::parse(text("path")?)?;
    let from = match op.as_str() {
        "move" | "copy" => Pointer::parse(text("from")?)?,
        _ => Pointer::default(),
    };
    let encoding = text("encoding").ok().map(str::to_owned);
    let mut value = || {
        let value = item.get_mut("value").map(Value::take);
        decoded(value.ok_or(Reason::Lacks("value"))?, encoding.as_deref())
    };
    Ok(match op.as_str() {
        "add" => Operation::Add {
            path,
            value: value()?,
        },
        "remove" => Operation::Remove { path },
        "replace" => Operation::Replace {
            path,
            value: value()?,
        },
        "move" => Operation::Move { from, path },
        "copy" => Operation::Copy { from, path },
        "test" => Operation::Test {
            path,
            value: value()?,
        },
        _ => return Err(Reason::Unknown),
    })
}

/// The value that was sent in this encoding. Raw bytes and those of an unknown encoding are read as JSON, as producers'
/// own readers do.
fn decoded(value: Value, encoding: Option<&str>) -> Result<Value, Reason> {
    let encoding = match encoding {
        None | Some("JSON") => return Ok(value),
        Some(encoding @ ("MSGPACK" | "PROTOBUF")) => return Err(Reason::Encoding(encoding.to_owned())),
        Some(encoding) => encoding,
    };
    let Some(base64) = value.get("$bytes").and_then(Value::as_str) else {
        return Ok(value);
    };
    BASE64
        .decode(base64)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .and_then(|text| parse(&text).ok())
        .ok_or_else(|| Reason::Encoding(encoding.to_owned()))
}

/// The patch as compact JSON text.
#[must_use]
pub fn patch_text(operations: &[Operation]) -> String {
    let mut out = vec![b'['];
    for (at, operation) in operations.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write(&mut out, operation);
    }
    out.push(b']');
    // Everything written is UTF-8 by its parts.
    String::from_utf8(out).unwrap_or_default()
}

fn write(out: &mut Vec<u8>, operation: &Operation) {
    let mut first = true;
    let mut member = |out: &mut Vec<u8>, name: &str, text: &str| {
        write_key(out, &mut first, name);
        write_string(out, text);
    };
    out.push(b'{');
    member(out, "op", operation.name());
    if let Operation::Move { from, .. } | Operation::Copy { from, .. } = operation {
        member(out, "from", &from.to_string());
    }
    member(out, "path", &operation.path().to_string());
    if let Operation::Add { value, .. } | Operation::Replace { value, .. } | Operation::Test { value, .. } =
        operation
    {
        write_key(out, &mut first, "value");
        out.extend_from_slice(canonical(value).as_bytes());
    }
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_patch_is_written_as_it_was_read() {
        let text = concat!(
            r#"[{"op":"add","path":"/a~1b","value":[1,1.0]},{"op":"remove","path":"/c"},"#,
            r#"{"op":"replace","path":"","value":null},{"op":"move","from":"/x","path":"/y"},"#,
            r#"{"op":"copy","from":"","path":"/z/-"},{"op":"test","path":"/t","value":"\n"}]"#
        );
        assert_eq!(patch_text(&parse_patch(text).unwrap()), text);
        assert_eq!(patch_text(&[]), "[]");
    }

    #[test]
    fn an_operation_that_cannot_be_read_is_named() {
        for (operation, message) in [
            (
                r#"{"op":"UNKNOWN(9)","path":"/a"}"#,
                "operation 2 of 2 (UNKNOWN(9) \"/a\"): the operation is unknown",
            ),
            (r#"{"op":"add","path":"/a"}"#, "(add \"/a\"): it has no value"),
            (r#"{"op":"copy","path":"/a"}"#, "it has no from"),
            (r#"{"path":"/a"}"#, "(? \"/a\"): it has no op"),
            (
                r#"{"op":"add","path":"a","value":1}"#,
                "pointer \"a\" must be empty or start with '/'",
            ),
            (
                r#"{"op":"add","path":"/a","value":{"$bytes":"gA=="},"encoding":"MSGPACK"}"#,
                "its value has encoding MSGPACK",
            ),
            (
                r#"{"op":"add","path":"/a","value":{"$bytes":"aGk="},"encoding":"RAW"}"#,
                "its value has encoding RAW",
            ),
            ("7", "it has no op"),
        ] {
            let patch = format!(r#"[{{"op":"remove","path":"/x"}},{operation}]"#);
            let error = parse_patch(&patch).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
        assert_eq!(parse_patch("{}"), Err(PatchError::NotAList));
        let error = parse_patch("[").unwrap_err().to_string();
        assert_eq!(error, "the operations are not JSON: expected a value at byte 1");
    }

    #[test]
    fn raw_values_that_are_json_are_read() {
        let patch = r#"[{"op":"add","path":"/a","value":{"$bytes":"WzFd"},"encoding":"RAW"}]"#;
        assert_eq!(
            patch_text(&parse_patch(patch).unwrap()),
            r#"[{"op":"add","path":"/a","value":[1]}]"#
        );
    }
}
