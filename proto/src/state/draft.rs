//! A patch while it is computed: borrowed values, their texts, and how long the whole is as RFC 6902 JSON text.

use std::ops::Range;

use serde_json::Value;

use super::hash::write_canonical;
use super::operation::Operation;
use super::pointer::{Pointer, write_token};
use crate::json::write_string;
use crate::message::DiffOperation;
use crate::message::diff_operation::{OpType, ValueEncoding};

/// One step of the way to a place.
#[derive(Clone, Copy, Debug)]
pub(super) enum Token<'a> {
    /// A member.
    Name(&'a str),
    /// An element.
    Index(usize),
}

/// An operation that is not yet one: diffs know no others.
#[derive(Debug)]
struct Edit<'a> {
    op: Op<'a>,
    path: Vec<Token<'a>>,
    path_text: String,
    /// The value's text among [`Draft::values`].
    value_text: Range<usize>,
}

#[derive(Clone, Copy, Debug)]
enum Op<'a> {
    Add(&'a Value),
    Remove,
    Replace(&'a Value),
}

/// The operations found so far, and the place that is looked at.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    path: Vec<Token<'a>>,
    edits: Vec<Edit<'a>>,
    /// The texts of all values, one after the other.
    values: Vec<u8>,
    /// Length of the operations as JSON text, each with a comma.
    bytes: usize,
    /// As soon as they are as long as this, nobody asks for the rest.
    bytes_max: usize,
}

/// A point in a draft to go back to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    edits: usize,
    values: usize,
    bytes: usize,
}

impl<'a> Draft<'a> {
    pub(super) fn new() -> Self {
        Self {
            path: Vec::new(),
            edits: Vec::new(),
            values: Vec::new(),
            bytes: 0,
            bytes_max: usize::MAX,
        }
    }

    /// An empty draft at the same place, of which nobody asks for more than so many bytes.
    pub(super) fn attempt(&self, bytes_max: usize) -> Self {
        Self {
            path: self.path.clone(),
            bytes_max,
            ..Self::new()
        }
    }

    /// Whether it is as long as it may be.
    pub(super) fn is_over(&self) -> bool {
        self.bytes >= self.bytes_max
    }

    /// Does something one step further down.
    pub(super) fn at(&mut self, token: Token<'a>, then: impl FnOnce(&mut Self)) {
        self.path.push(token);
        then(self);
        self.path.pop();
    }

    pub(super) fn add(&mut self, value: &'a Value) {
        self.push(Op::Add(value));
    }

    pub(super) fn remove(&mut self) {
        self.push(Op::Remove);
    }

    pub(super) fn replace(&mut self, value: &'a Value) {
        self.push(Op::Replace(value));
    }

    fn push(&mut self, op: Op<'a>) {
        if self.is_over() {
            return;
        }
        let mut path_text = String::new();
        for token in &self.path {
            // Writing into a text does not fail.
            let _ = match token {
                Token::Name(name) => write_token(&mut path_text, name),
                Token::Index(at) => write_token(&mut path_text, itoa::Buffer::new().format(*at)),
            };
        }
        let start = self.values.len();
        write_string(&mut self.values, &path_text);
        let quoted_path = self.values.len() - start;
        self.values.truncate(start);
        // What stands around path and value.
        let around = match op {
            Op::Add(value) => {
                write_canonical(&mut self.values, value);
                r#"{"op":"add","path":,"value":},"#
            }
            Op::Replace(value) => {
                write_canonical(&mut self.values, value);
                r#"{"op":"replace","path":,"value":},"#
            }
            Op::Remove => r#"{"op":"remove","path":},"#,
        };
        self.bytes += around.len() + quoted_path + self.values.len() - start;
        self.edits.push(Edit {
            op,
            path: self.path.clone(),
            path_text,
            value_text: start..self.values.len(),
        });
    }

    pub(super) fn mark(&self) -> Mark {
        Mark {
            edits: self.edits.len(),
            values: self.values.len(),
            bytes: self.bytes,
        }
    }

    /// How much longer it has become since then.
    pub(super) fn bytes_since(&self, mark: Mark) -> usize {
        self.bytes - mark.bytes
    }

    /// Puts the operations of an attempt in place of those since then.
    pub(super) fn replace_since(&mut self, mark: Mark, attempt: Self) {
        self.edits.truncate(mark.edits);
        self.values.truncate(mark.values);
        self.bytes = mark.bytes + attempt.bytes;
        self.edits.extend(attempt.edits.into_iter().map(|edit| Edit {
            value_text: mark.values + edit.value_text.start..mark.values + edit.value_text.end,
            ..edit
        }));
        self.values.extend_from_slice(&attempt.values);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }

    /// How many operations there are.
    pub(super) fn len(&self) -> usize {
        self.edits.len()
    }

    /// The longest path, in bytes.
    pub(super) fn longest_path(&self) -> usize {
        self.edits
            .iter()
            .map(|edit| edit.path_text.len())
            .max()
            .unwrap_or(0)
    }

    /// Length of the patch as compact JSON text.
    pub(super) fn text_len(&self) -> usize {
        // A comma behind each but the last, and two brackets.
        if self.is_empty() { 2 } else { self.bytes + 1 }
    }

    /// The operations with values of their own.
    pub(super) fn operations(&self) -> Vec<Operation> {
        let operation = |edit: &Edit<'_>| {
            let path = Pointer::from_tokens(edit.path.iter().map(|token| match token {
                Token::Name(name) => (*name).to_owned(),
                Token::Index(at) => at.to_string(),
            }));
            match edit.op {
                Op::Add(value) => Operation::Add {
                    path,
                    value: value.clone(),
                },
                Op::Remove => Operation::Remove { path },
                Op::Replace(value) => Operation::Replace {
                    path,
                    value: value.clone(),
                },
            }
        };
        self.edits.iter().map(operation).collect()
    }

    /// The operations as a StateDiff carries them: values as JSON text.
    pub(super) fn into_messages(self) -> Vec<DiffOperation> {
        let Self { edits, values, .. } = self;
        let message = |edit: Edit<'_>| DiffOperation {
            op: match edit.op {
                Op::Add(_) => OpType::Add,
                Op::Remove => OpType::Remove,
                Op::Replace(_) => OpType::Replace,
            } as i32,
            path: edit.path_text,
            value: values[edit.value_text].to_vec(),
            from: String::new(),
            encoding: ValueEncoding::Json as i32,
        };
        edits.into_iter().map(message).collect()
    }
}
