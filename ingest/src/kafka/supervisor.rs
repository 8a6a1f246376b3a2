//! The supervisor of a source: it looks at the metadata and gives partitions to the tasks of their leaders.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use quipu_proto::{LogPartition, PartitionId, TopicIncarnation};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::address::BrokerAddress;
use super::backoff;
use super::error::KafkaError;
use super::event::{PartitionHandle, SourceEvent};
use super::hole::HoleCause;
use super::leader::{Command, LeaderTask, Returned, Why};
use super::metadata::{ClusterView, MetadataClient, PartitionView, TopicView};
use super::options::{DEFAULT_TOPICS, KafkaOptions, OnUnknownTopic, Reset, StartFrom, Until};
use super::partition::{PartitionFetch, Start, StoredPosition};
use super::progress::{PartitionProgress, StallDetector};

/// Looks at the metadata lie at least so far apart, however many partitions ask for one.
const REFRESH_PAUSE: Duration = Duration::from_millis(50);
/// A topic that exists but cannot be seen yet, as just after its creation, is looked for again after this time.
const UNSEEN_PAUSE: Duration = Duration::from_millis(250);
/// The same warning is told again only after this time.
const WARNING_PAUSE: Duration = Duration::from_secs(30);
/// Failures in a row after which a topic that is gone is believed to be gone.
const GONE_AFTER_FAILURES: u32 = 5;

/// Where a partition is.
enum Slot {
    /// With the task of this broker.
    Out { node: i32, handle: Arc<PartitionHandle> },
    /// Here, until it is due to be given out.
    Waiting {
        partition: Box<PartitionFetch>,
        due: Instant,
    },
    /// Read to its end, or failed.
    Closed { handle: Arc<PartitionHandle> },
}

impl Slot {
    fn handle(&self) -> &Arc<PartitionHandle> {
        match self {
            Self::Out { handle, .. } | Self::Closed { handle } => handle,
            Self::Waiting { partition, .. } => &partition.handle,
        }
    }
}

/// The task of one broker.
struct Leader {
    broker: BrokerAddress,
    commands: mpsc::UnboundedSender<Command>,
}

/// Handles that are watched for stalls.
type Watched = Arc<Mutex<Vec<Arc<PartitionHandle>>>>;

pub(super) struct Supervisor {
    options: Arc<KafkaOptions>,
    metadata: MetadataClient,
    stored: HashMap<LogPartition, StoredPosition>,
    events: mpsc::Sender<SourceEvent>,
    returns: mpsc::UnboundedReceiver<Returned>,
    returns_sender: mpsc::UnboundedSender<Returned>,
    topics: Vec<Arc<str>>,
    /// Whether each topic is compacted, as far as known.
    compacted: HashMap<Arc<str>, bool>,
    slots: BTreeMap<(Arc<str>, i32), Slot>,
    leaders: HashMap<i32, Leader>,
    tasks: JoinSet<()>,
    handles: usize,
    watched: Watched,
    announced: HashSet<TopicIncarnation>,
    warned: HashMap<String, Instant>,
    last_refresh: Instant,
    next_refresh: Instant,
    metadata_failures: u32,
    /// Topics that exist and whose partitions were not seen yet.
    unseen: HashSet<Arc<str>>,
}

impl Supervisor {
    pub(super) fn new(
        options: Arc<KafkaOptions>,
        stored: HashMap<LogPartition, StoredPosition>,
        events: mpsc::Sender<SourceEvent>,
    ) -> Self {
        let (returns_sender, returns) = mpsc::unbounded_channel();
        let metadata = MetadataClient::new(options.brokers.clone(), Arc::new(options.connect.clone()));
        let topics = if options.topics.is_empty() {
            DEFAULT_TOPICS.into_iter().map(Arc::from).collect()
        } else {
            let mut topics: Vec<Arc<str>> = options
                .topics
                .iter()
                .map(|topic| Arc::from(topic.trim()))
                .collect();
            topics.sort_unstable();
            topics.dedup();
            topics
        };
        Self {
            options,
            metadata,
            stored,
            events,
            returns,
            returns_sender,
            topics,
            compacted: HashMap::new(),
            slots: BTreeMap::new(),
            leaders: HashMap::new(),
            tasks: JoinSet::new(),
            handles: 0,
            watched: Watched::default(),
            announced: HashSet::new(),
            warned: HashMap::new(),
            last_refresh: Instant::now(),
            next_refresh: Instant::now(),
            metadata_failures: 0,
            unseen: HashSet::new(),
        }
    }

    pub(super) async fn run(mut self) -> Result<(), KafkaError> {
        let view = self.first_view().await?;
        self.choose_topics(&view).await?;
        self.reconcile(&view).await;
        self.tasks.spawn(watch_for_stalls(
            Arc::clone(&self.watched),
            self.events.clone(),
            self.options.stall_after,
        ));
        while !self.is_complete() {
            let due = self.next_due();
            tokio::select! {
                Some(returned) = self.returns.recv() => self.take_back(returned).await,
                () = sleep_until(due) => self.refresh().await,
                Some(Err(error)) = self.tasks.join_next() => {
                    // A task that panicked took its partitions with it: the source must not go on without them.
                    if error.is_panic() {
                        std::panic::resume_unwind(error.into_panic());
                    }
                }
            }
        }
        Ok(())
    }

    fn is_complete(&self) -> bool {
        self.options.until != Until::Follow
            && self.unseen.is_empty()
            && !self.slots.is_empty()
            && self
                .slots
                .values()
                .all(|slot| matches!(slot, Slot::Closed { .. }))
    }

    /// When something is to be done next. After a failed look at the metadata nothing is done before the next look.
    fn next_due(&self) -> Instant {
        if self.metadata_failures > 0 {
            return self.next_refresh;
        }
        let waiting = self.slots.values().filter_map(|slot| match slot {
            Slot::Waiting { due, .. } => Some(*due),
            _ => None,
        });
        waiting
            .min()
            .unwrap_or(self.next_refresh)
            .min(self.next_refresh)
            .max(self.last_refresh + REFRESH_PAUSE)
    }

    async fn first_view(&mut self) -> Result<ClusterView, KafkaError> {
        let deadline = Instant::now() + self.options.startup_timeout;
        let mut failures = 0;
        loop {
            match self.metadata.view(&self.topics).await {
                Ok(view) => {
                    self.next_refresh = Instant::now() + self.options.metadata_refresh;
                    return Ok(view);
                }
                Err(error) => {
                    failures += 1;
                    let wait = backoff::delay(failures);
                    if Instant::now() + wait >= deadline {
                        return Err(error);
                    }
                    self.warn(format!("{error}; trying again")).await;
                    sleep(wait).await;
                }
            }
        }
    }

    /// Sorts out which of the topics exist.
    async fn choose_topics(&mut self, view: &ClusterView) -> Result<(), KafkaError> {
        let unknown = |name: &Arc<str>| {
            view.topics
                .iter()
                .find(|topic| topic.name == *name)
                .is_none_or(TopicView::is_unknown)
        };
        let (missing, found): (Vec<_>, Vec<_>) = self.topics.iter().cloned().partition(unknown);
        if let Some((topic, error)) = view.topics.iter().find_map(|topic| {
            topic
                .error
                .filter(|error| !error.is_retriable())
                .map(|error| (topic, error))
        }) && !topic.is_unknown()
        {
            return Err(KafkaError::Topic {
                topic: Arc::clone(&topic.name),
                error,
            });
        }
        self.unseen.extend(found.iter().cloned());
        let may_wait =
            self.options.on_unknown_topic == OnUnknownTopic::Wait && self.options.until == Until::Follow;
        if self.options.topics.is_empty() {
            if found.is_empty() && !may_wait {
                return Err(KafkaError::NoTopic {
                    topics: missing.iter().map(ToString::to_string).collect(),
                });
            }
            self.tell(SourceEvent::TopicsChosen { found, missing }).await;
            return Ok(());
        }
        for topic in missing {
            let brokers = self.metadata.bootstrap_text();
            if !may_wait {
                return Err(KafkaError::UnknownTopic { topic, brokers });
            }
            self.warn(format!(
                "topic {topic} does not exist at {brokers}; waiting for it"
            ))
            .await;
        }
        Ok(())
    }

    async fn refresh(&mut self) {
        match self.metadata.view(&self.topics).await {
            Ok(view) => {
                self.metadata_failures = 0;
                self.last_refresh = Instant::now();
                self.next_refresh = self.last_refresh + self.options.metadata_refresh;
                self.reconcile(&view).await;
            }
            Err(error) => {
                self.metadata_failures += 1;
                self.next_refresh = Instant::now() + backoff::delay(self.metadata_failures);
                self.warn(format!("{error}; trying again")).await;
            }
        }
    }

    /// Brings the slots in line with what the cluster says.
    async fn reconcile(&mut self, view: &ClusterView) {
        let fresh: Vec<Arc<str>> = view
            .topics
            .iter()
            .filter(|topic| topic.error.is_none() && !self.compacted.contains_key(&topic.name))
            .map(|topic| Arc::clone(&topic.name))
            .collect();
        if !fresh.is_empty() {
            self.compacted.extend(self.metadata.compacted(&fresh).await);
        }
        for name in self.topics.clone() {
            match view.topics.iter().find(|topic| topic.name == name) {
                Some(topic) if topic.error.is_none() => self.reconcile_topic(topic, &view.brokers).await,
                topic => {
                    let gone = topic.is_none_or(TopicView::is_unknown);
                    self.put_off(&name, gone, view).await;
                }
            }
        }
        if !self.unseen.is_empty() {
            self.next_refresh = self.next_refresh.min(Instant::now() + UNSEEN_PAUSE);
        }
    }

    async fn reconcile_topic(&mut self, topic: &TopicView, brokers: &HashMap<i32, BrokerAddress>) {
        let incarnation = topic
            .id
            .map_or_else(|| TopicIncarnation::UNKNOWN.to_owned(), |id| id.to_string());
        let log = TopicIncarnation::new(Arc::clone(&topic.name), incarnation);
        let previous = self.previous_incarnations(&log);
        if !previous.is_empty() && self.announced.insert(log.clone()) {
            self.tell(SourceEvent::NewIncarnation {
                previous: previous.clone(),
                current: log.clone(),
            })
            .await;
        }
        for partition in &topic.partitions {
            let key = (Arc::clone(&topic.name), partition.partition);
            let replace = match self.slots.get(&key) {
                None => self.unseen.contains(&topic.name) || self.options.until == Until::Follow,
                Some(slot) if slot.handle().log.log == log => false,
                Some(Slot::Out { node, handle }) => {
                    // It comes back before its next fetch, and is replaced then.
                    if let Some(leader) = self.leaders.get(node) {
                        let _ = leader.commands.send(Command::Revoke(handle.index));
                    }
                    continue;
                }
                Some(Slot::Waiting { .. }) => true,
                Some(Slot::Closed { .. }) => self.options.until == Until::Follow,
            };
            if replace {
                let fetch = self.new_partition(&log, topic, partition, !previous.is_empty());
                let slot = Slot::Waiting {
                    partition: Box::new(fetch),
                    due: Instant::now(),
                };
                if let Some(old) = self.slots.insert(key.clone(), slot) {
                    old.handle().progress.close();
                }
            }
            self.give_out(&key, topic, partition, brokers).await;
        }
        self.unseen.remove(&topic.name);
        // Partitions that the topic had in an earlier life only.
        self.slots.retain(|(name, _), slot| {
            let keep =
                *name != topic.name || slot.handle().log.log == log || matches!(slot, Slot::Out { .. });
            if !keep {
                slot.handle().progress.close();
            }
            keep
        });
    }

    /// The incarnations of the topic that were read before this one, by this run or as the store knows.
    fn previous_incarnations(&self, log: &TopicIncarnation) -> Vec<TopicIncarnation> {
        let stored = self.stored.keys().map(|partition| &partition.log);
        let ours = self.slots.values().map(|slot| &slot.handle().log.log);
        if self.stored.keys().any(|partition| partition.log == *log) {
            return Vec::new();
        }
        let mut previous: Vec<TopicIncarnation> = stored
            .chain(ours)
            .filter(|other| other.topic == log.topic && *other != log)
            .cloned()
            .collect();
        previous.sort_unstable();
        previous.dedup();
        previous
    }

    fn new_partition(
        &mut self,
        log: &TopicIncarnation,
        topic: &TopicView,
        partition: &PartitionView,
        recreated: bool,
    ) -> PartitionFetch {
        let log = LogPartition::new(log.clone(), PartitionId(partition.partition));
        let stored = self.stored.get(&log).copied();
        let start = match self.options.from {
            // What appears while following is read whole.
            _ if !self.unseen.contains(&topic.name) => stored.map_or(Start::Earliest, Start::Stored),
            StartFrom::Stored => match (stored, self.options.reset) {
                (Some(stored), _) => Start::Stored(stored),
                (None, Reset::Latest) if !recreated => Start::Latest,
                (None, _) => Start::Earliest,
            },
            StartFrom::Earliest => Start::Earliest,
            StartFrom::Latest => Start::Latest,
            StartFrom::Offset(offset) => Start::Offset(offset),
            StartFrom::Timestamp(time) => Start::Timestamp(time),
        };
        let gap_cause = match self.compacted.get(&topic.name) {
            Some(true) => HoleCause::Compacted,
            _ => HoleCause::Unexplained,
        };
        let handle = Arc::new(PartitionHandle {
            index: self.handles,
            log,
            gap_cause,
            progress: PartitionProgress::default(),
        });
        self.handles += 1;
        if let Ok(mut watched) = self.watched.lock() {
            watched.push(Arc::clone(&handle));
        }
        PartitionFetch::new(handle, topic.id, start, self.options.partition_bytes_max)
    }

    /// Gives a waiting partition that is due to the task of its leader.
    async fn give_out(
        &mut self,
        key: &(Arc<str>, i32),
        topic: &TopicView,
        view: &PartitionView,
        brokers: &HashMap<i32, BrokerAddress>,
    ) {
        let now = Instant::now();
        let Some(Slot::Waiting { partition, due }) = self.slots.get_mut(key) else {
            return;
        };
        if *due > now {
            return;
        }
        let Some((node, broker)) = view.leader.and_then(|node| Some((node, brokers.get(&node)?))) else {
            partition.failures += 1;
            *due = now + backoff::delay(partition.failures);
            if partition.failures > GONE_AFTER_FAILURES {
                self.warn(format!(
                    "topic {} partition {} has no leader; waiting for one",
                    key.0, key.1
                ))
                .await;
            }
            return;
        };
        partition.topic_id = topic.id;
        partition.leader_epoch = view.leader_epoch;
        let handle = Arc::clone(&partition.handle);
        let Some(Slot::Waiting { partition, .. }) =
            self.slots.insert(key.clone(), Slot::Out { node, handle })
        else {
            return;
        };
        let mut command = Command::Assign(partition);
        if let Some(leader) = self.leaders.get(&node).filter(|leader| leader.broker == *broker) {
            match leader.commands.send(command) {
                Ok(()) => return,
                // The task has ended since: another one takes its place.
                Err(unsent) => command = unsent.0,
            }
        }
        let leader = self.start_leader(broker);
        // It has just begun to listen.
        let _ = leader.commands.send(command);
        self.leaders.insert(node, leader);
    }

    fn start_leader(&mut self, broker: &BrokerAddress) -> Leader {
        let (commands, receiver) = mpsc::unbounded_channel();
        let task = LeaderTask {
            broker: broker.clone(),
            options: Arc::clone(&self.options),
            events: self.events.clone(),
            commands: receiver,
            returns: self.returns_sender.clone(),
            partitions: Vec::new(),
        };
        self.tasks.spawn(task.run());
        Leader {
            broker: broker.clone(),
            commands,
        }
    }

    /// Keeps the waiting partitions of a topic that cannot be seen for now.
    async fn put_off(&mut self, name: &Arc<str>, gone: bool, view: &ClusterView) {
        let now = Instant::now();
        let believe = gone && self.options.until != Until::Follow;
        let mut failed = Vec::new();
        let mut waiting = 0;
        for ((topic, _), slot) in &mut self.slots {
            if let Slot::Waiting { partition, due } = slot
                && topic == name
                && *due <= now
            {
                waiting += 1;
                partition.failures += 1;
                *due = now + backoff::delay(partition.failures);
                if believe && partition.failures > GONE_AFTER_FAILURES {
                    let handle = Arc::clone(&partition.handle);
                    handle.progress.close();
                    failed.push(Arc::clone(&handle));
                    *slot = Slot::Closed { handle };
                }
            }
        }
        for partition in failed {
            let error = KafkaError::UnknownTopic {
                topic: Arc::clone(name),
                brokers: self.metadata.bootstrap_text(),
            };
            self.tell(SourceEvent::PartitionFailed { partition, error }).await;
        }
        if waiting > 0 {
            let error = view
                .topics
                .iter()
                .find(|topic| topic.name == *name)
                .and_then(|topic| topic.error);
            let reason = error.map_or_else(|| "not known".to_owned(), |error| error.to_string());
            self.warn(format!(
                "topic {name} cannot be read for now ({reason}); waiting for it"
            ))
            .await;
        }
    }

    async fn take_back(&mut self, returned: Returned) {
        let Returned { partition, why } = returned;
        let log = &partition.handle.log;
        let key = (Arc::clone(&log.log.topic), log.partition.0);
        let now = Instant::now();
        let slot = match &why {
            Why::Closed => Slot::Closed {
                handle: Arc::clone(&partition.handle),
            },
            Why::Revoked => {
                self.next_refresh = now;
                Slot::Waiting { partition, due: now }
            }
            Why::Retry(_) => {
                let due = now + backoff::delay(partition.failures);
                Slot::Waiting { partition, due }
            }
        };
        self.slots.insert(key, slot);
        if let Why::Retry(error) = why {
            self.warn(format!("{error}; trying again")).await;
        }
    }

    /// Tells a warning, but not the same one all the time.
    async fn warn(&mut self, text: String) {
        let now = Instant::now();
        self.warned
            .retain(|_, told| now.duration_since(*told) < WARNING_PAUSE);
        if !self.warned.contains_key(&text) {
            self.warned.insert(text.clone(), now);
            self.tell(SourceEvent::Warning(text)).await;
        }
    }

    async fn tell(&self, event: SourceEvent) {
        // Without a receiver the source is about to be dropped.
        let _ = self.events.send(event).await;
    }
}

/// Looks at all partitions from time to time and tells those that stand still.
async fn watch_for_stalls(watched: Watched, events: mpsc::Sender<SourceEvent>, limit: Duration) {
    let pause = (limit / 10).clamp(Duration::from_millis(10), Duration::from_secs(1));
    let mut detectors: HashMap<usize, StallDetector> = HashMap::new();
    loop {
        sleep(pause).await;
        let now = std::time::Instant::now();
        let mut stalls = Vec::new();
        if let Ok(mut watched) = watched.lock() {
            watched.retain(|handle| !handle.progress.is_closed());
            detectors.retain(|index, _| watched.iter().any(|handle| handle.index == *index));
            for handle in watched.iter() {
                let detector = detectors
                    .entry(handle.index)
                    .or_insert_with(|| StallDetector::new(limit, now));
                if let Some(report) = detector.look(&handle.progress, now) {
                    stalls.push(SourceEvent::Stalled {
                        partition: Arc::clone(handle),
                        report,
                    });
                }
            }
        }
        for stall in stalls {
            if events.send(stall).await.is_err() {
                return;
            }
        }
    }
}
