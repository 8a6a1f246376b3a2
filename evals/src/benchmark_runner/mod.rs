//! What `benchmark_runner` does, without a terminal: analytics in, reports out.
//!
//! | file | noun |
//! |---|---|
//! | `selection.rs` | which sessions or files are the runs |
//! | `outcome.rs` | a benchmark, its comparison and what follows |

mod outcome;
mod selection;

pub use outcome::{BenchmarkOutcome, benchmark};
pub use selection::{BenchmarkOptions, Selection, Warmup, select};
