//! The messages that a session has written and not sent yet.

use std::collections::{BTreeMap, VecDeque};

use prost::Message as _;
use quipu_proto::message::dash_stream_message::Message;
use quipu_proto::message::{
    AttributeValue, DashStreamMessage, Event, EventBatch, EventType, Header, attribute_value,
};

use crate::dice::Dice;
use crate::guide::Guide;
use crate::kind::Kind;

/// Most events in one batch.
const BATCH_EVENTS: usize = 8;
/// Protobuf bytes from which a batch is closed.
const BATCH_BYTES: f64 = 750.0;

/// A message whose sequence number is not given yet.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) time_us: i64,
    pub(crate) kind: Kind,
    pub(crate) message: DashStreamMessage,
}

/// Bytes that a sequence number will take, usually.
const NUMBER_BYTES: usize = 3;

/// Whether a session collects events into batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Batching {
    /// Every event is a message.
    Off,
    /// Events that follow each other directly become one message.
    On,
}

/// Drafts of one thread in the order of sending, and the clock of its producer.
#[derive(Debug)]
pub(crate) struct Outbox {
    pub(crate) tenant: String,
    pub(crate) thread: String,
    pub(crate) clock_us: i64,
    batching: Batching,
    collecting: bool,
    batch: Vec<Event>,
    batch_bytes: usize,
    ready: VecDeque<Draft>,
}

impl Outbox {
    pub(crate) fn new(tenant: String, thread: String, clock_us: i64, batching: Batching) -> Self {
        Self {
            tenant,
            thread,
            clock_us,
            batching,
            collecting: false,
            batch: Vec::new(),
            batch_bytes: 0,
            ready: VecDeque::new(),
        }
    }

    /// Lets time pass.
    pub(crate) fn wait_ms(&mut self, ms: f64) {
        self.clock_us += ((ms * 1_000.0) as i64).max(1);
    }

    /// A header for now. Its sequence number is given when the message is sent.
    pub(crate) fn header(&mut self, kind: Kind, dice: &mut Dice) -> Header {
        // Two messages of a producer never carry the same time.
        self.clock_us += dice.between(3, 60) as i64;
        Header {
            message_id: dice.uuid().to_vec(),
            timestamp_us: self.clock_us,
            tenant_id: self.tenant.clone(),
            thread_id: self.thread.clone(),
            r#type: kind.number(),
            schema_version: 1,
            ..Header::default()
        }
    }

    /// Bytes of free text for an event.
    pub(crate) fn event_text_bytes(&self, guide: &Guide, dice: &mut Dice) -> usize {
        guide.text_bytes(
            if self.collecting {
                Kind::EventBatch
            } else {
                Kind::Event
            },
            dice,
        )
    }

    /// Whether events wait for others to make a batch with.
    pub(crate) fn is_collecting(&self) -> bool {
        !self.batch.is_empty()
    }

    /// Writes an event.
    pub(crate) fn event(&mut self, guide: &mut Guide, dice: &mut Dice, event: Event) {
        if self.batch.is_empty() {
            let nature = if self.batching == Batching::On { 1.0 } else { 0.0 };
            self.collecting = guide.wants(Kind::EventBatch, nature, dice);
        }
        let event = Event {
            header: Some(self.header(Kind::Event, dice)),
            ..event
        };
        if !self.collecting {
            self.ready(guide, Message::Event(event));
            return;
        }
        let bytes = event.encoded_len() + 3;
        let limit = dice.log_normal(BATCH_BYTES, 0.3);
        if (self.batch_bytes + bytes) as f64 > limit && guide.batches(self.batch.len(), self.batch_bytes) {
            self.flush(guide, dice);
        }
        self.batch_bytes += bytes;
        self.batch.push(event);
        if self.batch.len() >= BATCH_EVENTS {
            self.flush(guide, dice);
        }
    }

    /// Writes a message that is no event; the events before it go first.
    pub(crate) fn message(&mut self, guide: &mut Guide, dice: &mut Dice, message: Message) {
        self.flush(guide, dice);
        self.ready(guide, message);
    }

    /// Sends the events collected so far.
    pub(crate) fn flush(&mut self, guide: &mut Guide, dice: &mut Dice) {
        let events = std::mem::take(&mut self.batch);
        let bytes = std::mem::take(&mut self.batch_bytes);
        if !guide.batches(events.len(), bytes) {
            for event in events {
                self.ready(guide, Message::Event(event));
            }
            return;
        }
        let header = Some(self.header(Kind::EventBatch, dice));
        self.ready(guide, Message::EventBatch(EventBatch { header, events }));
    }

    fn ready(&mut self, guide: &mut Guide, message: Message) {
        let message = DashStreamMessage {
            message: Some(message),
        };
        let Some(kind) = Kind::of(&message) else { return };
        let numbers = if let Some(Message::EventBatch(batch)) = &message.message {
            batch.events.len()
        } else {
            1
        };
        guide.account(kind, message.encoded_len() + numbers * NUMBER_BYTES);
        self.ready.push_back(Draft {
            time_us: self.clock_us,
            kind,
            message,
        });
    }

    /// The draft that is sent next.
    pub(crate) fn front(&self) -> Option<&Draft> {
        self.ready.front()
    }

    /// Takes the draft that is sent next.
    pub(crate) fn pop(&mut self) -> Option<Draft> {
        self.ready.pop_front()
    }
}

/// An event without header, attributes and duration.
pub(crate) fn event(event_type: EventType, node: &str) -> Event {
    Event {
        event_type: event_type.into(),
        node_id: node.to_owned(),
        ..Event::default()
    }
}

/// Attributes of an event.
pub(crate) fn attributes<const N: usize>(
    entries: [(&str, attribute_value::Value); N],
) -> BTreeMap<String, AttributeValue> {
    entries
        .into_iter()
        .map(|(key, value)| (key.to_owned(), AttributeValue { value: Some(value) }))
        .collect()
}

/// A text attribute.
pub(crate) fn text(value: impl Into<String>) -> attribute_value::Value {
    attribute_value::Value::StringValue(value.into())
}

/// A whole number as attribute.
pub(crate) fn int(value: i64) -> attribute_value::Value {
    attribute_value::Value::IntValue(value)
}

/// A number as attribute.
pub(crate) fn float(value: f64) -> attribute_value::Value {
    attribute_value::Value::FloatValue(value)
}

/// A yes or no as attribute.
pub(crate) fn flag(value: bool) -> attribute_value::Value {
    attribute_value::Value::BoolValue(value)
}
