//! Sets of sequence numbers as unbroken runs.

use std::fmt;

/// Runs that are named of a set; of more, only how many there are.
const NAMED_MAX: usize = 8;

/// Numbers as runs that neither touch nor overlap, ascending, both ends inclusive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Numbers(Vec<(u64, u64)>);

impl Numbers {
    /// The numbers of runs in any order.
    pub(super) fn of(mut runs: Vec<(u64, u64)>) -> Self {
        runs.sort_unstable();
        let mut numbers: Vec<(u64, u64)> = Vec::new();
        for (first, last) in runs {
            match numbers.last_mut() {
                Some(newest) if first <= newest.1.saturating_add(1) => newest.1 = newest.1.max(last),
                _ => numbers.push((first, last)),
            }
        }
        Self(numbers)
    }

    /// The numbers that are here and not there.
    pub(super) fn without(&self, other: &Self) -> Self {
        let mut left = Vec::new();
        let mut others = other.0.iter().copied().peekable();
        for &(first, last) in &self.0 {
            let mut due = Some(first);
            while let (Some(from), Some((start, end))) = (due, others.peek().copied()) {
                if end < from {
                    others.next();
                } else if start > last {
                    break;
                } else {
                    if start > from {
                        left.push((from, start - 1));
                    }
                    // A run that reaches beyond this one may cover the next one too.
                    due = end.checked_add(1).filter(|next| *next <= last);
                    if due.is_some() {
                        others.next();
                    }
                }
            }
            left.extend(due.map(|from| (from, last)));
        }
        Self(left)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (first, last)) in self.0.iter().take(NAMED_MAX).enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            if first == last {
                write!(f, "{comma}{first}")?;
            } else {
                write!(f, "{comma}{first} to {last}")?;
            }
        }
        match self.0.len() {
            0 => f.write_str("none"),
            len if len > NAMED_MAX => write!(f, " and {} more runs", len - NAMED_MAX),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(runs: &[(u64, u64)]) -> Numbers {
        Numbers::of(runs.to_vec())
    }

    #[test]
    fn runs_that_touch_or_overlap_become_one() {
        assert_eq!(
            numbers(&[(4, 4), (1, 3), (3, 3), (7, 9), (8, 8)]).0,
            [(1, 4), (7, 9)]
        );
        assert_eq!(numbers(&[(u64::MAX, u64::MAX), (1, u64::MAX)]).0, [(1, u64::MAX)]);
    }

    #[test]
    fn a_difference_is_what_is_here_and_not_there() {
        let without = |a: &[(u64, u64)], b: &[(u64, u64)]| numbers(a).without(&numbers(b)).0;
        assert_eq!(without(&[(1, 10)], &[]), [(1, 10)]);
        assert_eq!(without(&[(1, 10)], &[(1, 10)]), []);
        assert_eq!(
            without(&[(1, 10)], &[(0, 0), (3, 4), (6, 6), (10, 12)]),
            [(1, 2), (5, 5), (7, 9)]
        );
        assert_eq!(without(&[(1, 2), (4, 5), (8, 9)], &[(2, 8)]), [(1, 1), (9, 9)]);
        assert_eq!(without(&[(1, u64::MAX)], &[(5, u64::MAX)]), [(1, 4)]);
    }

    #[test]
    fn a_long_list_is_cut() {
        let many: Vec<_> = (0..20).map(|n| (n * 10, n * 10 + n % 2)).collect();
        let text = numbers(&many).to_string();
        assert_eq!(
            text,
            "0, 10 to 11, 20, 30 to 31, 40, 50 to 51, 60, 70 to 71 and 12 more runs"
        );
        assert_eq!(numbers(&[]).to_string(), "none");
    }
}
