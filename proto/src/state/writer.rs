//! The messages that a producer tells of its states with.
//!
//! Each state is written as text once: its hash, its length, the whole state in place of operations and a checkpoint are
//! all made from that text.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::STATE_NESTING_MAX;
use super::checkpoint::pack;
use super::diff::{DiffOptions, draft, is_full_shorter};
use super::hash::{HASH_BYTES, canonical};
use super::patch::depth;
use crate::message::{Checkpoint, StateDiff};

/// Readers in browsers refuse diffs with more operations.
const OPERATIONS_MAX: usize = 10_000;
/// Readers in browsers refuse operations with longer paths, in bytes.
const PATH_BYTES_MAX: usize = 1_000;

/// How states are told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateWriterOptions {
    /// How differences are computed.
    pub diff: DiffOptions,
    /// A checkpoint comes with every diff of this number; 0 for none.
    pub checkpoint_interval: u32,
    /// States longer than this are not told, in bytes of compact JSON; 0 for no bound.
    pub state_bytes_max: usize,
    /// Checkpoints are compressed from this many bytes of JSON on.
    pub checkpoint_threshold_bytes: usize,
    /// The level of zstd for them, 1 to 22.
    pub checkpoint_level: i32,
}

impl Default for StateWriterOptions {
    /// What existing producers do: arrays by index, no checkpoints, states of at most 10 MiB, compression at zstd level 3
    /// from 512 bytes on.
    fn default() -> Self {
        Self {
            diff: DiffOptions::default(),
            checkpoint_interval: 0,
            state_bytes_max: 10 << 20,
            checkpoint_threshold_bytes: 512,
            checkpoint_level: 3,
        }
    }
}

/// What is sent for a new state. The messages lack their headers, which are the caller's to fill.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    /// The change.
    pub diff: StateDiff,
    /// The checkpoint that is due, to be sent behind the diff. It lacks its id: see [`StateWriter::confirm_checkpoint`].
    pub checkpoint: Option<Checkpoint>,
}

/// Why nothing is sent for a state. The next diff leads from the last state that was sent, and so tells of this change
/// too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unwritten {
    /// The state is too long.
    #[error(
        "the state is {bytes} bytes of JSON, the limit is {limit}: keep large values out of the state, or raise state_bytes_max"
    )]
    TooLarge {
        /// Bytes of the state.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The state nests more deeply than readers follow.
    #[error("the state nests {levels} levels deep, readers follow {limit}: flatten it")]
    TooDeep {
        /// Levels of the state.
        levels: usize,
        /// The limit.
        limit: usize,
    },
}

/// Tells of the states of one thread: what it starts with, and how it changes.
///
/// ```
/// use quipu_proto::state::{ArrayAlignment, DiffOptions, StateWriter, StateWriterOptions, apply_diff};
/// use serde_json::json;
///
/// let diff = DiffOptions { arrays: ArrayAlignment::Aligned };
/// let mut writer = StateWriter::new(StateWriterOptions { diff, ..StateWriterOptions::default() });
/// let first = json!({"messages": ["How much rain fell in March?", "I look it up.", "42 mm"]});
/// let initial_state_json = writer.start(first.clone())?;
/// assert_eq!(initial_state_json, first.to_string());
///
/// let next = json!({"messages": ["I look it up.", "42 mm"]});
/// let written = writer.write(next.clone())?;
/// assert_eq!(written.diff.operations.len(), 1);
/// assert_eq!(apply_diff(&first, &written.diff)?.state, next);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct StateWriter {
    options: StateWriterOptions,
    /// The state that readers know; none where they know none.
    sent: Option<Value>,
    /// Id of the last checkpoint that was sent; empty before one was.
    checkpoint_id: Vec<u8>,
    /// Diffs since a checkpoint was due.
    diffs: u32,
}

impl StateWriter {
    /// A writer before the first state.
    #[must_use]
    pub fn new(options: StateWriterOptions) -> Self {
        Self {
            options,
            sent: None,
            checkpoint_id: Vec::new(),
            diffs: 0,
        }
    }

    /// Starts a run with this state, and gives its text for attribute `initial_state_json`. Nothing of the run before
    /// counts: neither its state nor its checkpoints.
    ///
    /// # Errors
    /// [`Unwritten`] where the run starts without a state. The first diff then sends the whole state.
    pub fn start(&mut self, state: Value) -> Result<String, Unwritten> {
        self.sent = None;
        self.checkpoint_id.clear();
        self.diffs = 0;
        let text = self.text_of(&state)?;
        self.sent = Some(state);
        Ok(text)
    }

    /// Tells of the state that the thread has now, whether it changed or not.
    ///
    /// # Errors
    /// [`Unwritten`] where there is nothing to send.
    pub fn write(&mut self, state: Value) -> Result<Written, Unwritten> {
        let text = self.text_of(&state)?;
        let hash: [u8; HASH_BYTES] = Sha256::digest(&text).into();
        let operations = match &self.sent {
            Some(sent) => {
                let draft = draft(sent, &state, self.options.diff);
                let is_full = is_full_shorter(&draft, text.len())
                    || draft.len() > OPERATIONS_MAX
                    || draft.longest_path() > PATH_BYTES_MAX;
                (!is_full || draft.is_empty()).then(|| draft.into_messages())
            }
            None => None,
        };
        self.diffs = self.diffs.saturating_add(1);
        let interval = self.options.checkpoint_interval;
        let is_due = interval > 0 && self.diffs >= interval;
        let checkpoint = is_due.then(|| {
            self.diffs = 0;
            let (threshold_bytes, level) = (
                self.options.checkpoint_threshold_bytes,
                self.options.checkpoint_level,
            );
            pack(&text, hash, threshold_bytes, level)
        });
        self.sent = Some(state);
        Ok(Written {
            diff: StateDiff {
                header: None,
                base_checkpoint_id: self.checkpoint_id.clone(),
                full_state: if operations.is_none() {
                    text.into_bytes()
                } else {
                    Vec::new()
                },
                operations: operations.unwrap_or_default(),
                state_hash: hash.to_vec(),
            },
            checkpoint,
        })
    }

    /// Tells that a checkpoint was handed on with this id: the diffs that follow name it as their base. A checkpoint that
    /// was not handed on must not be named.
    pub fn confirm_checkpoint(&mut self, id: impl Into<Vec<u8>>) {
        self.checkpoint_id = id.into();
    }

    /// Tells that what was written last did not reach its readers, as when a queue had no room. The next diff sends the
    /// whole state. Gives back the state that readers were thought to know, for whoever tries again.
    pub fn forget(&mut self) -> Option<Value> {
        self.sent.take()
    }

    /// The state that readers know, if they know one.
    #[must_use]
    pub fn sent(&self) -> Option<&Value> {
        self.sent.as_ref()
    }

    /// The state's text, if it can be sent.
    fn text_of(&self, state: &Value) -> Result<String, Unwritten> {
        let levels = depth(state);
        if levels > STATE_NESTING_MAX {
            return Err(Unwritten::TooDeep {
                levels,
                limit: STATE_NESTING_MAX,
            });
        }
        let text = canonical(state);
        let limit = self.options.state_bytes_max;
        if limit > 0 && text.len() > limit {
            return Err(Unwritten::TooLarge {
                bytes: text.len(),
                limit,
            });
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;
    use crate::state::{hash, read_checkpoint};

    fn text(n: usize) -> Value {
        json!({"n": n, "text": "long enough to be told by operations ".repeat(3)})
    }

    #[test]
    fn a_state_over_the_bound_is_skipped_and_the_next_diff_covers_both_steps() {
        let mut writer = StateWriter::new(StateWriterOptions {
            state_bytes_max: 200,
            ..StateWriterOptions::default()
        });
        writer.start(text(1)).unwrap();
        let large = json!({"n": 2, "text": "x".repeat(300)});
        let bytes = large.to_string().len();
        assert_eq!(
            writer.write(large.clone()),
            Err(Unwritten::TooLarge { bytes, limit: 200 })
        );
        assert_eq!(writer.sent(), Some(&text(1)));
        let written = writer.write(text(3)).unwrap();
        assert_eq!(written.diff.operations.len(), 1);
        assert_eq!(written.diff.operations[0].path, "/n");
        // A run that could not tell its first state has no base from the run before: the first diff is whole.
        assert!(writer.start(large).is_err());
        let written = writer.write(text(4)).unwrap();
        assert_eq!(written.diff.full_state, canonical(&text(4)).into_bytes());
        assert_eq!(written.diff.operations, []);
    }

    #[test]
    fn a_state_that_nests_too_deeply_is_skipped() {
        let nested = |levels: usize| (0..levels).fold(json!(1), |value, _| json!([value]));
        let mut writer = StateWriter::new(StateWriterOptions::default());
        assert!(writer.start(nested(STATE_NESTING_MAX)).is_ok());
        assert_eq!(
            writer.write(nested(STATE_NESTING_MAX + 1)),
            Err(Unwritten::TooDeep {
                levels: STATE_NESTING_MAX + 1,
                limit: STATE_NESTING_MAX
            })
        );
    }

    #[test]
    fn no_change_is_a_hash_alone_and_a_state_that_was_forgotten_is_sent_whole() {
        let mut writer = StateWriter::new(StateWriterOptions::default());
        writer.start(text(1)).unwrap();
        let diff = writer.write(text(1)).unwrap().diff;
        let unchanged = StateDiff {
            state_hash: hash(&text(1)).to_vec(),
            ..StateDiff::default()
        };
        assert_eq!(diff, unchanged);
        assert_eq!(writer.forget(), Some(text(1)));
        assert_eq!(writer.sent(), None);
        let diff = writer.write(text(1)).unwrap().diff;
        assert_eq!(diff.full_state, canonical(&text(1)).into_bytes());
    }

    #[test]
    fn a_base_checkpoint_is_named_once_it_was_confirmed() {
        let mut writer = StateWriter::new(StateWriterOptions {
            checkpoint_interval: 2,
            ..StateWriterOptions::default()
        });
        writer.start(text(0)).unwrap();
        let mut due = Vec::new();
        for n in 1..=6 {
            let written = writer.write(text(n)).unwrap();
            let base = written.diff.base_checkpoint_id;
            // The checkpoint of step 2 is lost, that of step 4 is handed on.
            assert_eq!(base, if n <= 4 { vec![] } else { vec![4; 16] }, "{n}");
            if let Some(checkpoint) = written.checkpoint {
                assert_eq!(read_checkpoint(&checkpoint).unwrap(), text(n));
                due.push(n);
            }
            if n == 4 {
                writer.confirm_checkpoint([4; 16]);
            }
        }
        assert_eq!(due, [2, 4, 6]);
        writer.start(text(0)).unwrap();
        assert!(writer.write(text(1)).unwrap().diff.base_checkpoint_id.is_empty());
    }

    #[test]
    fn what_readers_in_browsers_refuse_is_sent_whole() {
        let mut writer = StateWriter::new(StateWriterOptions::default());
        let long = "p".repeat(PATH_BYTES_MAX);
        let deep = |n: u32| json!({ &long: {"n": n}, "text": "x".repeat(3 * PATH_BYTES_MAX)});
        writer.start(deep(1)).unwrap();
        assert!(!writer.write(deep(2)).unwrap().diff.full_state.is_empty());
        let many = |n: usize| Value::from_iter((0..=OPERATIONS_MAX).map(|at| json!([n, at, "x".repeat(40)])));
        writer.start(many(1)).unwrap();
        let diff = writer.write(many(2)).unwrap().diff;
        assert!(diff.operations.is_empty() && !diff.full_state.is_empty());
    }
}
