//! Seeded samples for tests that count how often something holds.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, LogNormal, Normal};

/// The mean of all laws here.
const MEAN: f64 = 1000.0;

/// What samples are drawn from, each with its coefficient of variation.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Law {
    Normal(f64),
    LogNormal(f64),
}

impl Law {
    pub(crate) fn mean(self) -> f64 {
        MEAN
    }
}

/// Samples of a law, one after another.
pub(crate) struct Samples {
    law: Law,
    generator: ChaCha8Rng,
}

impl Samples {
    pub(crate) fn new(law: Law, seed: u64) -> Self {
        Self {
            law,
            generator: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    /// The next sample of `n` values.
    pub(crate) fn draw(&mut self, n: usize) -> Vec<f64> {
        match self.law {
            Law::Normal(variation) => self.collect(n, Normal::new(MEAN, variation * MEAN).unwrap()),
            Law::LogNormal(variation) => self.collect(n, LogNormal::from_mean_cv(MEAN, variation).unwrap()),
        }
    }

    fn collect(&mut self, n: usize, law: impl Distribution<f64>) -> Vec<f64> {
        law.sample_iter(&mut self.generator).take(n).collect()
    }
}
