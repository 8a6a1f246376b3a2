//! What must hold between a manifest and the next. Checked before every publication: a broken promise is found while
//! it is still a refused commit, not when it is a damaged store.

use std::sync::Arc;

use crate::error::{Result, StoreError};
use crate::manifest::Manifest;

/// A predicate over (old, new); the error says what is broken.
type Invariant = fn(&Manifest, &Manifest) -> Result<(), String>;

/// Every invariant of a commit.
const INVARIANTS: [Invariant; 8] = [
    follows_its_parent,
    epoch_never_falls,
    segment_numbers_ascend,
    segment_numbers_are_new,
    segments_are_immutable,
    positions_never_go_back,
    positions_are_consistent,
    totals_never_fall,
];

/// Checks that `new` may replace `old`.
pub(crate) fn check(old: &Manifest, new: &Manifest) -> Result<()> {
    for invariant in INVARIANTS {
        invariant(old, new)
            .map_err(|broken| StoreError::Invalid(format!("commit {} is refused: {broken}", new.id)))?;
    }
    Ok(())
}

/// Else two histories would share one number, and fencing would not see the second writer.
fn follows_its_parent(old: &Manifest, new: &Manifest) -> Result<(), String> {
    if new.id == old.id.next() && new.parent == Some(old.id) && new.store_id == old.store_id {
        return Ok(());
    }
    Err(format!(
        "manifest {} with parent {:?} cannot follow {}",
        new.id,
        new.parent.map(|id| id.0),
        old.id
    ))
}

/// Else a writer that was replaced could not be told from the one that replaced it.
fn epoch_never_falls(old: &Manifest, new: &Manifest) -> Result<(), String> {
    if new.writer_epoch >= old.writer_epoch {
        return Ok(());
    }
    Err(format!(
        "writer epoch falls from {} to {}",
        old.writer_epoch, new.writer_epoch
    ))
}

/// Else look-ups by number, which search by halves, miss segments.
fn segment_numbers_ascend(_: &Manifest, new: &Manifest) -> Result<(), String> {
    match new.segments.windows(2).find(|pair| pair[0].id >= pair[1].id) {
        None => Ok(()),
        Some(pair) => Err(format!(
            "segment {} stands before segment {}",
            pair[0].id, pair[1].id
        )),
    }
}

/// Else an orphan of a crashed commit could pass for a live segment, or a live one be overwritten.
fn segment_numbers_are_new(old: &Manifest, new: &Manifest) -> Result<(), String> {
    for segment in &new.segments {
        if segment.id >= new.next_segment {
            return Err(format!(
                "segment {} is not below the next number {}",
                segment.id, new.next_segment
            ));
        }
        if segment.added_by == new.id && segment.id < old.next_segment {
            return Err(format!("new segment {} uses a number again", segment.id));
        }
        if !(segment.first_commit..=segment.added_by).contains(&segment.last_commit) {
            return Err(format!(
                "segment {} of manifest {} claims rows of commits {} to {}",
                segment.id, segment.added_by, segment.first_commit, segment.last_commit
            ));
        }
        if segment.added_by > new.id {
            return Err(format!(
                "segment {} comes from the later manifest {}",
                segment.id, segment.added_by
            ));
        }
    }
    Ok(())
}

/// Else readers of two manifests would see different rows in one file.
fn segments_are_immutable(old: &Manifest, new: &Manifest) -> Result<(), String> {
    for segment in new.segments.iter().filter(|segment| segment.added_by != new.id) {
        match old.segment(segment.id) {
            Some(before) if Arc::ptr_eq(before, segment) || before == segment => {}
            Some(_) => return Err(format!("segment {} has changed", segment.id)),
            None => return Err(format!("segment {} appears from nowhere", segment.id)),
        }
    }
    Ok(())
}

/// Else records would be taken in twice.
fn positions_never_go_back(old: &Manifest, new: &Manifest) -> Result<(), String> {
    for before in &old.partitions {
        let Some(after) = new.partition(&before.log) else {
            return Err(format!("the position of {} is forgotten", before.log));
        };
        if after.next_offset < before.next_offset {
            return Err(format!(
                "the position of {} goes back from {} to {}",
                before.log, before.next_offset, after.next_offset
            ));
        }
    }
    Ok(())
}

/// Else a look-up of a position finds nothing, or a fingerprint is compared with a record that was never read.
fn positions_are_consistent(_: &Manifest, new: &Manifest) -> Result<(), String> {
    if let Some(pair) = new.partitions.windows(2).find(|pair| pair[0].log >= pair[1].log) {
        return Err(format!(
            "the positions of {} and {} are out of order",
            pair[0].log, pair[1].log
        ));
    }
    for state in &new.partitions {
        if state.next_offset < state.first_offset {
            return Err(format!(
                "the position {} of {} is below its first offset {}",
                state.next_offset, state.log, state.first_offset
            ));
        }
        if let Some(record) = state
            .last_record
            .filter(|record| record.offset >= state.next_offset)
        {
            return Err(format!(
                "the last record of {} at {} is not below its position {}",
                state.log, record.offset, state.next_offset
            ));
        }
    }
    Ok(())
}

/// Else the account of what was ever committed would lie.
fn totals_never_fall(old: &Manifest, new: &Manifest) -> Result<(), String> {
    for before in &old.rows_committed {
        let after = new
            .rows_committed
            .iter()
            .find(|total| total.table == before.table)
            .map_or(0, |total| total.rows);
        if after < before.rows {
            return Err(format!(
                "the rows committed to {} fall from {} to {after}",
                before.table, before.rows
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use quipu_proto::{LogPartition, Offset, PartitionId, RecordFingerprint, Table, TopicIncarnation};

    use super::*;
    use crate::manifest::{Head, ManifestId, PartitionState, TableRows};
    use crate::segment::{Segment, SegmentId, SegmentStats};

    fn segment(id: u64, added_by: u64) -> Arc<Segment> {
        Arc::new(Segment {
            id: SegmentId(id),
            table: Table::Events,
            path: format!("segments/events/{id:016x}.parquet"),
            rows: 1,
            bytes: 1,
            checksum: 1,
            tail: None,
            added_by: ManifestId(added_by),
            first_commit: ManifestId(added_by),
            last_commit: ManifestId(added_by),
            schema_fingerprint: 1,
            stats: SegmentStats::default(),
        })
    }

    fn position(partition: i32, next: i64) -> PartitionState {
        PartitionState {
            log: LogPartition::new(TopicIncarnation::new("t", "i"), PartitionId(partition)),
            next_offset: Offset(next),
            head: Head::FromOne,
            first_offset: Offset(0),
            log_start_at_open: Offset(0),
            leader_epoch: None,
            last_record: None,
            high_watermark: None,
        }
    }

    fn old() -> Manifest {
        Manifest {
            id: ManifestId(5),
            parent: Some(ManifestId(4)),
            writer_epoch: 3,
            next_segment: SegmentId(11),
            segments: vec![segment(9, 4), segment(10, 5)],
            partitions: vec![position(0, 10), position(1, 20)],
            rows_committed: vec![TableRows {
                table: Table::Events,
                rows: 2,
            }],
            ..Manifest::first("store", 0)
        }
    }

    fn new() -> Manifest {
        let mut new = Manifest {
            id: ManifestId(6),
            parent: Some(ManifestId(5)),
            ..old()
        };
        new.segments.push(segment(11, 6));
        new.next_segment = SegmentId(12);
        new
    }

    #[test]
    fn an_honest_commit_passes() {
        check(&old(), &new()).unwrap();
    }

    #[test]
    fn every_broken_promise_is_found() {
        type Break = (&'static str, fn(&mut Manifest));
        let breaks: [Break; 15] = [
            ("cannot follow", |m| m.id = ManifestId(7)),
            ("cannot follow", |m| m.parent = Some(ManifestId(4))),
            ("epoch falls", |m| m.writer_epoch = 2),
            ("stands before", |m| m.segments.swap(0, 1)),
            ("not below the next number", |m| m.next_segment = SegmentId(11)),
            ("uses a number again", |m| m.segments.insert(0, segment(3, 6))),
            ("claims rows of commits 7 to 6", |m| {
                let mut wrong = Segment::clone(&m.segments[2]);
                wrong.first_commit = ManifestId(7);
                m.segments[2] = Arc::new(wrong);
            }),
            ("later manifest", |m| m.segments[2] = segment(11, 7)),
            ("has changed", |m| m.segments[0] = segment(9, 3)),
            ("from nowhere", |m| m.segments.insert(0, segment(3, 2))),
            ("is forgotten", |m| drop(m.partitions.pop())),
            ("goes back from 20 to 19", |m| m.partitions[1] = position(1, 19)),
            ("out of order", |m| m.partitions.push(position(1, 20))),
            ("not below its position", |m| {
                m.partitions[0].last_record = Some(RecordFingerprint {
                    offset: Offset(10),
                    hash: 0,
                });
            }),
            ("rows committed", |m| m.rows_committed.clear()),
        ];
        for (expected, break_it) in breaks {
            let mut new = new();
            break_it(&mut new);
            let message = check(&old(), &new).unwrap_err().to_string();
            assert!(message.contains(expected), "{message} should say {expected:?}");
        }
    }

    #[test]
    fn a_position_below_its_beginning_is_refused() {
        let mut new = new();
        let mut state = position(2, 5);
        state.first_offset = Offset(6);
        new.partitions.push(state);
        assert!(
            check(&old(), &new)
                .unwrap_err()
                .to_string()
                .contains("below its first offset")
        );
    }
}
