//! Which steps of one side are those of the other: a longest common subsequence.

use std::collections::HashMap;
use std::hash::Hash;

use similar::{Algorithm, DiffOp, capture_diff_slices};

/// Places of two sequences that belong together, in the order of both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pair {
    /// The same on both sides.
    Both(usize, usize),
    /// On the first side only.
    A(usize),
    /// On the second side only.
    B(usize),
}

/// Aligns two sequences. As many as can be are paired; what only one side has stands before what only the other has.
/// The same sequences give the same pairs.
pub(super) fn align<T: Eq + Hash>(a: &[T], b: &[T]) -> Vec<Pair> {
    let (a, b) = as_numbers(a, b);
    // What the other side lacks is no part of any common subsequence. Without it, two runs that share nothing cost
    // nothing.
    let (shared_a, shared_b) = (shared(&a, &b), shared(&b, &a));
    let values = |places: &[usize], of: &[u32]| places.iter().map(|at| of[*at]).collect::<Vec<_>>();
    let operations = capture_diff_slices(Algorithm::Myers, &values(&shared_a, &a), &values(&shared_b, &b));
    let mut pairs = Vec::with_capacity(a.len() + b.len());
    let (mut next_a, mut next_b) = (0, 0);
    let equal = operations.iter().filter_map(|operation| match *operation {
        DiffOp::Equal {
            old_index,
            new_index,
            len,
        } => Some((old_index, new_index, len)),
        _ => None,
    });
    let matches = equal.flat_map(|(old, new, len)| (0..len).map(move |at| (old + at, new + at)));
    for (old, new) in matches {
        let (at_a, at_b) = (shared_a[old], shared_b[new]);
        pairs.extend((next_a..at_a).map(Pair::A));
        pairs.extend((next_b..at_b).map(Pair::B));
        pairs.push(Pair::Both(at_a, at_b));
        (next_a, next_b) = (at_a + 1, at_b + 1);
    }
    pairs.extend((next_a..a.len()).map(Pair::A));
    pairs.extend((next_b..b.len()).map(Pair::B));
    pairs
}

/// A number for each value, the same for equal ones.
fn as_numbers<T: Eq + Hash>(a: &[T], b: &[T]) -> (Vec<u32>, Vec<u32>) {
    let mut known: HashMap<&T, u32> = HashMap::new();
    let mut number = |value| {
        let next = u32::try_from(known.len()).unwrap_or(u32::MAX);
        *known.entry(value).or_insert(next)
    };
    let a = a.iter().map(&mut number).collect();
    (a, b.iter().map(number).collect())
}

/// Places of the values that the other side has too.
fn shared(of: &[u32], other: &[u32]) -> Vec<usize> {
    let len = other.iter().max().map_or(0, |most| *most as usize + 1);
    let mut is_there = vec![false; len];
    for value in other {
        is_there[*value as usize] = true;
    }
    let is_shared = |at: &usize| is_there.get(of[*at] as usize).copied().unwrap_or(false);
    (0..of.len()).filter(is_shared).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The length of a longest common subsequence, by the table that defines it.
    fn longest(a: &[u8], b: &[u8]) -> usize {
        let mut row = vec![0; b.len() + 1];
        for x in a {
            let mut corner = 0;
            for (at, y) in b.iter().enumerate() {
                let above = row[at + 1];
                row[at + 1] = if x == y { corner + 1 } else { above.max(row[at]) };
                corner = above;
            }
        }
        row[b.len()]
    }

    fn check(a: &[u8], b: &[u8]) {
        let pairs = align(a, b);
        let mut both = 0;
        let (mut seen_a, mut seen_b) = (Vec::new(), Vec::new());
        for pair in &pairs {
            match *pair {
                Pair::Both(x, y) => {
                    assert_eq!(a[x], b[y]);
                    seen_a.push(x);
                    seen_b.push(y);
                    both += 1;
                }
                Pair::A(x) => seen_a.push(x),
                Pair::B(y) => seen_b.push(y),
            }
        }
        assert!(seen_a.iter().copied().eq(0..a.len()), "{a:?} {b:?}: {pairs:?}");
        assert!(seen_b.iter().copied().eq(0..b.len()), "{a:?} {b:?}: {pairs:?}");
        assert_eq!(both, longest(a, b), "{a:?} {b:?}: {pairs:?}");
    }

    #[test]
    fn as_many_places_are_paired_as_can_be_and_every_place_is_there_once_in_order() {
        // Every pair of sequences over few values, by a generator that needs no seed.
        let mut state = 7_u64;
        let mut next = move |below: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        for _ in 0..2_000 {
            let (values, len_a, len_b) = (1 + next(5), next(13), next(13));
            let a: Vec<u8> = (0..len_a).map(|_| next(values) as u8).collect();
            let b: Vec<u8> = (0..len_b).map(|_| next(values + 1) as u8).collect();
            check(&a, &b);
        }
        check(&[], &[]);
        check(&[1], &[]);
    }

    #[test]
    fn what_only_one_side_has_stands_before_what_only_the_other_has() {
        assert_eq!(
            align(&["start", "x", "end"], &["start", "y", "end"]),
            [Pair::Both(0, 0), Pair::A(1), Pair::B(1), Pair::Both(2, 2)]
        );
    }

    #[test]
    fn long_sequences_that_share_nothing_or_everything_are_aligned() {
        let a: Vec<u32> = (0..20_000).collect();
        let b: Vec<u32> = (20_000..40_000).collect();
        assert_eq!(align(&a, &b).len(), 40_000);
        assert_eq!(align(&a, &a).len(), 20_000);
    }
}
