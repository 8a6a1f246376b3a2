//! The steps of two runs, or of two threads, side by side.
//!
//! | file | holds |
//! |---|---|
//! | `side.rs`, `thread_of.sql`, `runs.sql` | which steps are meant: those of a thread, or of one of its runs |
//! | `steps.rs`, `steps.sql` | what is read of a thread |
//! | `align.rs` | which steps of one side are those of the other |
//! | `table.rs` | the result as a table that a statement can ask |

mod align;
mod side;
mod steps;
mod table;

pub(crate) use side::Named;
pub(crate) use table::TraceDiff;
