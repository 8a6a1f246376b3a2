//! Which elements of an array were taken over into the next one: a longest common subsequence, within bounds.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::ops::Range;

use serde_json::Value;

use super::diff::is_same;

/// The most elements that may differ. What differs more is no longer the same list, and a round of the search takes memory
/// for each element that differs.
const EDITS_MAX: usize = 1_000;

/// The most steps of the search, a few milliseconds.
const STEPS_MAX: usize = 1 << 21;

/// Elements of the old array in whose place stand those of the new one. Either may be none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Gap {
    pub(super) old: Range<usize>,
    pub(super) new: Range<usize>,
}

/// The gaps between the elements that both arrays share, in their order: as few elements as possible lie in them. Where
/// that would take more than the bounds allow, everything is one gap.
pub(super) fn gaps(old: &[Value], new: &[Value]) -> Vec<Gap> {
    let everything = || {
        vec![Gap {
            old: 0..old.len(),
            new: 0..new.len(),
        }]
    };
    if old.is_empty() || new.is_empty() {
        return everything();
    }
    // Each element is hashed once; the search compares numbers.
    let mut numbers = HashMap::with_capacity(old.len() + new.len());
    let mut number_of = |value| {
        let next = numbers.len();
        *numbers.entry(Exact(value)).or_insert(next)
    };
    let old_numbers: Vec<_> = old.iter().map(&mut number_of).collect();
    let new_numbers: Vec<_> = new.iter().map(&mut number_of).collect();
    if edits_min(&old_numbers, &new_numbers, numbers.len()) > EDITS_MAX {
        return everything();
    }
    search(&old_numbers, &new_numbers).unwrap_or_else(everything)
}

/// The fewest edits that there can be: elements that the other array has not, or not so often. A state of many arrays whose
/// elements are all new, such as a matrix, costs no search for each of them.
fn edits_min(old: &[usize], new: &[usize], numbers: usize) -> usize {
    let mut surplus = vec![0_isize; numbers];
    for number in old {
        surplus[*number] += 1;
    }
    for number in new {
        surplus[*number] -= 1;
    }
    surplus.iter().map(|surplus| surplus.unsigned_abs()).sum()
}

/// A value that equals only what is written in the same way.
struct Exact<'a>(&'a Value);

impl PartialEq for Exact<'_> {
    fn eq(&self, other: &Self) -> bool {
        is_same(self.0, other.0)
    }
}

impl Eq for Exact<'_> {}

impl Hash for Exact<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // Coarser than equality in that zero has one hash for both signs.
        self.0.hash(state);
    }
}

/// How far one may come in a number of edits on each diagonal: the greedy algorithm of E. Myers, "An O(ND) difference
/// algorithm and its variations" (1986). `x` counts elements of the old array, `y` those of the new one, and diagonal `k` is
/// where `x - y` is `k`.
struct Rounds {
    /// For each number of edits `d` the `x` on diagonals `-d, 2 - d, .., d`.
    reached: Vec<Vec<usize>>,
}

impl Rounds {
    /// How far one has come in `d` edits on diagonal `k`, if one can be there.
    fn x(&self, d: isize, k: isize) -> Option<usize> {
        if d < 0 || k.abs() > d {
            return None;
        }
        let round = self.reached.get(usize::try_from(d).ok()?)?;
        round.get(usize::try_from((k + d) / 2).ok()?).copied()
    }

    /// From where one comes to diagonal `k` with the edit that follows `d` others: whether by an element that is added, and
    /// the `x` before it. None before the first edit.
    fn before(&self, d: isize, k: isize) -> Option<(bool, usize)> {
        match (self.x(d, k - 1), self.x(d, k + 1)) {
            (Some(removed), Some(added)) if removed >= added => Some((false, removed)),
            (Some(removed), None) => Some((false, removed)),
            (_, Some(added)) => Some((true, added)),
            (None, None) => None,
        }
    }
}

fn search(old: &[usize], new: &[usize]) -> Option<Vec<Gap>> {
    let mut rounds = Rounds { reached: Vec::new() };
    let mut steps = 0;
    for edits in 0..=EDITS_MAX {
        let d = isize::try_from(edits).ok()?;
        let mut round = Vec::with_capacity(edits + 1);
        for k in (-d..=d).step_by(2) {
            let mut x = match rounds.before(d - 1, k) {
                None => 0,
                Some((true, x)) => x,
                Some((false, x)) => x + 1,
            };
            let mut y = x.checked_add_signed(-k)?;
            let start = x;
            while x < old.len() && y < new.len() && old[x] == new[y] {
                x += 1;
                y += 1;
            }
            if x >= old.len() && y >= new.len() {
                return walk_back(&rounds, d, old.len(), new.len());
            }
            round.push(x);
            steps += 1 + x - start;
            if steps > STEPS_MAX {
                return None;
            }
        }
        rounds.reached.push(round);
    }
    None
}

/// The gaps on the way to the end of both arrays, which is reached with the `d`-th edit.
fn walk_back(rounds: &Rounds, d: isize, mut x: usize, mut y: usize) -> Option<Vec<Gap>> {
    let mut gaps: Vec<Gap> = Vec::new();
    for d in (0..d).rev() {
        let k = isize::try_from(x).ok()? - isize::try_from(y).ok()?;
        let (is_added, from_x) = rounds.before(d, k)?;
        let from_k = if is_added { k + 1 } else { k - 1 };
        let from_y = from_x.checked_add_signed(-from_k)?;
        let (old_end, new_end) = (from_x + usize::from(!is_added), from_y + usize::from(is_added));
        match gaps.last_mut() {
            // Nothing is shared between this edit and the one that follows it.
            Some(gap) if gap.old.start == old_end && gap.new.start == new_end => {
                gap.old.start = from_x;
                gap.new.start = from_y;
            }
            _ => gaps.push(Gap {
                old: from_x..old_end,
                new: from_y..new_end,
            }),
        }
        (x, y) = (from_x, from_y);
    }
    gaps.reverse();
    Some(gaps)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn found(old: &Value, new: &Value) -> Vec<Gap> {
        let elements = |value: &Value| value.as_array().cloned().unwrap_or_default();
        gaps(&elements(old), &elements(new))
    }

    #[test]
    fn gaps_hold_what_is_not_shared() {
        assert_eq!(
            found(&json!([1, 2, 3, 4, 5]), &json!([2, 3, 9, 8, 5])),
            [Gap { old: 0..1, new: 0..0 }, Gap { old: 3..4, new: 2..4 }]
        );
        assert_eq!(found(&json!([1]), &json!([1])), []);
        assert_eq!(found(&json!([]), &json!([1])), [Gap { old: 0..0, new: 0..1 }]);
        // Numbers that are equal but written in another way are not shared.
        assert_eq!(
            found(&json!([[0.0], 1]), &json!([[-0.0], 1.0])),
            [Gap { old: 0..2, new: 0..2 }]
        );
    }

    #[test]
    fn beyond_the_bounds_everything_is_one_gap() {
        let apart = |from: usize| Value::from_iter(from..from + EDITS_MAX);
        let (old, new) = (apart(0), apart(EDITS_MAX));
        assert_eq!(
            found(&old, &new),
            [Gap {
                old: 0..EDITS_MAX,
                new: 0..EDITS_MAX
            }]
        );
        let shifted = apart(1);
        assert_eq!(found(&old, &shifted).len(), 2);
    }

    #[test]
    fn what_the_other_array_has_not_so_often_is_an_edit() {
        assert_eq!(edits_min(&[0, 1, 1, 2], &[2, 1, 3], 4), 3);
        assert_eq!(edits_min(&[0, 1], &[1, 0], 2), 0, "order is not looked at");
    }

    proptest! {
        #[test]
        fn what_lies_between_gaps_is_shared_and_nothing_longer_is(
            old in prop::collection::vec(0..4_usize, 0..12),
            new in prop::collection::vec(0..4_usize, 0..12),
        ) {
            let values = |numbers: &[usize]| numbers.iter().map(|n| json!(n)).collect::<Vec<_>>();
            let gaps = gaps(&values(&old), &values(&new));
            let (mut x, mut y, mut shared) = (0, 0, 0);
            let end = Gap { old: old.len()..old.len(), new: new.len()..new.len() };
            for gap in gaps.iter().chain([&end]) {
                prop_assert_eq!(&old[x..gap.old.start], &new[y..gap.new.start]);
                shared += gap.old.start - x;
                (x, y) = (gap.old.end, gap.new.end);
            }
            // The textbook's table of longest common subsequences.
            let mut table = vec![vec![0; new.len() + 1]; old.len() + 1];
            for (i, a) in old.iter().enumerate() {
                for (j, b) in new.iter().enumerate() {
                    table[i + 1][j + 1] =
                        if a == b { table[i][j] + 1 } else { table[i][j + 1].max(table[i + 1][j]) };
                }
            }
            prop_assert_eq!(shared, table[old.len()][new.len()]);
        }
    }
}
