//! What applications hold.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use quipu_kafka::KafkaEnv;
use quipu_kafka::address::BrokerAddress;
use quipu_kafka::produce::ProduceClient;
use quipu_proto::message::DashStreamMessage;
use tokio::sync::{oneshot, watch};

use crate::numbering::{LastRecordReader, StartPolicy, Threads};
use crate::rate_limit::{cost_of, tenant_of};
use crate::sink::{Sink, SinkError};

use super::counts::{Counters, ProducerCounts, add};
use super::delivery::{Delivery, Pending};
use super::error::{ProducerError, SendError};
use super::fallback::{FallbackQueue, FallbackSetting};
use super::header::{self, IntoMessage};
use super::options::ProducerOptions;
use super::outstanding::Outstanding;
use super::room::{Place, Room};
use super::submission::{Line, Start, Taken, room_bytes};
use super::ticket::{Accounts, Ticket};
use super::trace::TraceHeaders;
use super::worker::{self, Settler};

/// The topic of producers whose environment names none.
pub(super) const DEFAULT_TOPIC: &str = "dashstream-events";
/// Sends messages to a topic. Cheap to clone; all clones are one producer.
///
/// Dropping the last clone lets what waits be sent in the background for a bounded time
/// ([`ProducerOptions::drop_timeout`]) and never blocks. A process that ends does not wait for that: close the producer
/// before.
#[derive(Clone)]
pub struct Producer {
    pub(super) handle: Arc<Handle>,
}

/// The part that is dropped with the last clone.
pub(super) struct Handle {
    pub(super) line: Arc<Line>,
    topic: Arc<str>,
    pub(super) is_closed: AtomicBool,
}

impl fmt::Debug for Producer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer")
            .field("topic", &self.handle.topic)
            .finish_non_exhaustive()
    }
}

impl Producer {
    /// A producer to a topic of the cluster of these brokers (`host:port`, comma-separated), with default settings. It
    /// does not wait for the brokers: messages do.
    ///
    /// # Errors
    /// No usable address or topic, or no thread for the work.
    pub fn new(brokers: &str, topic: &str) -> Result<Self, ProducerError> {
        Self::with_options(
            BrokerAddress::parse_list(brokers)?,
            topic,
            ProducerOptions::default(),
        )
    }

    /// A producer as the environment wants it: `KAFKA_BROKERS`, `KAFKA_TOPIC` (else `dashstream-events`),
    /// `KAFKA_TENANT_ID` and the variables of connections.
    ///
    /// # Errors
    /// A variable that cannot be used, or as [`Producer::new`].
    pub fn from_env() -> Result<Self, ProducerError> {
        Self::from_lookup(quipu_kafka::env::variable)
    }

    /// As [`Producer::from_env`], with variables from a function.
    ///
    /// # Errors
    /// As [`Producer::from_env`].
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ProducerError> {
        let env = KafkaEnv::from_lookup(lookup)?;
        let mut options = ProducerOptions::default();
        options.produce.connect = env.options().connect;
        options.tenant.clone_from(&env.tenant);
        let topic = env.topic.as_deref().unwrap_or(DEFAULT_TOPIC);
        Self::with_options(env.brokers, topic, options)
    }

    /// A producer with settings of its own.
    ///
    /// # Errors
    /// Settings that make no sense, a fallback file that cannot be used, or no thread for the work.
    pub fn with_options(
        brokers: Vec<BrokerAddress>,
        topic: &str,
        options: ProducerOptions,
    ) -> Result<Self, ProducerError> {
        options.check()?;
        let accounts = Arc::new(Accounts {
            room: Room::new(options.queue_messages, options.queue_bytes),
            outstanding: Outstanding::default(),
            counters: Counters::default(),
            on_report: options.on_report.clone(),
        });
        let setting = FallbackSetting {
            brokers: &brokers,
            connect: &options.produce.connect,
            source_topic: topic,
            tenant: &options.tenant,
        };
        let (fallback, fallback_worker) = FallbackQueue::open(&options.fallback, &accounts, &setting)?;
        let start = match &options.start {
            StartPolicy::Fresh => None,
            StartPolicy::LastRecord(bounds) => Some(Start {
                source: Arc::new(LastRecordReader::new(
                    brokers.clone(),
                    topic,
                    options.produce.connect.clone(),
                    options.produce.partitioner,
                    *bounds,
                )),
                time: bounds.time,
            }),
            StartPolicy::Ask { source, time } => Some(Start {
                source: Arc::clone(source),
                time: *time,
            }),
        };
        let settler = Settler {
            accounts: Arc::clone(&accounts),
            fallback: fallback.clone(),
        };
        let (client, sender) =
            ProduceClient::new(brokers, topic, options.produce.clone(), Arc::new(settler))?;
        let runtime = worker::runtime()?;
        let line = Arc::new(Line {
            accounts: Arc::clone(&accounts),
            client,
            fallback: fallback.clone(),
            threads: Threads::new(options.threads_max),
            asks: Outstanding::default(),
            asks_are_over: watch::Sender::new(false),
            start,
            runtime: runtime.handle().clone(),
            options,
        });
        worker::start(runtime, sender, fallback, fallback_worker, accounts)?;
        Ok(Self {
            handle: Arc::new(Handle {
                line,
                topic: Arc::from(topic),
                is_closed: AtomicBool::new(false),
            }),
        })
    }

    /// The topic.
    #[must_use]
    pub fn topic(&self) -> &str {
        &self.handle.topic
    }

    /// Sends a message and waits until all replicas in sync have it. Where as much waits as may wait, it waits for room
    /// first: the caller goes no faster than the brokers.
    ///
    /// A message whose `header.sequence` is 0 gets the next number of its thread; events of a batch do, the batch itself
    /// does not. Dropping the future after the message was taken does not call it back.
    ///
    /// # Errors
    /// The message was not taken, or not delivered, and why.
    pub async fn send(&self, message: impl IntoMessage) -> Result<Delivery, SendError> {
        let message = message.into_message();
        let key = header::header_of(&message).map(|header| header.thread_id.clone());
        let pending = self.submit(message).await?;
        if let Some(key) = key {
            self.line().client.send_soon(key.as_bytes());
        }
        pending.await
    }

    /// Waits for room, and for its tenant's turn, and hands a message over then. What becomes of it is told by the
    /// [`Pending`]. This is for sending many messages, without losing any and without waiting for each.
    ///
    /// # Errors
    /// The message was not taken, and why.
    pub async fn submit(&self, message: impl IntoMessage) -> Result<Pending, SendError> {
        let trace = TraceHeaders::current();
        let message = self.prepare(message.into_message())?;
        self.admit(&message).await?;
        let room = &self.line().accounts.room;
        let place = room.wait(room_bytes(&message)).await.ok_or(SendError::Closed)?;
        self.hand_over(message, trace, place)
    }

    /// Hands a message over without waiting. What becomes of it is told by the [`Pending`], which may be dropped, by
    /// [`ProducerOptions::on_report`], and by the counters.
    ///
    /// # Errors
    /// The message was not taken, and why. One for which there was no room, or that its tenant may not send now, keeps
    /// the number it would have had, so that readers see a gap.
    pub fn enqueue(&self, message: impl IntoMessage) -> Result<Pending, SendError> {
        let trace = TraceHeaders::current();
        let message = self.prepare(message.into_message())?;
        let place = self.take_at_once(&message)?;
        self.hand_over(message, trace, place)
    }

    pub(super) fn line(&self) -> &Arc<Line> {
        &self.handle.line
    }

    fn prepare(&self, mut message: DashStreamMessage) -> Result<DashStreamMessage, SendError> {
        if self.handle.is_closed.load(Ordering::Relaxed) {
            return Err(SendError::Closed);
        }
        let line = self.line();
        match header::fill(&mut message, &line.options.tenant) {
            Ok(()) => Ok(message),
            Err(error) => {
                add(&line.accounts.counters.messages_refused, 1);
                Err(error)
            }
        }
    }

    /// The place of rate limits: before anything is encoded or waits. The message was filled in, so it names a tenant.
    async fn admit(&self, message: &DashStreamMessage) -> Result<(), SendError> {
        let Some(admission) = &self.line().options.admission else {
            return Ok(());
        };
        let admitted = admission.admit(tenant_of(message), cost_of(message)).await;
        self.admitted(admitted.map_err(SendError::from))
    }

    /// Takes room for a message that is not waited for, and asks whether its tenant may send it: in this order, so that
    /// what there is no room for costs the tenant nothing. A message that is refused is lost to its readers, who see that
    /// by its number.
    fn take_at_once(&self, message: &DashStreamMessage) -> Result<Place, SendError> {
        let place = self.take_room(message)?;
        let line = self.line();
        self.try_admit(message).inspect_err(|_| {
            line.accounts.room.give_back(1, place.bytes as usize);
            line.skip_number(message);
        })?;
        Ok(place)
    }

    /// As `admit`, at once.
    fn try_admit(&self, message: &DashStreamMessage) -> Result<(), SendError> {
        let Some(admission) = &self.line().options.admission else {
            return Ok(());
        };
        let admitted = admission.try_admit(tenant_of(message), cost_of(message));
        self.admitted(admitted.map_err(SendError::from))
    }

    fn admitted(&self, admitted: Result<(), SendError>) -> Result<(), SendError> {
        if admitted.is_err() {
            add(&self.line().accounts.counters.messages_refused, 1);
        }
        admitted
    }

    fn take_room(&self, message: &DashStreamMessage) -> Result<Place, SendError> {
        let line = self.line();
        let bytes = room_bytes(message);
        let room = &line.accounts.room;
        if let Some(place) = room.take(bytes) {
            return Ok(place);
        }
        if self.handle.is_closed.load(Ordering::Relaxed) {
            return Err(SendError::Closed);
        }
        line.skip_number(message);
        add(&line.accounts.counters.telemetry_dropped, 1);
        Err(SendError::NoRoom {
            waiting: line.accounts.outstanding.waiting(),
            bytes,
            messages_max: room.messages_max,
            bytes_max: room.bytes_max,
        })
    }

    fn hand_over(
        &self,
        message: DashStreamMessage,
        trace: TraceHeaders,
        place: Place,
    ) -> Result<Pending, SendError> {
        let (reply, outcome) = oneshot::channel();
        let line = self.line();
        let ticket = Ticket::new(&line.accounts, place, Some(reply));
        line.submit(Taken {
            message,
            trace,
            ticket,
        })?;
        Ok(Pending { outcome })
    }

    /// What was done so far.
    #[must_use]
    pub fn counts(&self) -> ProducerCounts {
        let line = self.line();
        let accounts = &line.accounts;
        accounts
            .counters
            .snapshot(line.client.stats(), accounts.outstanding.waiting())
    }

    /// Whether a message that is sent again after a lost answer cannot be stored twice. False by choice, or since the
    /// brokers refused it.
    #[must_use]
    pub fn is_idempotent(&self) -> bool {
        self.line().client.is_idempotent()
    }
}

impl Sink for Producer {
    fn put(&self, message: DashStreamMessage) -> Result<(), SinkError> {
        let trace = TraceHeaders::current();
        let message = self.prepare(message)?;
        let place = self.take_at_once(&message)?;
        let line = self.line();
        let ticket = Ticket::new(&line.accounts, place, None);
        line.submit(Taken {
            message,
            trace,
            ticket,
        })?;
        Ok(())
    }
}
