//! What became of batches: stored, sent again, split, or given up.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use kafka_protocol::error::ResponseError;
use tokio::time::Instant;

use crate::backoff::delay_and_more;
use crate::error::{KafkaError, Place};
use crate::produce::batch::Batch;
use crate::produce::client::UndeliveredRecord;
use crate::produce::error::ProduceError;
use crate::produce::exchange::{Answers, Landing};
use crate::produce::identity::Identity;
use crate::produce::queue::Unplaced;

use super::{Flight, Sender};

/// A broker that asks for more patience does not get it.
const THROTTLE_MAX: Duration = Duration::from_secs(10);

/// What an answer means for a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// It is stored, since an earlier attempt.
    Stored,
    /// It is not stored, or cannot be known to be; the same again may help.
    Again { may_be_stored: bool, other_leader: bool },
    /// The broker's memory of the producer differs: under another id it can be sent again.
    Renumber,
    /// It is too large.
    TooLarge,
    /// It will never be stored.
    Refused,
}

fn meaning(error: ResponseError) -> Meaning {
    use ResponseError as E;
    match error {
        E::DuplicateSequenceNumber => Meaning::Stored,
        E::OutOfOrderSequenceNumber | E::UnknownProducerId | E::InvalidProducerEpoch => Meaning::Renumber,
        E::MessageTooLarge | E::RecordListTooLarge => Meaning::TooLarge,
        // A leader that loses its partition while it waits for the other replicas says so, too, and they may have the batch.
        E::NotLeaderOrFollower
        | E::LeaderNotAvailable
        | E::UnknownTopicOrPartition
        | E::FencedLeaderEpoch
        | E::ReplicaNotAvailable
        | E::KafkaStorageError => Meaning::Again {
            may_be_stored: true,
            other_leader: true,
        },
        E::RequestTimedOut | E::NotEnoughReplicasAfterAppend | E::UnknownServerError => Meaning::Again {
            may_be_stored: true,
            other_leader: false,
        },
        error if error.is_retriable() => Meaning::Again {
            may_be_stored: false,
            other_leader: false,
        },
        _ => Meaning::Refused,
    }
}

impl<T: Send + 'static> Sender<T> {
    /// Settles the batches of a request that has ended.
    pub(super) fn landed(&mut self, landing: Landing, flight: Flight<T>) {
        let now = Instant::now();
        let Landing {
            broker,
            connection,
            was_sent,
            answers,
        } = landing;
        let link = self.links.entry(broker.clone()).or_default();
        link.in_flight -= 1;
        link.idle.extend(connection);
        match answers {
            Ok(Answers { throttle, partitions }) => {
                link.failures = 0;
                link.pause_until = (!throttle.is_zero()).then(|| now + throttle.min(THROTTLE_MAX));
                for (index, batch) in flight {
                    let number = i32::try_from(index).unwrap_or(i32::MAX);
                    let answer = partitions.iter().find(|(partition, _)| *partition == number);
                    match answer {
                        Some((_, answer)) => self.answered(&broker.to_string(), index, batch, *answer),
                        None => {
                            let error = KafkaError::Malformed {
                                broker: broker.to_string(),
                                api: "Produce",
                                reason: format!("it does not say what became of partition {number}"),
                            };
                            self.send_again(index, batch, true, Arc::new(error));
                        }
                    }
                }
            }
            Err(error) => {
                link.failures += 1;
                link.pause_until = Some(now + delay_and_more(link.failures));
                // Other connections to this broker are likely broken, too; trying them would cost each batch an attempt.
                link.idle.clear();
                let is_transient = error.is_transient();
                let error = Arc::new(error);
                if is_transient {
                    self.cluster.failed(Some(Arc::clone(&error)));
                }
                for (index, mut batch) in flight {
                    if is_transient {
                        self.send_again(index, batch, was_sent, Arc::clone(&error));
                    } else {
                        batch.may_be_stored |= was_sent;
                        let refused = self.refused(&batch, Arc::clone(&error));
                        self.give_up(index, batch, &refused);
                    }
                }
            }
        }
    }

    fn answered(&mut self, broker: &str, index: usize, batch: Batch<T>, answer: Result<i64, ResponseError>) {
        let code = match answer {
            Ok(offset) => return self.stored(index, batch, Some(offset).filter(|offset| *offset >= 0)),
            Err(code) => code,
        };
        let error = Arc::new(KafkaError::RefusedPartition {
            broker: broker.to_owned(),
            api: "Produce",
            place: Place {
                topic: Arc::clone(&self.shared.topic),
                partition: i32::try_from(index).unwrap_or(i32::MAX),
            },
            error: code,
        });
        match meaning(code) {
            Meaning::Stored => self.stored(index, batch, None),
            Meaning::Again {
                may_be_stored,
                other_leader,
            } => {
                if other_leader {
                    self.cluster.is_outdated();
                }
                self.send_again(index, batch, may_be_stored, error);
            }
            Meaning::Renumber if batch.stamp().is_some() => {
                let mut batch = batch;
                // The next id is another one, under which nothing of this batch can be stored.
                batch.set_stamp(None);
                self.want_identity();
                self.send_again(index, batch, false, error);
            }
            Meaning::TooLarge => self.too_large(index, batch),
            Meaning::Renumber | Meaning::Refused => {
                let refused = self.refused(&batch, error);
                self.give_up(index, batch, &refused);
            }
        }
    }

    fn want_identity(&mut self) {
        if matches!(self.identity, Identity::Known(_)) {
            self.identity = Identity::Wanted;
            self.identity_at = Instant::now();
        }
    }

    fn stored(&mut self, index: usize, mut batch: Batch<T>, base_offset: Option<i64>) {
        let tags = batch.take_tags();
        self.shared
            .counters
            .delivered
            .fetch_add(tags.len() as u64, Ordering::Relaxed);
        let buffer = batch.into_buffer();
        let mut queue = self.shared.queue();
        queue.keep(buffer);
        queue.lanes[index].landed();
        drop(queue);
        let partition = i32::try_from(index).unwrap_or(i32::MAX);
        self.shared.outcomes.delivered(partition, base_offset, tags);
    }

    /// Puts a batch back before all others of its lane.
    fn send_again(&mut self, index: usize, mut batch: Batch<T>, may_be_stored: bool, error: Arc<KafkaError>) {
        batch.may_be_stored |= may_be_stored;
        self.shared
            .counters
            .retried
            .fetch_add(u64::from(batch.count().unsigned_abs()), Ordering::Relaxed);
        tracing::debug!(topic = &*self.shared.topic, partition = index, attempts = batch.attempts, %error, "a batch is sent again");
        let retry_at = Instant::now() + delay_and_more(batch.attempts);
        self.shared.queue().lanes[index].come_back(batch, retry_at, Some(error));
    }

    /// Splits a batch that is too large, or gives up its only record.
    pub(super) fn too_large(&mut self, index: usize, mut batch: Batch<T>) {
        let bytes = batch
            .seal(self.shared.options.compression)
            .map_or(0, |sealed| sealed.len());
        if batch.count() <= 1 {
            let error = ProduceError::TooLarge {
                topic: Arc::clone(&self.shared.topic),
                bytes,
                limit: self.shared.topic_bytes_max(),
            };
            return self.give_up(index, batch, &error);
        }
        self.shared.shrink_batches(batch.plain_bytes() / 2);
        let stamp = batch.stamp();
        let (first, second) = batch.split();
        let now = Instant::now();
        let mut queue = self.shared.queue();
        let lane = &mut queue.lanes[index];
        if let Some(stamp) = stamp {
            // A batch that was refused for its size never was stored.
            lane.take_back(stamp);
        }
        lane.come_back(second, now, None);
        lane.come_back(first, now, None);
        drop(queue);
        self.shared.wake.notify_one();
    }

    /// Ends a batch without success, record by record.
    pub(super) fn give_up(&mut self, index: usize, mut batch: Batch<T>, error: &ProduceError) {
        if let Some(stamp) = batch.stamp() {
            if batch.may_be_stored {
                // Whether the numbers are used is unknown, so that no batch behind can be numbered under this id.
                self.want_identity();
            } else {
                self.shared.queue().lanes[index].take_back(stamp);
            }
        }
        self.shared.queue().lanes[index].lost();
        let tags = batch.take_tags();
        self.shared
            .counters
            .undelivered
            .fetch_add(tags.len() as u64, Ordering::Relaxed);
        tracing::warn!(topic = &*self.shared.topic, partition = index, records = tags.len(), %error, "records were not delivered");
        let partition = i32::try_from(index).ok();
        for (record, tag) in batch.records(tags.len()).zip(tags) {
            let record = UndeliveredRecord {
                partition,
                key: record.key,
                value: record.value,
                timestamp_ms: record.timestamp_ms,
            };
            self.shared.outcomes.undelivered(&record, tag, error);
        }
    }

    /// Ends a record that no partition could be chosen for.
    pub(super) fn give_up_unplaced(&mut self, unplaced: Unplaced<T>) {
        let error = match self.cluster.refusal() {
            Some(refusal) => ProduceError::Refused {
                topic: Arc::clone(&self.shared.topic),
                error: Arc::clone(refusal),
                may_be_stored: false,
            },
            None if self.shared.close_by().is_some() => self.closed(false),
            None => ProduceError::Timeout {
                topic: Arc::clone(&self.shared.topic),
                limit: self.shared.options.delivery_timeout,
                attempts: 0,
                may_be_stored: false,
                last: self.cluster.last_error().cloned(),
            },
        };
        self.shared.counters.undelivered.fetch_add(1, Ordering::Relaxed);
        let record = UndeliveredRecord {
            partition: None,
            key: unplaced.key.as_deref(),
            value: unplaced.value.as_deref(),
            timestamp_ms: unplaced.timestamp_ms,
        };
        self.shared.outcomes.undelivered(&record, unplaced.tag, &error);
    }

    fn closed(&self, may_be_stored: bool) -> ProduceError {
        ProduceError::Closed {
            topic: Arc::clone(&self.shared.topic),
            may_be_stored,
        }
    }

    /// Ends all that is still here.
    pub(super) fn give_up_all(&mut self) {
        self.tasks.abort_all();
        let mut left: Vec<(usize, Batch<T>)> = Vec::new();
        for (_, (_, flight)) in self.flights.drain() {
            left.extend(flight.into_iter().map(|(index, mut batch)| {
                batch.may_be_stored = true;
                (index, batch)
            }));
        }
        let mut queue = self.shared.queue();
        queue.closed = true;
        let unplaced = std::mem::take(&mut queue.unplaced);
        for (index, lane) in queue.lanes.iter_mut().enumerate() {
            while let Some(batch) = lane.take_front() {
                left.push((index, batch));
            }
        }
        drop(queue);
        for (index, batch) in left {
            let error = self.closed(batch.may_be_stored);
            self.give_up(index, batch, &error);
        }
        for unplaced in unplaced {
            self.give_up_unplaced(unplaced);
        }
    }
}
