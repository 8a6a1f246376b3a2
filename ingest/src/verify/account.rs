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
use super::offsets::OffsetSet;
use super::places::{At, LOG_COLUMNS, Logs, RowPlaces, Seen, TableOffsets};
use super::{Check, Complete, resolutions};
use crate::rows::column;

/// Where everything is, as far as it was read.
#[derive(Default)]
pub(super) struct Account {
    pub(super) logs: Logs,
    /// By number of the partition: offsets of rows and of letters without resolution.
    pub(super) seen: Vec<OffsetSet>,
    /// By number of the partition: holes, ascending.
    pub(super) holes: Vec<Vec<(i64, i64)>>,
    /// Batches, and events that are still to be found.
    pub(super) batches: HashMap<At, i64>,
    pub(super) resolved: HashMap<At, Resolved>,
    /// Offsets that are in several places.
    pub(super) clashes: Vec<At>,
}

/// What was found of a letter that was retried.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Resolved {
    pub(super) letter: bool,
    pub(super) rows: bool,
}

pub(super) fn check(check: &mut Check<'_>, snapshot: &Snapshot) -> Complete {
    let mut account = Account::default();
    let mut complete = Complete::Yes;
    for state in &snapshot.manifest().partitions {
        account.logs.number(&state.log);
    }
    complete.and(account.holes(check, snapshot));
    let (resolved, read) = resolutions::read(check, Part::Account, snapshot, &mut account.logs);
    complete.and(read);
    account.resolved = resolved.into_iter().map(|at| (at, Resolved::default())).collect();
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
    pub(super) fn room(&mut self) {
        let logs = self.logs.iter().count();
        self.seen.resize_with(logs, Default::default);
        self.holes.resize_with(logs, Default::default);
    }

    pub(super) fn place(&self, (log, first): At, last: i64) -> FindingPlace {
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
}

const HOLE_COLUMNS: [&str; 5] = [
    LOG_COLUMNS[0],
    LOG_COLUMNS[1],
    LOG_COLUMNS[2],
    "first_offset",
    "last_offset",
];

pub(super) const PLACE_COLUMNS: [&str; 5] =
    [LOG_COLUMNS[0], LOG_COLUMNS[1], LOG_COLUMNS[2], "offset", "item"];
