//! The supervisor of a source: it looks at the metadata and gives partitions to the tasks of their leaders.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use quipu_proto::{LogPartition, TopicIncarnation};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use crate::address::BrokerAddress;
use crate::backoff;
use crate::error::{KafkaError, Place};
use crate::event::{PartitionHandle, SourceEvent};
use crate::leader::{Command, LeaderTask, Returned, Why};
use crate::metadata::{ClusterView, MetadataClient, TopicView};
use crate::options::{DEFAULT_TOPICS, KafkaOptions, OnUnknownTopic, Until};
use crate::partition::{PartitionFetch, StoredPosition};

mod lives;
mod reconcile;
mod stalls;

use stalls::{Watched, watch_for_stalls};

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
    Waiting { partition: PartitionFetch, due: Instant },
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

/// The supervisor.
pub(super) struct Supervisor {
    options: Arc<KafkaOptions>,
    metadata: MetadataClient,
    stored: HashMap<LogPartition, StoredPosition>,
    events: mpsc::Sender<SourceEvent>,
    returns: mpsc::UnboundedReceiver<Returned>,
    returns_sender: mpsc::UnboundedSender<Returned>,
    topics: Vec<Arc<str>>,
    /// Whether each topic is compacted, as far as known.
    compacted: HashMap<TopicIncarnation, bool>,
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
        #[expect(clippy::disallowed_methods, reason = "holds each partition once at most")]
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
                    if !error.is_transient() || Instant::now() + wait >= deadline {
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
        self.check_partitions(view)?;
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

    /// Whether topics that can be seen have the partitions that are asked for.
    fn check_partitions(&self, view: &ClusterView) -> Result<(), KafkaError> {
        for topic in view.topics.iter().filter(|topic| !topic.partitions.is_empty()) {
            let has = |wanted: &i32| topic.partitions.iter().any(|view| view.partition == *wanted);
            if let Some(missing) = self.options.partitions.iter().find(|wanted| !has(wanted)) {
                return Err(KafkaError::UnknownPartition {
                    place: Place {
                        topic: Arc::clone(&topic.name),
                        partition: *missing,
                    },
                    partitions: topic.partitions.len(),
                });
            }
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

    fn start_leader(&mut self, broker: &BrokerAddress) -> Leader {
        #[expect(
            clippy::disallowed_methods,
            reason = "holds two commands a partition at most between two fetches"
        )]
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

    async fn take_back(&mut self, returned: Returned) {
        let Returned { partition, why } = returned;
        let log = &partition.handle.log;
        let key = (Arc::clone(&log.log.topic), log.partition.0);
        let now = Instant::now();
        let slot = match &why {
            Why::Changed { change, start } => return self.next_life(partition, *change, *start).await,
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
