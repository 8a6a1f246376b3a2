//! The balance of the account: what is in no place, in several, or where nobody claims to have read.

use hashbrown::HashMap;
use quipu_proto::Table;
use quipu_store::Snapshot;

use super::account::{Account, PLACE_COLUMNS};
use super::finding::{FindingKind, Part};
use super::offsets::uncovered;
use super::places::{At, RowPlaces};
use super::{Check, Complete};

/// Offsets in several places of which all places are looked up and named.
const CLASHES_MAX: usize = 1_000;

impl Account {
    /// Offsets in no place, and offsets that nobody claims to have read.
    pub(super) fn partitions(&mut self, check: &mut Check<'_>, snapshot: &Snapshot, complete: Complete) {
        self.room();
        for (log, name) in self.logs.iter() {
            let state = snapshot.manifest().partition(name);
            let (first, next) = state.map_or((0, 0), |state| (state.first_offset.0, state.next_offset.0));
            check.report.counts.offsets += u64::try_from(next - first).unwrap_or(0);
            let resolved = self
                .resolved
                .iter()
                .filter(|((of, _), found)| *of == log && found.rows);
            let mut others: Vec<(i64, i64)> = resolved.map(|((_, offset), _)| (*offset, *offset)).collect();
            others.extend(&self.holes[log]);
            others.sort_unstable();
            let claimed = format!("offsets {first} to {} only", next.saturating_sub(1));
            for (from, to) in self.seen[log].ranges().chain(others.iter().copied()) {
                for (from, to) in [(from, to.min(first - 1)), (from.max(next), to)] {
                    if from <= to {
                        let kind = FindingKind::OffsetUnclaimed;
                        let place = self.place((log, from), to);
                        check.report.find(
                            Part::Account,
                            kind,
                            place,
                            claimed.as_str(),
                            "rows, letters or holes",
                        );
                    }
                }
            }
            for (from, to) in &self.holes[log] {
                if let Some(offset) = self.seen[log].first_within(*from, *to) {
                    self.clashes.push((log, offset));
                }
            }
            if complete == Complete::No {
                continue;
            }
            let covered = merged(self.seen[log].ranges(), others.into_iter());
            for (from, to) in uncovered(first, next, covered) {
                let place = self.place((log, from), to);
                let expected = "rows, a dead letter or a hole";
                check.report.find(
                    Part::Account,
                    FindingKind::OffsetsMissing,
                    place,
                    expected,
                    "nothing",
                );
            }
        }
    }

    pub(super) fn batches(&mut self, check: &mut Check<'_>) {
        let mut wrong: Vec<(At, i64)> = self.batches.iter().map(|(at, left)| (*at, *left)).collect();
        wrong.retain(|(_, left)| *left != 0);
        wrong.sort_unstable();
        for (at, left) in wrong {
            let (expected, found) = if left > 0 {
                ("a batch with all of its events", format!("{left} events too few"))
            } else {
                (
                    "no event beyond those of its batch",
                    format!("{} events too many", -left),
                )
            };
            let place = self.place(at, at.1);
            check.report.find(
                Part::Account,
                FindingKind::BatchIncomplete,
                place,
                expected,
                found,
            );
        }
    }

    pub(super) fn resolved(&mut self, check: &mut Check<'_>) {
        let mut resolved: Vec<_> = self.resolved.iter().collect();
        resolved.sort_unstable_by_key(|(at, _)| **at);
        for (at, found) in resolved {
            let found = match (found.letter, found.rows) {
                (true, true) => continue,
                (true, false) => "the letter alone",
                (false, true) => "the rows alone",
                (false, false) => "neither",
            };
            let place = self.place(*at, at.1);
            let kind = FindingKind::ResolutionIncomplete;
            let expected = "a dead letter and the rows that it became";
            check.report.find(Part::Account, kind, place, expected, found);
        }
    }

    /// Names all places of offsets that are in several.
    pub(super) fn clashes(&mut self, check: &mut Check<'_>, snapshot: &Snapshot) {
        let mut clashes = std::mem::take(&mut self.clashes);
        clashes.sort_unstable();
        clashes.dedup();
        let mut places: HashMap<At, Vec<String>> = HashMap::new();
        for at in clashes.iter().take(CLASHES_MAX) {
            let holes = self.holes[at.0]
                .iter()
                .filter(|(first, last)| (*first..=*last).contains(&at.1));
            let holes = holes.map(|(first, last)| format!("the hole {first} to {last}"));
            places.insert(*at, holes.collect());
        }
        let tables = Table::ALL
            .into_iter()
            .filter(|table| table.is_fact() || *table == Table::DeadLetters);
        if places.is_empty() {
            return;
        }
        for table in tables {
            for segment in snapshot.segments(table) {
                let columns = &PLACE_COLUMNS[..if table.is_fact() { 5 } else { 4 }];
                check.scan(Part::Account, snapshot, segment, columns, |_, batch, path| {
                    let rows = RowPlaces::of(batch, &mut self.logs, path)?;
                    for (row, log) in rows.logs.iter().enumerate() {
                        if let Some(places) = places.get_mut(&(*log, rows.offset.value(row))) {
                            places.push(format!("{} item {}", segment.path, rows.item(row)));
                        }
                    }
                    Ok(())
                });
            }
        }
        for at in clashes {
            let found = places
                .remove(&at)
                .map_or_else(|| "several".to_owned(), |places| places.join(", "));
            let place = self.place(at, at.1);
            check
                .report
                .find(Part::Account, FindingKind::OffsetTwice, place, "one place", found);
        }
    }
}

/// Two lists of ranges that ascend as one.
fn merged(
    a: impl Iterator<Item = (i64, i64)>,
    b: impl Iterator<Item = (i64, i64)>,
) -> impl Iterator<Item = (i64, i64)> {
    let (mut a, mut b) = (a.peekable(), b.peekable());
    std::iter::from_fn(move || match (a.peek(), b.peek()) {
        (Some(left), Some(right)) if right < left => b.next(),
        (Some(_), _) => a.next(),
        (None, _) => b.next(),
    })
}
