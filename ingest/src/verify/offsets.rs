//! Sets of offsets: one bit for each, in chunks that take no more once they are full.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// Offsets of a chunk.
const CHUNK: i64 = 1 << 16;
const WORDS: usize = CHUNK as usize / 64;

/// Offsets of one partition. A set of all offsets up to n takes up to n / 8 bytes while it grows in any order, and next
/// to nothing where it is whole.
#[derive(Clone, Debug, Default)]
pub(super) struct OffsetSet {
    chunks: BTreeMap<i64, Chunk>,
}

#[derive(Clone, Debug)]
enum Chunk {
    Some { bits: Box<[u64; WORDS]>, set: u32 },
    All,
}

impl OffsetSet {
    /// Adds an offset; false if it is there already.
    pub(super) fn insert(&mut self, offset: i64) -> bool {
        let chunk = self
            .chunks
            .entry(offset.div_euclid(CHUNK))
            .or_insert_with(|| Chunk::Some {
                bits: Box::new([0; WORDS]),
                set: 0,
            });
        let Chunk::Some { bits, set } = chunk else {
            return false;
        };
        let (word, bit) = place(offset);
        if bits[word] & bit != 0 {
            return false;
        }
        bits[word] |= bit;
        *set += 1;
        if i64::from(*set) == CHUNK {
            *chunk = Chunk::All;
        }
        true
    }

    /// Whether an offset is there.
    pub(super) fn contains(&self, offset: i64) -> bool {
        match self.chunks.get(&offset.div_euclid(CHUNK)) {
            None => false,
            Some(Chunk::All) => true,
            Some(Chunk::Some { bits, .. }) => {
                let (word, bit) = place(offset);
                bits[word] & bit != 0
            }
        }
    }

    /// Adds all offsets of another set.
    pub(super) fn insert_all(&mut self, other: &Self) {
        for (number, chunk) in &other.chunks {
            if let Entry::Vacant(vacant) = self.chunks.entry(*number) {
                vacant.insert(chunk.clone());
                continue;
            }
            let only = Self {
                chunks: BTreeMap::from([(*number, chunk.clone())]),
            };
            for (first, last) in only.ranges() {
                for offset in first..=last {
                    self.insert(offset);
                }
            }
        }
    }

    /// The offsets as ranges, both ends inclusive, ascending. Neighbours in different chunks may be two.
    pub(super) fn ranges(&self) -> impl Iterator<Item = (i64, i64)> + '_ {
        self.chunks.iter().flat_map(|(number, chunk)| {
            let base = number * CHUNK;
            let mut at = 0;
            std::iter::from_fn(move || match chunk {
                Chunk::All => (at == 0).then(|| {
                    at = WORDS * 64;
                    (base, base + CHUNK - 1)
                }),
                Chunk::Some { bits, .. } => {
                    let first = next(bits, at, true)?;
                    let end = next(bits, first, false).unwrap_or(WORDS * 64);
                    at = end;
                    Some((base + first as i64, base + end as i64 - 1))
                }
            })
        })
    }

    /// The first offset of a range that is there.
    pub(super) fn first_within(&self, first: i64, last: i64) -> Option<i64> {
        let chunks = self
            .chunks
            .range(first.div_euclid(CHUNK)..=last.div_euclid(CHUNK));
        for (number, chunk) in chunks {
            let base = number * CHUNK;
            let from = (first - base).max(0) as usize;
            let found = match chunk {
                Chunk::All => Some(from),
                Chunk::Some { bits, .. } => next(bits, from, true),
            };
            if let Some(found) = found {
                let offset = base + found as i64;
                return (offset <= last).then_some(offset);
            }
        }
        None
    }
}

fn place(offset: i64) -> (usize, u64) {
    let within = offset.rem_euclid(CHUNK) as usize;
    (within / 64, 1 << (within % 64))
}

/// The first place from `at` on whose bit is as wanted.
fn next(bits: &[u64; WORDS], at: usize, wanted: bool) -> Option<usize> {
    let mut word = at / 64;
    let mut mask = u64::MAX << (at % 64);
    while word < WORDS {
        let candidates = if wanted { bits[word] } else { !bits[word] } & mask;
        if candidates != 0 {
            return Some(word * 64 + candidates.trailing_zeros() as usize);
        }
        mask = u64::MAX;
        word += 1;
    }
    None
}

/// The ranges between `first` and `next` (exclusive) that none of the given ranges covers. They come ascending by their
/// beginning.
pub(super) fn uncovered(
    first: i64,
    next: i64,
    covered: impl Iterator<Item = (i64, i64)>,
) -> impl Iterator<Item = (i64, i64)> {
    let mut due = first;
    covered
        .chain(std::iter::once((next, next)))
        .filter_map(move |(from, to)| {
            let from = from.min(next);
            let missing = (from > due).then(|| (due, from - 1));
            due = due.max(to.saturating_add(1));
            missing
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(offsets: impl IntoIterator<Item = i64>) -> OffsetSet {
        let mut set = OffsetSet::default();
        for offset in offsets {
            assert!(set.insert(offset), "{offset}");
        }
        set
    }

    #[test]
    fn an_offset_goes_in_once() {
        let mut set = set([0, 1, 63, 64, CHUNK - 1, CHUNK, -1]);
        for offset in [0, 63, 64, CHUNK, -1] {
            assert!(set.contains(offset) && !set.insert(offset), "{offset}");
        }
        assert!(!set.contains(2) && !set.contains(CHUNK + 1) && !set.contains(-2));
    }

    #[test]
    fn ranges_are_what_went_in() {
        let set = set([5, 3, 4, 9, 64, 63, CHUNK + 1]);
        let ranges: Vec<_> = set.ranges().collect();
        assert_eq!(ranges, [(3, 5), (9, 9), (63, 64), (CHUNK + 1, CHUNK + 1)]);
        assert_eq!(set.first_within(6, 8), None);
        assert_eq!(set.first_within(6, 9), Some(9));
        assert_eq!(set.first_within(65, 3 * CHUNK), Some(CHUNK + 1));
        assert_eq!(set.first_within(4, 3 * CHUNK), Some(4));
    }

    #[test]
    fn a_whole_chunk_is_one_range_and_takes_part_as_any_other() {
        let mut set = set((0..CHUNK).rev());
        assert!(!set.insert(7));
        set.insert(CHUNK);
        assert_eq!(set.ranges().collect::<Vec<_>>(), [(0, CHUNK - 1), (CHUNK, CHUNK)]);
        assert_eq!(set.first_within(CHUNK - 1, CHUNK), Some(CHUNK - 1));
        let mut other = OffsetSet::default();
        other.insert_all(&set);
        assert!(other.contains(CHUNK) && other.contains(0));
    }

    #[test]
    fn what_no_range_covers_is_told() {
        let missing = |first, next, covered: &[(i64, i64)]| -> Vec<(i64, i64)> {
            uncovered(first, next, covered.iter().copied()).collect()
        };
        assert_eq!(missing(0, 10, &[]), [(0, 9)]);
        assert_eq!(missing(0, 10, &[(0, 9)]), []);
        assert_eq!(missing(0, 10, &[(2, 3), (3, 5), (8, 20)]), [(0, 1), (6, 7)]);
        assert_eq!(missing(5, 10, &[(0, 1), (30, 40)]), [(5, 9)]);
        assert_eq!(missing(5, 5, &[]), []);
    }
}
