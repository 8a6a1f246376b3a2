//! Checks: claims about the data, each a file of SQL. A row that it returns is a violation.
//!
//! ```sql
//! -- every_run_ends: a run that began ends or fails.
//! -- Severity: critical
//! -- Message: run {run_id} of thread {thread_id} never ended
//! -- Tags: ci, runs
//! -- Param: graph text = -- only of this graph
//! select run_id, thread_id from runs where status = 'abandoned' and ($graph is null or graph_name = $graph)
//! ```
//!
//! A claim is a report as well: `quipu run FILE` shows its violations as rows. Which lines a header may have stands in
//! [`Claim`]; its parameters and sections are those of reports.
//!
//! | file | noun |
//! |---|---|
//! | `claim.rs`, `header.rs` | a claim, and what its header declares |
//! | `claims.rs` | the claims of a folder |
//! | `message.rs` | the message of a claim, with places for columns |
//! | `violation.rs` | rows that a claim returned |
//! | `judge.rs` | what follows from the rows of all claims |
//! | `error.rs` | what can be wrong with a claim |
//!
//! Running the SQL is somebody else's work: rows come in as plain text.

mod claim;
mod claims;
mod error;
mod header;
mod judge;
#[cfg(test)]
mod judge_tests;
mod message;
mod violation;

pub use claim::Claim;
pub use claims::Claims;
pub use error::ClaimError;
pub use judge::{Answer, Answered, judge};
pub use message::Message;
pub use violation::{Violation, Violations};
