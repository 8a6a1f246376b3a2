//! Numbers of messages: which sequence a message of a thread gets.
//!
//! A message whose `header.sequence` is 0 asks for the next number of its thread. Threads are told apart by tenant and
//! name. Numbers that callers set are kept, and the next one follows the greatest.
//!
//! | file | noun |
//! |---|---|
//! | `start.rs` | where the numbers of a thread begin |
//! | `thread.rs` | the numbers of one thread, and the messages that wait for its first |
//! | `threads.rs` | all threads, bounded in memory |
//! | `last_record.rs` | the last numbers that a topic holds |
//!
//! Numbers begin anew when a process does. Readers see that as a new *strand* of the thread, and tell it from loss; where
//! one unbroken run of numbers is wanted over restarts, [`StartPolicy`] says whom to ask.

mod last_record;
mod start;
mod thread;
mod threads;

pub use last_record::LastRecordReader;
pub use start::{LastRecordBounds, LastSequence, StartPolicy};
pub(crate) use thread::ThreadNumbers;
pub(crate) use threads::Threads;
