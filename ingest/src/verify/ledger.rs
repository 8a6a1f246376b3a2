//! Part *ledger*: for each thread of a partition, the runs of `sequence_runs` hold the numbers of its messages, all of
//! them and no others, and count as many messages.
//!
//! Into how many runs they are cut depends on the commits, so that is not compared.

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int64Type, UInt64Type};
use quipu_proto::Table;
use quipu_store::Snapshot;

use super::finding::{FindingKind, Part};
use super::numbers::Numbers;
use super::report::VerifyReport;
use super::threads::{Row, Share, messages};
use super::{Check, Complete};
use crate::rows::{Texts, column};

const COLUMNS: [&str; 8] = [
    "topic",
    "incarnation",
    "partition",
    "tenant_id",
    "thread_id",
    "first_sequence",
    "last_sequence",
    "messages",
];

/// One row of `sequence_runs`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    thread: u32,
    first: u64,
    last: u64,
    messages: i64,
}

/// The runs of a share.
#[derive(Debug, Default)]
pub(super) struct Runs(Vec<Run>);

impl Runs {
    pub(super) fn read(&mut self, check: &mut Check<'_>, snapshot: &Snapshot, share: &mut Share) -> Complete {
        let mut complete = Complete::Yes;
        for segment in snapshot.segments(Table::SequenceRuns) {
            complete.and(
                check.scan(Part::Ledger, snapshot, segment, &COLUMNS, |_, batch, path| {
                    let logs = share.logs.of_rows(batch, path)?;
                    let tenant_id = Texts::of(batch, "tenant_id", path)?;
                    let thread_id = Texts::of(batch, "thread_id", path)?;
                    let number =
                        |name| column(batch, name, path, |array| array.as_primitive_opt::<UInt64Type>());
                    let (first, last) = (number("first_sequence")?, number("last_sequence")?);
                    let messages = column(batch, "messages", path, |array| {
                        array.as_primitive_opt::<Int64Type>()
                    })?;
                    for (row, log) in logs.into_iter().enumerate() {
                        if let Some(thread) = share.thread(log, tenant_id.value(row), thread_id.value(row)) {
                            self.0.push(Run {
                                thread,
                                first: first.value(row),
                                last: last.value(row),
                                messages: messages.value(row),
                            });
                        }
                    }
                    Ok(())
                }),
            );
        }
        self.0.sort_unstable_by_key(|run| run.thread);
        complete
    }

    pub(super) fn of(&self, thread: u32) -> &[Run] {
        let start = self.0.partition_point(|run| run.thread < thread);
        let end = self.0.partition_point(|run| run.thread <= thread);
        &self.0[start..end]
    }
}

pub(super) fn compare(report: &mut VerifyReport, share: &Share, thread: u32, rows: &[Row], runs: &[Run]) {
    let mut find = |expected: String, found: String| {
        let kind = FindingKind::RunsDiffer;
        report.find(Part::Ledger, kind, share.place(thread), expected, found);
    };
    for run in runs {
        let span = run
            .last
            .checked_sub(run.first)
            .and_then(|span| span.checked_add(1));
        let fits =
            span.is_some_and(|span| u64::try_from(run.messages).is_ok_and(|messages| messages >= span));
        if run.first == 0 || !fits {
            find(
                "a run from 1 on with a message for each number".to_owned(),
                format!("{} to {} in {} messages", run.first, run.last, run.messages),
            );
        }
    }
    let outside = share.threads.name(thread).thread_id.is_empty();
    let numbered = messages(rows)
        .filter_map(|message| message.first())
        .map(|row| row.sequence)
        .filter(|sequence| *sequence != 0 && !outside);
    let numbered: Vec<(u64, u64)> = numbered.map(|sequence| (sequence, sequence)).collect();
    let in_rows = numbered.len();
    let in_runs: i128 = runs.iter().map(|run| i128::from(run.messages)).sum();
    let of_rows = Numbers::of(numbered);
    let of_runs = Numbers::of(runs.iter().map(|run| (run.first, run.last)).collect());
    let (lacking, surplus) = (of_rows.without(&of_runs), of_runs.without(&of_rows));
    if in_rows as i128 == in_runs && lacking.is_empty() && surplus.is_empty() {
        return;
    }
    let mut expected = format!("{in_rows} messages as in the rows");
    let mut found = format!("{in_runs} in the runs");
    if !lacking.is_empty() {
        expected = format!("{expected}, among them numbers {lacking}");
        found = format!("{found}, without these");
    }
    if !surplus.is_empty() {
        found = format!("{found}, and numbers {surplus} that no row has");
    }
    find(expected, found);
}
