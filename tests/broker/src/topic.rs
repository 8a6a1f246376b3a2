//! Topics: a name, an id for this one life of it, and the logs of its partitions.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kafka_protocol::ResponseError;
use kafka_protocol::messages::TopicName;
use uuid::Uuid;

use crate::error::BrokerError;
use crate::log::PartitionLog;
use crate::options::{PARTITIONS_MAX, TopicOptions};

/// One life of a topic.
#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) name: String,
    pub(crate) id: Uuid,
    pub(crate) options: TopicOptions,
    partitions: Vec<Mutex<PartitionLog>>,
}

impl Topic {
    fn new(name: &str, options: TopicOptions, leader: i32) -> Self {
        let partitions = (0..options.partitions)
            .map(|_| Mutex::new(PartitionLog::new(leader)))
            .collect();
        Self {
            name: name.to_owned(),
            id: random_id(),
            options,
            partitions,
        }
    }

    /// The log of a partition.
    pub(crate) fn log(&self, partition: i32) -> Result<MutexGuard<'_, PartitionLog>, BrokerError> {
        let log = usize::try_from(partition)
            .ok()
            .and_then(|index| self.partitions.get(index));
        log.map(locked).ok_or_else(|| BrokerError::UnknownPartition {
            topic: self.name.clone(),
            partition,
            partition_last: self.options.partitions - 1,
        })
    }

    /// Every log with its partition number.
    pub(crate) fn logs(&self) -> impl Iterator<Item = (i32, MutexGuard<'_, PartitionLog>)> {
        (0..).zip(self.partitions.iter().map(locked))
    }
}

/// A lock whose last holder panicked still guards whole data: logs change in single steps.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A random (version 4) UUID, from the keys that the standard library draws for its hash maps.
fn random_id() -> Uuid {
    let word = || RandomState::new().hash_one(0_u8);
    uuid::Builder::from_random_bytes(((u128::from(word()) << 64) | u128::from(word())).to_be_bytes())
        .into_uuid()
}

/// All topics of a broker.
#[derive(Debug)]
pub(crate) struct Topics {
    by_name: BTreeMap<String, Arc<Topic>>,
    /// The node that leads the partitions of new topics.
    first_leader: i32,
}

impl Topics {
    /// No topics yet.
    pub(crate) fn new(first_leader: i32) -> Self {
        Self {
            by_name: BTreeMap::new(),
            first_leader,
        }
    }

    /// Adds a topic; `check` leaves the topics as they are and only says whether it could be added.
    pub(crate) fn create(&mut self, name: &str, options: TopicOptions) -> Result<Arc<Topic>, BrokerError> {
        self.check(name, options)?;
        let topic = Arc::new(Topic::new(name, options, self.first_leader));
        self.by_name.insert(name.to_owned(), Arc::clone(&topic));
        Ok(topic)
    }

    /// Says whether a topic could be created.
    pub(crate) fn check(&self, name: &str, options: TopicOptions) -> Result<(), BrokerError> {
        let partitions = options.partitions;
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if name.is_empty() || name.len() > 249 || matches!(name, "." | "..") || !name.chars().all(legal) {
            Err(BrokerError::InvalidTopicName {
                topic: name.to_owned(),
            })
        } else if !(1..=PARTITIONS_MAX).contains(&partitions) {
            Err(BrokerError::InvalidPartitionCount {
                partitions,
                limit: PARTITIONS_MAX,
            })
        } else if self.by_name.contains_key(name) {
            Err(BrokerError::TopicExists {
                topic: name.to_owned(),
            })
        } else {
            Ok(())
        }
    }

    pub(crate) fn delete(&mut self, name: &str) -> Result<Arc<Topic>, BrokerError> {
        self.by_name
            .remove(name)
            .ok_or_else(|| BrokerError::UnknownTopic {
                topic: name.to_owned(),
            })
    }

    pub(crate) fn named(&self, name: &str) -> Result<Arc<Topic>, BrokerError> {
        self.by_name
            .get(name)
            .cloned()
            .ok_or_else(|| BrokerError::UnknownTopic {
                topic: name.to_owned(),
            })
    }

    pub(crate) fn with_id(&self, id: Uuid) -> Option<Arc<Topic>> {
        self.by_name.values().find(|topic| topic.id == id).cloned()
    }

    /// The topic that a request means: by id where the version has ids and one is given, else by name.
    pub(crate) fn meant(&self, name: &TopicName, id: Uuid) -> Result<Arc<Topic>, ResponseError> {
        if id.is_nil() {
            self.named(name.as_str()).map_err(|error| error.response_error())
        } else {
            self.with_id(id).ok_or(ResponseError::UnknownTopicId)
        }
    }

    /// Every topic, ordered by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Topic>> {
        self.by_name.values()
    }
}
