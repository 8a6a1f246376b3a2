//! The shares and sizes of the canonical workload.

use crate::kind::Kind;

/// Share of each kind among all messages and mean size of its protobuf in bytes; in the order of [`Kind::ALL`]. The
/// shares add up to 0.997; the rest falls to the kinds that are easy to come by.
const CANONICAL: [(f64, f64); 9] = [
    (0.31, 292.0),
    (0.09, 677.0),
    (0.37, 160.0),
    (0.10, 686.0),
    (0.006, 1_246.0),
    (0.07, 256.0),
    (0.001, 417.0),
    (0.036, 750.0),
    (0.014, 2_463.0),
];

/// Messages counted against the canonical shares and sizes.
#[derive(Clone, Debug, Default)]
pub struct Mix {
    counts: [u64; 9],
    bytes: [u64; 9],
    total: u64,
}

impl Mix {
    /// The share of a kind among all messages that is aimed at.
    #[must_use]
    pub fn share(kind: Kind) -> f64 {
        CANONICAL[kind.index()].0
    }

    /// The mean size of the protobuf of a kind that is aimed at, in bytes.
    #[must_use]
    pub fn mean(kind: Kind) -> f64 {
        CANONICAL[kind.index()].1
    }

    /// Counts a message.
    pub fn account(&mut self, kind: Kind, bytes: usize) {
        self.counts[kind.index()] += 1;
        self.bytes[kind.index()] += bytes as u64;
        self.total += 1;
    }

    /// How many messages of a kind are missing for its share; negative if there are too many.
    #[must_use]
    pub fn lag(&self, kind: Kind) -> f64 {
        Self::share(kind) * (self.total + 1) as f64 - self.counts[kind.index()] as f64
    }

    /// When the next message of a kind is due for its share to hold, as a number of messages of all kinds.
    #[must_use]
    pub fn due(&self, kind: Kind) -> f64 {
        (self.counts[kind.index()] as f64 + 0.5) / Self::share(kind)
    }

    /// How many bytes the messages of a kind so far are short of its mean size; negative if they are too long.
    #[must_use]
    pub fn room(&self, kind: Kind) -> f64 {
        Self::mean(kind) * self.counts[kind.index()] as f64 - self.bytes[kind.index()] as f64
    }

    /// Messages of a kind so far.
    #[must_use]
    pub fn count(&self, kind: Kind) -> u64 {
        self.counts[kind.index()]
    }

    /// Mean bytes of the messages of a kind so far; 0 if there are none.
    #[must_use]
    pub fn mean_so_far(&self, kind: Kind) -> f64 {
        self.bytes[kind.index()] as f64 / self.counts[kind.index()].max(1) as f64
    }

    /// All messages so far.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }
}
