//! The sequence book: the account of the numbers and ids of every thread.
//!
//! It answers two questions about each message that arrives: what does its number mean
//! ([`SequenceVerdict`](quipu_proto::SequenceVerdict)), and did its id come before in this thread ([`Repeated`]). And
//! it hands out at every commit which numbers were seen, as the fewest intervals: the rows of table `sequence_runs`,
//! from which gaps are computed in SQL.
//!
//! A thread here is (life of a topic, partition, tenant, thread). Verdicts, with E one above the highest number seen:
//!
//! | situation for number s | verdict | E after |
//! |---|---|---|
//! | thread empty, or s = 0 | unsequenced | unchanged |
//! | no number seen before | first | s + 1 |
//! | s = E | in_order | s + 1 |
//! | s > E | gap | s + 1 |
//! | s = E - 1 | duplicate | unchanged |
//! | s < E - 1 | reordered | unchanged |
//!
//! The highest of all numbers has no successor: every further message of the thread is then a duplicate or reordered.
//!
//! # The life of a thread
//! It begins with its first message, as an entry of 192 bytes in memory. It never ends: a forgotten thread would come
//! back with a false baseline. When more than
//! [`hot_threads_max`](BookOptions::hot_threads_max) threads are in memory, those untouched for longest move into an
//! index on disk at the next commit; the next message of such a thread brings it back.
//!
//! Nothing on disk here is the truth. The store holds every message and, now and then, a snapshot of the book as a
//! segment; the book is rebuilt from both ([`restore`](SequenceBook::restore), [`replay`](SequenceBook::replay))
//! unless the index was closed cleanly at exactly the newest manifest. Deleting the folder of the book at any moment
//! changes no answer.
//!
//! ```text
//! <store>/book/clean     marker of a clean close: store, manifest, digest of the index, filter of its names
//! <store>/book/sled/     the index
//! ```
//!
//! # What a book does with its folder when it opens
//! | finds | does |
//! |---|---|
//! | marker of this store and manifest, index as it was closed | takes it over |
//! | no folder, no marker | rebuild |
//! | marker torn, of another format, of another store | delete, rebuild |
//! | marker of an older or newer manifest | delete, rebuild |
//! | a file of the index changed, cut, missing or new | delete, rebuild |
//! | sled gives an error or panics | delete, rebuild |
//!
//! # Files
//! | file | holds |
//! |---|---|
//! | `book.rs` | the book: arrivals and commits |
//! | `arrival.rs`, `options.rs` | what it is told, how it is set up, what it tells |
//! | `tiers.rs` | moving threads between memory and disk, and closing |
//! | `partition.rs` | the partitions it knows, by small numbers |
//! | `thread.rs` | the state of one thread and the rules |
//! | `name.rs`, `hot.rs`, `places.rs` | names of threads, the threads in memory, and where each lies |
//! | `lookahead.rs` | memory that coming messages will need |
//! | `runs.rs`, `fragments.rs` | runs of numbers, and those of the commit in the making |
//! | `run_rows.rs`, `run_builders.rs` | how they are joined, and their rows |
//! | `snapshot.rs` | the book as rows, and back |
//! | `strands/` | which numbers of a thread came from one counter: derived, no part of the book |
//! | `cold.rs` | the threads on disk: index, filter and marker together |
//! | `cold_entry.rs`, `filter.rs`, `marker.rs` | their forms |
//! | `memory.rs` | hints to processor and operating system |
//! | `sled_tree.rs` | the only place that knows sled |
//! | `judge.rs`, `closed.rs` | the rules, and the folder, for whoever checks what the book has said |

mod arrival;
mod book;
mod closed;
mod cold;
mod cold_entry;
mod error;
mod filter;
mod fragments;
mod hot;
mod judge;
mod lookahead;
mod marker;
mod memory;
mod name;
mod options;
mod partition;
mod places;
pub(crate) mod run_builders;
pub(crate) mod run_rows;
pub(crate) mod runs;
mod sled_tree;
mod snapshot;
pub mod strands;
pub(crate) mod thread;
mod tiers;

#[cfg(test)]
mod tests;

pub use crate::manifest::Head;
pub use arrival::{Arrival, ReplayRow};
pub use book::SequenceBook;
pub use closed::{BookFolder, IndexEntry, read_index};
pub use error::BookError;
pub use judge::{ThreadJudge, ThreadMemory};
pub use options::{BookClose, BookOptions, BookStart};
pub use partition::PartitionKey;
pub use thread::{Observation, RECENT_IDS, Repeated};
