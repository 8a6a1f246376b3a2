//! Kafka as the source of a verification.

use std::collections::HashMap;

use quipu_proto::LogPartition;
use quipu_store::Snapshot;
use tokio::sync::mpsc;

use super::finding::{FindingPlace, Part};
use super::source::{offsets, unreadable};
use super::window::Window;
use super::{Check, Complete};
use crate::error::IngestError;
use crate::kafka::batch::{BatchVisitor, BatchWalker, CorruptBatch, OnCorrupt, WalkError};
use crate::kafka::{KafkaOptions, KafkaSource, OffsetHole, SourceEvent, StoredPosition, Until};
use crate::raw::RawRecord;
use crate::stop::Stop;

/// Events on their way. Each holds up to one fetch of one broker.
const EVENTS_MAX: usize = 4;

pub(super) fn check(check: &mut Check<'_>, snapshot: &Snapshot, options: &KafkaOptions) -> Complete {
    match read(check, snapshot, options) {
        Ok(complete) => complete,
        Err(error) => {
            unreadable(check, "Kafka".to_owned(), &error);
            Complete::No
        }
    }
}

fn read(check: &mut Check<'_>, snapshot: &Snapshot, options: &KafkaOptions) -> Result<Complete, IngestError> {
    let mut options = options.clone();
    if options.until == Until::Follow {
        options.until = Until::End;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("quipu-kafka")
        .enable_all()
        .build()
        .map_err(IngestError::Runtime)?;
    // Where the store began, so that the source tells what it does not have any more.
    let start = |state: &quipu_store::PartitionState| StoredPosition {
        next_offset: state.first_offset.0,
        leader_epoch: -1,
        last_record: None,
    };
    let positions: HashMap<LogPartition, StoredPosition> = snapshot
        .manifest()
        .partitions
        .iter()
        .map(|state| (state.log.clone(), start(state)))
        .collect();
    let (sender, mut events) = mpsc::channel(EVENTS_MAX);
    let stop = Stop::default();
    let running = runtime.spawn(KafkaSource::new(options)?.run(positions, sender, stop.subscribe()));
    let mut reading = Reading {
        window: Window::new(snapshot, check.options.policy, check.options.memory_bytes),
        check,
        walker: BatchWalker::new(OnCorrupt::DeadLetter),
        complete: Complete::Yes,
    };
    while let Some(event) = runtime.block_on(events.recv()) {
        reading.event(event)?;
    }
    drop(events);
    reading.window.settle(reading.check);
    let mut complete = reading.complete;
    complete.and(reading.window.complete);
    match runtime.block_on(running) {
        Ok(result) => result?,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
    Ok(complete)
}

struct Reading<'r, 'c, 'w> {
    window: Window<'w>,
    check: &'r mut Check<'c>,
    walker: BatchWalker,
    complete: Complete,
}

impl Reading<'_, '_, '_> {
    fn event(&mut self, event: SourceEvent) -> Result<(), IngestError> {
        match event {
            SourceEvent::PartitionOpened {
                partition,
                start_offset,
                ..
            } => match self.window.claimed(&partition.log) {
                None => self.note(
                    offsets(&partition.log, start_offset, start_offset),
                    "a partition that the store has never read",
                ),
                Some((first, _)) if first < start_offset => self.note(
                    offsets(&partition.log, first, start_offset - 1),
                    "not in the range that is checked, or told as a hole",
                ),
                Some(_) => {}
            },
            SourceEvent::Fetched(fetched) => {
                let mut visitor = Visitor {
                    window: &mut self.window,
                    check: self.check,
                    log: &fetched.partition.log,
                };
                match fetched.walk(&mut self.walker, &mut visitor) {
                    Ok(_) => {}
                    Err(WalkError::Visitor(never)) => match never {},
                    Err(WalkError::Batch(error)) => return Err(fetched.batch_error(error).into()),
                }
            }
            SourceEvent::Hole { partition, hole } => {
                self.window
                    .hole(&partition.log, hole.first, hole.last, hole.cause.name());
            }
            SourceEvent::NewIncarnation { previous, current } => {
                for log in previous {
                    let place = FindingPlace::Source(log.to_string());
                    let text = format!("cannot be checked any more: the topic is {current} now");
                    self.note(place, text);
                }
            }
            SourceEvent::LogChanged {
                previous, current, ..
            } => self.note(
                FindingPlace::Source(previous.to_string()),
                format!(
                    "cannot be checked any more where its log was changed: it is read as incarnation {} now",
                    current.log.incarnation
                ),
            ),
            SourceEvent::PartitionDone {
                partition,
                next_offset,
            } => {
                let beyond = self
                    .window
                    .claimed(&partition.log)
                    .filter(|(_, next)| *next > next_offset);
                if let Some((first, next)) = beyond {
                    let place = offsets(&partition.log, next_offset.max(first), next - 1);
                    self.note(place, "behind the end of what was read again, and not checked");
                }
            }
            SourceEvent::PartitionFailed { partition, error } => {
                self.complete = Complete::No;
                unreadable(self.check, partition.log.to_string(), &error);
            }
            SourceEvent::Stalled { partition, report } => self.note(
                FindingPlace::Source(partition.log.to_string()),
                format!("stalled: {report}"),
            ),
            SourceEvent::Warning(text) => self.note(FindingPlace::Source("Kafka".to_owned()), text),
            SourceEvent::TopicsChosen { .. } => {}
        }
        Ok(())
    }

    fn note(&mut self, place: FindingPlace, text: impl Into<String>) {
        self.check.report.note(Part::Source, place, text);
    }
}

struct Visitor<'v, 'c, 'w> {
    window: &'v mut Window<'w>,
    check: &'v mut Check<'c>,
    log: &'v LogPartition,
}

impl BatchVisitor for Visitor<'_, '_, '_> {
    type Error = std::convert::Infallible;

    fn record(&mut self, record: &RawRecord<'_>) -> Result<(), Self::Error> {
        self.window
            .record(self.check, self.log, record.offset, record.value);
        Ok(())
    }

    fn hole(&mut self, hole: OffsetHole) -> Result<(), Self::Error> {
        self.window
            .hole(self.log, hole.first, hole.last, hole.cause.name());
        Ok(())
    }

    fn corrupt(&mut self, batch: CorruptBatch<'_>) -> Result<(), Self::Error> {
        self.window
            .corrupt(self.check, self.log, batch.first, batch.last, batch.bytes);
        Ok(())
    }
}
