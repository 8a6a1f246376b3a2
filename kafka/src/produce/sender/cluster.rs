//! What the sender knows of the cluster: leaders of partitions, and when to ask again.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::address::BrokerAddress;
use crate::backoff::{after, delay_and_more};
use crate::connect::ConnectOptions;
use crate::error::KafkaError;
use crate::metadata::{ClusterView, MetadataClient};

/// How often a topic that was refused for good is asked for again: rights can be given later.
const REFUSAL_PAUSE: Duration = Duration::from_secs(5);

/// The cluster as the last answer showed it.
#[derive(Debug)]
pub(super) struct Cluster {
    brokers: Vec<BrokerAddress>,
    connect: Arc<ConnectOptions>,
    /// Not here while it is asking.
    client: Option<MetadataClient>,
    leaders: Vec<Option<BrokerAddress>>,
    ask_at: Instant,
    failures: u32,
    /// Why the topic cannot be written to at all.
    refusal: Option<Arc<KafkaError>>,
    last_error: Option<Arc<KafkaError>>,
}

impl Cluster {
    pub(super) fn new(brokers: Vec<BrokerAddress>, connect: Arc<ConnectOptions>) -> Self {
        Self {
            client: Some(MetadataClient::new(brokers.clone(), Arc::clone(&connect))),
            brokers,
            connect,
            leaders: Vec::new(),
            ask_at: Instant::now(),
            failures: 0,
            refusal: None,
            last_error: None,
        }
    }

    pub(super) fn brokers_text(&self) -> String {
        let brokers: Vec<String> = self.brokers.iter().map(ToString::to_string).collect();
        brokers.join(",")
    }

    /// When to ask next; `None` while an answer is on its way.
    pub(super) fn ask_at(&self) -> Option<Instant> {
        self.client.as_ref().map(|_| self.ask_at)
    }

    pub(super) fn take_client_to_ask(&mut self, now: Instant) -> Option<MetadataClient> {
        self.client.take_if(|_| self.ask_at <= now)
    }

    /// The task that asked is gone, and the client with it.
    pub(super) fn crashed(&mut self) {
        if self.client.is_none() {
            self.client = Some(MetadataClient::new(
                self.brokers.clone(),
                Arc::clone(&self.connect),
            ));
            self.failed(None);
        }
    }

    /// Something went wrong that other leaders may explain: asks soon.
    pub(super) fn failed(&mut self, error: Option<Arc<KafkaError>>) {
        self.last_error = error.or(self.last_error.take());
        self.failures += 1;
        let soon = Instant::now() + delay_and_more(self.failures);
        self.ask_at = self.ask_at.min(soon);
    }

    /// A leader that is not one any more: asks at once, but not again and again.
    pub(super) fn is_outdated(&mut self) {
        if self.failures == 0 {
            self.failures = 1;
            self.ask_at = Instant::now();
        } else {
            self.failed(None);
        }
    }

    pub(super) fn heard(
        &mut self,
        client: MetadataClient,
        view: Result<ClusterView, KafkaError>,
        topic: &Arc<str>,
        refresh: Duration,
    ) {
        self.client = Some(client);
        let now = Instant::now();
        match view.and_then(|view| self.leaders_of(&view, topic)) {
            Ok(leaders) => {
                let all_led = leaders.iter().all(Option::is_some);
                self.leaders = leaders;
                self.refusal = None;
                if all_led {
                    self.failures = 0;
                    self.ask_at = after(now, refresh);
                } else {
                    self.failures += 1;
                    self.ask_at = now + delay_and_more(self.failures);
                }
            }
            Err(error) => {
                // A topic that is not there may come; one that may not be written to is told at once.
                let may_come = error.is_transient() || matches!(error, KafkaError::UnknownTopic { .. });
                let error = Arc::new(error);
                self.failures += 1;
                self.ask_at = now + delay_and_more(self.failures);
                if !may_come {
                    self.refusal = Some(Arc::clone(&error));
                    self.ask_at = now + REFUSAL_PAUSE;
                }
                self.last_error = Some(error);
            }
        }
    }

    fn leaders_of(
        &self,
        view: &ClusterView,
        topic: &Arc<str>,
    ) -> Result<Vec<Option<BrokerAddress>>, KafkaError> {
        let unknown = || KafkaError::UnknownTopic {
            topic: Arc::clone(topic),
            brokers: self.brokers_text(),
        };
        let found = view.topics.first().ok_or_else(unknown)?;
        match found.error {
            Some(_) if found.is_unknown() => return Err(unknown()),
            Some(error) => {
                return Err(KafkaError::Topic {
                    topic: Arc::clone(topic),
                    error,
                });
            }
            None if found.partitions.is_empty() => return Err(unknown()),
            None => {}
        }
        let count = found
            .partitions
            .iter()
            .filter_map(|partition| usize::try_from(partition.partition).ok())
            .max()
            .map_or(0, |last| last + 1);
        if count > found.partitions.len() {
            return Err(KafkaError::Malformed {
                broker: self.brokers_text(),
                api: "Metadata",
                reason: format!("partitions of topic {topic} are missing from the answer"),
            });
        }
        let mut leaders = vec![None; count];
        for partition in &found.partitions {
            let Ok(index) = usize::try_from(partition.partition) else {
                continue;
            };
            leaders[index] = partition
                .leader
                .and_then(|leader| view.brokers.get(&leader))
                .cloned();
        }
        Ok(leaders)
    }

    /// Number of partitions; `None` while the cluster has not told.
    pub(super) fn partitions(&self) -> Option<usize> {
        Some(self.leaders.len()).filter(|count| *count > 0)
    }

    pub(super) fn leader(&self, partition: usize) -> Option<&BrokerAddress> {
        self.leaders.get(partition)?.as_ref()
    }

    pub(super) fn any_leader(&self) -> Option<BrokerAddress> {
        self.leaders.iter().flatten().next().cloned()
    }

    pub(super) fn refusal(&self) -> Option<&Arc<KafkaError>> {
        self.refusal.as_ref()
    }

    pub(super) fn last_error(&self) -> Option<&Arc<KafkaError>> {
        self.last_error.as_ref()
    }
}
