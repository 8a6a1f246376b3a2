//! In which order the runs of a benchmark are made.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// Which command a run is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The one that is judged.
    Current,
    /// The one that it is compared with.
    Baseline,
}

/// Whether a run counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// It fills caches, and is not measured.
    Warmup,
    /// It is measured.
    Measured,
}

/// One run that is to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Turn {
    /// Of which command.
    pub side: Side,
    /// Whether it counts.
    pub phase: Phase,
    /// Number of the run of its command in its phase, from 1. Runs of two commands with one number are a pair, made one after
    /// the other.
    pub number: usize,
}

/// Turns in the order in which they are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    turns: Vec<Turn>,
}

impl Plan {
    /// A plan for one command: warm-up, then the runs.
    #[must_use]
    pub fn single(warmup: usize, runs: usize) -> Self {
        let turns = [(Phase::Warmup, warmup), (Phase::Measured, runs)];
        let turns = turns.into_iter().flat_map(|(phase, count)| {
            (1..=count).map(move |number| Turn {
                side: Side::Current,
                phase,
                number,
            })
        });
        Self {
            turns: turns.collect(),
        }
    }

    /// A plan for two commands: pairs, each with one run of both.
    ///
    /// What drifts while a benchmark runs (heat, other load) then falls on both sides alike. Which of a pair comes first is
    /// drawn by the seed, as often the one as the other (give or take one), so that what a run leaves behind for the next one
    /// does as well.
    #[must_use]
    pub fn interleaved(warmup: usize, runs: usize, seed: u64) -> Self {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        let mut turns = Vec::new();
        for (phase, count) in [(Phase::Warmup, warmup), (Phase::Measured, runs)] {
            let mut orders: Vec<[Side; 2]> = (0..count)
                .map(|pair| match pair % 2 {
                    0 => [Side::Baseline, Side::Current],
                    _ => [Side::Current, Side::Baseline],
                })
                .collect();
            orders.shuffle(&mut generator);
            for (number, order) in (1..).zip(orders) {
                turns.extend(order.map(|side| Turn { side, phase, number }));
            }
        }
        Self { turns }
    }

    /// The turns, in their order.
    #[must_use]
    pub fn turns(&self) -> &[Turn] {
        &self.turns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_command_is_warmed_up_and_then_measured() {
        let plan = Plan::single(2, 3);
        let turns: Vec<_> = plan
            .turns()
            .iter()
            .map(|turn| (turn.phase, turn.number))
            .collect();
        let (warmup, measured) = (Phase::Warmup, Phase::Measured);
        assert_eq!(
            turns,
            [
                (warmup, 1),
                (warmup, 2),
                (measured, 1),
                (measured, 2),
                (measured, 3)
            ]
        );
    }

    #[test]
    fn two_commands_alternate_in_pairs_and_each_comes_first_half_of_the_time() {
        for runs in [1, 2, 9, 50] {
            let plan = Plan::interleaved(3, runs, 7);
            assert_eq!(plan.turns().len(), 2 * (3 + runs));
            for pair in plan.turns().chunks(2) {
                assert_ne!(pair[0].side, pair[1].side);
                assert_eq!((pair[0].phase, pair[0].number), (pair[1].phase, pair[1].number));
            }
            let measured = plan
                .turns()
                .iter()
                .step_by(2)
                .filter(|turn| turn.phase == Phase::Measured);
            let first = measured.filter(|turn| turn.side == Side::Baseline).count();
            assert_eq!(first, runs.div_ceil(2));
        }
    }

    #[test]
    fn the_seed_alone_decides_the_order() {
        assert_eq!(Plan::interleaved(5, 50, 1), Plan::interleaved(5, 50, 1));
        assert_ne!(Plan::interleaved(5, 50, 1), Plan::interleaved(5, 50, 2));
    }
}
