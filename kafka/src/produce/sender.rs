//! The task that sends: it looks what is due, has requests made, and settles what they bring.
//!
//! Batches stay here while they are on their way; a request holds only their bytes. So nothing is lost with a request,
//! however it ends.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

use crate::address::BrokerAddress;
use crate::backoff::after;
use crate::connect::{ConnectOptions, Connection};
use crate::error::KafkaError;
use crate::metadata::{ClusterView, MetadataClient};

use super::batch::Batch;
use super::client::Shared;
use super::error::ProduceError;
use super::exchange::{Cargo, Landing, exchange};
use super::identity::{Identity, ProducerId};

mod ask;
mod cluster;
mod settle;

use cluster::Cluster;

/// The sender looks around at least so often.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);
/// Least time that a request gets, however near the deadline of its batches is.
const REQUEST_TIME_MIN: Duration = Duration::from_millis(50);

/// How often it is looked whether an id has come, apart from when it comes.
const IDENTITY_PAUSE: Duration = Duration::from_millis(100);

/// The connections to one broker.
#[derive(Debug, Default)]
struct Link {
    idle: Vec<Connection>,
    in_flight: usize,
    failures: u32,
    /// No request before then.
    pause_until: Option<Instant>,
}

/// Batches on their way, each with its lane.
type Flight<T> = Vec<(usize, Batch<T>)>;

/// How a task of the sender ended.
enum Done {
    Metadata(Box<(MetadataClient, Result<ClusterView, KafkaError>, Option<usize>)>),
    Identity {
        connection: Option<Connection>,
        answer: Result<ProducerId, KafkaError>,
    },
    Landed(Landing),
}

/// The task.
pub(super) struct Sender<T: Send + 'static> {
    shared: Arc<Shared<T>>,
    connect: Arc<ConnectOptions>,
    cluster: Cluster,
    identity: Identity,
    identity_failures: u32,
    identity_at: Instant,
    links: HashMap<BrokerAddress, Link>,
    flights: HashMap<Id, (BrokerAddress, Flight<T>)>,
    tasks: JoinSet<Done>,
    /// The lane that is looked at first.
    turn: usize,
}

impl<T: Send + 'static> Sender<T> {
    pub(super) fn new(brokers: Vec<BrokerAddress>, shared: Arc<Shared<T>>) -> Self {
        // A broker that hangs must not use up the time of the records that wait for it.
        let limit = shared.options.request_timeout;
        let mut connect = shared.options.connect.clone();
        connect.request_timeout = connect.request_timeout.min(limit);
        connect.connect_timeout = connect.connect_timeout.min(limit);
        let connect = Arc::new(connect);
        Self {
            cluster: Cluster::new(brokers, Arc::clone(&connect)),
            connect,
            identity: if shared.options.idempotent {
                Identity::Wanted
            } else {
                Identity::Without
            },
            identity_failures: 0,
            identity_at: Instant::now(),
            links: HashMap::new(),
            flights: HashMap::new(),
            tasks: JoinSet::new(),
            turn: 0,
            shared,
        }
    }

    /// Works until the client is closed and nothing is left, or its time is over.
    pub(super) async fn run(mut self) {
        loop {
            let now = Instant::now();
            let mut wake_at = self.look(now).min(now + LONGEST_SLEEP);
            if let Some(close_by) = self.shared.close_by() {
                let is_done = self.flights.is_empty() && self.shared.queue().is_empty();
                if is_done || close_by <= now {
                    break;
                }
                wake_at = wake_at.min(close_by);
            }
            tokio::select! {
                Some(done) = self.tasks.join_next_with_id() => self.take_in(done),
                () = self.shared.wake.notified() => {}
                () = sleep_until(wake_at) => {}
            }
        }
        // What is left is given up as the sender is dropped.
    }

    /// Sends all that is due and gives up what is too old. Tells when to look again.
    fn look(&mut self, now: Instant) -> Instant {
        self.ask_cluster(now);
        self.ask_identity(now);
        let options = &self.shared.options;
        let (linger, delivery_timeout) = (options.linger, options.delivery_timeout);
        let mut next = self.cluster.ask_at().unwrap_or(now + LONGEST_SLEEP);
        let mut loads: Vec<(BrokerAddress, usize, Flight<T>)> = Vec::new();
        let mut expired = Vec::new();
        let mut too_late = Vec::new();
        let mut queue = self.shared.queue();
        while let Some(unplaced) = queue.unplaced.front() {
            let deadline = after(unplaced.put_at, delivery_timeout);
            if deadline > now && self.cluster.refusal().is_none() {
                next = next.min(deadline);
                break;
            }
            too_late.extend(queue.unplaced.pop_front());
        }
        let count = queue.lanes.len();
        for index in (0..count).map(|step| (self.turn + step) % count) {
            let lane = &mut queue.lanes[index];
            let given_up = expired.len();
            while let Some(deadline) = lane.deadline(delivery_timeout) {
                if deadline > now && self.cluster.refusal().is_none() {
                    next = next.min(deadline);
                    break;
                }
                let last = lane.last_error().cloned();
                expired.extend(lane.take_front().map(|batch| (index, batch, last)));
            }
            if expired.len() > given_up {
                // What follows is numbered once it is settled what becomes of their numbers.
                next = now;
                continue;
            }
            let Some(due_at) = lane.due_at(linger) else {
                continue;
            };
            if due_at > now {
                next = next.min(due_at);
                continue;
            }
            let Some(leader) = self.cluster.leader(index) else {
                continue;
            };
            let link = self.links.entry(leader.clone()).or_default();
            if let Some(pause_until) = link.pause_until.filter(|until| *until > now) {
                next = next.min(pause_until);
                continue;
            }
            let bytes = lane.next_bytes();
            let load = loads.iter_mut().find(|(broker, ..)| broker == leader);
            match load {
                Some((_, loaded, _)) if *loaded + bytes > options.request_bytes_max => continue,
                None if link.in_flight >= options.in_flight_max => continue,
                _ => {}
            }
            if !lane.is_next_numbered() && matches!(self.identity, Identity::Wanted | Identity::Asked) {
                next = next.min(self.identity_at.max(now + IDENTITY_PAUSE));
                continue;
            }
            let Some(mut batch) = lane.take_to_send() else {
                continue;
            };
            if let Identity::Known(id) = self.identity {
                lane.number(&mut batch, id);
            }
            batch.attempts += 1;
            match load {
                Some((_, loaded, flight)) => {
                    *loaded += bytes;
                    flight.push((index, batch));
                }
                None => loads.push((leader.clone(), bytes, vec![(index, batch)])),
            }
        }
        self.turn = self.turn.wrapping_add(1);
        drop(queue);
        for unplaced in too_late {
            self.give_up_unplaced(unplaced);
        }
        for (index, batch, last) in expired {
            let error = self.expired(&batch, last);
            self.give_up(index, batch, &error);
        }
        for (broker, _, flight) in loads {
            self.send(broker, flight, now);
        }
        next
    }

    fn send(&mut self, broker: BrokerAddress, mut flight: Flight<T>, now: Instant) {
        let options = &self.shared.options;
        let mut batches = Vec::with_capacity(flight.len());
        let mut deadline = now;
        let mut misfits = Vec::new();
        for (index, mut batch) in std::mem::take(&mut flight) {
            let bytes = match batch.seal(options.compression) {
                Ok(bytes) => bytes,
                Err(error) => {
                    misfits.push((index, batch, Some(error)));
                    continue;
                }
            };
            if self
                .shared
                .topic_bytes_max()
                .is_some_and(|limit| bytes.len() > limit)
            {
                misfits.push((index, batch, None));
                continue;
            }
            self.shared
                .counters
                .bytes
                .fetch_add(bytes.len() as u64, Ordering::Relaxed);
            deadline = deadline.max(batch.deadline(options.delivery_timeout));
            batches.push((i32::try_from(index).unwrap_or(i32::MAX), bytes));
            flight.push((index, batch));
        }
        if !flight.is_empty() {
            let left = deadline.saturating_duration_since(now).max(REQUEST_TIME_MIN);
            let link = self.links.entry(broker.clone()).or_default();
            link.in_flight += 1;
            let cargo = Cargo {
                broker: broker.clone(),
                connection: link.idle.pop(),
                connect: Arc::clone(&self.connect),
                topic: Arc::clone(&self.shared.topic),
                batches,
                limit: options.request_timeout.min(left),
            };
            self.shared.counters.requests.fetch_add(1, Ordering::Relaxed);
            let task = self
                .tasks
                .spawn(async move { Done::Landed(exchange(cargo).await) });
            self.flights.insert(task.id(), (broker, flight));
        }
        for (index, batch, error) in misfits {
            match error {
                None => self.too_large(index, batch),
                Some(source) => {
                    let error = KafkaError::Malformed {
                        broker: self.cluster.brokers_text(),
                        api: "Produce",
                        reason: format!("the batch cannot be compressed: {source}"),
                    };
                    let error = self.refused(&batch, Arc::new(error));
                    self.give_up(index, batch, &error);
                }
            }
        }
    }

    fn take_in(&mut self, done: Result<(Id, Done), JoinError>) {
        match done {
            Ok((_, Done::Metadata(answer))) => {
                let (client, view, bytes_max) = *answer;
                self.heard_of_cluster(client, view, bytes_max);
            }
            Ok((_, Done::Identity { connection, answer })) => self.heard_of_identity(connection, answer),
            Ok((id, Done::Landed(landing))) => {
                if let Some((_, flight)) = self.flights.remove(&id) {
                    self.landed(landing, flight);
                }
            }
            Err(error) => {
                // A defect of ours: it costs an attempt, not the records.
                tracing::error!(%error, "a task of the producer ended without an answer");
                match self.flights.remove(&error.id()) {
                    Some((broker, flight)) => {
                        let landing = Landing {
                            answers: Err(KafkaError::Abandoned {
                                broker: broker.to_string(),
                            }),
                            broker,
                            connection: None,
                            was_sent: true,
                        };
                        self.landed(landing, flight);
                    }
                    None => {
                        self.cluster.crashed();
                        if self.identity == Identity::Asked {
                            self.identity = Identity::Wanted;
                        }
                    }
                }
            }
        }
    }

    fn expired(&self, batch: &Batch<T>, last: Option<Arc<KafkaError>>) -> ProduceError {
        if let Some(refusal) = self.cluster.refusal() {
            return self.refused(batch, Arc::clone(refusal));
        }
        ProduceError::Timeout {
            topic: Arc::clone(&self.shared.topic),
            limit: self.shared.options.delivery_timeout,
            attempts: batch.attempts,
            may_be_stored: batch.may_be_stored,
            last: last.or_else(|| self.cluster.last_error().cloned()),
        }
    }

    fn refused(&self, batch: &Batch<T>, error: Arc<KafkaError>) -> ProduceError {
        ProduceError::Refused {
            topic: Arc::clone(&self.shared.topic),
            error,
            may_be_stored: batch.may_be_stored,
        }
    }
}

impl<T: Send + 'static> Drop for Sender<T> {
    /// However the sender ends, even aborted, all that was put has an outcome.
    fn drop(&mut self) {
        self.give_up_all();
    }
}
