//! A permutation test of a difference of percentiles in the tail.

use crate::difference::inversion;
use crate::percentile::{Method, Place, between};
use crate::resample::for_each_split;

/// The difference of the percentiles of every split, as a function of how far the residuals of the current
/// sample are moved.
///
/// Both samples are taken as residuals from their percentiles, as those of means are. A percentile in the
/// tail of a split is found by going through both sorted samples from that end, whatever they are moved by.
pub(super) struct Permutations {
    /// Residuals in descending order, so that the tail comes first. Where it is the lower tail, all of them
    /// are negated.
    chosen: Vec<f64>,
    moved: Vec<f64>,
    /// Of every split which residuals it chooses, in one run of words a split: first those of the baseline.
    members: Vec<u64>,
    words: usize,
    /// Where the percentile stands from the top in the chosen part and in the other.
    places: [Place; 2],
    is_negated: bool,
}

impl Permutations {
    /// Of samples in ascending order with their percentiles. The baseline is not the greater.
    pub(super) fn of(
        (baseline, from): (&[f64], f64),
        (current, to): (&[f64], f64),
        share: f64,
        splits: usize,
        seed: u64,
    ) -> Self {
        let is_negated = share < 0.5;
        let descending = |values: &[f64], percentile: f64| -> Vec<f64> {
            let residuals = values.iter().map(|value| value - percentile);
            if is_negated {
                residuals.map(|residual| -residual).collect()
            } else {
                residuals.rev().collect()
            }
        };
        let top = if is_negated { share } else { 1.0 - share };
        // From the top, the share of the tail is that from the bottom.
        let place = |count| {
            Method::Linear
                .place(count, top)
                .unwrap_or(Place { index: 0, part: 0.0 })
        };
        let count = baseline.len() + current.len();
        let words = count.div_ceil(64);
        let mut members = Vec::new();
        for_each_split(count, baseline.len(), splits, seed, |split| {
            let start = members.len();
            members.resize(start + words, 0);
            for index in split {
                members[start + *index as usize / 64] |= 1 << (index % 64);
            }
        });
        Self {
            chosen: descending(baseline, from),
            moved: descending(current, to),
            members,
            words,
            places: [place(baseline.len()), place(current.len())],
            is_negated,
        }
    }

    /// The limits of the difference at a level; none if no difference is significant at it.
    pub(super) fn limits(&self, difference: f64, level: f64) -> Option<(f64, f64)> {
        let spread = |values: &[f64]| match values {
            [first, .., last] => first - last,
            _ => 0.0,
        };
        let scale = f64::max(spread(&self.chosen), spread(&self.moved)) / 8.0;
        let scale = if scale > 0.0 { scale } else { 1.0 };
        inversion::limits(difference, scale, 1.0 - level, |residual| self.p_value(residual))
    }

    /// The share of splits whose difference is at least that of the samples as they are, which is then `by`.
    pub(super) fn p_value(&self, by: f64) -> f64 {
        let by = if self.is_negated { -by } else { by };
        let least = by.abs() * (1.0 - ROUNDING);
        let splits = self.members.chunks_exact(self.words);
        let count = splits.len() as f64;
        let extreme = splits.filter(|members| self.difference(members, by).abs() >= least);
        extreme.count() as f64 / count
    }

    /// The difference of the percentiles of the two parts of a split.
    fn difference(&self, members: &[u64], by: f64) -> f64 {
        let is_chosen = |index: usize| members[index / 64] >> (index % 64) & 1 == 1;
        let (mut next_chosen, mut next_moved) = (0, 0);
        let mut parts = self.places.map(Part::new);
        while parts.iter().any(|part| !part.is_complete()) {
            let chosen = self.chosen.get(next_chosen).copied();
            let moved = self.moved.get(next_moved).map(|residual| residual + by);
            let (value, index) = match (chosen, moved) {
                (Some(chosen), Some(moved)) if chosen < moved => (moved, self.chosen.len() + next_moved),
                (Some(chosen), _) => (chosen, next_chosen),
                (None, Some(moved)) => (moved, self.chosen.len() + next_moved),
                (None, None) => break,
            };
            if index < self.chosen.len() {
                next_chosen += 1;
            } else {
                next_moved += 1;
            }
            parts[usize::from(!is_chosen(index))].take(value);
        }
        parts[1].percentile() - parts[0].percentile()
    }
}

/// What rounding may take from the difference of a split that is as extreme as the samples are.
const ROUNDING: f64 = 1e-9;

/// A part of a split as far as it is known: its values come in descending order.
struct Part {
    place: Place,
    taken: usize,
    at: f64,
    next: f64,
}

impl Part {
    fn new(place: Place) -> Self {
        Self {
            place,
            taken: 0,
            at: 0.0,
            next: 0.0,
        }
    }

    /// Whether the value at the place and the one after it are known.
    fn is_complete(&self) -> bool {
        self.taken > self.place.index + usize::from(self.place.part > 0.0)
    }

    fn take(&mut self, value: f64) {
        if self.taken == self.place.index {
            self.at = value;
            self.next = value;
        } else if self.taken == self.place.index + 1 {
            self.next = value;
        }
        self.taken += 1;
    }

    fn percentile(&self) -> f64 {
        between(self.at, self.next, self.place.part)
    }
}
