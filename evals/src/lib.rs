//! Metrics, baselines, comparisons and verdicts.
//!
//! - [`Verdict`]: the one value from which both the printed line and the exit code of a gate come.
//! - [`analysis`]: what `analyze_events` tells of a stream of messages.

pub mod analysis;
mod verdict;

pub use verdict::{FailOn, Verdict};
