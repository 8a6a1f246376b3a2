//! The log of a simulated topic: what producers sent, and what became of it on the way, drawn from a seed.

use std::collections::HashMap;

use quipu_disk::Dice;
use quipu_proto::framing::{self, Compression};
use quipu_proto::message::dash_stream_message::Message as Payload;
use quipu_proto::message::{
    DashStreamMessage, Event, EventBatch, Header, MetricValue, Metrics, TokenChunk, metric_value,
};
use quipu_proto::{LogPartition, PartitionId, Table, TopicIncarnation};
use quipu_store::Head;

/// One message, as its producer numbered it.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) table: Table,
    /// Items of its rows; an event of a batch has its place there.
    pub(crate) items: Vec<i32>,
    pub(crate) tenant: String,
    pub(crate) thread: String,
    pub(crate) sequence: u64,
    pub(crate) id: Vec<u8>,
    pub(crate) time_us: i64,
}

/// What a record is, as far as the one who wrote it knows.
#[derive(Clone, Debug)]
pub(crate) enum Fate {
    /// Messages, in the order in which they are numbered.
    Messages(Vec<Message>),
    /// A dead letter, with that reason.
    Letter(&'static str),
}

/// One or more offsets of a partition.
#[derive(Clone, Debug)]
pub(crate) enum Entry {
    Record {
        offset: i64,
        value: Option<Vec<u8>>,
        fate: Fate,
    },
    Hole {
        first: i64,
        last: i64,
        cause: &'static str,
    },
    Corrupt {
        first: i64,
        last: i64,
        batch: Vec<u8>,
    },
}

impl Entry {
    pub(crate) fn last(&self) -> i64 {
        match self {
            Self::Record { offset, .. } => *offset,
            Self::Hole { last, .. } | Self::Corrupt { last, .. } => *last,
        }
    }
}

/// The log of one partition.
#[derive(Clone, Debug)]
pub(crate) struct Partition {
    pub(crate) name: LogPartition,
    pub(crate) start: i64,
    pub(crate) head: Head,
    pub(crate) entries: Vec<Entry>,
}

impl Partition {
    pub(crate) fn number(&self) -> i32 {
        self.name.partition.0
    }

    /// The offset behind the last entry.
    pub(crate) fn end(&self) -> i64 {
        self.entries.last().map_or(self.start, |entry| entry.last() + 1)
    }
}

/// Draws the partitions of a topic, with about so many entries each.
pub(crate) fn draw(dice: &mut Dice, partitions: usize, entries: usize) -> Vec<Partition> {
    let topic = TopicIncarnation::new("simulated", "life-1");
    (0..partitions)
        .map(|number| {
            // Some partitions had lost their beginning before they were first read.
            let (start, head) = if dice.once_in(3) {
                (1_000, Head::Unknown)
            } else {
                (0, Head::FromOne)
            };
            let name = LogPartition::new(topic.clone(), PartitionId(i32::try_from(number).unwrap()));
            let mut producer = Producer::new(dice.number());
            let mut offset = start;
            let entries = (0..entries).map(|_| producer.entry(&mut offset)).collect();
            Partition {
                name,
                start,
                head,
                entries,
            }
        })
        .collect()
}

/// A record on its way to the log.
type Sent = (Vec<u8>, Vec<Message>);

/// All producers of one partition.
struct Producer {
    dice: Dice,
    /// Numbers given so far, by tenant and thread.
    counters: HashMap<(usize, usize), u64>,
    threads: usize,
    clock_us: i64,
    ids: u64,
    /// What was sent, for copies.
    sent: Vec<Sent>,
    /// What is late.
    late: Vec<Sent>,
}

impl Producer {
    fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        Self {
            threads: 1 + dice.below(12),
            dice,
            counters: HashMap::new(),
            clock_us: 1_700_000_000_000_000,
            ids: seed,
            sent: Vec::new(),
            late: Vec::new(),
        }
    }

    fn entry(&mut self, offset: &mut i64) -> Entry {
        let first = *offset;
        let last = first + i64::try_from(self.dice.below(4)).unwrap();
        let entry = match self.dice.below(100) {
            0..4 => Entry::Hole {
                first,
                last,
                cause: ["control", "aborted", "compacted"][self.dice.below(3)],
            },
            4..6 => Entry::Corrupt {
                first,
                last,
                batch: self.dice.number().to_le_bytes().to_vec(),
            },
            6..12 => {
                let (value, reason) = self.undecodable();
                Entry::Record {
                    offset: first,
                    value,
                    fate: Fate::Letter(reason),
                }
            }
            _ => {
                let (value, messages) = self.send();
                Entry::Record {
                    offset: first,
                    value: Some(value),
                    fate: Fate::Messages(messages),
                }
            }
        };
        *offset = entry.last() + 1;
        entry
    }

    fn undecodable(&mut self) -> (Option<Vec<u8>>, &'static str) {
        match self.dice.below(4) {
            0 => (None, "tombstone"),
            1 => (Some(Vec::new()), "empty"),
            // Marker 01 says zstd.
            2 => (Some(b"\x01 this is no zstd".to_vec()), "decompression"),
            // A field of wire type 7, which there is not.
            _ => (Some(vec![0, 0x0f, 0x0f]), "protobuf"),
        }
    }

    /// The next record that arrives.
    fn send(&mut self) -> Sent {
        if !self.late.is_empty() && self.dice.once_in(4) {
            let index = self.dice.below(self.late.len());
            return self.late.swap_remove(index);
        }
        if !self.sent.is_empty() && self.dice.once_in(12) {
            // A copy, mostly of something recent.
            let reach = if self.dice.once_in(3) { self.sent.len() } else { 5 };
            let back = self.dice.below(reach.min(self.sent.len()));
            return self.sent[self.sent.len() - 1 - back].clone();
        }
        if self.dice.once_in(15) {
            // Lost on the way.
            self.record();
        }
        if self.dice.once_in(15) {
            let late = self.record();
            self.late.push(late);
        }
        let record = self.record();
        self.sent.push(record.clone());
        record
    }

    fn record(&mut self) -> Sent {
        let tenant = self.dice.below(2);
        let thread = self.dice.below(self.threads);
        let (payload, messages) = match self.dice.below(10) {
            0 => self.batch(tenant, thread),
            1 => self.metrics(tenant, thread),
            2..5 => {
                let (header, message) = self.message(Table::TokenChunks, vec![0], tenant, thread);
                let chunk = TokenChunk {
                    header: Some(header),
                    text: "a few words ".repeat(self.dice.below(8)),
                    ..TokenChunk::default()
                };
                (Payload::TokenChunk(chunk), vec![message])
            }
            _ => {
                let (header, message) = self.message(Table::Events, vec![0], tenant, thread);
                (Payload::Event(event(header)), vec![message])
            }
        };
        let message = DashStreamMessage {
            message: Some(payload),
        };
        (framing::encode(&message, Compression::default()), messages)
    }

    fn batch(&mut self, tenant: usize, thread: usize) -> (Payload, Vec<Message>) {
        let (header, mut message) = self.message(Table::EventBatches, vec![0], tenant, thread);
        // The header of a batch has no number of its own.
        self.counters
            .entry((tenant, thread))
            .and_modify(|last| *last -= 1);
        message.sequence = 0;
        let header = Header {
            sequence: 0,
            ..header
        };
        let (mut events, mut messages) = (Vec::new(), vec![message]);
        for item in 0..self.dice.below(4) {
            let item = vec![i32::try_from(item).unwrap()];
            let (header, message) = self.message(Table::Events, item, tenant, thread);
            events.push(event(header));
            messages.push(message);
        }
        let batch = EventBatch {
            header: Some(header),
            events,
        };
        (Payload::EventBatch(batch), messages)
    }

    fn metrics(&mut self, tenant: usize, thread: usize) -> (Payload, Vec<Message>) {
        let entries = self.dice.below(4);
        // One without entries is one row all the same.
        let items = (0..i32::try_from(entries.max(1)).unwrap()).collect();
        let (header, message) = self.message(Table::Metrics, items, tenant, thread);
        let value = |entry| MetricValue {
            value: Some(metric_value::Value::IntValue(entry)),
            ..MetricValue::default()
        };
        let metrics = (0..entries).map(|entry| (format!("metric-{entry}"), value(entry as i64)));
        let metrics = Metrics {
            header: Some(header),
            scope: ["node", "graph"][self.dice.below(2)].to_owned(),
            metrics: metrics.collect(),
            ..Metrics::default()
        };
        (Payload::Metrics(metrics), vec![message])
    }

    /// The next message of a thread.
    fn message(&mut self, table: Table, items: Vec<i32>, tenant: usize, thread: usize) -> (Header, Message) {
        self.clock_us += 1 + i64::try_from(self.dice.below(1_000)).unwrap();
        self.ids = self.ids.wrapping_add(1);
        let counter = self.counters.entry((tenant, thread)).or_default();
        *counter += 1;
        let id = [self.ids.to_be_bytes(), (!self.ids).to_be_bytes()].concat();
        let message = Message {
            table,
            items,
            tenant: format!("tenant-{tenant}"),
            thread: format!("thread-{thread}"),
            sequence: *counter,
            id: id.clone(),
            time_us: self.clock_us,
        };
        let header = Header {
            message_id: id,
            timestamp_us: message.time_us,
            tenant_id: message.tenant.clone(),
            thread_id: message.thread.clone(),
            sequence: message.sequence,
            schema_version: 1,
            ..Header::default()
        };
        (header, message)
    }
}

fn event(header: Header) -> Event {
    Event {
        header: Some(header),
        event_type: 1,
        node_id: "node".to_owned(),
        ..Event::default()
    }
}
