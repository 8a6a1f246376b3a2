//! Frames files as the source of a verification.

use std::collections::BTreeMap;

use quipu_proto::{LogPartition, PartitionId, TopicIncarnation};
use quipu_store::Snapshot;

use super::finding::{FindingKind, FindingPlace, Part};
use super::source::{offsets, unreadable};
use super::window::Window;
use super::{Check, Complete};
use crate::frames::{self, FramesFile};

/// Compares every record of a file, and finds what the store has of the file beyond it.
pub(super) fn check(check: &mut Check<'_>, snapshot: &Snapshot, file: &FramesFile) -> Complete {
    let mut window = Window::new(snapshot, check.options.policy, check.options.memory_bytes);
    let mut partitions: BTreeMap<u32, (LogPartition, i64)> = BTreeMap::new();
    let mut topic: Option<TopicIncarnation> = None;
    let known = snapshot.manifest().partitions.iter().map(|state| &state.log.log);
    let read = frames::each_frame(file, known, |log, partition, payload| {
        topic.get_or_insert_with(|| log.clone());
        let (log, next) = partitions.entry(partition).or_insert_with(|| {
            let id = PartitionId(i32::try_from(partition).unwrap_or(i32::MAX));
            (LogPartition::new(log.clone(), id), 0)
        });
        window.record(check, log, *next, Some(payload));
        *next += 1;
    });
    window.settle(check);
    let mut complete = window.complete;
    if let Err(error) = read {
        unreadable(check, file.path.display().to_string(), &error);
        complete = Complete::No;
    }
    for (log, next) in partitions.values() {
        match window.claimed(log) {
            None => {
                let place = offsets(log, 0, next - 1);
                let (expected, found) = ("its records", "a partition that the store has never read");
                check
                    .report
                    .find(Part::Source, FindingKind::RecordMissing, place, expected, found);
            }
            Some((_, claimed)) if claimed < *next => {
                let text = "not taken in yet";
                check
                    .report
                    .note(Part::Source, offsets(log, claimed, next - 1), text);
            }
            Some((_, claimed)) if claimed > *next && complete == Complete::Yes => {
                let place = offsets(log, *next, claimed - 1);
                let (expected, found) = ("the end of the file", "offsets that it does not have");
                check
                    .report
                    .find(Part::Source, FindingKind::RecordUnknown, place, expected, found);
            }
            Some(_) => {}
        }
    }
    if topic.is_none() && complete == Complete::Yes {
        let place = FindingPlace::Source(file.path.display().to_string());
        check.report.note(Part::Source, place, "it has no records");
    }
    complete
}
