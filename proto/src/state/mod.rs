//! The state of an agent over time: a JSON value, told by whole states and by differences between them.
//!
//! ```text
//! GRAPH_START, full_state, Checkpoint ── base ──┐
//!                                               v
//! StateDiff ── operations ────────────────> Replay ──> Step: the state, and whether a hash proves it
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `parse` | JSON text to a value that keeps every number exactly |
//! | `hash` | canonical JSON and its SHA-256 |
//! | `pointer` | places in a state: RFC 6901 |
//! | `operation` | operations of RFC 6902, from their text and back |
//! | `patch` | their application, wholly or not at all |
//! | `diff` | the operations from one state to the next, and when a producer sends the whole state instead |
//! | `align` | the elements that two arrays share |
//! | `draft` | a patch while it is computed, and its length |
//! | `message` | StateDiff messages: their operations, and their application |
//! | `checkpoint` | Checkpoint messages: a whole state, compressed and with its checksum |
//! | `writer` | the messages that a producer tells of its states with |
//! | `replay` | the state step by step, with the status of each |
//!
//! Nothing here trusts its input: a patch is bounded in depth and in size, and one that fails changes nothing.

mod align;
mod checkpoint;
mod diff;
mod draft;
mod hash;
mod message;
mod operation;
mod parse;
mod patch;
mod pointer;
mod replay;
mod writer;

pub use checkpoint::{CheckpointError, read_checkpoint};
pub(crate) use checkpoint::{expanded, is_checksum_of};
pub use diff::{ArrayAlignment, Change, DiffOptions, change, change_with, diff, diff_with};
pub use hash::{HASH_BYTES, canonical, hash, is_hash_of};
pub use message::{Applied, DiffError, apply_diff};
pub use operation::{Operation, parse_patch, patch_text};
pub use parse::{JsonError, parse};
pub use patch::{PatchError, Reason, apply};
pub use pointer::{Pointer, PointerError};
pub use replay::{Checkpoint, Diff, Message, Replay, Status, Step, StepKind};
pub use writer::{StateWriter, StateWriterOptions, Unwritten, Written};

/// The most that a state may weigh while operations are applied to it, in bytes of JSON. Without a bound a few operations
/// that copy the state into itself would fill any memory.
pub const STATE_BYTES_MAX: usize = 2 * crate::limits::EXPANDED_BYTES_MAX;

/// Deepest nesting of a state, in levels. No producer sends JSON that nests deeper than
/// [`JSON_NESTING_MAX`](crate::limits::JSON_NESTING_MAX), but operations can build it.
pub const STATE_NESTING_MAX: usize = crate::limits::JSON_NESTING_MAX;
