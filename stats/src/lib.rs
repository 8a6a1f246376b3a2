//! Statistics of samples, and scores of answers: numbers and texts alone, without a store and without SQL.
//!
//! The functions of SQL (`quipu-sql`) and the gates (`quipu-evals`) compute by this one code, so that a
//! verdict and the query that explains it cannot differ.
//!
//! Functions take samples as they are and answer none where nothing follows: for too few values, or for
//! values that are not finite. What is random takes its seed and comes out the same on every machine.

pub mod difference;
mod distribution;
pub mod effect;
pub mod interval;
pub mod mann_whitney;
pub mod moments;
pub mod multiple;
pub mod outliers;
pub mod percentile;
pub mod power;
pub mod resample;
pub mod score;
#[cfg(test)]
mod simulation;
