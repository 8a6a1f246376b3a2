//! The state of a thread, step by step.
//!
//! A replay is fed the messages of one thread in their order. It knows a state from the first base on: the state that a
//! run starts with, a whole state in place of a diff, or a checkpoint. Every diff leads from the state of the message
//! before it to the next one.
//!
//! Only a hash proves a state. One that verifies does so whatever was lost before it; without one, or when it differs,
//! the state is the best that the messages tell, and says so.

use std::fmt;

use serde_json::Value;

use super::hash::{HASH_BYTES, is_hash_of};
use super::operation::parse_patch;
use super::parse::parse;
use super::patch::apply;

/// A message that tells of a state.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Message<'a> {
    /// A run starts, with this state as JSON text if it was sent.
    Initial {
        /// Attribute `initial_state_json`.
        state: Option<&'a str>,
    },
    /// A StateDiff.
    Diff(Diff<'a>),
    /// A Checkpoint.
    Checkpoint(Checkpoint<'a>),
}

/// A StateDiff: the whole state, or operations, or nothing where nothing changed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Diff<'a> {
    /// The operations as RFC 6902 JSON text.
    pub operations: Option<&'a str>,
    /// The whole state as JSON text. The operations do not count then.
    pub full_state: Option<&'a str>,
    /// Whether a whole state was sent that is not JSON.
    pub is_unreadable: bool,
    /// The hash of the state that results; none from old producers.
    pub hash: Option<&'a [u8]>,
}

/// A Checkpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Checkpoint<'a> {
    /// The state as JSON text.
    pub state: Option<&'a str>,
    /// Whether a state was sent that cannot be decompressed or is not JSON.
    pub is_unreadable: bool,
    /// Whether the checksum is that of the state; none without a checksum.
    pub checksum_ok: Option<bool>,
}

/// What a step says of the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepKind {
    /// The state that a run starts with.
    Initial,
    /// A whole state in place of operations.
    Full,
    /// Operations.
    Diff,
    /// No change.
    Unchanged,
    /// A checkpoint.
    Checkpoint,
}

impl StepKind {
    /// The kind as it stands in column `kind`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Initial => "initial",
            Self::Full => "full",
            Self::Diff => "diff",
            Self::Unchanged => "unchanged",
            Self::Checkpoint => "checkpoint",
        }
    }
}

/// How much the state of a step is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The producer's hash or checksum is that of this state.
    Verified,
    /// There is no hash, or it is another one: the state may be wrong. That alone proves no damage.
    Unverified,
    /// The message cannot be read or applied: its state is not known.
    Broken,
}

impl Status {
    /// The status of that name, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Verified, Self::Unverified, Self::Broken]
            .into_iter()
            .find(|status| status.as_str() == name)
    }

    /// The status as it stands in column `status`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Unverified => "unverified",
            Self::Broken => "broken",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One step of a thread's state.
#[derive(Clone, Debug, PartialEq)]
pub struct Step<'a> {
    /// What the message says.
    pub kind: StepKind,
    /// The state after it; none if it is not known.
    pub state: Option<&'a Value>,
    /// How much that is worth.
    pub status: Status,
    /// Why it is not verified, in one line.
    pub note: Option<String>,
}

/// The state of one thread as its messages tell it.
#[derive(Clone, Debug, Default)]
pub struct Replay {
    /// None before the first base.
    state: Option<Value>,
    /// Why the state may be wrong: the first reason since a base or a hash that verified.
    doubt: Option<String>,
}

impl Replay {
    /// A replay before the first message.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The state after the last message that could be applied; none before the first base.
    #[must_use]
    pub fn state(&self) -> Option<&Value> {
        self.state.as_ref()
    }

    /// Tells that a diff may have been lost before the next message, and why one thinks so.
    pub fn doubt(&mut self, why: impl Into<String>) {
        self.doubt.get_or_insert_with(|| why.into());
    }

    /// Takes the next message.
    pub fn step(&mut self, message: Message<'_>) -> Step<'_> {
        match message {
            Message::Initial { state } => self.initial(state),
            Message::Checkpoint(checkpoint) => self.checkpoint(checkpoint),
            Message::Diff(diff) => self.diff(diff),
        }
    }

    fn initial(&mut self, text: Option<&str>) -> Step<'_> {
        let kind = StepKind::Initial;
        // The state of the run before says nothing about this one.
        self.state = None;
        self.doubt = None;
        match text.map(parse) {
            None => self.unverified(kind, "the run starts without initial_state_json"),
            Some(Err(error)) => broken(kind, format!("initial_state_json is {error}")),
            Some(Ok(state)) => {
                self.state = Some(state);
                self.unverified(kind, "a run starts without a hash of its state")
            }
        }
    }

    fn checkpoint(&mut self, checkpoint: Checkpoint<'_>) -> Step<'_> {
        let kind = StepKind::Checkpoint;
        // A checkpoint repeats the state and changes nothing: one that cannot be read leaves what was known.
        if checkpoint.checksum_ok == Some(false) {
            return broken(kind, "the checksum is not that of the state".to_owned());
        }
        if checkpoint.is_unreadable {
            return broken(
                kind,
                "the state cannot be decompressed, or is not JSON".to_owned(),
            );
        }
        match checkpoint.state.map(parse) {
            None => self.unverified(kind, "the checkpoint holds no state"),
            Some(Err(error)) => broken(kind, format!("the state is {error}")),
            Some(Ok(state)) => {
                self.state = Some(state);
                self.doubt = None;
                if checkpoint.checksum_ok == Some(true) {
                    self.verified(kind)
                } else {
                    self.unverified(kind, "the checkpoint has no checksum")
                }
            }
        }
    }

    fn diff(&mut self, diff: Diff<'_>) -> Step<'_> {
        if diff.is_unreadable {
            return self.fail(StepKind::Full, "full_state is not JSON".to_owned());
        }
        let kind = match diff {
            Diff {
                full_state: Some(_), ..
            } => StepKind::Full,
            Diff {
                operations: Some(_), ..
            } => StepKind::Diff,
            _ => StepKind::Unchanged,
        };
        if let Some(text) = diff.full_state {
            match parse(text) {
                Ok(state) => {
                    self.state = Some(state);
                    self.doubt = None;
                }
                Err(error) => return self.fail(kind, format!("full_state is {error}")),
            }
        } else if let Some(text) = diff.operations
            && let Err(error) = self.apply(text)
        {
            return self.fail(kind, error);
        }
        self.compare(kind, diff.hash)
    }

    /// Applies operations. Without a state before, only operations that set all of it lead to one.
    fn apply(&mut self, text: &str) -> Result<(), String> {
        let operations = parse_patch(text).map_err(|error| error.to_string())?;
        let sets_all = operations.first().is_some_and(|operation| operation.sets_all());
        let next = match &self.state {
            Some(state) => apply(state, &operations),
            None if sets_all => apply(&Value::Null, &operations),
            None => return Ok(()),
        };
        self.state = Some(next.map_err(|error| error.to_string())?);
        Ok(())
    }

    /// What the hash says of the state as it is now.
    fn compare(&mut self, kind: StepKind, hash: Option<&[u8]>) -> Step<'_> {
        let Some(state) = &self.state else {
            return self.unverified(
                kind,
                "no state is known before the first base: initial, full or checkpoint",
            );
        };
        let what = match hash {
            Some(hash) if is_hash_of(hash, state) => {
                self.doubt = None;
                return self.verified(kind);
            }
            Some(hash) if hash.len() != HASH_BYTES => {
                format!("the hash has {} bytes, not {HASH_BYTES}", hash.len())
            }
            Some(_) => "the hash is another one".to_owned(),
            None => "no hash was sent".to_owned(),
        };
        let note = match &self.doubt {
            Some(doubt) => format!("{what}; {doubt}"),
            None => what,
        };
        if hash.is_some() {
            self.doubt("the hash of an earlier step was another one");
        }
        self.unverified(kind, note)
    }

    /// A diff that cannot be applied: what follows starts from a state that lacks it.
    fn fail(&mut self, kind: StepKind, note: String) -> Step<'_> {
        let note = match &self.doubt {
            Some(doubt) => format!("{note}; {doubt}"),
            None => note,
        };
        self.doubt("an earlier diff could not be applied");
        broken(kind, note)
    }

    fn verified(&self, kind: StepKind) -> Step<'_> {
        Step {
            kind,
            state: self.state.as_ref(),
            status: Status::Verified,
            note: None,
        }
    }

    fn unverified(&self, kind: StepKind, note: impl Into<String>) -> Step<'_> {
        Step {
            kind,
            state: self.state.as_ref(),
            status: Status::Unverified,
            note: Some(note.into()),
        }
    }
}

fn broken(kind: StepKind, note: String) -> Step<'static> {
    Step {
        kind,
        state: None,
        status: Status::Broken,
        note: Some(note),
    }
}
