//! The operations from one state to the next, as producers compute them.

use serde_json::Value;

use super::operation::{Operation, patch_text};
use super::pointer::Pointer;

/// How a producer tells of a change.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Nothing changed: only the hash is sent.
    Unchanged,
    /// The operations.
    Operations(Vec<Operation>),
    /// The new state as compact JSON text, where the operations would be longer.
    Full(String),
}

/// How a producer tells of the change from `old` to `new`. The whole state is sent if and only if the text of the
/// operations is longer than the text of the state and a tenth more.
#[must_use]
pub fn change(old: &Value, new: &Value) -> Change {
    let operations = diff(old, new);
    if operations.is_empty() {
        return Change::Unchanged;
    }
    let full = new.to_string();
    if patch_text(&operations).len() > full.len() * 11 / 10 {
        Change::Full(full)
    } else {
        Change::Operations(operations)
    }
}

/// The operations that lead from `old` to `new`: additions, removals and replacements only.
///
/// Members of objects are compared by name, elements of arrays by index: nothing is aligned, so that an element taken
/// from the front of an array replaces all that follow.
#[must_use]
pub fn diff(old: &Value, new: &Value) -> Vec<Operation> {
    let mut operations = Vec::new();
    compare(&mut operations, &mut Pointer::default(), old, new);
    operations
}

fn compare(operations: &mut Vec<Operation>, path: &mut Pointer, old: &Value, new: &Value) {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            let mut names: Vec<_> = new.keys().collect();
            names.sort_unstable();
            for name in names {
                path.push(name.as_str());
                match old.get(name) {
                    Some(old) => compare(operations, path, old, &new[name]),
                    None => operations.push(Operation::Add {
                        path: path.clone(),
                        value: new[name].clone(),
                    }),
                }
                path.pop();
            }
            let mut gone: Vec<_> = old.keys().filter(|name| !new.contains_key(*name)).collect();
            gone.sort_unstable();
            for name in gone {
                path.push(name.as_str());
                operations.push(Operation::Remove { path: path.clone() });
                path.pop();
            }
        }
        (Value::Array(old), Value::Array(new)) => {
            for (at, (old, new)) in old.iter().zip(new).enumerate() {
                path.push(at.to_string());
                compare(operations, path, old, new);
                path.pop();
            }
            for _ in new.len()..old.len() {
                path.push(new.len().to_string());
                operations.push(Operation::Remove { path: path.clone() });
                path.pop();
            }
            for (at, new) in new.iter().enumerate().skip(old.len()) {
                path.push(at.to_string());
                operations.push(Operation::Add {
                    path: path.clone(),
                    value: new.clone(),
                });
                path.pop();
            }
        }
        _ if is_same(old, new) => {}
        _ => operations.push(Operation::Replace {
            path: path.clone(),
            value: new.clone(),
        }),
    }
}

/// Whether two values are told in the same words. Zero has two signs, which are equal numbers but not equal text: the
/// hash tells them apart, and so does this.
fn is_same(old: &Value, new: &Value) -> bool {
    let bits = |value: &Value| match value {
        Value::Number(number) if number.is_f64() => number.as_f64().map(f64::to_bits),
        _ => None,
    };
    old == new && bits(old) == bits(new)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    #[test]
    fn an_element_taken_from_the_front_replaces_all_that_follow() {
        assert_eq!(
            patch_text(&diff(&json!({"l": [1, 2, 3, 4]}), &json!({"l": [2, 3, 4]}))),
            concat!(
                r#"[{"op":"replace","path":"/l/0","value":2},{"op":"replace","path":"/l/1","value":3},"#,
                r#"{"op":"replace","path":"/l/2","value":4},{"op":"remove","path":"/l/3"}]"#
            )
        );
    }

    #[test]
    fn numbers_that_are_written_in_another_way_differ() {
        for (old, new) in [(json!(1), json!(1.0)), (json!(0.0), json!(-0.0))] {
            assert_eq!(diff(&old, &new).len(), 1, "{old} {new}");
        }
        assert_eq!(diff(&json!(1.5), &json!(1.5)), []);
    }

    #[test]
    fn the_whole_state_is_sent_where_operations_would_be_more_than_a_tenth_longer() {
        let state = |text: usize, step: u8| json!({"step": step, "text": "x".repeat(text)});
        // The operations take 43 bytes. Forty bytes and a tenth are 44, thirty-nine and a tenth 42.
        assert_eq!(state(20, 1).to_string().len(), 40);
        assert!(matches!(
            change(&state(20, 1), &state(20, 2)),
            Change::Operations(_)
        ));
        assert_eq!(
            change(&state(19, 1), &state(19, 2)),
            Change::Full(state(19, 2).to_string())
        );
        assert_eq!(change(&state(19, 1), &state(19, 1)), Change::Unchanged);
    }
}
