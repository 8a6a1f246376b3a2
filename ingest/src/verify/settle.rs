//! A window against the store: which rows, letters and holes there are, and which there should be.

use std::path::Path;

use arrow_array::cast::AsArray as _;
use arrow_array::types::Int64Type;
use arrow_array::{Array as _, RecordBatch};
use hashbrown::HashSet;
use quipu_proto::Table;
use quipu_store::{Segment, StatValue};

use super::expected::What;
use super::finding::{FindingKind, Part};
use super::offsets::uncovered;
use super::places::{At, RowPlaces};
use super::report::VerifyReport;
use super::source::offsets;
use super::window::Window;
use super::{Check, Complete, resolutions};
use crate::error::Result;
use crate::rows::column;

impl Window<'_> {
    /// Compares what has come so far with the store, and begins anew.
    pub(super) fn settle(&mut self, check: &mut Check<'_>) {
        check.report.counts.records += self.expected.len() as u64;
        check.tell(Part::Source, self.records, None);
        self.expected
            .sort_unstable_by_key(|expected| (expected.log, expected.offset));
        let mut complete = Complete::Yes;
        let resolved = match self.resolved.take() {
            Some(resolved) => resolved,
            None => {
                let (resolved, read) = resolutions::read(check, Part::Source, self.snapshot, &mut self.logs);
                complete.and(read);
                resolved
            }
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
        // Resolutions that could not be read are asked for again, and leave the next window incomplete as well.
        self.resolved = (complete == Complete::Yes).then_some(resolved);
        self.expected.clear();
        self.holes.clear();
        self.spans.fill(None);
        self.bytes = 0;
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
        resolved: &HashSet<At>,
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
            // Holes do not overlap, so that their ends ascend as well.
            let start = store_holes.partition_point(|(log, _, last)| (*log, *last) < (hole.log, hole.first));
            let covered = store_holes[start..]
                .iter()
                .take_while(|(log, first, _)| *log == hole.log && *first <= hole.last)
                .map(|(_, first, last)| (*first, *last));
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
