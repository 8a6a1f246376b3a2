//! SQL over a snapshot of the store.
//!
//! ```text
//! text ── split ──> statement ── limits, guard ──> AST ── planner (64 MiB stack) ──> plan ──> Answer: batches
//!                                                          │ names, looked up once each
//!                                                          v
//!                                    catalog: tables/ (pruned Parquet scans)  views/*.sql  system/
//! ```
//!
//! | file | what it holds |
//! |---|---|
//! | `session` | [`Session`]: one DataFusion context over one snapshot; [`Answer`]: a stream of batches |
//! | `split`, `limits`, `guard` | what is taken as SQL: statements apart, sizes, read-only |
//! | `planner` | planning on a stack of its own |
//! | `catalog` | names, and what stands behind them when first named |
//! | `tables/` | scans over segments, pruned by the manifest |
//! | `system/` | the store's own state as tables |
//! | `strands/` | the threads with several counters, read once and split |
//! | `runs/` | threads cut into runs, once a session |
//! | `state/` | states of agents, replayed from the messages of a thread |
//! | `trace/` | the steps of two runs, side by side |
//! | `views/` | views as text |
//! | `functions/` | functions beyond DataFusion's, in one list |
//! | `prices/` | what models cost |
//! | `reports/` | questions with a name, and how complete their answers are |
//!
//! Invariants:
//! - A session sees one snapshot and keeps its files in place.
//! - Plans consist of DataFusion's own operators only, over explicit lists of files.
//! - Opening a session reads no segment and plans no view.
//! - A segment that cannot be read whole is an error, never a smaller number.
//!
//! What this crate is not: a writer of anything.

mod catalog;
mod error;
mod functions;
mod guard;
mod limits;
mod planner;
pub mod prices;
pub mod reports;
mod runs;
mod session;
mod split;
mod state;
mod strands;
mod system;
mod tables;
#[cfg(test)]
mod tests;
mod trace;
pub mod views;

pub use error::{Result, SqlError, SqlErrorKind};
pub use functions::id_text;
pub use limits::{OPERATORS_MAX, SQL_BYTES_MAX};
pub use prices::PriceTable;
pub use reports::completeness::{Completeness, Tails, completeness};
pub use reports::{Arguments, Report, ReportError};
pub use session::{Access, Answer, Session, SessionOptions};
pub use split::split;
pub use state::{At, ThreadState, thread_state};

/// The Arrow library whose types answers are made of.
pub use datafusion::arrow;
