//! A broker with one topic, a producer to it, and what the topic holds.

use std::sync::Arc;
use std::time::Duration;

use prost::Message as _;
use quipu_broker::{BrokerOptions, BrokerThread, TopicOptions};
use quipu_client::producer::{Fallback, Producer, ProducerOptions};
use quipu_client::{DashStreamMessage, Event, Header, dash_stream_message::Message};
use quipu_kafka::address::BrokerAddress;
use quipu_kafka::batch::{BatchSpan, BatchVisitor, BatchWalker, CorruptBatch, OnCorrupt};
use quipu_kafka::fetch::{FetchBounds, FetchPosition, fetch};
use quipu_kafka::offsets::PartitionRef;
use quipu_kafka::raw::RawRecord;
use quipu_kafka::{ConnectOptions, Connection, HoleCause, Isolation, OffsetHole};
use quipu_proto::Policy;
use quipu_proto::framing::unframe;

pub(crate) const TOPIC: &str = "events";

/// A record as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stored {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) key: String,
    pub(crate) value: Vec<u8>,
    pub(crate) headers: Vec<(String, String)>,
}

impl Stored {
    pub(crate) fn message(&self) -> DashStreamMessage {
        let mut expanded = Vec::new();
        let bytes = unframe(&self.value, Policy::Strict, &mut expanded).unwrap();
        DashStreamMessage::decode(bytes).unwrap()
    }

    pub(crate) fn header(&self) -> Header {
        let Some(Message::Event(event)) = self.message().message else {
            panic!("not an event: {self:?}")
        };
        event.header.unwrap()
    }
}

pub(crate) fn broker(partitions: i32) -> BrokerThread {
    broker_with(BrokerOptions::default(), partitions)
}

pub(crate) fn broker_with(options: BrokerOptions, partitions: i32) -> BrokerThread {
    let broker = BrokerThread::start(options).unwrap();
    broker
        .create_topic(TOPIC, TopicOptions::partitions(partitions))
        .unwrap();
    broker
}

pub(crate) fn quick() -> ProducerOptions {
    let mut options = ProducerOptions {
        fallback: Fallback::None,
        ..ProducerOptions::default()
    };
    options.produce.linger = Duration::from_millis(1);
    options.produce.request_timeout = Duration::from_secs(1);
    options.produce.connect.connect_timeout = Duration::from_secs(1);
    options
}

pub(crate) fn producer_to(broker: &BrokerThread, options: ProducerOptions) -> Producer {
    let brokers = BrokerAddress::parse_list(&broker.address()).unwrap();
    Producer::with_options(brokers, TOPIC, options).unwrap()
}

/// An event of a thread, to be numbered.
pub(crate) fn event(thread: &str) -> Event {
    numbered_event(thread, 0)
}

pub(crate) fn numbered_event(thread: &str, sequence: u64) -> Event {
    Event {
        header: Some(Header {
            thread_id: thread.to_owned(),
            sequence,
            ..Header::default()
        }),
        event_type: 1,
        ..Event::default()
    }
}

struct Seen<'a>(&'a mut Vec<Stored>, i32);

impl BatchVisitor for Seen<'_> {
    type Error = String;

    fn record(&mut self, record: &RawRecord<'_>) -> Result<(), String> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        self.0.push(Stored {
            partition: self.1,
            offset: record.offset,
            key: text(record.key.unwrap_or_default()),
            value: record.value.unwrap_or_default().to_vec(),
            headers: record
                .headers
                .iter()
                .map(|header| (text(header.key), text(header.value.unwrap_or_default())))
                .collect(),
        });
        Ok(())
    }

    fn hole(&mut self, hole: OffsetHole) -> Result<(), String> {
        Err(format!("{hole:?}"))
    }

    fn corrupt(&mut self, batch: CorruptBatch<'_>) -> Result<(), String> {
        Err(format!("{:?}", batch.error))
    }
}

/// All records of a topic of a broker with one node, by partition and offset.
pub(crate) fn stored_in(broker: &BrokerThread, topic: &str) -> Vec<Stored> {
    // On a thread without a runtime of its own.
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let mut stored = Vec::new();
                let mut partition = 0;
                while broker.high_watermark(topic, partition).is_ok() {
                    read(broker, topic, partition, &mut stored).await;
                    partition += 1;
                }
                stored
            })
        });
        reading.join().unwrap()
    })
}

async fn read(broker: &BrokerThread, topic: &str, partition: i32, stored: &mut Vec<Stored>) {
    let end = broker.high_watermark(topic, partition).unwrap();
    let address = BrokerAddress::parse_list(&broker.address()).unwrap().remove(0);
    let mut connection = Connection::open(&address, Arc::new(ConnectOptions::default()))
        .await
        .unwrap();
    let mut walker = BatchWalker::new(OnCorrupt::Stop);
    let mut offset = 0;
    while offset < end {
        let position = FetchPosition {
            partition: PartitionRef {
                topic: Arc::from(topic),
                topic_id: Some(broker.topic_id(topic).unwrap()),
                partition,
                leader_epoch: -1,
            },
            offset,
            last_epoch: -1,
            bytes_max: 32 << 20,
        };
        let bounds = FetchBounds {
            wait: Duration::ZERO,
            bytes_max: 32 << 20,
            isolation: Isolation::ReadUncommitted,
        };
        let answer = fetch(&mut connection, &[position], &bounds).await.unwrap();
        let span = BatchSpan {
            bytes: &answer.partitions[0].1.records,
            position: offset,
            end: i64::MAX,
            high_watermark: i64::MAX,
            aborted: &[],
            gap_cause: HoleCause::Unexplained,
        };
        offset = walker.walk(&span, &mut Seen(stored, partition)).unwrap();
    }
}

pub(crate) const LONG: Duration = Duration::from_secs(30);
