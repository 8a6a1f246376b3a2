//! How complete the account of the messages is: the line that every report states.

use std::fmt;

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Decimal128Type};

use crate::error::{Result, SqlError};
use crate::session::Session;

/// What was seen of what was sent, over all threads of a snapshot.
///
/// A lost tail cannot be seen from numbers: what is `expected` ends with the last number seen of each strand. That is
/// what [`tails`](Self::tails) is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Completeness {
    /// Messages in the store, copies left out.
    pub messages: u64,
    /// Threads with numbered messages.
    pub threads: u64,
    /// Numbers that the counters of the threads must have used: those seen and those proven to be missing.
    pub expected: u128,
    /// Those that were seen.
    pub seen: u128,
    /// Those that were proven to be missing.
    pub missing: u128,
    /// Numbers that may be missing; they are in none of the others.
    pub ambiguous: u128,
    /// Records that could not be decoded and were not resolved since; where their numbers are known to be missing, they
    /// are in `missing` too.
    pub dead_letters: u64,
    /// How the threads end.
    pub tails: Tails,
}

/// How threads end, in numbers of threads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tails {
    /// A graph that ended came last.
    pub closed: u64,
    /// Nothing tells whether more was sent.
    pub open: u64,
    /// A dead letter follows the last message.
    pub broken: u64,
}

impl Completeness {
    /// Seen of expected, from 0 to 1; none if nothing numbered was seen, so that nothing can be told.
    #[must_use]
    pub fn ratio(&self) -> Option<f64> {
        (self.expected > 0).then(|| self.seen as f64 / self.expected as f64)
    }

    /// Whether seen of expected is at least that, from 0 to 1. What cannot be told is not below any bound.
    #[must_use]
    pub fn reaches(&self, bound: f64) -> bool {
        self.ratio().is_none_or(|ratio| ratio >= bound)
    }

    /// The ratio in percent with three digits, cut and not rounded, so that 100 % means that nothing is missing.
    fn percent(&self) -> Option<f64> {
        let ratio = self.ratio()?;
        Some(if self.missing == 0 {
            100.0
        } else {
            (ratio * 1e5).floor().min(99_999.0) / 1e3
        })
    }

    /// The account as one JSON object, as it stands under the key `completeness` of every report in JSON. `ratio` is
    /// null if nothing can be told.
    #[must_use]
    pub fn to_json(&self) -> String {
        let ratio = self
            .percent()
            .map_or_else(|| "null".to_owned(), |percent| format!("{:.5}", percent / 100.0));
        format!(
            "{{\"messages\":{},\"threads\":{},\"expected\":{},\"seen\":{},\"missing\":{},\"ambiguous\":{},\
             \"dead_lettered\":{},\"ratio\":{ratio},\"tails\":{{\"closed\":{},\"open\":{},\"broken\":{}}}}}",
            self.messages,
            self.threads,
            self.expected,
            self.seen,
            self.missing,
            self.ambiguous,
            self.dead_letters,
            self.tails.closed,
            self.tails.open,
            self.tails.broken
        )
    }
}

impl fmt::Display for Completeness {
    /// One line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.percent() {
            Some(percent) => write!(f, "completeness {percent:.3} %: ")?,
            None => write!(f, "completeness unknown: ")?,
        }
        write!(
            f,
            "{} of {} numbered messages seen in {} threads, {} missing",
            self.seen, self.expected, self.threads, self.missing
        )?;
        if self.ambiguous > 0 {
            write!(f, " (and perhaps {} more)", self.ambiguous)?;
        }
        let Tails { closed, open, broken } = self.tails;
        write!(
            f,
            ", {} dead letters; tails: {closed} closed, {open} open, {broken} broken",
            self.dead_letters
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
    let count = |column| number(row, column).map(saturating);
    let (seen, missing) = (number(row, "seen")?, number(row, "missing")?);
    Ok(Completeness {
        messages: count("messages")?,
        threads: count("threads")?,
        expected: seen.saturating_add(missing),
        seen,
        missing,
        ambiguous: number(row, "ambiguous")?,
        dead_letters: count("dead_letters")?,
        tails: Tails {
            closed: count("tails_closed")?,
            open: count("tails_open")?,
            broken: count("tails_broken")?,
        },
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
        ambiguous: 0,
        dead_letters: 0,
        tails: Tails {
            closed: 1,
            open: 1,
            broken: 0,
        },
    };

    #[test]
    fn only_a_whole_account_is_told_as_100_percent() {
        assert_eq!(
            WHOLE.to_string(),
            "completeness 100.000 %: 8 of 8 numbered messages seen in 2 threads, 0 missing, 0 dead letters; \
             tails: 1 closed, 1 open, 0 broken"
        );
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
        assert!(almost.reaches(0.999) && !almost.reaches(1.0));
        assert!(
            almost.to_json().contains("\"ratio\":0.99999,"),
            "{}",
            almost.to_json()
        );
    }

    #[test]
    fn what_may_be_missing_is_told_apart() {
        let perhaps = Completeness {
            ambiguous: 3,
            ..WHOLE
        };
        assert!(
            perhaps
                .to_string()
                .contains("0 missing (and perhaps 3 more), 0 dead letters")
        );
    }

    #[test]
    fn without_numbered_messages_completeness_is_unknown_and_below_no_bound() {
        let empty = Completeness {
            expected: 0,
            seen: 0,
            ..WHOLE
        };
        assert_eq!(empty.ratio(), None);
        assert!(empty.to_string().starts_with("completeness unknown: 0 of 0"));
        assert!(empty.reaches(1.0));
        assert!(empty.to_json().contains("\"ratio\":null"));
    }
}
