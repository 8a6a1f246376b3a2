//! A range of records on its way: taken in from the source one by one, then compared with the store at once.

use std::path::Path;

use arrow_array::cast::AsArray as _;
use arrow_array::types::Int64Type;
use arrow_array::{Array as _, RecordBatch};
use hashbrown::HashSet;
use quipu_proto::{Decoder, LogPartition, Policy, Reason, Table};
use quipu_store::{Segment, Snapshot, StatValue};

use super::account::RESOLUTIONS;
use super::expected::{Expected, Rows, What};
use super::finding::{FindingKind, Part};
use super::offsets::uncovered;
use super::places::{Logs, RowPlaces};
use super::report::VerifyReport;
use super::source::offsets;
use super::{Check, Complete};
use crate::error::Result;
use crate::rows::column;

/// Offsets of the source that hold no record.
struct Hole {
    log: usize,
    first: i64,
    last: i64,
    cause: &'static str,
}

/// Takes the records of a source in, and compares them whenever enough have come.
pub(super) struct Window<'w> {
    snapshot: &'w Snapshot,
    decoder: Decoder,
    bytes_max: usize,
    logs: Logs,
    /// By number of the partition: the offsets that the window covers, the end exclusive.
    spans: Vec<Option<(i64, i64)>>,
    expected: Vec<Expected>,
    holes: Vec<Hole>,
    bytes: usize,
    records: u64,
    resolved: Option<HashSet<(usize, i64)>>,
    pub(super) complete: Complete,
}

impl<'w> Window<'w> {
    pub(super) fn new(snapshot: &'w Snapshot, policy: Policy, bytes_max: usize) -> Self {
        Self {
            snapshot,
            decoder: Decoder::new(policy),
            bytes_max,
            logs: Logs::default(),
            spans: Vec::new(),
            expected: Vec::new(),
            holes: Vec::new(),
            bytes: 0,
            records: 0,
            resolved: None,
            complete: Complete::Yes,
        }
    }

    /// The offsets of a partition that the store claims to have read.
    pub(super) fn claimed(&self, log: &LogPartition) -> Option<(i64, i64)> {
        let state = self.snapshot.manifest().partition(log)?;
        Some((state.first_offset.0, state.next_offset.0))
    }

    /// Takes a record in, in the order of its partition.
    pub(super) fn record(
        &mut self,
        check: &mut Check<'_>,
        log: &LogPartition,
        offset: i64,
        value: Option<&[u8]>,
    ) {
        if !self.is_claimed(log, offset) {
            return;
        }
        let what = match self.decoder.decode(value) {
            Ok(decoded) => What::Rows(Rows::of(&decoded)),
            Err(rejection) => What::Letter {
                reason: rejection.reason,
                payload: value.map(Into::into),
            },
        };
        self.expect(check, log, offset, what);
    }

    /// Takes a damaged batch in.
    pub(super) fn corrupt(
        &mut self,
        check: &mut Check<'_>,
        log: &LogPartition,
        first: i64,
        last: i64,
        batch: &[u8],
    ) {
        if self.is_claimed(log, first) {
            let what = What::Letter {
                reason: Reason::CorruptBatch,
                payload: Some(batch.into()),
            };
            self.expect(check, log, first, what);
        }
        self.hole(log, first + 1, last, "corrupt");
    }

    /// Takes offsets without a record in.
    pub(super) fn hole(&mut self, log: &LogPartition, first: i64, last: i64, cause: &'static str) {
        let Some((claimed_first, claimed_next)) = self.claimed(log) else {
            return;
        };
        let (first, last) = (first.max(claimed_first), last.min(claimed_next - 1));
        if first <= last {
            let log = self.cover(log, first, last);
            self.bytes += size_of::<Hole>();
            self.holes.push(Hole {
                log,
                first,
                last,
                cause,
            });
        }
    }

    fn is_claimed(&self, log: &LogPartition, offset: i64) -> bool {
        self.claimed(log)
            .is_some_and(|(first, next)| (first..next).contains(&offset))
    }

    fn expect(&mut self, check: &mut Check<'_>, log: &LogPartition, offset: i64, what: What) {
        let log = self.cover(log, offset, offset);
        self.bytes += size_of::<Expected>()
            + match &what {
                What::Rows(rows) => rows.bytes(),
                What::Letter { payload, .. } => payload.as_ref().map_or(0, |payload| payload.len()),
            };
        self.expected.push(Expected {
            log,
            offset,
            what,
            right: 0,
            wrong: None,
        });
        self.records += 1;
        if self.bytes >= self.bytes_max {
            self.settle(check);
        }
    }

    fn cover(&mut self, log: &LogPartition, first: i64, last: i64) -> usize {
        let number = self.logs.number(log);
        if self.spans.len() <= number {
            self.spans.resize(number + 1, None);
        }
        let span = self.spans[number].get_or_insert((first, last + 1));
        span.1 = span.1.max(last + 1);
        number
    }

    /// Compares what has come so far with the store, and begins anew.
    pub(super) fn settle(&mut self, check: &mut Check<'_>) {
        check.report.counts.records += self.expected.len() as u64;
        check.tell(Part::Source, self.records, None);
        self.expected
            .sort_unstable_by_key(|expected| (expected.log, expected.offset));
        let mut complete = Complete::Yes;
        let resolved = match self.resolved.take() {
            Some(resolved) => resolved,
            None => self.read_resolved(check, &mut complete),
        };
        let store_holes = self.store_holes(check, &mut complete);
        let tables = Table::ALL
            .into_iter()
            .filter(|table| table.is_fact() || *table == Table::DeadLetters);
        for table in tables {
            for segment in self.snapshot.segments(table) {
                if self.may_be_in(segment) {
                    let columns: &[&str] = if table.is_fact() { &FACT } else { &LETTER };
                    complete.and(check.scan(
                        Part::Source,
                        self.snapshot,
                        segment,
                        columns,
                        |report, batch, path| self.take(report, table, batch, path, &resolved),
                    ));
                }
            }
        }
        self.in_holes(&store_holes);
        // A segment that cannot be read would make records missing.
        if complete == Complete::Yes {
            self.tell(check);
        }
        self.compare_holes(check, &store_holes);
        self.complete.and(complete);
        self.resolved = Some(resolved);
        self.expected.clear();
        self.holes.clear();
        self.spans.fill(None);
        self.bytes = 0;
    }

    fn read_resolved(&mut self, check: &mut Check<'_>, complete: &mut Complete) -> HashSet<(usize, i64)> {
        let mut resolved = HashSet::new();
        let Some(table) = Table::from_name(RESOLUTIONS) else {
            return resolved;
        };
        for segment in self.snapshot.segments(table) {
            complete.and(check.scan(
                Part::Source,
                self.snapshot,
                segment,
                &LETTER[..4],
                |_, batch, path| {
                    let places = RowPlaces::of(batch, &mut self.logs, path)?;
                    let offsets = places.offset.values().iter().copied();
                    resolved.extend(places.logs.iter().copied().zip(offsets));
                    Ok(())
                },
            ));
        }
        resolved
    }

    /// The holes of the store that reach into the window, ascending, by number of the partition.
    fn store_holes(&mut self, check: &mut Check<'_>, complete: &mut Complete) -> Vec<(usize, i64, i64)> {
        let mut holes = Vec::new();
        for segment in self.snapshot.segments(Table::OffsetHoles) {
            complete.and(
                check.scan(Part::Source, self.snapshot, segment, &HOLE, |_, batch, path| {
                    let logs = self.logs.of_rows(batch, path)?;
                    let end = |name| column(batch, name, path, |array| array.as_primitive_opt::<Int64Type>());
                    let (first, last) = (end("first_offset")?, end("last_offset")?);
                    for (row, log) in logs.into_iter().enumerate() {
                        let span = self.spans.get(log).copied().flatten();
                        let (first, last) = (first.value(row), last.value(row));
                        if span.is_some_and(|(from, next)| first < next && last >= from) {
                            holes.push((log, first, last));
                        }
                    }
                    Ok(())
                }),
            );
        }
        holes.sort_unstable();
        holes
    }

    /// Whether the segment may hold rows of the window, as far as its ranges tell.
    fn may_be_in(&self, segment: &Segment) -> bool {
        let Some(range) = segment.stats.column("offset") else {
            return true;
        };
        let (Some(StatValue::Int(min)), Some(StatValue::Int(max))) = (&range.min, &range.max) else {
            return true;
        };
        self.spans
            .iter()
            .flatten()
            .any(|(first, next)| min < next && max >= first)
    }

    /// Takes rows of the store in.
    fn take(
        &mut self,
        report: &mut VerifyReport,
        table: Table,
        batch: &RecordBatch,
        path: &Path,
        resolved: &HashSet<(usize, i64)>,
    ) -> Result<()> {
        let places = RowPlaces::of(batch, &mut self.logs, path)?;
        let bytes_name = if table.is_fact() { "message_id" } else { "payload" };
        let bytes = column(batch, bytes_name, path, |array| array.as_binary_opt::<i32>())?;
        for row in 0..batch.num_rows() {
            let (log, offset) = (places.logs[row], places.offset.value(row));
            let span = self.spans.get(log).copied().flatten();
            if !span.is_some_and(|(first, next)| (first..next).contains(&offset)) {
                continue;
            }
            let value = bytes.is_valid(row).then(|| bytes.value(row));
            let item = places.item(row);
            let known = self
                .expected
                .binary_search_by_key(&(log, offset), |expected| (expected.log, expected.offset));
            let Ok(index) = known else {
                let hole = self
                    .holes
                    .iter()
                    .find(|hole| hole.log == log && (hole.first..=hole.last).contains(&offset));
                if !hole.is_some_and(|hole| is_past(hole.cause)) {
                    let expected =
                        hole.map_or("nothing".to_owned(), |hole| format!("a hole ({})", hole.cause));
                    let place = offsets(self.logs.log(log), offset, offset);
                    let found = format!("a row of {table} with item {item}");
                    report.find(Part::Source, FindingKind::RecordUnknown, place, expected, found);
                }
                continue;
            };
            let expected = &mut self.expected[index];
            let is_resolved = resolved.contains(&(log, offset));
            let verdict = match &expected.what {
                // What the letter became may need another policy than this one.
                What::Letter { .. } if table.is_fact() && is_resolved => continue,
                What::Letter { payload, .. } if table == Table::DeadLetters => {
                    if payload.as_deref().unwrap_or_default() == value.unwrap_or_default() {
                        Ok(())
                    } else {
                        Err(format!(
                            "a dead letter with {} other bytes",
                            value.map_or(0, <[u8]>::len)
                        ))
                    }
                }
                What::Letter { .. } => Err(format!("a row of {table} with item {item}")),
                What::Rows(_) if table == Table::DeadLetters && is_resolved => continue,
                What::Rows(_) if table == Table::DeadLetters => Err("a dead letter".to_owned()),
                What::Rows(rows) => rows.check(table, item, value.unwrap_or_default()),
            };
            match verdict {
                Ok(()) => expected.right += 1,
                Err(found) => {
                    expected.wrong.get_or_insert(found);
                }
            }
        }
        Ok(())
    }

    /// Records that stand in a hole of the store.
    fn in_holes(&mut self, store_holes: &[(usize, i64, i64)]) {
        for (log, first, last) in store_holes {
            let start = self
                .expected
                .partition_point(|expected| (expected.log, expected.offset) < (*log, *first));
            for expected in self.expected[start..]
                .iter_mut()
                .take_while(|expected| (expected.log, expected.offset) <= (*log, *last))
            {
                expected
                    .wrong
                    .get_or_insert_with(|| format!("the hole {first} to {last}"));
            }
        }
    }

    /// Names the records that the store does not have as it should.
    fn tell(&self, check: &mut Check<'_>) {
        for expected in &self.expected {
            let (due, described) = match &expected.what {
                What::Rows(rows) => (rows.total(), rows.describe()),
                What::Letter { reason, payload } => {
                    let bytes = payload.as_ref().map_or(0, |payload| payload.len());
                    (1, format!("a dead letter ({reason}) of {bytes} bytes"))
                }
            };
            let found = match &expected.wrong {
                None if expected.right == due => continue,
                Some(wrong) if expected.right == 0 => wrong.clone(),
                Some(wrong) => format!("{} of its rows, and {wrong}", expected.right),
                None if expected.right == 0 => "nothing".to_owned(),
                None => format!("{} of its rows", expected.right),
            };
            let kind = if expected.right == 0 && expected.wrong.is_none() {
                FindingKind::RecordMissing
            } else {
                FindingKind::RecordDiffers
            };
            let place = offsets(self.logs.log(expected.log), expected.offset, expected.offset);
            check.report.find(Part::Source, kind, place, described, found);
        }
    }

    /// Names the holes of the source that are none in the store.
    fn compare_holes(&self, check: &mut Check<'_>, store_holes: &[(usize, i64, i64)]) {
        for hole in &self.holes {
            let covered = store_holes.iter().filter(|(log, ..)| *log == hole.log);
            let covered = covered.map(|(_, first, last)| (*first, *last));
            for (first, last) in uncovered(hole.first, hole.last + 1, covered) {
                if is_past(hole.cause) {
                    check.report.counts.offsets_uncheckable += (last - first + 1) as u64;
                    let text = format!(
                        "cannot be checked any more: the source has a hole ({}) there",
                        hole.cause
                    );
                    let place = offsets(self.logs.log(hole.log), first, last);
                    check.report.note(Part::Source, place, text);
                    continue;
                }
                let place = offsets(self.logs.log(hole.log), first, last);
                let (kind, expected) = (FindingKind::RecordDiffers, format!("a hole ({})", hole.cause));
                check.report.find(Part::Source, kind, place, expected, "none");
            }
        }
    }
}

/// Whether there may have been records when the store read them.
fn is_past(cause: &str) -> bool {
    matches!(cause, "compacted" | "retention")
}

const FACT: [&str; 6] = [
    "topic",
    "incarnation",
    "partition",
    "offset",
    "item",
    "message_id",
];
const LETTER: [&str; 5] = ["topic", "incarnation", "partition", "offset", "payload"];
const HOLE: [&str; 5] = ["topic", "incarnation", "partition", "first_offset", "last_offset"];
