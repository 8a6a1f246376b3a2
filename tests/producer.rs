//! The producer against a node of Apache Kafka, and what the ingester makes of it.
//!
//! Where neither Kafka nor `KAFKA_BROKERS` is to be had the tests say so and pass, unless `QUIPU_REQUIRE_KAFKA` is set.
//! `QUIPU_TEST_MESSAGES` has more messages sent than the 60,000 of a test run.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot go on fails by panicking"
)]

use std::collections::BTreeSet;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use quipu_client::producer::{Fallback, Producer, ProducerOptions};
use quipu_client::{AttributeValue, Event, EventType, Header, attribute_value::Value};
use quipu_kafka::ConnectOptions;
use quipu_kafka::address::BrokerAddress;
use quipu_kafka::produce::BatchCompression;
use quipu_kafka::topics::{TopicAdmin, TopicSettings};
use quipu_proto::Table;
use quipu_proto::framing::Compression;
use quipu_tests::ingest::Ingest;
use quipu_tests::kafka::{self, Node};
use quipu_tests::ledger::{holes, runs};
use quipu_tests::rows::{Rows, snapshot};

const THREADS: u64 = 100;
const PARTITIONS: i32 = 4;
const PATIENCE: Duration = Duration::from_secs(240);

/// A topic that no earlier run has used: a broker that is not ours keeps its topics.
async fn topic(node: &Node, name: &str) -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let topic = format!("quipu-test-{name}-{}", since.as_micros());
    let settings = TopicSettings {
        partitions: PARTITIONS,
        ..TopicSettings::default()
    };
    TopicAdmin::new(brokers(node), ConnectOptions::default())
        .create(&topic, &settings)
        .await
        .unwrap();
    topic
}

fn brokers(node: &Node) -> Vec<BrokerAddress> {
    BrokerAddress::parse_list(node.brokers()).unwrap()
}

fn messages() -> u64 {
    std::env::var("QUIPU_TEST_MESSAGES").map_or(60_000, |count| count.parse().unwrap())
}

/// The event of that number: about 330 bytes, with an id and a time of its own.
fn event(number: u64) -> Event {
    let text = AttributeValue {
        value: Some(Value::StringValue("0123456789abcdef".repeat(14))),
    };
    Event {
        header: Some(Header {
            message_id: u128::from(number + 1).to_be_bytes().to_vec(),
            thread_id: format!("session-{}", number % THREADS),
            tenant_id: "acme".to_owned(),
            timestamp_us: 1_764_300_000_000_000 + i64::try_from(number).unwrap(),
            ..Header::default()
        }),
        event_type: EventType::NodeEnd as i32,
        node_id: "research".to_owned(),
        attributes: [("output".to_owned(), text)].into(),
        ..Event::default()
    }
}

/// Sends messages until all have an outcome. `meanwhile` runs beside, when a third of them was handed over.
fn send(producer: &Producer, count: u64, meanwhile: impl FnOnce() + Send) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    std::thread::scope(|scope| {
        runtime.block_on(async {
            let mut meanwhile = Some(meanwhile);
            for number in 0..count {
                if number == count / 3
                    && let Some(meanwhile) = meanwhile.take()
                {
                    scope.spawn(meanwhile);
                }
                // Dropped, not forgotten: its outcome is counted.
                drop(producer.submit(event(number)).await.unwrap());
            }
        });
    });
    producer.close_blocking(PATIENCE).unwrap();
}

#[test]
fn a_broker_that_dies_in_the_middle_loses_nothing_and_has_nothing_twice() {
    let Some(node) = kafka::own_node() else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let topic = runtime.block_on(topic(&node, "dies"));
    let count = messages();
    let mut options = ProducerOptions {
        fallback: Fallback::None,
        ..ProducerOptions::default()
    };
    options.produce.delivery_timeout = PATIENCE;
    let producer = Producer::with_options(brokers(&node), &topic, options).unwrap();
    let began = Instant::now();
    send(&producer, count, || {
        node.kill();
        node.start_again();
    });
    let counts = producer.counts();
    eprintln!(
        "{count} messages in {:.1} s: {counts:?}",
        began.elapsed().as_secs_f64()
    );
    assert_eq!(counts.messages_sent, count);
    assert!(producer.is_idempotent());

    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    Ingest::to_end(node.brokers(), &topic).run(&store);
    let snapshot = snapshot(&store);
    let rows = Rows::read(&snapshot, Table::Events);
    let ids: BTreeSet<_> = rows.bytes("message_id").into_iter().flatten().collect();
    assert_eq!(ids.len() as u64, count, "some are lost");
    assert_eq!(rows.identities.len() as u64, count, "some came twice");
    assert_eq!(Rows::read(&snapshot, Table::DeadLetters).identities.len(), 0);
    assert_eq!(holes(&snapshot), []);
    // Each thread is one run of numbers from 1: the producer gave them, and lost none of their order.
    for (counter, of_thread) in runs(&snapshot) {
        let [run] = of_thread.as_slice() else {
            panic!("{counter:?}: {of_thread:?}")
        };
        assert_eq!(run.first, 1, "{counter:?}");
    }
}

#[test]
fn a_message_that_is_sent_again_is_known_by_its_id() {
    let Some(node) = kafka::node() else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let topic = runtime.block_on(topic(&node, "again"));
    let count = 2_000;
    // Two lives of an application: what the second sends again has the id, the time and the number that it had.
    for _ in 0..2 {
        let mut options = ProducerOptions {
            compression: Compression::None,
            ..ProducerOptions::default()
        };
        options.produce.compression = BatchCompression::Zstd { level: 3 };
        let producer = Producer::with_options(brokers(&node), &topic, options).unwrap();
        send(&producer, count, || {});
    }
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    Ingest::to_end(node.brokers(), &topic).run(&store);
    let rows = Rows::read(&snapshot(&store), Table::Events);
    assert_eq!(rows.identities.len() as u64, 2 * count);
    let repeated = rows.batch["repeated"].clone();
    let repeated = arrow_array::cast::AsArray::as_boolean(&repeated);
    assert_eq!(repeated.true_count() as u64, count);
}
