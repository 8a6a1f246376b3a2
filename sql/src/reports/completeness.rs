//! How complete the account of the messages is: the line that every report states.

use std::fmt;

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Decimal128Type};

use crate::error::{Result, SqlError};
use crate::session::Session;

/// What was seen of what was sent, over all threads of a snapshot.
///
/// A lost tail cannot be seen from numbers: what is `expected` ends with the last number seen of each thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Completeness {
    /// Messages in the store, copies left out.
    pub messages: u64,
    /// Threads with numbered messages.
    pub threads: u64,
    /// Numbers that the threads must have used up to the last one seen of each.
    pub expected: u128,
    /// Those that were seen.
    pub seen: u128,
    /// Those that were not.
    pub missing: u128,
    /// Records that could not be decoded and were not resolved since; where their numbers are known to be missing, they are in `missing` too.
    pub dead_letters: u64,
}

impl Completeness {
    /// Seen of expected, from 0 to 1; 1 if nothing is expected.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        if self.expected == 0 {
            1.0
        } else {
            self.seen as f64 / self.expected as f64
        }
    }
}

impl fmt::Display for Completeness {
    /// One line. The ratio is cut, not rounded, so that 100 % means that nothing is missing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = if self.missing == 0 {
            100.0
        } else {
            (self.ratio() * 1e5).floor().min(99_999.0) / 1e3
        };
        write!(
            f,
            "completeness {percent:.3} %: {} of {} numbered messages seen in {} threads, {} missing, {} dead letters",
            self.seen, self.expected, self.threads, self.missing, self.dead_letters
        )
    }
}

/// Computes the completeness of a session's snapshot.
///
/// # Errors
/// Those of running SQL over the store.
pub async fn completeness(session: &Session) -> Result<Completeness> {
    let batches = session.collect(include_str!("completeness.sql")).await?;
    let row = batches.iter().find(|batch| batch.num_rows() == 1);
    let Some(row) = row else {
        return Err(SqlError::internal("the completeness report has no row"));
    };
    let (expected, missing) = (number(row, "expected")?, number(row, "missing")?);
    Ok(Completeness {
        messages: saturating(number(row, "messages")?),
        threads: saturating(number(row, "threads")?),
        expected,
        seen: expected.saturating_sub(missing),
        missing,
        dead_letters: saturating(number(row, "dead_letters")?),
    })
}

fn saturating(number: u128) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

fn number(row: &RecordBatch, column: &str) -> Result<u128> {
    let value = row
        .column_by_name(column)
        .and_then(|array| cast(array, &DataType::Decimal128(38, 0)).ok())
        .filter(|array| array.is_valid(0))
        .map(|array| array.as_primitive::<Decimal128Type>().value(0));
    value
        .and_then(|value| u128::try_from(value).ok())
        .ok_or_else(|| SqlError::internal(format!("the completeness report has no number {column}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: Completeness = Completeness {
        messages: 10,
        threads: 2,
        expected: 8,
        seen: 8,
        missing: 0,
        dead_letters: 0,
    };

    #[test]
    fn only_a_whole_account_is_told_as_100_percent() {
        assert!(WHOLE.to_string().starts_with("completeness 100.000 %: 8 of 8"));
        let almost = Completeness {
            expected: 10_000_000,
            seen: 9_999_999,
            missing: 1,
            ..WHOLE
        };
        assert!(
            almost.to_string().starts_with("completeness 99.999 %"),
            "{almost}"
        );
    }

    #[test]
    fn a_store_without_numbered_messages_is_complete() {
        let empty = Completeness {
            expected: 0,
            seen: 0,
            ..WHOLE
        };
        assert!((empty.ratio() - 1.0).abs() < f64::EPSILON);
    }
}
