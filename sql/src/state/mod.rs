//! States of agents: the messages of one thread, replayed.
//!
//! ```text
//! messages.sql (one thread, in order) ──> Messages ──> Walk: a Replay per log ──> Stepped ──> rows of an answer
//! ledger.sql (its numbers) ────────────────────────────^
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `messages.sql`, `ledger.sql`, `messages.rs` | what is read of a thread, pruned to its segments |
//! | `walk.rs` | from messages to steps: numbers that are missing, the node that runs, the state |
//! | `history.rs`, `at.rs`, `blame.rs` | steps as rows: all of them, the last one up to a moment, those that changed a value |
//! | `thread_state.rs` | the state at a moment as a value in Rust |
//! | `table.rs` | the three as tables that a statement can ask |
//!
//! A name of a thread may stand in several topics and incarnations: each is replayed for itself. Steps leave as they are
//! found: what is held in memory is one state, and the messages as far as sorting them needs it.

mod at;
mod blame;
mod history;
mod messages;
mod table;
mod thread_state;
mod walk;

pub(crate) use at::Moment;
pub(crate) use table::{Question, StateTable, Thread};
pub use thread_state::{At, ThreadState, thread_state};
