//! Records as they lie in Kafka, read without a store: nothing is kept, numbered or committed.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::error::{IngestError, Result};
use crate::kafka::{Fetched, KafkaError, KafkaOptions, KafkaSource, SourceEvent};
use crate::notices::Notice;
use crate::stop::Stop;
use quipu_proto::LogPartition;

/// Events on their way from the source. Each holds up to one fetch of one broker.
const EVENTS_MAX: usize = 4;

/// Longest wait for the source between two looks at the flag to stop.
const WAIT_MAX: Duration = Duration::from_millis(200);

/// Settings of [`read_records`].
#[derive(Clone, Debug)]
pub struct RecordsOptions {
    /// Where and what to read. [`StartFrom::Stored`](crate::kafka::StartFrom::Stored) means
    /// [`KafkaOptions::reset`](crate::kafka::KafkaOptions), as nothing is stored.
    pub source: KafkaOptions,
    /// How long nothing at all may be heard of any partition before reading fails; none = for ever.
    pub silence_max: Option<Duration>,
}

/// What reading tells. The records of one partition come in their order; partitions come as they are fetched.
#[derive(Debug)]
pub enum RecordsEvent {
    /// A partition is read from this offset on.
    Opened {
        /// The partition.
        partition: LogPartition,
        /// First offset that is read.
        start_offset: i64,
        /// First offset that the log still has.
        log_start: i64,
    },
    /// Records, to be walked over with [`Fetched::walk`].
    Fetched(Fetched),
    /// What a person should know of.
    Notice(Notice),
}

/// Reads records until the end that the options name, until told to stop, or until `take` says so. Blocks the calling
/// thread; the network has a thread of its own.
///
/// # Errors
/// Brokers or topics that cannot be reached; a silence that is too long; partitions that could not be read on, at the end
/// of the others.
pub fn read_records(
    options: RecordsOptions,
    stop: &Stop,
    mut take: impl FnMut(RecordsEvent) -> ControlFlow<()>,
) -> Result<()> {
    let brokers = options
        .source
        .brokers
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(",");
    let source = KafkaSource::new(options.source)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("quipu-kafka")
        .enable_all()
        .build()
        .map_err(IngestError::Runtime)?;
    let (sender, mut events) = mpsc::channel(EVENTS_MAX);
    let running = runtime.spawn(source.run(HashMap::new(), sender, stop.subscribe()));
    let mut reading = Reading {
        partitions: 0,
        failures: Vec::new(),
    };
    let mut heard = Instant::now();
    let silent = loop {
        if stop.is_raised() {
            break None;
        }
        match runtime.block_on(async { tokio::time::timeout(WAIT_MAX, events.recv()).await }) {
            Ok(None) => break None,
            Ok(Some(event)) => {
                // A warning that comes again and again is no sign of life.
                if !matches!(event, SourceEvent::Warning(_) | SourceEvent::Stalled { .. }) {
                    heard = Instant::now();
                }
                if reading.event(event, &mut take).is_break() {
                    break None;
                }
            }
            Err(_) => {}
        }
        if let Some(limit) = options.silence_max.filter(|limit| heard.elapsed() > *limit) {
            break Some(limit);
        }
    };
    // Without a receiver the source ends.
    drop(events);
    let ended = runtime.block_on(running);
    runtime.shutdown_timeout(WAIT_MAX);
    match ended {
        Ok(result) => result?,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
    if let Some(limit) = silent {
        return Err(KafkaError::Timeout {
            broker: brokers,
            api: "Fetch",
            limit,
        }
        .into());
    }
    let failed = reading.failures.len();
    match reading.failures.into_iter().next() {
        None => Ok(()),
        Some(first) => Err(IngestError::PartitionsFailed {
            failed,
            partitions: reading.partitions,
            first: Box::new(first),
        }),
    }
}

struct Reading {
    partitions: usize,
    failures: Vec<KafkaError>,
}

impl Reading {
    fn event(
        &mut self,
        event: SourceEvent,
        take: &mut impl FnMut(RecordsEvent) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        if let Some(notice) = Notice::of(&event) {
            take(RecordsEvent::Notice(notice))?;
        }
        match event {
            SourceEvent::PartitionOpened {
                partition,
                start_offset,
                log_start,
                ..
            } => {
                self.partitions += 1;
                take(RecordsEvent::Opened {
                    partition: partition.log.clone(),
                    start_offset,
                    log_start,
                })
            }
            SourceEvent::Fetched(fetched) => take(RecordsEvent::Fetched(fetched)),
            SourceEvent::PartitionFailed { error, .. } => {
                self.failures.push(error);
                ControlFlow::Continue(())
            }
            _ => ControlFlow::Continue(()),
        }
    }
}
