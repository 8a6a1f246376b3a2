//! The judge: metrics of two sides, what their samples prove, and the verdict of a gate.
//!
//! - [`Metric`]: a number with a name, a unit and a better direction.
//! - [`Evidence`]: what is known of it on both sides; [`Statistics`] what samples say.
//! - [`Rules`]: fixed thresholds, confidence level, least effect.
//! - [`judge`]: from evidence to a [`Judgement`] of [`Comparison`]s.
//!
//! Without samples on a side the fixed thresholds decide alone. With samples a metric has regressed where the difference is
//! significant *and* larger than the least effect that counts; the fixed threshold then grades how bad that is. Where
//! nothing is proven but the noise leaves room for a regression beyond the fixed threshold, nothing follows: a gate that
//! cannot see says so. A rate that has not become worse passes all the same, and a note says what could not be seen.

/// What the samples of each metric prove, as a report over the table `samples` of metric, statistic, is_current and value.
pub const GATE_SQL: &str = include_str!("gate.sql");

mod bound;
mod comparison;
mod document;
mod evidence;
mod judgement;
mod metric;
mod metric_file;
mod outcome;
mod part;
mod rules;
mod selftest;
mod unit;

pub use bound::{Bound, Limit, LimitError};
pub use comparison::{Comparison, Reason};
pub use document::{ComparedMetric, ComparisonDocument};
pub use evidence::{Evidence, POWER, Side, Statistics};
pub use judgement::{Judgement, judge};
pub use metric::{Better, Metric};
pub use metric_file::{MetricFile, MetricFileError};
pub use outcome::GateFailOn;
pub use part::{BREAKDOWNS, Breakdown, PartDifference, Parts, part_differences};
pub use quipu_stats::difference::Statistic;
pub use rules::Rules;
pub use selftest::{MetricSelfTest, SHIFTS, SelfTest, SelfTestPlan, self_test};
pub use unit::Unit;

#[cfg(test)]
mod tests;
