//! Which segments are merged. A plan follows from a manifest alone.

use std::ops::Range;
use std::sync::Arc;

use quipu_proto::Table;

use super::{MERGE_BYTES_MAX, MERGE_ROWS_MAX, RUNS_SURPLUS, SEGMENTS_MAX, SMALL_BYTES, SMALL_ROWS};
use crate::manifest::{Manifest, ManifestId};
use crate::segment::Segment;

/// Tiers of small segments: [`SMALL_ROWS`] is 16 to this power.
const TIERS: u32 = 4;

const _: () = assert!((SEGMENTS_MAX as u64).pow(TIERS) == SMALL_ROWS);

/// Segments that become others, a group each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    /// Of one table each, from the oldest to the youngest.
    pub(crate) groups: Vec<Vec<Arc<Segment>>>,
}

impl Plan {
    pub(crate) fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    pub(crate) fn rows(&self) -> u64 {
        self.segments().map(|segment| segment.rows).sum()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.segments().map(|segment| segment.bytes).sum()
    }

    pub(crate) fn segments(&self) -> impl Iterator<Item = &Arc<Segment>> {
        self.groups.iter().flatten()
    }

    /// Adds groups, unless there is work enough already. Groups that belong together come together.
    fn add(&mut self, groups: Vec<Vec<Arc<Segment>>>) {
        if self.rows() < MERGE_ROWS_MAX && self.bytes() < MERGE_BYTES_MAX {
            self.groups
                .extend(groups.into_iter().filter(|group| group.len() > 1));
        }
    }
}

/// Segments that are merged together or not at all.
#[derive(Debug)]
struct Unit {
    segments: Vec<Arc<Segment>>,
    first: ManifestId,
    last: ManifestId,
    rows: u64,
    bytes: u64,
    /// Whether all of them can be read as their table is now.
    readable: bool,
}

impl Unit {
    fn of(segment: &Arc<Segment>, is_readable: &mut impl FnMut(&Segment) -> bool) -> Self {
        Self {
            segments: vec![Arc::clone(segment)],
            first: segment.first_commit,
            last: segment.last_commit,
            rows: segment.rows,
            bytes: segment.bytes,
            readable: is_readable(segment),
        }
    }

    fn join(&mut self, other: Self) {
        self.segments.extend(other.segments);
        self.last = self.last.max(other.last);
        self.rows += other.rows;
        self.bytes += other.bytes;
        self.readable &= other.readable;
    }

    fn is_small(&self) -> bool {
        self.readable && self.rows < SMALL_ROWS && self.bytes < SMALL_BYTES
    }

    /// The power of [`SEGMENTS_MAX`] that its rows reach.
    fn tier(&self) -> u32 {
        self.rows.max(1).ilog(SEGMENTS_MAX as u64)
    }
}

/// What is to be merged now; nothing in most cases. `is_readable` says whether a segment can be read as its table is now.
pub(crate) fn plan(manifest: &Manifest, mut is_readable: impl FnMut(&Segment) -> bool) -> Plan {
    let mut plan = Plan::default();
    let snapshot = manifest
        .segments_of(Table::SequenceBook)
        .map(|segment| segment.added_by)
        .max()
        .unwrap_or_default();
    let mut units = |choose: &dyn Fn(&Segment) -> bool| -> Vec<Unit> {
        let mut units: Vec<Unit> = manifest
            .segments
            .iter()
            .filter(|segment| choose(segment))
            .map(|segment| Unit::of(segment, &mut is_readable))
            .collect();
        units.sort_by_key(|unit| unit.first);
        units
    };

    let replayed = stretches(units(&|segment| {
        segment.table.is_fact() && segment.first_commit > snapshot
    }));
    if let Some(range) = due(&replayed) {
        let chosen = &replayed[range];
        let of = |table| {
            let segments = chosen.iter().flat_map(|unit| &unit.segments);
            segments
                .filter(|segment| segment.table == table)
                .map(Arc::clone)
                .collect()
        };
        plan.add(Table::ALL.into_iter().map(of).collect());
    }
    for table in Table::ALL {
        if table == Table::SequenceBook {
            continue;
        }
        let units =
            units(&|segment| segment.table == table && (!table.is_fact() || segment.last_commit <= snapshot));
        let all = || 0..units.len();
        let range = due(&units).or_else(|| (table == Table::SequenceRuns && is_surplus(&units)).then(all));
        if let Some(range) = range {
            let chosen = units[range].iter().flat_map(|unit| &unit.segments);
            plan.add(vec![chosen.map(Arc::clone).collect()]);
        }
    }
    plan
}

/// Joins units, which come by age, that have commits in common: rows of the same commits in several tables.
fn stretches(units: Vec<Unit>) -> Vec<Unit> {
    let mut stretches: Vec<Unit> = Vec::new();
    for unit in units {
        match stretches.last_mut() {
            Some(open) if unit.first <= open.last => open.join(unit),
            _ => stretches.push(unit),
        }
    }
    stretches
}

/// The oldest of the neighbours of which there are too many, from the lowest tier up.
fn due(units: &[Unit]) -> Option<Range<usize>> {
    for tier in 0..TIERS {
        let mut start = 0;
        for neighbours in
            units.chunk_by(|a, b| [a, b].iter().all(|unit| unit.is_small() && unit.tier() <= tier))
        {
            if neighbours.len() > SEGMENTS_MAX {
                return Some(start..start + within_bounds(neighbours));
            }
            start += neighbours.len();
        }
    }
    None
}

/// How many of these, from the oldest on, one merge takes.
fn within_bounds(units: &[Unit]) -> usize {
    let (mut rows, mut bytes) = (0, 0);
    let taken = units
        .iter()
        .take_while(|unit| {
            let has_room = rows < MERGE_ROWS_MAX && bytes < MERGE_BYTES_MAX;
            rows += unit.rows;
            bytes += unit.bytes;
            has_room
        })
        .count();
    taken.max(2)
}

/// Whether the segments beside the largest have so many rows that reading them all costs a query markedly more.
fn is_surplus(units: &[Unit]) -> bool {
    let all: u64 = units.iter().map(|unit| unit.rows).sum();
    let largest = units.iter().map(|unit| unit.rows).max().unwrap_or_default();
    units.iter().all(|unit| unit.readable) && all - largest > SMALL_ROWS.max(largest / RUNS_SURPLUS)
}
