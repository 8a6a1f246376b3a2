//! The operations from one state to the next, as producers compute them.

use serde_json::Value;

use super::align::gaps;
use super::draft::{Draft, Token};
use super::operation::Operation;

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

/// How the elements of an old array and a new one are matched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ArrayAlignment {
    /// By index, as existing producers do: an element taken from the front of an array replaces all that follow.
    #[default]
    ByIndex,
    /// Elements that are the same in both are matched, wherever they stand, so that an element taken from the front is one
    /// operation. The others are compared in their order. What it costs is bounded: arrays with more than about a thousand
    /// differences are matched by index between their common front and end.
    ///
    /// The patch is never longer, as JSON text, than the one by index: where that one is shorter for an array, it stands
    /// in.
    Aligned,
}

/// How a difference is computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiffOptions {
    /// How arrays are compared.
    pub arrays: ArrayAlignment,
}

/// How a producer tells of the change from `old` to `new`. The whole state is sent if and only if the text of the
/// operations is longer than the text of the state and a tenth more.
#[must_use]
pub fn change(old: &Value, new: &Value) -> Change {
    change_with(old, new, DiffOptions::default())
}

/// As [`change`], with options.
#[must_use]
pub fn change_with(old: &Value, new: &Value, options: DiffOptions) -> Change {
    let draft = draft(old, new, options);
    if draft.is_empty() {
        return Change::Unchanged;
    }
    let full = new.to_string();
    if is_full_shorter(&draft, full.len()) {
        Change::Full(full)
    } else {
        Change::Operations(draft.operations())
    }
}

/// Whether the whole state is sent, which is so long as compact JSON text.
pub(super) fn is_full_shorter(draft: &Draft<'_>, full_bytes: usize) -> bool {
    draft.text_len() > full_bytes * 11 / 10
}

/// The operations that lead from `old` to `new`: additions, removals and replacements only.
///
/// Members of objects are compared by name, elements of arrays by index: nothing is aligned, so that an element taken
/// from the front of an array replaces all that follow.
#[must_use]
pub fn diff(old: &Value, new: &Value) -> Vec<Operation> {
    diff_with(old, new, DiffOptions::default())
}

/// As [`diff`], with options.
#[must_use]
pub fn diff_with(old: &Value, new: &Value, options: DiffOptions) -> Vec<Operation> {
    draft(old, new, options).operations()
}

/// The operations that lead from `old` to `new`, borrowed.
pub(super) fn draft<'a>(old: &'a Value, new: &'a Value, options: DiffOptions) -> Draft<'a> {
    let mut draft = Draft::new();
    compare(&mut draft, old, new, options.arrays);
    draft
}

fn compare<'a>(draft: &mut Draft<'a>, old: &'a Value, new: &'a Value, arrays: ArrayAlignment) {
    if draft.is_over() {
        return;
    }
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            let mut members: Vec<_> = new.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            for (name, new) in members {
                draft.at(Token::Name(name), |draft| match old.get(name) {
                    Some(old) => compare(draft, old, new, arrays),
                    None => draft.add(new),
                });
            }
            let mut gone: Vec<_> = old.keys().filter(|name| !new.contains_key(*name)).collect();
            gone.sort_unstable();
            for name in gone {
                draft.at(Token::Name(name), Draft::remove);
            }
        }
        (Value::Array(old), Value::Array(new)) => match arrays {
            ArrayAlignment::ByIndex => compare_by_index(draft, 0, old, new, arrays),
            ArrayAlignment::Aligned => compare_aligned(draft, old, new),
        },
        _ if is_same(old, new) => {}
        _ => draft.replace(new),
    }
}

/// Compares elements by their order; the first ones stand at index `start`.
fn compare_by_index<'a>(
    draft: &mut Draft<'a>,
    start: usize,
    old: &'a [Value],
    new: &'a [Value],
    arrays: ArrayAlignment,
) {
    for (at, (old, new)) in old.iter().zip(new).enumerate() {
        draft.at(Token::Index(start + at), |draft| compare(draft, old, new, arrays));
    }
    for _ in new.len()..old.len() {
        draft.at(Token::Index(start + new.len()), Draft::remove);
    }
    for (at, new) in new.iter().enumerate().skip(old.len()) {
        draft.at(Token::Index(start + at), |draft| draft.add(new));
    }
}

fn compare_aligned<'a>(draft: &mut Draft<'a>, old: &'a [Value], new: &'a [Value]) {
    let front = shared(old.iter().zip(new));
    let (old_rest, new_rest) = (&old[front..], &new[front..]);
    let end = shared(old_rest.iter().rev().zip(new_rest.iter().rev()));
    let old_middle = &old_rest[..old_rest.len() - end];
    let new_middle = &new_rest[..new_rest.len() - end];
    if old_middle.is_empty() && new_middle.is_empty() {
        return;
    }
    let mark = draft.mark();
    let mut is_shifted = false;
    for gap in gaps(old_middle, new_middle) {
        is_shifted |= gap.old.len() != gap.new.len();
        // All before a gap is as it will be, so that its elements stand where those of the new array will.
        let start = front + gap.new.start;
        let (old, new) = (&old_middle[gap.old], &new_middle[gap.new]);
        compare_by_index(draft, start, old, new, ArrayAlignment::Aligned);
    }
    // Without a shift it is the comparison by index. Removals alone are never longer: that one has as many of them, further
    // behind.
    if !is_shifted || new_middle.is_empty() {
        return;
    }
    let mut attempt = draft.attempt(draft.bytes_since(mark));
    compare_by_index(&mut attempt, 0, old, new, ArrayAlignment::ByIndex);
    if !attempt.is_over() {
        draft.replace_since(mark, attempt);
    }
}

/// How many pairs are the same before the first one that is not.
fn shared<'a>(pairs: impl Iterator<Item = (&'a Value, &'a Value)>) -> usize {
    pairs.take_while(|(old, new)| is_same(old, new)).count()
}

/// Whether two values are told in the same words. Zero has two signs, which are equal numbers but not equal text: the
/// hash tells them apart, and so does this.
pub(super) fn is_same(old: &Value, new: &Value) -> bool {
    match (old, new) {
        (Value::Number(old), Value::Number(new)) => {
            let bits =
                |number: &serde_json::Number| number.as_f64().filter(|_| number.is_f64()).map(f64::to_bits);
            old == new && bits(old) == bits(new)
        }
        (Value::Array(old), Value::Array(new)) => {
            old.len() == new.len() && old.iter().zip(new).all(|(old, new)| is_same(old, new))
        }
        (Value::Object(old), Value::Object(new)) => {
            let is_in_new = |(name, old)| new.get(name).is_some_and(|new| is_same(old, new));
            old.len() == new.len() && old.iter().all(is_in_new)
        }
        _ => old == new,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;
    use crate::state::patch_text;

    fn aligned(old: &Value, new: &Value) -> String {
        let arrays = ArrayAlignment::Aligned;
        patch_text(&diff_with(old, new, DiffOptions { arrays }))
    }

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

    #[test]
    fn elements_that_moved_are_matched_where_arrays_are_aligned() {
        let message = |n: usize| json!({"role": "user", "content": format!("message {n}")});
        let list = |range: std::ops::Range<usize>| range.map(message).collect::<Vec<_>>();
        let (old, cut) = (json!({"m": list(0..50)}), json!({"m": list(1..50)}));
        assert_eq!(aligned(&old, &cut), r#"[{"op":"remove","path":"/m/0"}]"#);
        assert_eq!(
            aligned(&cut, &old),
            r#"[{"op":"add","path":"/m/0","value":{"content":"message 0","role":"user"}}]"#
        );
        let mut put_in = list(0..50);
        put_in.insert(20, json!("new"));
        assert_eq!(
            aligned(&old, &json!({"m": put_in})),
            r#"[{"op":"add","path":"/m/20","value":"new"}]"#
        );
        // The head is gone, an element in the middle changed, and one came at the end: what changed is compared within.
        let mut next = list(1..51);
        next[24]["content"] = json!("changed");
        assert_eq!(
            aligned(&old, &json!({"m": next})),
            concat!(
                r#"[{"op":"remove","path":"/m/0"},{"op":"replace","path":"/m/24/content","value":"changed"},"#,
                r#"{"op":"add","path":"/m/49","value":{"content":"message 50","role":"user"}}]"#
            )
        );
    }

    #[test]
    fn arrays_that_are_told_shorter_by_index_are_told_by_index() {
        // All but the last are shared, but for their places: to move them costs more than to set three flags.
        let long = "x".repeat(100);
        let row = |flag: u8| json!({"text": long, "flag": flag});
        let (old, new) = (json!([row(0), row(1), row(2)]), json!([row(1), row(2), row(3)]));
        assert_eq!(aligned(&old, &new), patch_text(&diff(&old, &new)));
        assert_eq!(diff(&old, &new).len(), 3);
    }
}
