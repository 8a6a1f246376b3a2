//! Which rows of a column have no value.

use std::ops::Range;

use arrow_buffer::{BooleanBufferBuilder, NullBuffer};

/// The rows without a value, as ranges in order. A row that is null costs nothing when it is appended: the column
/// notices when the next value comes, or when it ends.
#[derive(Debug, Default)]
pub(crate) struct Gaps(Vec<Range<usize>>);

impl Gaps {
    /// Says that these rows have no value.
    #[cold]
    pub(crate) fn add(&mut self, rows: Range<usize>) {
        self.0.push(rows);
    }

    /// Takes the gaps as Arrow keeps them, and begins anew; none when every one of the `rows` has a value.
    pub(crate) fn finish(&mut self, rows: usize) -> Option<NullBuffer> {
        let gaps = std::mem::take(&mut self.0);
        if gaps.is_empty() {
            return None;
        }
        let mut bits = BooleanBufferBuilder::new(rows);
        for gap in gaps {
            bits.append_n(gap.start - bits.len(), true);
            bits.append_n(gap.len(), false);
        }
        bits.append_n(rows - bits.len(), true);
        Some(NullBuffer::new(bits.finish()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_the_nulls_and_all_else_is_there() {
        let mut gaps = Gaps::default();
        assert_eq!(gaps.finish(5), None);
        gaps.add(0..1);
        gaps.add(2..4);
        let expected = NullBuffer::from(vec![false, true, false, false, true]);
        assert_eq!(gaps.finish(5), Some(expected));
        assert_eq!(gaps.finish(5), None);
    }
}
