//! How a state is told: differences, whole states and checkpoints.

use std::fmt;

use quipu_proto::message::diff_operation::{OpType, ValueEncoding};
use quipu_proto::message::{Checkpoint, CompressionInfo, CompressionType, DiffOperation, StateDiff};
use quipu_proto::state::{Change, Operation, canonical, change, hash};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::message_id;

/// From this length on, in bytes, the state of a checkpoint is compressed.
const COMPRESSED_BYTES_MIN: usize = 512;
const ZSTD_LEVEL: i32 = 3;

/// The states of a run, as its readers know them.
#[derive(Default)]
pub(super) struct States {
    /// What the next difference is told against; none if readers know no state.
    base: Option<Value>,
    /// The newest checkpoint that was sent.
    checkpoint_id: Vec<u8>,
    /// Differences since then.
    since_checkpoint: u32,
}

impl fmt::Debug for States {
    /// Without the state, which may be large, and have secrets where redaction is off.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("States")
            .field("has_base", &self.base.is_some())
            .field("since_checkpoint", &self.since_checkpoint)
            .finish_non_exhaustive()
    }
}

impl States {
    /// Begins a run with this state, or with none.
    pub(super) fn begin(&mut self, initial: Option<Value>) {
        *self = Self {
            base: initial,
            ..Self::default()
        };
    }

    /// The message that leads to a new state.
    pub(super) fn diff(&mut self, state: &Value) -> StateDiff {
        let change = match &self.base {
            Some(base) => change(base, state),
            None => Change::Full(state.to_string()),
        };
        self.since_checkpoint = self.since_checkpoint.saturating_add(1);
        let (operations, full_state) = match change {
            Change::Unchanged => (Vec::new(), Vec::new()),
            Change::Operations(operations) => (operations.iter().map(operation).collect(), Vec::new()),
            Change::Full(text) => (Vec::new(), text.into_bytes()),
        };
        StateDiff {
            base_checkpoint_id: self.checkpoint_id.clone(),
            operations,
            state_hash: hash(state).to_vec(),
            full_state,
            ..StateDiff::default()
        }
    }

    /// Readers have got this state.
    pub(super) fn sent(&mut self, state: Value) {
        self.base = Some(state);
    }

    /// Readers know no state any more: the next one is sent whole.
    pub(super) fn lost(&mut self) {
        self.base = None;
    }

    /// A checkpoint of the state, if it is due after every so many differences; 0 is never.
    pub(super) fn checkpoint(&self, every: u32) -> Option<Checkpoint> {
        if every == 0 || self.since_checkpoint < every {
            return None;
        }
        self.base.as_ref().map(checkpoint)
    }

    /// Readers have got this checkpoint. One that was lost is no base, and is made again after the next difference.
    pub(super) fn checkpoint_sent(&mut self, id: Vec<u8>) {
        self.checkpoint_id = id;
        self.since_checkpoint = 0;
    }
}

fn checkpoint(state: &Value) -> Checkpoint {
    let mut text = state.to_string().into_bytes();
    let checksum = Sha256::digest(&text).to_vec();
    let mut compression_info = None;
    if text.len() >= COMPRESSED_BYTES_MIN
        && let Ok(compressed) = zstd::bulk::compress(&text, ZSTD_LEVEL)
        && compressed.len() < text.len()
    {
        compression_info = Some(CompressionInfo {
            r#type: CompressionType::CompressionZstd.into(),
            compressed_size: compressed.len() as u64,
            uncompressed_size: text.len() as u64,
            compression_ratio: text.len() as f32 / compressed.len() as f32,
        });
        text = compressed;
    }
    Checkpoint {
        checkpoint_id: message_id::random().to_vec(),
        state: text,
        state_type: "serde_json::Value".to_owned(),
        checksum,
        compression_info,
        ..Checkpoint::default()
    }
}

fn operation(operation: &Operation) -> DiffOperation {
    let text = |value: &Value| canonical(value).into_bytes();
    let (op, value, from) = match operation {
        Operation::Add { value, .. } => (OpType::Add, text(value), String::new()),
        Operation::Remove { .. } => (OpType::Remove, Vec::new(), String::new()),
        Operation::Replace { value, .. } => (OpType::Replace, text(value), String::new()),
        Operation::Move { from, .. } => (OpType::Move, Vec::new(), from.to_string()),
        Operation::Copy { from, .. } => (OpType::Copy, Vec::new(), from.to_string()),
        Operation::Test { value, .. } => (OpType::Test, text(value), String::new()),
    };
    DiffOperation {
        op: op.into(),
        path: operation.path().to_string(),
        value,
        from,
        encoding: ValueEncoding::Json.into(),
    }
}
