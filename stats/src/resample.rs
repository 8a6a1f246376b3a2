//! Resampling from a seed.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Draws from samples. The same seed draws the same on every machine and in every version: the generator is
/// ChaCha with 8 rounds, whose numbers are fixed, and an index is one number of 32 bits, scaled.
#[derive(Clone, Debug)]
pub struct Resampler {
    generator: ChaCha8Rng,
}

impl Resampler {
    /// A resampler that begins at a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            generator: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    /// An index below `count`, which is above 0. That scaling prefers some indices by up to `count / 2^32` is
    /// far below what any sample shows.
    fn index(&mut self, count: usize) -> usize {
        let number = u64::from(self.generator.next_u32());
        // The product needs more than 64 bits only for samples that fit no memory.
        ((number * count as u64) >> 32) as usize
    }

    /// `count` values, each drawn from all values; none if there are no values to draw from.
    pub fn sample_with_replacement(&mut self, values: &[f64], count: usize) -> Vec<f64> {
        if values.is_empty() {
            return Vec::new();
        }
        (0..count).map(|_| values[self.index(values.len())]).collect()
    }

    /// Puts `count` items, drawn without replacement, in front of the others; all of them if there are not
    /// more. They come in random order, and the order of the others is lost.
    pub fn draw_to_front<T>(&mut self, items: &mut [T], count: usize) {
        for place in 0..count.min(items.len()) {
            let drawn = place + self.index(items.len() - place);
            items.swap(place, drawn);
        }
    }
}

/// Calls `visit` with ways to choose `chosen` of `count` indices, as a permutation test compares them, and
/// always with the indices below `chosen`, which are those of the sample as it is. These are all ways if
/// there are at most `limit`; else `limit` ways, of which all but that one are random. So the share of ways
/// that are as extreme as the sample is a valid p-value in both cases (Phipson and Smyth 2010).
pub(crate) fn for_each_split(
    count: usize,
    chosen: usize,
    limit: usize,
    seed: u64,
    mut visit: impl FnMut(&[u32]),
) {
    let mut indices: Vec<u32> = (0_u32..).take(count).collect();
    if ways(count, chosen) <= limit as f64 {
        let mut split: Vec<u32> = indices[..chosen].to_vec();
        loop {
            visit(&split);
            // The next in lexical order: the last index that can rise does, and those behind follow it.
            let Some(rising) = (0..chosen).rfind(|&at| (split[at] as usize) < count - chosen + at) else {
                return;
            };
            let mut next = split[rising];
            for index in &mut split[rising..] {
                next += 1;
                *index = next;
            }
        }
    }
    visit(&indices[..chosen]);
    let mut resampler = Resampler::new(seed);
    for _ in 1..limit {
        resampler.draw_to_front(&mut indices, chosen);
        visit(&indices[..chosen]);
    }
}

/// In how many ways `chosen` of `count` can be chosen.
pub(crate) fn ways(count: usize, chosen: usize) -> f64 {
    (0..chosen).fold(1.0, |ways, at| ways * (count - at) as f64 / (at + 1) as f64)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn splits(count: usize, chosen: usize, limit: usize) -> Vec<Vec<u32>> {
        let mut splits = Vec::new();
        for_each_split(count, chosen, limit, 7, |split| splits.push(split.to_vec()));
        splits
    }

    #[test]
    fn few_ways_are_all_visited_once() {
        let splits = splits(7, 3, 35);
        assert_eq!(splits.len(), 35);
        assert_eq!(splits[0], [0, 1, 2]);
        assert_eq!(splits.iter().collect::<BTreeSet<_>>().len(), 35);
        assert!(splits.iter().all(|split| split.is_sorted() && split[2] < 7));
    }

    #[test]
    fn many_ways_are_drawn_evenly_and_begin_with_the_sample() {
        let splits = splits(8, 4, 60);
        assert_eq!(splits.len(), 60);
        assert_eq!(splits[0], [0, 1, 2, 3]);
        let mut drawn = [0_u32; 8];
        for seed in 0..200 {
            for_each_split(8, 4, 51, seed, |split| {
                split.iter().for_each(|index| drawn[*index as usize] += 1);
            });
        }
        // 10,000 random splits, of which each index is in half, and 200 times the first four.
        for (index, count) in drawn.iter().enumerate() {
            let expected = 5000 + if index < 4 { 200 } else { 0 };
            assert!(count.abs_diff(expected) < 250, "{index}: {count}");
        }
    }

    #[test]
    fn ways_are_binomial_coefficients() {
        assert_eq!(ways(10, 5), 252.0);
        assert_eq!(ways(5, 0), 1.0);
        assert_eq!(ways(60, 30), 118_264_581_564_861_424.0);
    }

    #[test]
    fn a_seed_draws_the_same_in_every_version() {
        let values = [10.0, 20.0, 30.0, 40.0, 50.0];
        let first = Resampler::new(1).sample_with_replacement(&values, 8);
        assert_eq!(first, Resampler::new(1).sample_with_replacement(&values, 8));
        assert_ne!(first, Resampler::new(2).sample_with_replacement(&values, 8));
        assert_eq!(first, [30.0, 30.0, 50.0, 10.0, 20.0, 30.0, 20.0, 20.0]);
    }

    #[test]
    fn a_bootstrap_sample_draws_every_value_equally_often() {
        let drawn = Resampler::new(3).sample_with_replacement(&[0.0, 1.0, 2.0, 3.0], 40_000);
        for value in 0..4 {
            let count = drawn.iter().filter(|drawn| **drawn == f64::from(value)).count();
            assert!(count.abs_diff(10_000) < 400, "{value}: {count}");
        }
        assert_eq!(Resampler::new(3).sample_with_replacement(&[], 5), [0.0; 0]);
    }

    #[test]
    fn drawing_more_than_there_is_draws_all() {
        let mut items = [1, 2, 3];
        Resampler::new(1).draw_to_front(&mut items, 9);
        items.sort_unstable();
        assert_eq!(items, [1, 2, 3]);
    }
}
