//! A range of records on its way: taken in from the source one by one, then compared with the store at once.

use hashbrown::HashSet;
use quipu_proto::{Decoder, LogPartition, Policy, Reason};
use quipu_store::Snapshot;

use super::expected::{Expected, Rows, What};
use super::places::{At, Logs};
use super::{Check, Complete};

/// Offsets of the source that hold no record.
pub(super) struct Hole {
    pub(super) log: usize,
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) cause: &'static str,
}

/// Takes the records of a source in, and compares them whenever enough have come.
pub(super) struct Window<'w> {
    pub(super) snapshot: &'w Snapshot,
    decoder: Decoder,
    bytes_max: usize,
    pub(super) logs: Logs,
    /// By number of the partition: the offsets that the window covers, the end exclusive.
    pub(super) spans: Vec<Option<(i64, i64)>>,
    pub(super) expected: Vec<Expected>,
    pub(super) holes: Vec<Hole>,
    pub(super) bytes: usize,
    pub(super) records: u64,
    pub(super) resolved: Option<HashSet<At>>,
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
}
