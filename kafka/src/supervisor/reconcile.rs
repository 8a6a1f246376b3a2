//! Bringing partitions in line with the metadata: which are read, from where on, and by which task.

use std::collections::HashMap;
use std::sync::Arc;

use quipu_proto::{PartitionId, TopicIncarnation};
use tokio::time::Instant;

use super::lives::newest_life;
use super::{GONE_AFTER_FAILURES, Slot, Supervisor, UNSEEN_PAUSE};
use crate::address::BrokerAddress;
use crate::backoff;
use crate::error::KafkaError;
use crate::event::SourceEvent;
use crate::leader::Command;
use crate::metadata::{ClusterView, PartitionView, TopicView};
use crate::options::{Reset, StartFrom, Until};
use crate::partition::{PartitionFetch, Start, State};

/// The topic, in the life that the broker names.
fn incarnation_of(topic: &TopicView) -> TopicIncarnation {
    let incarnation = topic
        .id
        .map_or_else(|| TopicIncarnation::UNKNOWN.to_owned(), |id| id.to_string());
    TopicIncarnation::new(Arc::clone(&topic.name), incarnation)
}

impl Supervisor {
    /// Brings the slots in line with what the cluster says.
    pub(super) async fn reconcile(&mut self, view: &ClusterView) {
        let fresh: Vec<TopicIncarnation> = view
            .topics
            .iter()
            .filter(|topic| topic.error.is_none())
            .map(incarnation_of)
            .filter(|topic| !self.compacted.contains_key(topic))
            .collect();
        if !fresh.is_empty() {
            let names: Vec<Arc<str>> = fresh.iter().map(|topic| Arc::clone(&topic.topic)).collect();
            let policies = self.metadata.compacted(&names).await;
            let known = fresh.into_iter().filter_map(|topic| {
                let policy = *policies.get(&topic.topic)?;
                Some((topic, policy))
            });
            self.compacted.extend(known);
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
        let log = incarnation_of(topic);
        let previous = self.previous_incarnations(&log);
        if !previous.is_empty() && self.announced.insert(log.clone()) {
            self.tell(SourceEvent::NewIncarnation {
                previous: previous.clone(),
                current: log.clone(),
            })
            .await;
        }
        let wanted = Arc::clone(&self.options);
        let wanted = |partition: i32| wanted.partitions.is_empty() || wanted.partitions.contains(&partition);
        for partition in topic.partitions.iter().filter(|view| wanted(view.partition)) {
            let key = (Arc::clone(&topic.name), partition.partition);
            let replace = match self.slots.get(&key) {
                None => self.unseen.contains(&topic.name) || self.options.until == Until::Follow,
                Some(slot) if slot.handle().topic == log => false,
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
                    partition: fetch,
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
            let keep = *name != topic.name || slot.handle().topic == log || matches!(slot, Slot::Out { .. });
            if !keep {
                slot.handle().progress.close();
            }
            keep
        });
    }

    /// The incarnations of the topic that were read before this one, by this run or as the store knows.
    fn previous_incarnations(&self, log: &TopicIncarnation) -> Vec<TopicIncarnation> {
        let stored = self.stored.keys().map(|partition| &partition.log);
        let ours = self.slots.values().map(|slot| &slot.handle().topic);
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
        let partition = PartitionId(partition.partition);
        let life = newest_life(&self.stored, log, partition);
        let handle = self.new_handle(log, life, partition);
        let stored = self.stored.get(&handle.log).copied();
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
            StartFrom::BeforeEnd(offsets) => Start::BeforeEnd(offsets),
        };
        PartitionFetch::new(handle, topic.id, start, stored)
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
        if partition.state == State::Fetching {
            // It was interrupted: who knows what has become of the log meanwhile.
            partition.state = State::Rechecking;
        }
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
}
