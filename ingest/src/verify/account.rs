//! Part *account*: every offset that the manifest claims to have read is in exactly one place.
//!
//! | place | holds |
//! |---|---|
//! | a table | the row of a message, or the rows of its entries |
//! | `event_batches` and `events` | a batch and all of its events |
//! | `dead_letters` | a record that could not be decoded |
//! | `dead_letters` and one of the first two | a letter that was retried: it has a resolution |
//! | `offset_holes` | no record for us |

use arrow_array::cast::AsArray as _;
use arrow_array::types::Int64Type;
use hashbrown::{HashMap, HashSet};
use quipu_proto::Table;
use quipu_store::Snapshot;

use super::finding::{FindingKind, FindingPlace, Part};
use super::offsets::{OffsetSet, uncovered};
use super::places::{LOG_COLUMNS, Logs, RowPlaces, Seen, TableOffsets};
use super::{Check, Complete};
use crate::rows::column;

/// Offsets in several places of which all places are looked up and named.
const CLASHES_MAX: usize = 1_000;

/// A partition and an offset.
type At = (usize, i64);

#[derive(Default)]
struct Account {
    logs: Logs,
    /// By number of the partition: offsets of rows and of letters without resolution.
    seen: Vec<OffsetSet>,
    /// By number of the partition: holes, ascending.
    holes: Vec<Vec<(i64, i64)>>,
    /// Batches, and events that are still to be found.
    batches: HashMap<At, i64>,
    resolved: HashMap<At, Resolved>,
    /// Offsets that are in several places.
    clashes: Vec<At>,
}

/// What was found of a letter that was retried.
#[derive(Clone, Copy, Debug, Default)]
struct Resolved {
    letter: bool,
    rows: bool,
}

pub(super) fn check(check: &mut Check<'_>, snapshot: &Snapshot) -> Complete {
    let mut account = Account::default();
    let mut complete = Complete::Yes;
    for state in &snapshot.manifest().partitions {
        account.logs.number(&state.log);
    }
    complete.and(account.holes(check, snapshot));
    complete.and(account.resolutions(check, snapshot));
    // Letters and batches come before what may share their offsets.
    let facts = Table::ALL.into_iter().filter(|table| table.is_fact());
    let between = facts.filter(|table| !matches!(table, Table::Events | Table::EventBatches));
    let order = [Table::DeadLetters, Table::EventBatches]
        .into_iter()
        .chain(between)
        .chain([Table::Events]);
    let mut done = 0;
    for table in order {
        complete.and(account.table(check, snapshot, table, &mut done));
    }
    account.partitions(check, snapshot, complete);
    if complete == Complete::Yes {
        account.batches(check);
        account.resolved(check);
    }
    account.clashes(check, snapshot);
    complete
}

impl Account {
    fn room(&mut self) {
        let logs = self.logs.iter().count();
        self.seen.resize_with(logs, Default::default);
        self.holes.resize_with(logs, Default::default);
    }

    fn place(&self, (log, first): At, last: i64) -> FindingPlace {
        FindingPlace::Offsets {
            log: self.logs.log(log).clone(),
            first,
            last,
        }
    }

    fn holes(&mut self, check: &mut Check<'_>, snapshot: &Snapshot) -> Complete {
        let mut complete = Complete::Yes;
        for segment in snapshot.segments(Table::OffsetHoles) {
            complete.and(check.scan(
                Part::Account,
                snapshot,
                segment,
                &HOLE_COLUMNS,
                |_, batch, path| {
                    let logs = self.logs.of_rows(batch, path)?;
                    self.room();
                    let first = column(batch, "first_offset", path, |array| {
                        array.as_primitive_opt::<Int64Type>()
                    })?;
                    let last = column(batch, "last_offset", path, |array| {
                        array.as_primitive_opt::<Int64Type>()
                    })?;
                    for (row, log) in logs.into_iter().enumerate() {
                        self.holes[log].push((first.value(row), last.value(row)));
                    }
                    Ok(())
                },
            ));
        }
        self.room();
        for log in 0..self.holes.len() {
            self.holes[log].sort_unstable();
            let mut reach = None;
            let mut twice = Vec::new();
            for (first, last) in &self.holes[log] {
                if reach.is_some_and(|reach| *first <= reach) {
                    twice.push((*first, (*last).min(reach.unwrap_or(*last))));
                }
                reach = reach.max(Some(*last));
            }
            for (first, last) in twice {
                let place = self.place((log, first), last);
                check.report.find(
                    Part::Account,
                    FindingKind::OffsetTwice,
                    place,
                    "one hole",
                    "several holes",
                );
            }
        }
        complete
    }

    /// Letters that were retried. A store of a version without them has none.
    fn resolutions(&mut self, check: &mut Check<'_>, snapshot: &Snapshot) -> Complete {
        let mut complete = Complete::Yes;
        let Some(table) = Table::from_name(RESOLUTIONS) else {
            return complete;
        };
        for segment in snapshot.segments(table) {
            complete.and(check.scan(
                Part::Account,
                snapshot,
                segment,
                &PLACE_COLUMNS[..4],
                |_, batch, path| {
                    let places = RowPlaces::of(batch, &mut self.logs, path)?;
                    for (row, log) in places.logs.iter().enumerate() {
                        self.resolved
                            .insert((*log, places.offset.value(row)), Resolved::default());
                    }
                    Ok(())
                },
            ));
        }
        complete
    }

    fn table(
        &mut self,
        check: &mut Check<'_>,
        snapshot: &Snapshot,
        table: Table,
        done: &mut u64,
    ) -> Complete {
        let total = snapshot.manifest().segments.len() as u64;
        let mut columns = PLACE_COLUMNS.to_vec();
        match table {
            Table::EventBatches => columns.push("event_count"),
            Table::DeadLetters => columns.retain(|name| *name != "item"),
            _ => {}
        }
        let mut offsets = TableOffsets::new(table);
        let mut complete = Complete::Yes;
        for segment in snapshot.segments(table) {
            check.tell(Part::Account, *done, Some(total));
            *done += 1;
            complete.and(
                check.scan(Part::Account, snapshot, segment, &columns, |_, batch, path| {
                    let places = RowPlaces::of(batch, &mut self.logs, path)?;
                    self.room();
                    let counts = batch
                        .column_by_name("event_count")
                        .and_then(|array| array.as_primitive_opt::<Int64Type>());
                    for row in 0..batch.num_rows() {
                        let at = (places.logs[row], places.offset.value(row));
                        let item = places.item(row);
                        let seen = offsets.see(at.0, at.1, item);
                        self.row(table, at, item, seen);
                        if let Some(counts) = counts {
                            self.batches.insert(at, counts.value(row));
                        }
                    }
                    Ok(())
                }),
            );
        }
        for (log, set) in offsets.into_sets() {
            self.room();
            // What belongs to a resolved letter is kept apart.
            let resolved: HashSet<i64> = self
                .resolved
                .keys()
                .filter(|(of, offset)| *of == log && set.contains(*offset))
                .map(|(_, offset)| *offset)
                .collect();
            if resolved.is_empty() {
                self.seen[log].insert_all(&set);
                continue;
            }
            for (first, last) in set.ranges() {
                for offset in (first..=last).filter(|offset| !resolved.contains(offset)) {
                    self.seen[log].insert(offset);
                }
            }
        }
        complete
    }

    /// Takes a row in; the sets follow when the table is done.
    fn row(&mut self, table: Table, at: At, item: i32, seen: Seen) {
        if seen == Seen::Again {
            self.clashes.push(at);
        }
        if let Some(resolved) = self.resolved.get_mut(&at) {
            match table {
                Table::DeadLetters => resolved.letter = true,
                _ => resolved.rows = true,
            }
        }
        let in_batch = (table == Table::Events)
            .then(|| self.batches.get_mut(&at))
            .flatten();
        if let Some(left) = in_batch {
            *left -= 1;
            return;
        }
        if table == Table::Events && item > 0 {
            // An event of a batch that has no row: told together with batches that lack events.
            *self.batches.entry(at).or_insert(0) -= 1;
        }
        if seen == Seen::First && self.seen[at.0].contains(at.1) {
            self.clashes.push(at);
        }
    }

    /// Offsets in no place, and offsets that nobody claims to have read.
    fn partitions(&mut self, check: &mut Check<'_>, snapshot: &Snapshot, complete: Complete) {
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

    fn batches(&mut self, check: &mut Check<'_>) {
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

    fn resolved(&mut self, check: &mut Check<'_>) {
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
    fn clashes(&mut self, check: &mut Check<'_>, snapshot: &Snapshot) {
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

/// The table of letters that were retried.
pub(super) const RESOLUTIONS: &str = "dead_letter_resolutions";

const HOLE_COLUMNS: [&str; 5] = [
    LOG_COLUMNS[0],
    LOG_COLUMNS[1],
    LOG_COLUMNS[2],
    "first_offset",
    "last_offset",
];

const PLACE_COLUMNS: [&str; 5] = [LOG_COLUMNS[0], LOG_COLUMNS[1], LOG_COLUMNS[2], "offset", "item"];

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
