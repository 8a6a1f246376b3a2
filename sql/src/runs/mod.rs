//! Runs: how threads are cut, what lies in each run, and to which run a thing belongs.
//!
//! This is what window functions and groups over all messages would tell. It is done here because these sort and hash
//! messages by four names again and again; here a thread is a number as soon as its name was seen, and only the messages of
//! the graph are sorted: to every other message its run is found by a search among the starts of the runs of its thread.
//! See decision 0014.
//!
//! ```text
//! graph.sql ── collect: threads, cut ──> runs ──────> view run_spans
//!                                         │ part_at
//! messages.sql ── count ──────────────────┴─────────> view run_parts
//!                                         │ at_place, at_time
//! text of a view ── in_runs, found ───────┴─────────> that view, with the columns of the run
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `cut.rs` | the rule by which a thread is cut; it stands nowhere else |
//! | `threads.rs` | names of threads as numbers |
//! | `place.rs` | the order of messages in a thread |
//! | `graph.sql`, `collect.rs` | the messages of the graph, read and cut |
//! | `run.rs` | runs, and which of them a message lies in |
//! | `spans.rs` | runs as rows |
//! | `messages.sql`, `count.rs`, `parts.rs` | messages, counted part by part of a thread; the counts as rows |
//! | `shared.rs` | what a session keeps: runs are cut once |
//! | `filters.rs` | conditions that reach the scans: a question about one thread reads no other |
//! | `tables.rs` | views `run_spans` and `run_parts` |
//! | `in_runs.rs`, `found.rs` | views whose rows have columns of their run |
//!
//! Nothing is read before a plan that needs it runs: naming a view, planning and explaining cost nothing.

mod collect;
mod count;
mod cut;
mod filters;
mod found;
mod in_runs;
mod parts;
mod place;
mod run;
mod shared;
mod spans;
mod tables;
mod threads;

pub(crate) use in_runs::{By, InRuns};
pub(crate) use shared::SharedRuns;
pub(crate) use tables::{Rows, RunsTable};
