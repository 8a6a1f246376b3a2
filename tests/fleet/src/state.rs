//! The state of an agent and how its changes are told.

use quipu_proto::message::diff_operation::OpType;
use quipu_proto::message::{DiffOperation, StateDiff};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// The state of one session: a JSON object and its changes since the last diff.
#[derive(Debug, Default)]
pub(crate) struct State {
    fields: Map<String, Value>,
    operations: Vec<DiffOperation>,
    /// Length of the changes as RFC 6902 JSON text.
    patch_bytes: usize,
}

impl State {
    /// Forgets everything: a new run begins.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Forgets the changes: whoever reads the state as it is now needs none of them.
    pub(crate) fn settle(&mut self) {
        self.operations.clear();
        self.patch_bytes = 0;
    }

    /// Sets a field.
    pub(crate) fn set(&mut self, field: &str, value: Value) {
        let op = match self.fields.get(field) {
            Some(old) if *old == value => return,
            Some(_) => OpType::Replace,
            None => OpType::Add,
        };
        self.note(op, format!("/{field}"), Some(&value));
        self.fields.insert(field.to_owned(), value);
    }

    /// Adds an element at the end of a list, which need not exist yet.
    pub(crate) fn push(&mut self, field: &str, value: Value) {
        match self.fields.get_mut(field) {
            Some(Value::Array(list)) => {
                let path = format!("/{field}/{}", list.len());
                list.push(value.clone());
                self.note(OpType::Add, path, Some(&value));
            }
            _ => self.set(field, Value::Array(vec![value])),
        }
    }

    /// Removes a field if it is there.
    pub(crate) fn remove(&mut self, field: &str) {
        if self.fields.remove(field).is_some() {
            self.note(OpType::Remove, format!("/{field}"), None);
        }
    }

    /// The elements of a list; 0 if there is none.
    pub(crate) fn len_of(&self, field: &str) -> usize {
        self.fields
            .get(field)
            .and_then(Value::as_array)
            .map_or(0, Vec::len)
    }

    fn note(&mut self, op: OpType, path: String, value: Option<&Value>) {
        let value = value
            .map(|value| value.to_string().into_bytes())
            .unwrap_or_default();
        let member = if value.is_empty() {
            0
        } else {
            value.len() + r#","value":"#.len()
        };
        self.patch_bytes += r#"{"op":"replace","path":""},"#.len() + path.len() + member;
        self.operations.push(DiffOperation {
            op: op.into(),
            path,
            value,
            ..DiffOperation::default()
        });
    }

    /// The state as canonical JSON text.
    pub(crate) fn json(&self) -> String {
        let mut text = String::with_capacity(1_024);
        write_object(&self.fields, &mut text);
        text
    }

    /// The changes since the last diff, without header: operations, or the whole state where that is shorter.
    pub(crate) fn take_diff(&mut self, base_checkpoint_id: &[u8]) -> StateDiff {
        let json = self.json();
        let whole = self.patch_bytes > json.len() * 11 / 10;
        let diff = StateDiff {
            base_checkpoint_id: base_checkpoint_id.to_vec(),
            operations: if whole {
                Vec::new()
            } else {
                std::mem::take(&mut self.operations)
            },
            state_hash: Sha256::digest(json.as_bytes()).to_vec(),
            full_state: if whole { json.into_bytes() } else { Vec::new() },
            header: None,
        };
        self.settle();
        diff
    }
}

/// The canonical JSON text of a value.
#[cfg(test)]
pub(crate) fn canonical(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}

/// Canonical JSON: keys sorted by their bytes, no blanks. What serde_json prints for texts and numbers is canonical.
fn write(value: &Value, text: &mut String) {
    match value {
        Value::Object(fields) => write_object(fields, text),
        Value::Array(items) => {
            text.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                write(item, text);
            }
            text.push(']');
        }
        plain => text.push_str(&plain.to_string()),
    }
}

fn write_object(fields: &Map<String, Value>, text: &mut String) {
    let mut sorted: Vec<_> = fields.iter().collect();
    sorted.sort_unstable_by(|left, right| left.0.cmp(right.0));
    text.push('{');
    for (at, (key, value)) in sorted.into_iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        text.push_str(&Value::from(key.as_str()).to_string());
        text.push(':');
        write(value, text);
    }
    text.push('}');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::hex;

    #[test]
    fn canonical_json_has_the_hash_that_the_protocol_states() {
        let value: Value =
            serde_json::from_str(r#"{"b":2,"a":1,"nested":{"z":"x","y":[true,null]}}"#).unwrap();
        assert_eq!(
            hex(&Sha256::digest(canonical(&value))),
            "f35279c8aa6b00bc82d43a191596cc3b41b7de7899ee16e36a08efe3afc45103"
        );
    }

    #[test]
    fn a_small_state_travels_whole_and_a_large_one_as_operations() {
        let mut state = State::default();
        state.set("step", 1.into());
        let first = state.take_diff(b"");
        assert!(first.operations.is_empty());
        assert_eq!(first.full_state, br#"{"step":1}"#);
        state.set("question", "why ".repeat(100).into());
        state.settle();
        state.set("step", 2.into());
        let second = state.take_diff(b"");
        assert!(second.full_state.is_empty());
        assert_eq!(
            (
                second.operations[0].path.as_str(),
                second.operations[0].value.as_slice()
            ),
            ("/step", &b"2"[..])
        );
    }

    #[test]
    fn a_diff_without_changes_has_the_hash_only() {
        let mut state = State::default();
        let diff = state.take_diff(b"");
        assert!(diff.operations.is_empty() && diff.full_state.is_empty());
        assert!(hex(&diff.state_hash).starts_with("44136fa3"));
    }
}
