//! Strands: which numbers of a thread came from one counter.
//!
//! Most producers number a thread with one counter, and then a thread is one strand. Real applications do more: the
//! counter starts again with the process, and code inside a node counts on its own, from 1 for every execution of the
//! node, under the same thread_id (see [`Emitter`]). Two messages of different ids under one number prove that there
//! is more than one counter; what follows from it is derived here, from all messages of the thread at once, because
//! evidence comes late. Nothing of it is stored.
//!
//! The messages are read in three ways, and the reading that explains them with the fewest missing numbers holds:
//!
//! | reading | who counts | how messages are dealt to counters |
//! |---|---|---|
//! | restarts | one counter, which starts again now and then | a number that the counter had already begins the next one |
//! | emitters | the graph, and each execution of a node | the graph as above; the rest by the execution that was under way |
//! | concurrent | several at once, without a sign of which | to the counter that expects the number, else the nearest below it |
//!
//! Messages are taken in the order of the producer's time, which all counters of a thread share and sending does not
//! change; if one has none, in the order of arrival, and then what follows is never certain.
//!
//! # What is certain
//! A gap of a thread with one counter always is. A gap of another strand is [`Certainty::Exact`] only where each message
//! of the strand could belong to no other: the order is that of time and shows no contradiction, no other reading is as
//! good, and of an execution both ends are known, no number of the graph is missing between them, and no other
//! execution was under way. Everything else is [`Certainty::Ambiguous`]. What cannot be seen at all: numbers lost at the end
//! of a strand, and a counter that starts again unseen because all its numbers that came before were lost.
//!
//! # Files
//! | file | holds |
//! |---|---|
//! | `evidence.rs` | a message as evidence, copies and order |
//! | `counter.rs` | dealing messages to one counter at a time, or to several |
//! | `executions.rs` | executions of nodes, and the messages from inside them |
//! | `reading.rs` | the three readings, and which holds |
//! | `runs.rs` | the result as runs of numbers |
//!
//! [`Emitter`]: quipu_proto::Emitter

mod counter;
mod evidence;
mod executions;
mod reading;
mod runs;

#[cfg(test)]
mod tests;

pub use evidence::{Evidence, Role, message_id_hash};
pub use runs::{Certainty, Strand, StrandKind, StrandRun, Strands};

use crate::manifest::Head;

/// Splits a thread into its strands. `messages` are all numbered messages of the thread, of all its partitions, in any
/// order; `head` tells whether its first numbers can have been seen.
///
/// The result depends on the messages alone, not on the order in which they are handed in.
#[must_use]
pub fn split(messages: Vec<Evidence>, head: Head) -> Strands {
    if messages.is_empty() {
        return Strands::default();
    }
    let thread = evidence::Thread::of(messages);
    let reading = reading::best(&thread, head);
    runs::strands(&thread, reading)
}
