//! The arguments of a function that gives a table: literals, which are known before anything is read.

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::Expr;

/// The arguments of one call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arguments<'a> {
    /// How the function is called, with its name and the names of its arguments: for errors.
    pub(super) syntax: &'static str,
    pub(super) values: &'a [Expr],
}

impl Arguments<'_> {
    /// Refuses another number of arguments.
    pub(super) fn expect(&self, counts: &[usize]) -> Result<()> {
        if counts.contains(&self.values.len()) {
            return Ok(());
        }
        plan_err!("{} does not take {} arguments", self.syntax, self.values.len())
    }

    fn literal(&self, at: usize, name: &str) -> Result<&ScalarValue> {
        match self.values.get(at) {
            Some(Expr::Literal(value, _)) if !value.is_null() => Ok(value),
            Some(Expr::Literal(..)) => plan_err!("{name} of {} is null; write its value", self.syntax),
            Some(other) => plan_err!(
                "{name} of {} must be a literal, found {other}; write the value itself",
                self.syntax
            ),
            None => plan_err!("{} lacks {name}", self.syntax),
        }
    }

    /// A text.
    pub(super) fn text(&self, at: usize, name: &str) -> Result<String> {
        let value = self.literal(at, name)?;
        match value.try_as_str() {
            Some(Some(text)) => Ok(text.to_owned()),
            _ => plan_err!("{name} of {} must be a text, found {value}", self.syntax),
        }
    }

    /// An integer, or a point in time in microseconds since the Unix epoch.
    pub(super) fn number_or_time(&self, at: usize, name: &str) -> Result<NumberOrTime> {
        let value = self.literal(at, name)?;
        let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let found = if value.data_type().is_integer() {
            value.cast_to(&DataType::Int64).map(|value| match value {
                ScalarValue::Int64(number) => number.map(NumberOrTime::Number),
                _ => None,
            })
        } else if value.data_type().is_numeric() {
            Ok(None)
        } else {
            value.cast_to(&time).map(|value| match value {
                ScalarValue::TimestampMicrosecond(time, _) => time.map(NumberOrTime::Time),
                _ => None,
            })
        };
        match found {
            Ok(Some(found)) => Ok(found),
            _ => plan_err!(
                "{name} of {} must be a time such as '2026-01-15T09:00:00Z' or an offset such as 1042, found {value}",
                self.syntax
            ),
        }
    }
}

/// A value that may be either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NumberOrTime {
    Number(i64),
    /// Microseconds since the Unix epoch, UTC.
    Time(i64),
}
