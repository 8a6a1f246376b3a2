//! Whole runs: from a source into a store until the end, or until told to stop.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::dead_letters::LetterIntake;
use crate::error::{IngestError, Result};
use crate::frames::{self, FramesFile};
use crate::kafka::batch::{BatchVisitor, BatchWalker, CorruptBatch, OnCorrupt, WalkError};
use crate::kafka::{
    Fetched, KafkaError, KafkaOptions, KafkaSource, OffsetHole, PartitionHandle, SourceEvent, StoredPosition,
};
use crate::notices::Notice;
use crate::pipeline::{PartitionSlot, PartitionStart, Pipeline, PipelineOptions};
use crate::progress::{PartitionLag, Progress, ProgressCounts};
use crate::raw::RawRecord;
use crate::stop::Stop;
use quipu_store::Head;

/// Takes frames files in, one after the other.
///
/// # Errors
/// The store, a file that cannot be read or is damaged. What was committed before stays.
pub fn ingest_frames(
    store: impl AsRef<Path>,
    files: &[FramesFile],
    options: PipelineOptions,
    stop: &Stop,
    progress: &Arc<Progress>,
) -> Result<ProgressCounts> {
    let mut pipeline = Pipeline::open(store, options, Arc::clone(progress))?;
    for file in files {
        let taken = frames::take_in(&mut pipeline, file, stop, progress);
        if let Err(error) = taken {
            return Err(pipeline.close_after(error));
        }
    }
    pipeline.close()?;
    Ok(progress.counts())
}

/// Settings of a run over Kafka.
#[derive(Clone, Debug)]
pub struct KafkaRunOptions {
    /// The source.
    pub source: KafkaOptions,
    /// What becomes of a batch of the log that is damaged.
    pub on_corrupt: OnCorrupt,
    /// The pipeline.
    pub pipeline: PipelineOptions,
}

/// Events on their way from the source to the pipeline. Each holds up to one fetch of one broker.
const EVENTS_MAX: usize = 8;

/// Longest wait for the source between two looks at the clock.
const WAIT_MAX: Duration = Duration::from_millis(500);

/// Follows Kafka into a store, until the end that the options name or until told to stop. `notify` is called with
/// notices as they come. Blocks the calling thread; the network has threads of its own.
///
/// # Errors
/// The store; brokers or topics that cannot be reached at the start; partitions that could not be read on. What was
/// committed before stays.
pub fn ingest_kafka(
    store: impl AsRef<Path>,
    options: KafkaRunOptions,
    stop: &Stop,
    progress: &Arc<Progress>,
    notify: impl FnMut(Notice),
) -> Result<ProgressCounts> {
    follow_kafka(store.as_ref(), options, Taking::Messages, stop, progress, notify)
}

/// What the values of the records are.
#[derive(Debug)]
pub(crate) enum Taking {
    /// Messages.
    Messages,
    /// Letters of other programs.
    Letters(Box<LetterIntake>),
}

/// A whole run over Kafka.
pub(crate) fn follow_kafka(
    store: &Path,
    options: KafkaRunOptions,
    taking: Taking,
    stop: &Stop,
    progress: &Arc<Progress>,
    mut notify: impl FnMut(Notice),
) -> Result<ProgressCounts> {
    let KafkaRunOptions {
        source,
        on_corrupt,
        pipeline,
    } = options;
    let source = KafkaSource::new(source)?;
    let pipeline = Pipeline::open(store, pipeline, Arc::clone(progress))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("quipu-kafka")
        .enable_all()
        .build()
        .map_err(IngestError::Runtime)?;
    let (sender, receiver) = mpsc::channel(EVENTS_MAX);
    let running = runtime.spawn(source.run(stored_positions(&pipeline), sender, stop.subscribe()));
    let mut follower = Follower {
        pipeline,
        walker: BatchWalker::new(on_corrupt),
        on_corrupt,
        taking,
        slots: Vec::new(),
        failures: Vec::new(),
        progress: Arc::clone(progress),
        notify: &mut notify,
    };
    let followed = follower.follow(&runtime, receiver, stop);
    // The receiver is gone by now, so that the source ends in any case.
    let ended = runtime.block_on(running);
    runtime.shutdown_timeout(Duration::from_millis(200));
    let Follower {
        pipeline,
        slots,
        failures,
        ..
    } = follower;
    followed?;
    pipeline.close()?;
    match ended {
        Ok(result) => result?,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
    let failed = failures.len();
    if let Some(first) = failures.into_iter().next() {
        return Err(IngestError::PartitionsFailed {
            failed,
            partitions: slots.len(),
            first: Box::new(first),
        });
    }
    Ok(progress.counts())
}

fn stored_positions(pipeline: &Pipeline) -> HashMap<quipu_proto::LogPartition, StoredPosition> {
    let position = |state: &quipu_store::PartitionState| StoredPosition {
        next_offset: state.next_offset.0,
        leader_epoch: state.leader_epoch.unwrap_or(-1),
        last_record: state.last_record,
    };
    pipeline
        .stored()
        .iter()
        .map(|state| (state.log.clone(), position(state)))
        .collect()
}

/// Carries what a Kafka source tells into the pipeline.
struct Follower<'n> {
    pipeline: Pipeline,
    walker: BatchWalker,
    on_corrupt: OnCorrupt,
    taking: Taking,
    /// By index of the source's handle.
    slots: Vec<Option<(PartitionSlot, Arc<PartitionHandle>)>>,
    failures: Vec<KafkaError>,
    progress: Arc<Progress>,
    notify: &'n mut dyn FnMut(Notice),
}

impl Follower<'_> {
    /// Takes events until the source ends. Told to stop, it leaves what is under way: the next run fetches it again.
    fn follow(
        &mut self,
        runtime: &tokio::runtime::Runtime,
        mut events: mpsc::Receiver<SourceEvent>,
        stop: &Stop,
    ) -> Result<()> {
        while !stop.is_raised() {
            let wait = self
                .pipeline
                .flush_wait()
                .map_or(WAIT_MAX, |wait| wait.min(WAIT_MAX));
            match runtime.block_on(async { tokio::time::timeout(wait, events.recv()).await }) {
                Ok(Some(event)) => self.event(event)?,
                Ok(None) => return Ok(()),
                Err(_) => {}
            }
            self.pipeline.tell();
            self.tell_lag();
            if self.pipeline.flush_due() {
                self.pipeline.flush()?;
            }
            self.pipeline.attend()?;
        }
        Ok(())
    }

    fn event(&mut self, event: SourceEvent) -> Result<()> {
        // What was fetched before the source heard of it.
        if let SourceEvent::Hole { partition, .. } = &event
            && partition.progress.is_abandoned()
        {
            return Ok(());
        }
        if let Some(notice) = Notice::of(&event) {
            (self.notify)(notice);
        }
        match event {
            SourceEvent::PartitionOpened {
                partition,
                start_offset,
                log_start,
                head_known,
            } => {
                let head = if head_known { Head::FromOne } else { Head::Unknown };
                let slot = self.pipeline.open_partition(
                    &partition.log,
                    PartitionStart {
                        start_offset,
                        log_start,
                        head,
                    },
                );
                let index = partition.index;
                if self.slots.len() <= index {
                    self.slots.resize_with(index + 1, || None);
                }
                self.slots[index] = Some((slot, partition));
            }
            SourceEvent::Fetched(fetched) if fetched.partition.progress.is_abandoned() => {}
            SourceEvent::Fetched(fetched) => self.fetched(&fetched)?,
            SourceEvent::Hole { partition, hole } => {
                let slot = self.slot(&partition)?;
                self.pipeline
                    .push_hole(slot, hole.first, hole.last, hole.cause.name())?;
                self.pipeline.forget_leader_epoch(slot);
            }
            SourceEvent::PartitionDone {
                partition,
                next_offset,
            } => {
                tracing::debug!(partition = %partition.log, next_offset, "partition is read to its end");
            }
            SourceEvent::PartitionFailed { error, .. } => self.failures.push(error),
            SourceEvent::TopicsChosen { .. }
            | SourceEvent::NewIncarnation { .. }
            | SourceEvent::LogChanged { .. }
            | SourceEvent::Stalled { .. }
            | SourceEvent::Warning(_) => {}
        }
        Ok(())
    }

    fn slot(&self, partition: &PartitionHandle) -> Result<PartitionSlot> {
        let slot = self.slots.get(partition.index).and_then(Option::as_ref);
        slot.map(|(slot, _)| *slot)
            .ok_or(IngestError::NotOpened(partition.log.partition))
    }

    fn fetched(&mut self, fetched: &Fetched) -> Result<()> {
        let slot = self.slot(&fetched.partition)?;
        // Before the records: a commit in their midst must not name an epoch older than theirs, which would look like a
        // log that was cut.
        let epoch = (fetched.leader_epoch >= 0).then_some(fetched.leader_epoch);
        self.pipeline.note(
            slot,
            (fetched.high_watermark >= 0).then_some(fetched.high_watermark),
            epoch,
        );
        let mut visitor = Intake {
            pipeline: &mut self.pipeline,
            taking: &mut self.taking,
            slot,
        };
        match fetched.walk(&mut self.walker, &mut visitor) {
            Ok(_) => {}
            Err(WalkError::Visitor(error)) => return Err(error),
            Err(WalkError::Batch(error)) => {
                let error = fetched.batch_error(error);
                if self.on_corrupt == OnCorrupt::Stop {
                    return Err(error.into());
                }
                fetched.partition.progress.abandon();
                (self.notify)(Notice::Warning(format!(
                    "{} cannot be read on: {error}",
                    fetched.partition.log
                )));
                self.failures.push(error);
                return Ok(());
            }
        }
        if let Some(record) = self.pipeline.last_record(slot) {
            fetched.partition.note_last_record(record);
        }
        Ok(())
    }

    /// Tells how far each partition is: records between what the pipeline has and the high watermark.
    fn tell_lag(&self) {
        let partitions = self.slots.iter().flatten().map(|(slot, partition)| {
            let progress = &partition.progress;
            let high = if progress.is_abandoned() {
                0
            } else if progress.is_closed() {
                progress.next_offset().unwrap_or(0)
            } else {
                progress.high_watermark().unwrap_or(0)
            };
            let next_offset = self.pipeline.next_offset(*slot);
            PartitionLag {
                log: partition.log.clone(),
                next_offset,
                lag: high.saturating_sub(next_offset).max(0),
            }
        });
        self.progress.set_partitions(partitions.collect());
    }
}

/// Hands what a walk finds to the pipeline.
struct Intake<'p> {
    pipeline: &'p mut Pipeline,
    taking: &'p mut Taking,
    slot: PartitionSlot,
}

impl BatchVisitor for Intake<'_> {
    type Error = IngestError;

    #[inline]
    fn record(&mut self, record: &RawRecord<'_>) -> Result<()> {
        if let Taking::Letters(intake) = self.taking {
            return intake.take(self.pipeline, self.slot, record);
        }
        self.pipeline.push(self.slot, record)?;
        if self.pipeline.flush_due_by_size() {
            self.pipeline.flush()?;
        }
        Ok(())
    }

    fn lookahead(&self) -> usize {
        match self.taking {
            // They are not numbered.
            Taking::Letters(_) => 0,
            _ => self.pipeline.lookahead(),
        }
    }

    #[inline]
    fn coming(&mut self, key: Option<&[u8]>) {
        self.pipeline.announce(self.slot, key.unwrap_or_default());
    }

    fn hole(&mut self, hole: OffsetHole) -> Result<()> {
        self.pipeline
            .push_hole(self.slot, hole.first, hole.last, hole.cause.name())
    }

    fn corrupt(&mut self, batch: CorruptBatch<'_>) -> Result<()> {
        self.pipeline
            .push_corrupt(self.slot, (batch.first, batch.last), batch.bytes, &batch.error)
    }
}
