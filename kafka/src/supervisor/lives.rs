//! The lives of a partition's log: what each is called, and how the next one begins.
//!
//! The first life of a partition has the incarnation that the broker names: the topic id, or `unknown`. A log that is
//! found to be another one than was read, without the broker giving the topic another id, begins the next life of that
//! partition alone: `<incarnation>#1`, then `#2` and so on. The number is that of the lives that the store knows, so
//! that a change which was found and not committed yet is found again and gets the same name.

use std::collections::HashMap;
use std::sync::Arc;

use quipu_proto::{LogPartition, PartitionId, TopicIncarnation};
use tokio::time::Instant;

use super::{Slot, Supervisor};
use crate::backoff;
use crate::continuity::LogChange;
use crate::event::{PartitionHandle, SourceEvent};
use crate::hole::HoleCause;
use crate::partition::{PartitionFetch, Start, StoredPosition};
use crate::progress::PartitionProgress;

/// The name of a life of a log, counted from 0.
pub(super) fn life(topic: &TopicIncarnation, number: u32) -> TopicIncarnation {
    if number == 0 {
        topic.clone()
    } else {
        let incarnation = format!("{}#{number}", topic.incarnation);
        TopicIncarnation::new(Arc::clone(&topic.topic), incarnation)
    }
}

/// The newest life of a partition that the store knows; 0 where it knows none.
pub(super) fn newest_life(
    stored: &HashMap<LogPartition, StoredPosition>,
    topic: &TopicIncarnation,
    partition: PartitionId,
) -> u32 {
    let known = |number: &u32| stored.contains_key(&LogPartition::new(life(topic, *number), partition));
    (1..).take_while(known).last().unwrap_or(0)
}

impl Supervisor {
    /// A handle for a life of a partition, watched from now on.
    pub(super) fn new_handle(
        &mut self,
        topic: &TopicIncarnation,
        number: u32,
        partition: PartitionId,
    ) -> Arc<PartitionHandle> {
        let gap_cause = match self.compacted.get(topic) {
            Some(true) => HoleCause::Compacted,
            _ => HoleCause::Unexplained,
        };
        let log = LogPartition::new(life(topic, number), partition);
        let last_record = self.stored.get(&log).and_then(|stored| stored.last_record);
        let handle = Arc::new(PartitionHandle {
            index: self.handles,
            log,
            topic: topic.clone(),
            life: number,
            gap_cause,
            progress: PartitionProgress::default(),
            last_record: last_record.into(),
        });
        self.handles += 1;
        if let Ok(mut watched) = self.watched.lock() {
            watched.push(Arc::clone(&handle));
        }
        handle
    }

    /// Begins the next life of a partition whose log is not the one that was read.
    pub(super) async fn next_life(&mut self, old: PartitionFetch, change: LogChange, start: Start) {
        let topic = old.handle.topic.clone();
        if change == LogChange::Replaced {
            // The topic may be another one by now, with settings of its own.
            let names = [Arc::clone(&topic.topic)];
            let policy = self.metadata.compacted(&names).await.remove(&topic.topic);
            match policy {
                Some(policy) => self.compacted.insert(topic.clone(), policy),
                None => self.compacted.remove(&topic),
            };
        }
        let handle = self.new_handle(&topic, old.handle.life + 1, old.handle.log.partition);
        let next = PartitionFetch {
            changes: old.changes + 1,
            ..PartitionFetch::new(Arc::clone(&handle), old.topic_id, start, None)
        };
        // A broker that says of every log that it is another one must not make us read in circles at full speed.
        let pause = (old.changes > 0).then(|| backoff::delay(old.changes));
        let slot = Slot::Waiting {
            partition: next,
            due: Instant::now() + pause.unwrap_or_default(),
        };
        let key = (Arc::clone(&topic.topic), handle.log.partition.0);
        self.slots.insert(key, slot);
        self.tell(SourceEvent::LogChanged {
            previous: old.handle.log.clone(),
            current: handle.log.clone(),
            change,
        })
        .await;
    }
}
