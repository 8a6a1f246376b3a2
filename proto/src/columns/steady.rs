//! What stays the same from row to row: it is kept as runs, and becomes columns when they are taken.

use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Int64Array};
use arrow_buffer::{BooleanBuffer, BooleanBufferBuilder, NullBuffer};

use crate::columns::LogIndex;
use crate::sequence::SequenceVerdict;

/// The values of one row that are mostly those of the row before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Steady {
    pub(super) log: LogIndex,
    pub(super) schema_version: u32,
    pub(super) header_type: i32,
    pub(super) header_compression: i32,
    pub(super) verdict: SequenceVerdict,
    pub(super) repeated: bool,
    pub(super) has_kafka_time: bool,
    pub(super) has_time: bool,
}

/// Runs of rows in order.
#[derive(Debug, Default)]
pub(super) struct SteadyRows {
    runs: Vec<(Steady, usize)>,
}

impl SteadyRows {
    #[inline]
    pub(super) fn push(&mut self, row: Steady) {
        match self.runs.last_mut() {
            Some((newest, rows)) if *newest == row => *rows += 1,
            _ => self.runs.push((row, 1)),
        }
    }

    pub(super) fn take(&mut self) -> Vec<(Steady, usize)> {
        std::mem::take(&mut self.runs)
    }
}

/// A column of flags.
pub(super) fn flags(runs: &[(Steady, usize)], flag: impl Fn(&Steady) -> bool) -> ArrayRef {
    Arc::new(BooleanArray::new(bits(runs, flag), None))
}

/// A column of numbers.
pub(super) fn numbers(runs: &[(Steady, usize)], number: impl Fn(&Steady) -> i64) -> ArrayRef {
    let mut numbers = Vec::new();
    for (steady, rows) in runs {
        numbers.resize(numbers.len() + rows, number(steady));
    }
    Arc::new(Int64Array::from(numbers))
}

/// The nulls of a column that is there in some rows; none if it is there in all.
pub(super) fn nulls(runs: &[(Steady, usize)], is_there: impl Fn(&Steady) -> bool) -> Option<NullBuffer> {
    let all = runs.iter().all(|(steady, _)| is_there(steady));
    (!all).then(|| NullBuffer::new(bits(runs, is_there)))
}

fn bits(runs: &[(Steady, usize)], bit: impl Fn(&Steady) -> bool) -> BooleanBuffer {
    let mut bits = BooleanBufferBuilder::new(0);
    for (steady, rows) in runs {
        bits.append_n(*rows, bit(steady));
    }
    bits.finish()
}
