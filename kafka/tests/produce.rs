//! The produce client against the in-process broker and its faults: order, nothing lost, nothing twice.
#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use quipu_broker::{
    ApiKey, Broker, BrokerOptions, DropPoint, Fault, FaultRule, HangPoint, ResponseError, TopicOptions,
};
use quipu_kafka::address::BrokerAddress;
use quipu_kafka::batch::{BatchSpan, BatchVisitor, BatchWalker, CorruptBatch, OnCorrupt};
use quipu_kafka::fetch::{FetchBounds, FetchPosition, fetch};
use quipu_kafka::offsets::PartitionRef;
use quipu_kafka::produce::{
    BatchCompression, Outcomes, ProduceClient, ProduceError, ProduceOptions, ProduceRecord, PutError,
    UndeliveredRecord,
};
use quipu_kafka::raw::RawRecord;
use quipu_kafka::{ConnectOptions, Connection, HoleCause, Isolation, OffsetHole};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

const TOPIC: &str = "events";

/// Partition and offset, or why not.
type Outcome = Result<(i32, Option<i64>), ProduceError>;

/// Notes outcomes by tag.
#[derive(Default)]
struct Noted {
    outcomes: Mutex<HashMap<u32, Outcome>>,
    changed: Notify,
}

impl Outcomes<u32> for Noted {
    fn delivered(&self, partition: i32, base_offset: Option<i64>, tags: Vec<u32>) {
        let mut outcomes = self.outcomes.lock().unwrap();
        for (index, tag) in tags.into_iter().enumerate() {
            let offset = base_offset.map(|base| base + index as i64);
            assert!(
                outcomes.insert(tag, Ok((partition, offset))).is_none(),
                "{tag} has two outcomes"
            );
        }
        self.changed.notify_waiters();
    }

    fn undelivered(&self, record: &UndeliveredRecord<'_>, tag: u32, error: &ProduceError) {
        assert_eq!(
            number(record.value.unwrap()),
            tag,
            "the record is that of the tag"
        );
        let earlier = self.outcomes.lock().unwrap().insert(tag, Err(error.clone()));
        assert!(earlier.is_none(), "{tag} has two outcomes");
        self.changed.notify_waiters();
    }
}

struct World {
    broker: Broker,
    client: Option<ProduceClient<u32>>,
    noted: Arc<Noted>,
    sender: JoinHandle<()>,
    put: u32,
}

fn quick() -> ProduceOptions {
    let mut options = ProduceOptions {
        linger: Duration::from_millis(1),
        request_timeout: Duration::from_secs(1),
        delivery_timeout: Duration::from_secs(20),
        ..ProduceOptions::default()
    };
    options.connect.connect_timeout = Duration::from_secs(1);
    options
}

impl World {
    async fn start(broker: BrokerOptions, partitions: i32, options: ProduceOptions) -> Self {
        let broker = Broker::start(broker).await.unwrap();
        broker
            .create_topic(TOPIC, TopicOptions::partitions(partitions))
            .unwrap();
        let noted = Arc::new(Noted::default());
        let brokers = BrokerAddress::parse_list(&broker.address()).unwrap();
        let (client, sender) = ProduceClient::new(
            brokers,
            TOPIC,
            options,
            Arc::clone(&noted) as Arc<dyn Outcomes<u32>>,
        )
        .unwrap();
        Self {
            broker,
            client: Some(client),
            noted,
            sender: tokio::spawn(sender),
            put: 0,
        }
    }

    fn client(&self) -> &ProduceClient<u32> {
        self.client.as_ref().unwrap()
    }

    /// Puts so many records, over `keys` keys in turn.
    fn put(&mut self, count: u32, keys: u32) {
        for _ in 0..count {
            self.put_sized(keys, 0);
        }
    }

    fn put_sized(&mut self, keys: u32, padding: usize) {
        let key = format!("key-{}", self.put % keys);
        let value = value(self.put, padding);
        let record = ProduceRecord {
            key: Some(key.as_bytes()),
            value: Some(&value),
            headers: &[],
            timestamp_ms: 1_700_000_000_000,
        };
        self.client().put(&record, self.put).unwrap();
        self.put += 1;
    }

    /// Waits until all that was put has its outcome, and has it sent without lingering.
    async fn settled(&self) {
        self.client().hurry();
        self.wait_for_outcomes().await;
    }

    async fn wait_for_outcomes(&self) {
        loop {
            let changed = self.noted.changed.notified();
            if self.noted.outcomes.lock().unwrap().len() == self.put as usize {
                return;
            }
            tokio::time::timeout(Duration::from_secs(60), changed)
                .await
                .expect("an outcome");
        }
    }

    fn errors(&self) -> Vec<(u32, String)> {
        let outcomes = self.noted.outcomes.lock().unwrap();
        let mut errors: Vec<_> = outcomes
            .iter()
            .filter_map(|(tag, outcome)| Some((*tag, outcome.as_ref().err()?.to_string())))
            .collect();
        errors.sort();
        errors
    }

    /// All records of the topic by partition.
    async fn stored(&self, partitions: i32) -> Vec<Vec<(String, u32)>> {
        let mut stored = Vec::new();
        for partition in 0..partitions {
            stored.push(read(&self.broker, partition).await);
        }
        stored
    }

    /// Checks that all that was put is stored once, in order of each key, where the outcomes say.
    async fn check_all_stored_once(&self, partitions: i32) {
        assert_eq!(self.errors(), []);
        let stored = self.stored(partitions).await;
        let mut last: HashMap<&str, u32> = HashMap::new();
        let mut seen = 0;
        for (partition, records) in stored.iter().enumerate() {
            for (offset, (key, tag)) in records.iter().enumerate() {
                seen += 1;
                if let Some(before) = last.insert(key, *tag) {
                    assert!(before < *tag, "{key}: {tag} behind {before}");
                }
                let Ok((told, told_offset)) = self.noted.outcomes.lock().unwrap()[tag] else {
                    panic!("{tag} was told as failed")
                };
                assert_eq!(told, partition as i32, "{tag}");
                if let Some(told_offset) = told_offset {
                    assert_eq!(told_offset, offset as i64, "{tag}");
                }
            }
        }
        assert_eq!(seen, self.put, "nothing is lost or twice");
    }
}

fn value(tag: u32, padding: usize) -> Vec<u8> {
    let mut value = tag.to_be_bytes().to_vec();
    value.resize(4 + padding, b'x');
    value
}

fn number(value: &[u8]) -> u32 {
    u32::from_be_bytes(value[..4].try_into().unwrap())
}

struct Seen(Vec<(String, u32)>);

impl BatchVisitor for Seen {
    type Error = String;

    fn record(&mut self, record: &RawRecord<'_>) -> Result<(), String> {
        let key = String::from_utf8(record.key.unwrap().to_vec()).unwrap();
        self.0.push((key, number(record.value.unwrap())));
        Ok(())
    }

    fn hole(&mut self, hole: OffsetHole) -> Result<(), String> {
        Err(format!("{hole:?}"))
    }

    fn corrupt(&mut self, batch: CorruptBatch<'_>) -> Result<(), String> {
        Err(format!("{:?}", batch.error))
    }
}

async fn read(broker: &Broker, partition: i32) -> Vec<(String, u32)> {
    let end = broker.high_watermark(TOPIC, partition).unwrap();
    let leader: BrokerAddress = leader_of(broker, partition).await;
    let mut connection = Connection::open(&leader, Arc::new(ConnectOptions::default()))
        .await
        .unwrap();
    let mut seen = Seen(Vec::new());
    let mut walker = BatchWalker::new(OnCorrupt::Stop);
    let mut offset = 0;
    while offset < end {
        let position = FetchPosition {
            partition: PartitionRef {
                topic: Arc::from(TOPIC),
                topic_id: Some(broker.topic_id(TOPIC).unwrap()),
                partition,
                leader_epoch: -1,
            },
            offset,
            last_epoch: -1,
            bytes_max: 1 << 20,
        };
        let bounds = FetchBounds {
            wait: Duration::ZERO,
            bytes_max: 1 << 20,
            isolation: Isolation::ReadUncommitted,
        };
        let answer = fetch(&mut connection, &[position], &bounds).await.unwrap();
        let fetched = &answer.partitions[0].1;
        assert_eq!(fetched.error, None);
        let span = BatchSpan {
            bytes: &fetched.records,
            position: offset,
            end: i64::MAX,
            high_watermark: i64::MAX,
            aborted: &[],
            gap_cause: HoleCause::Unexplained,
        };
        offset = walker.walk(&span, &mut seen).unwrap();
    }
    seen.0
}

async fn leader_of(broker: &Broker, partition: i32) -> BrokerAddress {
    let bootstrap = BrokerAddress::parse_list(&broker.address()).unwrap();
    let options = Arc::new(ConnectOptions::default());
    let mut metadata = quipu_kafka::metadata::MetadataClient::new(bootstrap, options);
    let view = metadata.view(&[Arc::from(TOPIC)]).await.unwrap();
    let found = view.topics[0]
        .partitions
        .iter()
        .find(|found| found.partition == partition)
        .unwrap();
    view.brokers[&found.leader.unwrap()].clone()
}

fn produce_fault(fault: Fault) -> FaultRule {
    FaultRule::new(fault).api(ApiKey::Produce)
}

#[tokio::test]
async fn records_of_many_partitions_are_stored_in_order_and_told() {
    let mut world = World::start(BrokerOptions::default(), 10, quick()).await;
    world.put(5_000, 37);
    world.settled().await;
    world.check_all_stored_once(10).await;
    let stats = world.client().stats();
    assert_eq!((stats.delivered, stats.undelivered, stats.retried), (5_000, 0, 0));
    assert!(world.client().is_idempotent());
}

#[tokio::test]
async fn under_every_fault_nothing_is_lost_twice_or_out_of_order() {
    let faults = [
        Fault::DropConnection(DropPoint::BeforeHandling),
        Fault::DropConnection(DropPoint::BeforeResponse),
        Fault::DropConnection(DropPoint::MidResponse),
        Fault::Hang(HangPoint::BeforeHandling),
        Fault::Hang(HangPoint::MidResponse),
        Fault::Delay(Duration::from_millis(30)),
        Fault::Error(ResponseError::NotLeaderOrFollower),
        Fault::Error(ResponseError::NotEnoughReplicas),
        Fault::Error(ResponseError::RequestTimedOut),
        Fault::Error(ResponseError::KafkaStorageError),
        Fault::Error(ResponseError::UnknownTopicOrPartition),
        Fault::Error(ResponseError::OutOfOrderSequenceNumber),
        Fault::Error(ResponseError::UnknownProducerId),
    ];
    for fault in faults {
        let mut world = World::start(BrokerOptions::default(), 3, quick()).await;
        world.put(10, 7);
        world.settled().await;
        world.broker.add_fault(produce_fault(fault).times(2));
        for _ in 0..6 {
            world.put(200, 7);
            world.client().hurry();
            tokio::task::yield_now().await;
        }
        world.settled().await;
        assert!(!world.broker.fired_faults().is_empty(), "{fault:?}");
        world.check_all_stored_once(3).await;
    }
}

#[tokio::test]
async fn a_leader_that_moves_is_followed() {
    let options = BrokerOptions {
        nodes: 2,
        ..BrokerOptions::default()
    };
    let mut world = World::start(options, 4, quick()).await;
    let nodes: Vec<i32> = world.broker.nodes().iter().map(|(id, _)| *id).collect();
    for round in 0..6 {
        world.put(300, 11);
        for partition in 0..4 {
            let node = nodes[(round + partition as usize) % 2];
            world.broker.elect(TOPIC, partition, node).unwrap();
        }
        world.put(300, 11);
        world.settled().await;
    }
    world.check_all_stored_once(4).await;
}

#[tokio::test]
async fn without_idempotence_order_is_kept_and_nothing_is_lost() {
    let options = ProduceOptions {
        idempotent: false,
        ..quick()
    };
    let mut world = World::start(BrokerOptions::default(), 1, options).await;
    world
        .broker
        .add_fault(produce_fault(Fault::DropConnection(DropPoint::BeforeResponse)).skip(1));
    world.put(100, 1);
    world.settled().await;
    world.put(100, 1);
    world.settled().await;
    let stored = read(&world.broker, 0).await;
    let mut tags: Vec<u32> = stored.iter().map(|(_, tag)| *tag).collect();
    assert!(tags.len() > 200, "the batch whose answer was lost is there twice");
    tags.dedup();
    let mut seen: Vec<u32> = Vec::new();
    tags.retain(|tag| {
        let is_new = !seen.contains(tag);
        seen.push(*tag);
        is_new
    });
    assert_eq!(tags, (0..200).collect::<Vec<_>>());
    assert_eq!(world.broker.requests(ApiKey::InitProducerId), 0);
}

#[tokio::test]
async fn a_broker_that_refuses_idempotence_is_written_to_without_and_that_is_told() {
    let rule = FaultRule::new(Fault::Error(ResponseError::ClusterAuthorizationFailed));
    let mut refusing = BrokerOptions::default();
    refusing.faults.push(rule.api(ApiKey::InitProducerId).always());
    let old = BrokerOptions::default().version_max(ApiKey::InitProducerId, -1);
    for options in [refusing, old] {
        let mut world = World::start(options, 1, quick()).await;
        world.put(10, 1);
        world.settled().await;
        world.check_all_stored_once(1).await;
        assert!(!world.client().is_idempotent());
    }
}

#[tokio::test]
async fn a_permanent_error_is_not_retried() {
    let mut world = World::start(BrokerOptions::default(), 1, quick()).await;
    let rule = produce_fault(Fault::Error(ResponseError::TopicAuthorizationFailed));
    world.broker.add_fault(rule);
    world.put(3, 1);
    world.settled().await;
    let errors = world.errors();
    assert_eq!(errors.len(), 3);
    assert!(errors[0].1.contains("refused"), "{}", errors[0].1);
    assert_eq!(world.broker.requests(ApiKey::Produce), 1);
    // The number of the batch is used by the next.
    world.put(1, 1);
    world.settled().await;
    assert_eq!(read(&world.broker, 0).await, [("key-0".to_owned(), 3)]);
    assert_eq!(world.broker.requests(ApiKey::InitProducerId), 1);
}

#[tokio::test]
async fn what_is_not_delivered_in_time_is_told_and_what_follows_is_sent() {
    let options = ProduceOptions {
        // Longer than the pause of a broker that has failed so often.
        delivery_timeout: Duration::from_secs(2),
        ..quick()
    };
    let mut world = World::start(BrokerOptions::default(), 1, options).await;
    world.put(1, 1);
    world.settled().await;
    let rule = produce_fault(Fault::DropConnection(DropPoint::BeforeHandling));
    world.broker.add_fault(rule.always());
    world.put(2, 1);
    world.settled().await;
    let errors = world.errors();
    assert_eq!(errors.len(), 2);
    assert!(
        errors[0].1.contains("not delivered within 2000 ms"),
        "{}",
        errors[0].1
    );
    assert!(
        errors[0].1.contains("it may be stored all the same"),
        "{}",
        errors[0].1
    );
    world.broker.set_faults(quipu_broker::FaultScript::default());
    world.put(1, 1);
    world.settled().await;
    let stored: Vec<u32> = read(&world.broker, 0).await.iter().map(|(_, tag)| *tag).collect();
    assert_eq!(stored, [0, 3]);
}

#[tokio::test]
async fn what_follows_a_batch_that_was_given_up_is_stored_once_and_in_order() {
    for fault in [
        Fault::DropConnection(DropPoint::BeforeResponse),
        Fault::DropConnection(DropPoint::BeforeHandling),
        Fault::Error(ResponseError::NotEnoughReplicas),
    ] {
        let options = ProduceOptions {
            delivery_timeout: Duration::from_millis(250),
            request_timeout: Duration::from_millis(100),
            ..quick()
        };
        let mut world = World::start(BrokerOptions::default(), 1, options).await;
        world.put(1, 1);
        world.settled().await;
        for round in 0..80 {
            if round % 20 == 5 {
                world.broker.add_fault(produce_fault(fault).times(4));
            }
            world.put(5, 1);
            world.client().hurry();
            // So that batches of several ages wait.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        world.settled().await;
        let stored: Vec<u32> = read(&world.broker, 0).await.iter().map(|(_, tag)| *tag).collect();
        assert!(stored.is_sorted_by(|a, b| a < b), "{fault:?}: {stored:?}");
        assert!(!world.errors().is_empty(), "{fault:?}");
        let outcomes = world.noted.outcomes.lock().unwrap();
        for (tag, outcome) in outcomes.iter() {
            if outcome.is_ok() {
                assert!(stored.binary_search(tag).is_ok(), "{fault:?}: {tag}");
            }
        }
    }
}

#[tokio::test]
async fn a_batch_that_is_too_large_is_split_down_to_the_record_that_is() {
    let broker = BrokerOptions {
        batch_bytes_max: 10_000,
        ..BrokerOptions::default()
    };
    // The topic is not asked: what it takes shows when it refuses.
    let mut options = quick();
    options.message_bytes_max = Some(1_000_000);
    let mut world = World::start(broker, 1, options).await;
    for index in 0..40 {
        world.put_sized(3, if index == 17 { 20_000 } else { 900 });
    }
    world.settled().await;
    let errors = world.errors();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!(errors[0].0, 17);
    assert!(errors[0].1.contains("max.message.bytes"), "{}", errors[0].1);
    let stored: Vec<u32> = read(&world.broker, 0).await.iter().map(|(_, tag)| *tag).collect();
    let expected: Vec<u32> = (0..40).filter(|tag| *tag != 17).collect();
    assert_eq!(stored, expected);
}

#[tokio::test]
async fn the_topic_tells_what_it_takes_to_the_byte() {
    let broker = BrokerOptions {
        batch_bytes_max: 5_000,
        ..BrokerOptions::default()
    };
    let mut world = World::start(broker, 1, quick()).await;
    world.put(1, 1);
    world.settled().await;
    let record_of = |padding: usize, put: &mut dyn FnMut(&ProduceRecord<'_>) -> Result<(), PutError>| {
        let value = value(1, padding);
        put(&ProduceRecord {
            key: Some(b"key-0"),
            value: Some(&value),
            headers: &[],
            timestamp_ms: 0,
        })
    };
    let mut smallest_refused = 0;
    for padding in 4_850..5_000 {
        let refused = record_of(padding, &mut |record| {
            if record.batch_bytes() > 5_000 {
                let (error, _) = world.client().put(record, 1).unwrap_err();
                assert_eq!(
                    error,
                    PutError::TooLarge {
                        bytes: record.batch_bytes(),
                        limit: 5_000
                    }
                );
                return Err(error);
            }
            Ok(())
        });
        if refused.is_err() {
            smallest_refused = padding;
            break;
        }
    }
    // One byte less is what the broker takes.
    world.put_sized(1, smallest_refused - 1);
    world.settled().await;
    world.check_all_stored_once(1).await;
}

#[tokio::test]
async fn batches_of_every_codec_are_read_back() {
    for compression in [
        BatchCompression::Gzip,
        BatchCompression::Snappy,
        BatchCompression::Lz4,
        BatchCompression::Zstd { level: 1 },
    ] {
        let options = ProduceOptions {
            compression,
            ..quick()
        };
        let mut world = World::start(BrokerOptions::default(), 2, options).await;
        for _ in 0..2_000 {
            world.put_sized(5, 300);
        }
        world.settled().await;
        world.check_all_stored_once(2).await;
        let stats = world.client().stats();
        assert!(
            stats.bytes < 2_000 * 300 / 2,
            "{compression:?}: {} bytes",
            stats.bytes
        );
    }
}

#[tokio::test]
async fn a_record_that_is_waited_for_does_not_linger() {
    let options = ProduceOptions {
        linger: Duration::from_secs(3_600),
        delivery_timeout: Duration::from_secs(7_200),
        ..quick()
    };
    let mut world = World::start(BrokerOptions::default(), 3, options).await;
    // Before the partitions are known, and after.
    for _ in 0..3 {
        world.put(2, 1);
        world.client().send_soon(b"key-0");
        world.wait_for_outcomes().await;
    }
    world.check_all_stored_once(3).await;
}

#[tokio::test]
async fn records_wait_for_a_topic_that_comes_later() {
    let mut world = World::start(BrokerOptions::default(), 3, quick()).await;
    world.broker.delete_topic(TOPIC).unwrap();
    world.put(50, 5);
    while world.broker.requests(ApiKey::Metadata) == 0 {
        tokio::task::yield_now().await;
    }
    world
        .broker
        .create_topic(TOPIC, TopicOptions::partitions(3))
        .unwrap();
    world.settled().await;
    world.check_all_stored_once(3).await;
}

#[tokio::test]
async fn a_topic_that_may_not_be_written_to_is_told_at_once() {
    let mut options = BrokerOptions::default();
    let rule = FaultRule::new(Fault::Error(ResponseError::TopicAuthorizationFailed));
    options.faults.push(rule.api(ApiKey::Metadata).always());
    let mut world = World::start(options, 1, quick()).await;
    world.put(2, 1);
    world.settled().await;
    assert_eq!(world.errors().len(), 2);
}

#[tokio::test]
async fn closing_sends_what_waits_and_takes_no_more() {
    let options = ProduceOptions {
        linger: Duration::from_secs(60),
        ..quick()
    };
    let mut world = World::start(BrokerOptions::default(), 3, options).await;
    world.put(1, 1);
    world.settled().await;
    world.put(100, 9);
    world.client().close(Duration::from_secs(10));
    (&mut world.sender).await.unwrap();
    world.check_all_stored_once(3).await;
    let record = ProduceRecord::default();
    assert!(matches!(
        world.client().put(&record, 7),
        Err((PutError::Closed, 7))
    ));
}

#[tokio::test]
async fn closing_gives_up_what_is_left_when_its_time_is_over() {
    let mut world = World::start(BrokerOptions::default(), 3, quick()).await;
    world
        .broker
        .add_fault(produce_fault(Fault::Hang(HangPoint::BeforeHandling)).always());
    world.put(100, 9);
    world.client().close(Duration::from_millis(200));
    (&mut world.sender).await.unwrap();
    let errors = world.errors();
    assert_eq!(errors.len(), 100);
    assert!(errors[0].1.contains("was closed before"), "{}", errors[0].1);
}

#[tokio::test]
async fn a_client_that_is_dropped_sends_what_waits() {
    let options = ProduceOptions {
        linger: Duration::from_secs(60),
        ..quick()
    };
    let mut world = World::start(BrokerOptions::default(), 3, options).await;
    world.put(100, 9);
    world.client = None;
    (&mut world.sender).await.unwrap();
    world.check_all_stored_once(3).await;
}

#[tokio::test]
async fn settings_that_make_no_sense_are_refused_by_name() {
    let refused = |brokers: &str, topic: &str, options: ProduceOptions| {
        let brokers = BrokerAddress::parse_list(brokers).unwrap_or_default();
        let noted: Arc<dyn Outcomes<u32>> = Arc::new(Noted::default());
        match ProduceClient::new(brokers, topic, options, noted) {
            Ok(_) => panic!("taken"),
            Err(error) => error.to_string(),
        }
    };
    assert!(refused("", "t", quick()).starts_with("brokers"));
    assert!(refused("a", " ", quick()).starts_with("topic"));
    let options = ProduceOptions {
        in_flight_max: 0,
        ..quick()
    };
    assert!(refused("a", "t", options).starts_with("in_flight_max"));
    let options = ProduceOptions {
        compression: BatchCompression::Zstd { level: 40 },
        ..quick()
    };
    assert!(refused("a", "t", options).contains("40"));
}

#[tokio::test]
async fn a_leader_that_steps_down_may_have_stored_what_it_was_sent() {
    let options = ProduceOptions {
        delivery_timeout: Duration::from_millis(500),
        ..quick()
    };
    let mut world = World::start(BrokerOptions::default(), 1, options).await;
    world.put(1, 1);
    world.settled().await;
    let rule = produce_fault(Fault::Error(ResponseError::NotLeaderOrFollower));
    world.broker.add_fault(rule.always());
    world.put(1, 1);
    world.settled().await;
    let errors = world.errors();
    assert!(
        errors[0].1.contains("it may be stored all the same"),
        "{}",
        errors[0].1
    );
    // The numbers of that batch are not given to another one, which a broker that has the first would take for it.
    world.broker.set_faults(quipu_broker::FaultScript::default());
    world.put(1, 1);
    world.settled().await;
    assert_eq!(world.broker.requests(ApiKey::InitProducerId), 2);
}

#[tokio::test]
async fn a_refusal_after_a_lost_answer_says_that_the_record_may_be_stored() {
    let mut world = World::start(BrokerOptions::default(), 1, quick()).await;
    let lost = produce_fault(Fault::DropConnection(DropPoint::BeforeResponse));
    world.broker.add_fault(lost);
    let refused = produce_fault(Fault::Error(ResponseError::TopicAuthorizationFailed));
    world.broker.add_fault(refused);
    world.put(1, 1);
    world.settled().await;
    let errors = world.errors();
    assert!(
        errors[0].1.contains("it may be stored all the same"),
        "{}",
        errors[0].1
    );
    assert_eq!(read(&world.broker, 0).await.len(), 1);
}

#[tokio::test]
async fn a_sender_that_is_aborted_leaves_no_record_without_outcome() {
    let mut world = World::start(BrokerOptions::default(), 1, quick()).await;
    let hang = produce_fault(Fault::Hang(HangPoint::BeforeHandling));
    world.broker.add_fault(hang.always());
    world.put(1, 1);
    world.client().hurry();
    while world.broker.requests(ApiKey::Produce) == 0 {
        tokio::task::yield_now().await;
    }
    world.put(3, 1);
    world.sender.abort();
    world.wait_for_outcomes().await;
    let record = ProduceRecord::default();
    assert!(matches!(
        world.client().put(&record, 9),
        Err((PutError::Closed, 9))
    ));
}

#[tokio::test]
async fn times_without_end_are_no_panic() {
    let options = ProduceOptions {
        delivery_timeout: Duration::MAX,
        request_timeout: Duration::MAX,
        metadata_refresh: Duration::MAX,
        linger: Duration::MAX,
        ..quick()
    };
    let mut world = World::start(BrokerOptions::default(), 1, options).await;
    world.put(3, 1);
    world.client().close(Duration::MAX);
    world.wait_for_outcomes().await;
    (&mut world.sender).await.unwrap();
    world.check_all_stored_once(1).await;
}
