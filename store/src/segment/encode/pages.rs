//! Where pages end.

use std::ops::Range;

use crate::segment::layout::PAGE_ROWS;

/// Pages of equal numbers of rows: one at least, so that a column without rows is a column all the same.
pub(super) fn by_rows(rows: usize) -> impl Iterator<Item = Range<usize>> {
    (0..rows.max(1))
        .step_by(PAGE_ROWS)
        .map(move |start| start..rows.min(start + PAGE_ROWS))
}

/// Pages that end before they hold more than `bytes_max` bytes, or after one value that is longer. `offsets` are those
/// of the values, one more than there are rows.
pub(super) fn by_bytes(offsets: &[i32], bytes_max: usize) -> impl Iterator<Item = Range<usize>> {
    by_rows(offsets.len().saturating_sub(1)).flat_map(move |rows| {
        let mut start = rows.start;
        std::iter::from_fn(move || {
            if start >= rows.end && start > rows.start {
                return None;
            }
            let begin = offsets.get(start).copied().unwrap_or(0);
            let fits = offsets[start..=rows.end]
                .partition_point(|offset| (offset - begin) as usize <= bytes_max)
                .saturating_sub(1)
                .max(1);
            let page = start..rows.end.min(start + fits);
            start = page.end.max(start + 1);
            Some(page)
        })
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::single_range_in_vec_init, reason = "a list of one page")]

    use super::*;

    fn by_len(lens: &[i32], bytes_max: usize) -> Vec<Range<usize>> {
        let mut offsets = vec![7];
        for len in lens {
            offsets.push(offsets[offsets.len() - 1] + len);
        }
        by_bytes(&offsets, bytes_max).collect()
    }

    #[test]
    fn pages_follow_each_other_and_hold_all_rows() {
        assert_eq!(by_rows(0).collect::<Vec<_>>(), [0..0]);
        assert_eq!(
            by_rows(PAGE_ROWS * 2 + 1).collect::<Vec<_>>(),
            [
                0..PAGE_ROWS,
                PAGE_ROWS..PAGE_ROWS * 2,
                PAGE_ROWS * 2..PAGE_ROWS * 2 + 1
            ]
        );
        assert_eq!(by_len(&[], 10), [0..0]);
        assert_eq!(by_len(&[4, 4, 4, 4], 10), [0..2, 2..4]);
        assert_eq!(by_len(&[0, 0, 0], 10), [0..3]);
        assert_eq!(by_len(&[4, 100, 4], 10), [0..1, 1..2, 2..3]);
        assert_eq!(by_len(&[10, 0, 0, 1], 10), [0..3, 3..4]);
        let many = by_len(&vec![1; PAGE_ROWS + 5], 1 << 20);
        assert_eq!(many, [0..PAGE_ROWS, PAGE_ROWS..PAGE_ROWS + 5]);
    }
}
