//! Seeded chance.

use std::ops::Range;

/// A source of chance: the same seed gives the same numbers (SplitMix64).
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// A source with that seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The seed in `QUIPU_TEST_SEED`, else this one; it is printed, so that a failure can be repeated.
    #[must_use]
    #[allow(clippy::print_stderr, reason = "tells how to repeat a run")]
    pub fn from_environment(default: u64) -> Self {
        let seed = std::env::var("QUIPU_TEST_SEED")
            .ok()
            .map_or(default, |text| text.parse().unwrap());
        eprintln!("seed {seed} (set QUIPU_TEST_SEED for another)");
        Self::new(seed)
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number of the range.
    pub fn within(&mut self, range: Range<u64>) -> u64 {
        range.start + self.number() % (range.end - range.start)
    }

    /// True once in so many times.
    pub fn once_in(&mut self, times: u64) -> bool {
        self.number().is_multiple_of(times)
    }
}
