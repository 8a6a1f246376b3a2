//! A source run against the test broker, and an account of what it tells.
#![allow(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod store;

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::time::Duration;

use quipu_broker::{Broker, BrokerOptions, Record, TopicOptions};
use quipu_ingest::kafka::batch::{BatchVisitor, BatchWalker, CorruptBatch, OnCorrupt};
use quipu_ingest::kafka::{
    HoleCause, KafkaError, KafkaOptions, KafkaSource, LogChange, OffsetHole, SourceEvent, StoredPosition,
    Until, address::BrokerAddress,
};
use quipu_ingest::raw::RawRecord;
use quipu_proto::LogPartition;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

/// A broker with one topic.
pub(crate) async fn broker(topic: &str, partitions: i32) -> Broker {
    let broker = Broker::start(BrokerOptions::default()).await.unwrap();
    broker
        .create_topic(topic, TopicOptions::partitions(partitions))
        .unwrap();
    broker
}

/// Options for this broker and topic, with short times.
pub(crate) fn options(broker: &Broker, topic: &str) -> KafkaOptions {
    let mut options = KafkaOptions::new(BrokerAddress::parse_list(&broker.address()).unwrap());
    options.topics = vec![topic.to_owned()];
    options.metadata_refresh = Duration::from_millis(200);
    options.fetch_wait = Duration::from_millis(100);
    options.startup_timeout = Duration::from_secs(5);
    options
}

/// So many records, each with a value of its own.
pub(crate) fn records(from: usize, count: usize) -> Vec<Record> {
    (from..from + count)
        .map(|number| {
            Record::new(format!("value {number}"))
                .key("thread")
                .at(number as i64)
        })
        .collect()
}

/// What was told of one partition of one incarnation.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Log {
    pub(crate) start: i64,
    pub(crate) next: i64,
    pub(crate) values: Vec<(i64, String)>,
    pub(crate) holes: Vec<(i64, i64, HoleCause)>,
    pub(crate) corrupt: Vec<(i64, i64)>,
    pub(crate) done: bool,
    pub(crate) failed: Option<String>,
}

impl Log {
    pub(crate) fn offsets(&self) -> Vec<i64> {
        self.values.iter().map(|(offset, _)| *offset).collect()
    }
}

impl BatchVisitor for Log {
    type Error = Infallible;

    fn record(&mut self, record: &RawRecord<'_>) -> Result<(), Infallible> {
        let value = String::from_utf8(record.value.unwrap_or_default().to_vec()).unwrap();
        self.values.push((record.offset, value));
        Ok(())
    }

    fn hole(&mut self, hole: OffsetHole) -> Result<(), Infallible> {
        self.holes.push((hole.first, hole.last, hole.cause));
        Ok(())
    }

    fn corrupt(&mut self, batch: CorruptBatch<'_>) -> Result<(), Infallible> {
        self.corrupt.push((batch.first, batch.last));
        Ok(())
    }
}

/// A source at work.
pub(crate) struct Run {
    pub(crate) events: mpsc::Receiver<SourceEvent>,
    pub(crate) stop: watch::Sender<bool>,
    pub(crate) task: JoinHandle<Result<(), KafkaError>>,
    pub(crate) logs: BTreeMap<LogPartition, Log>,
    pub(crate) warnings: Vec<String>,
    pub(crate) incarnations: Vec<(usize, String)>,
    pub(crate) changes: Vec<(String, LogChange)>,
    pub(crate) stalls: Vec<String>,
    pub(crate) chosen: Option<(Vec<String>, Vec<String>)>,
    walker: BatchWalker,
}

impl Run {
    pub(crate) fn start(options: KafkaOptions) -> Self {
        Self::resume(options, HashMap::new())
    }

    pub(crate) fn resume(options: KafkaOptions, positions: HashMap<LogPartition, StoredPosition>) -> Self {
        let (sender, events) = mpsc::channel(4);
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(KafkaSource::new(options).unwrap().run(positions, sender, stopped));
        Self {
            events,
            stop,
            task,
            logs: BTreeMap::new(),
            warnings: Vec::new(),
            incarnations: Vec::new(),
            changes: Vec::new(),
            stalls: Vec::new(),
            chosen: None,
            walker: BatchWalker::new(OnCorrupt::DeadLetter),
        }
    }

    /// Takes in one event, and holds the source to its promise that the events of a partition tile its offsets.
    fn take(&mut self, event: SourceEvent) {
        match event {
            SourceEvent::PartitionOpened {
                partition,
                start_offset,
                ..
            } => {
                let log = Log {
                    start: start_offset,
                    next: start_offset,
                    ..Log::default()
                };
                assert!(
                    self.logs.insert(partition.log.clone(), log).is_none(),
                    "opened twice"
                );
            }
            SourceEvent::Fetched(fetched) => {
                let log = self
                    .logs
                    .get_mut(&fetched.partition.log)
                    .expect("opened before it is fetched");
                assert_eq!(log.next, fetched.fetch_offset, "{:?}", fetched.partition.log);
                log.next = fetched.walk(&mut self.walker, log).unwrap();
                assert_eq!(log.next, fetched.next_offset, "source and walker agree");
            }
            SourceEvent::Hole { partition, hole } => {
                let log = self.logs.get_mut(&partition.log).unwrap();
                assert_eq!(log.next, hole.first);
                log.next = hole.last + 1;
                log.holes.push((hole.first, hole.last, hole.cause));
            }
            SourceEvent::PartitionDone {
                partition,
                next_offset,
            } => {
                let log = self.logs.get_mut(&partition.log).unwrap();
                assert_eq!(log.next, next_offset);
                log.done = true;
            }
            SourceEvent::PartitionFailed { partition, error } => {
                self.logs.get_mut(&partition.log).unwrap().failed = Some(error.to_string());
            }
            SourceEvent::NewIncarnation { previous, current } => {
                self.incarnations
                    .push((previous.len(), current.incarnation.to_string()));
            }
            SourceEvent::LogChanged { current, change, .. } => {
                self.changes.push((current.log.incarnation.to_string(), change));
            }
            SourceEvent::Stalled { report, .. } => self.stalls.push(report.to_string()),
            SourceEvent::Warning(text) => self.warnings.push(text),
            SourceEvent::TopicsChosen { found, missing } => {
                let text = |names: Vec<std::sync::Arc<str>>| names.iter().map(ToString::to_string).collect();
                self.chosen = Some((text(found), text(missing)));
            }
        }
    }

    /// Takes in events until something holds.
    pub(crate) async fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !holds(self) {
            match timeout_at(deadline, self.events.recv()).await {
                Ok(Some(event)) => self.take(event),
                Ok(None) => panic!("the source ended before: {what}"),
                Err(_) => panic!("waited in vain for: {what}; {:?} {:?}", self.logs, self.warnings),
            }
        }
    }

    /// Takes in what comes in so much time.
    pub(crate) async fn listen(&mut self, time: Duration) {
        let deadline = Instant::now() + time;
        while let Ok(Some(event)) = timeout_at(deadline, self.events.recv()).await {
            self.take(event);
        }
    }

    /// Takes in all events until the source ends by itself.
    pub(crate) async fn end(&mut self) -> Result<(), KafkaError> {
        let deadline = Instant::now() + Duration::from_secs(20);
        while let Some(event) = timeout_at(deadline, self.events.recv())
            .await
            .expect("the source ends")
        {
            self.take(event);
        }
        (&mut self.task).await.unwrap()
    }

    /// All records of all partitions so far.
    pub(crate) fn count(&self) -> usize {
        self.logs.values().map(|log| log.values.len()).sum()
    }

    /// The log of a partition, where the topic has one incarnation.
    pub(crate) fn log(&self, partition: i32) -> &Log {
        let mut found = self.logs.iter().filter(|(key, _)| key.partition.0 == partition);
        let (_, log) = found.next().expect("opened");
        assert!(found.next().is_none(), "one incarnation");
        log
    }

    /// The positions that a store would have committed by now.
    pub(crate) fn positions(&self) -> HashMap<LogPartition, StoredPosition> {
        self.logs
            .iter()
            .map(|(partition, log)| (partition.clone(), StoredPosition::from(log.next)))
            .collect()
    }
}

/// Reads a topic to its end.
pub(crate) async fn read_to_end(mut options: KafkaOptions) -> Run {
    options.until = Until::End;
    let mut run = Run::start(options);
    run.end().await.unwrap();
    run
}
