//! Metrics, baselines, comparisons and verdicts.
//!
//! So far this crate holds the [`Verdict`] alone: the one value from which both the printed line and the exit code of
//! a gate come.

mod verdict;

pub use verdict::{FailOn, Verdict};
