//! The consumer over the in-process broker.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeMap;
use std::time::Duration;

use quipu_broker::{
    ApiKey, BatchBuilder, Broker, BrokerOptions, Compression, Fault, FaultRule, Marker, Record,
    ResponseError, TopicOptions,
};
use quipu_client::consumer::{ConsumerError, DashStreamConsumer, Hole, Start, TellHoles};
use quipu_client::{Consumer, ConsumerOptions, Received};
use quipu_kafka::address::BrokerAddress;
use quipu_kafka::{HoleCause, KafkaError};
use quipu_proto::Policy;
use quipu_proto::framing::{self, Compression as Framing};
use quipu_proto::message::dash_stream_message::Message;
use quipu_proto::message::{DashStreamMessage, Event, Header};
use tokio::time::timeout;

/// Long enough that what should come comes.
const PATIENCE: Duration = Duration::from_secs(30);

fn message(thread: &str, sequence: u64) -> DashStreamMessage {
    let header = Header {
        message_id: vec![1; 16],
        thread_id: thread.to_owned(),
        sequence,
        schema_version: 1,
        ..Header::default()
    };
    DashStreamMessage {
        message: Some(Message::Event(Event {
            header: Some(header),
            event_type: 1,
            ..Event::default()
        })),
    }
}

fn record(thread: &str, sequence: u64) -> Record {
    Record::new(framing::encode(&message(thread, sequence), Framing::None))
        .key(thread.to_owned())
        .at(1_000 + i64::try_from(sequence).unwrap())
}

fn records(sequences: std::ops::RangeInclusive<u64>) -> Vec<Record> {
    sequences.map(|sequence| record("thread", sequence)).collect()
}

fn sequence(received: &Received) -> u64 {
    match &received.message.message {
        Some(Message::Event(event)) => event.header.as_ref().unwrap().sequence,
        other => panic!("{other:?}"),
    }
}

async fn started(partitions: i32) -> Broker {
    let broker = Broker::start(BrokerOptions::default()).await.unwrap();
    broker
        .create_topic("t", TopicOptions::partitions(partitions))
        .unwrap();
    broker
}

fn options(broker: &Broker) -> ConsumerOptions {
    ConsumerOptions::new(BrokerAddress::parse_list(&broker.address()).unwrap(), "t")
}

async fn next(consumer: &mut Consumer) -> Result<Received, ConsumerError> {
    consumer.next_timeout(PATIENCE).await.expect("nothing came")
}

#[tokio::test]
async fn messages_come_in_order_with_all_that_the_log_has() {
    let broker = started(1).await;
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    broker
        .append(
            "t",
            0,
            [
                record("thread", 1)
                    .header("traceparent", parent)
                    .header("tracestate", ""),
                record("thread", 2),
            ],
        )
        .unwrap();
    broker.append("t", 0, records(3..=500)).unwrap();
    let mut consumer = Consumer::for_partition(&broker.address(), "t", 0).await.unwrap();
    for expected in 1..=500 {
        let received = next(&mut consumer).await.unwrap();
        assert_eq!(received.message, message("thread", expected));
        assert_eq!(
            (received.offset, received.partition, &*received.topic),
            (i64::try_from(expected).unwrap() - 1, 0, "t")
        );
        assert_eq!(
            received.timestamp_ms,
            Some(1_000 + i64::try_from(expected).unwrap())
        );
        assert_eq!(received.key.as_deref(), Some(&b"thread"[..]));
        assert_eq!(received.traceparent(), (expected == 1).then_some(parent));
        assert_eq!(received.tracestate(), None);
        assert_eq!(&*received.incarnation, broker.topic_id("t").unwrap().to_string());
    }
    assert_eq!(consumer.holes().total(), 0);
    consumer.close().await.unwrap();
}

#[tokio::test]
async fn nothing_yet_is_none_and_what_comes_later_comes() {
    let broker = started(1).await;
    let mut consumer = Consumer::for_partition(&broker.address(), "t", 0).await.unwrap();
    assert!(consumer.next_timeout(Duration::from_millis(20)).await.is_none());
    assert!(consumer.next_timeout(Duration::ZERO).await.is_none());
    broker.append("t", 0, records(1..=1)).unwrap();
    assert_eq!(sequence(&next(&mut consumer).await.unwrap()), 1);
}

#[tokio::test]
async fn all_partitions_are_one_stream_and_one_is_one() {
    let broker = started(4).await;
    for partition in 0..4 {
        broker.append("t", partition, records(1..=50)).unwrap();
    }
    let mut all = Consumer::for_topic(&broker.address(), "t").await.unwrap();
    let mut seen: BTreeMap<i32, Vec<u64>> = BTreeMap::new();
    for _ in 0..200 {
        let received = next(&mut all).await.unwrap();
        seen.entry(received.partition)
            .or_default()
            .push(sequence(&received));
    }
    assert_eq!(seen.len(), 4);
    for sequences in seen.values() {
        assert!(sequences.iter().copied().eq(1..=50));
    }

    let mut one = Consumer::for_partition(&broker.address(), "t", 2).await.unwrap();
    for _ in 0..50 {
        assert_eq!(next(&mut one).await.unwrap().partition, 2);
    }
    assert!(one.next_timeout(Duration::from_millis(50)).await.is_none());
}

#[tokio::test]
async fn a_record_that_does_not_decode_is_an_error_with_its_bytes_and_reading_goes_on() {
    let broker = started(1).await;
    let bad = [
        Record::new("not a message").key("k"),
        Record::tombstone("gone"),
        Record::new(vec![1, 2, 3]),
    ];
    broker.append("t", 0, records(1..=1)).unwrap();
    broker.append("t", 0, bad.clone()).unwrap();
    broker.append("t", 0, records(2..=2)).unwrap();
    let mut consumer = Consumer::for_topic(&broker.address(), "t").await.unwrap();
    assert_eq!(sequence(&next(&mut consumer).await.unwrap()), 1);
    for (offset, stored) in (1..).zip(&bad) {
        let error = next(&mut consumer).await.unwrap_err();
        let text = error.to_string();
        let ConsumerError::Undecodable { record, .. } = error else {
            panic!("{text}")
        };
        assert!(
            text.starts_with(&format!("topic t partition 0 offset {offset}: ")),
            "{text}"
        );
        assert_eq!((&record.value, &record.key), (&stored.value, &stored.key));
        assert_eq!(record.place.offset, offset);
    }
    assert_eq!(sequence(&next(&mut consumer).await.unwrap()), 2);
}

#[tokio::test]
async fn the_policy_decides_about_unframed_messages() {
    let broker = started(1).await;
    let framed = framing::encode(&message("thread", 1), Framing::None);
    broker
        .append("t", 0, [Record::new(framed[1..].to_vec())])
        .unwrap();
    for (policy, decodes) in [(Policy::Strict, false), (Policy::Compatible, true)] {
        let options = ConsumerOptions {
            policy,
            ..options(&broker)
        };
        let mut consumer = Consumer::with_options(options).await.unwrap();
        assert_eq!(next(&mut consumer).await.is_ok(), decodes, "{policy}");
    }
}

#[tokio::test]
async fn compressed_batches_and_compressed_messages_are_read() {
    let broker = started(1).await;
    for codec in [
        Compression::Zstd,
        Compression::Gzip,
        Compression::Lz4,
        Compression::Snappy,
    ] {
        let batch = BatchBuilder::new().compression(codec).records(records(1..=20));
        broker.append_batch("t", 0, batch).unwrap();
    }
    let long = message(&"long".repeat(1_000), 1);
    let compressed = framing::encode(&long, Framing::default());
    assert_eq!(compressed[0], framing::MARKER_ZSTD);
    broker.append("t", 0, [Record::new(compressed)]).unwrap();
    let mut consumer = Consumer::for_topic(&broker.address(), "t").await.unwrap();
    for _ in 0..4 {
        for expected in 1..=20 {
            assert_eq!(sequence(&next(&mut consumer).await.unwrap()), expected);
        }
    }
    let received = next(&mut consumer).await.unwrap();
    match received.message.message {
        Some(Message::Event(event)) => assert_eq!(event.header.unwrap().thread_id, "long".repeat(1_000)),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn reading_begins_where_it_is_asked_to() {
    let broker = started(1).await;
    broker.append("t", 0, records(1..=10)).unwrap();
    for (start, first) in [
        (Start::Earliest, 1),
        (Start::Offset(4), 5),
        (Start::Timestamp(1_008), 8),
        (Start::Latest, 11),
    ] {
        let options = ConsumerOptions {
            start,
            ..options(&broker)
        };
        let mut consumer = Consumer::with_options(options).await.unwrap();
        if start == Start::Latest {
            broker.append("t", 0, records(11..=11)).unwrap();
        }
        assert_eq!(sequence(&next(&mut consumer).await.unwrap()), first, "{start:?}");
    }
}

#[tokio::test]
async fn holes_are_counted_and_told_as_asked() {
    let broker = started(1).await;
    broker.append("t", 0, records(1..=1)).unwrap();
    broker
        .append_aborted_transaction("t", 0, 7, [records(2..=4)])
        .unwrap();
    broker.append_to_transaction("t", 0, 8, records(5..=5)).unwrap();
    broker.end_transaction("t", 0, 8, Marker::Commit).unwrap();
    let gap = BatchBuilder::new()
        .record(record("thread", 6))
        .record_at(3, record("thread", 7));
    broker.append_batch("t", 0, gap).unwrap();

    for tell in [TellHoles::None, TellHoles::Losses, TellHoles::All] {
        let options = ConsumerOptions {
            tell_holes: tell,
            ..options(&broker)
        };
        let mut consumer = Consumer::with_options(options).await.unwrap();
        let (mut sequences, mut told) = (Vec::new(), Vec::new());
        while sequences.last() != Some(&7) {
            match next(&mut consumer).await {
                Ok(received) => sequences.push(sequence(&received)),
                Err(ConsumerError::Hole(Hole { cause, .. })) => told.push(cause),
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(sequences, [1, 5, 6, 7]);
        let counts = *consumer.holes();
        assert_eq!(
            (counts.aborted, counts.control, counts.unexplained, counts.total()),
            (3, 2, 2, 7)
        );
        match tell {
            TellHoles::None => assert!(told.is_empty()),
            TellHoles::Losses => assert_eq!(told, [HoleCause::Unexplained]),
            TellHoles::All => assert!(told.len() >= 3, "{told:?}"),
        }
    }
}

#[tokio::test]
async fn a_topic_that_is_created_anew_is_read_from_its_start() {
    let broker = started(1).await;
    broker.append("t", 0, records(1..=3)).unwrap();
    let mut consumer = Consumer::for_partition(&broker.address(), "t", 0).await.unwrap();
    for expected in 1..=3 {
        assert_eq!(sequence(&next(&mut consumer).await.unwrap()), expected);
    }
    let before = broker.topic_id("t").unwrap().to_string();
    broker.delete_topic("t").unwrap();
    broker.create_topic("t", TopicOptions::partitions(1)).unwrap();
    broker.append("t", 0, records(10..=11)).unwrap();
    for (offset, expected) in (0..).zip(10..=11) {
        let received = next(&mut consumer).await.unwrap();
        assert_eq!((sequence(&received), received.offset), (expected, offset));
        assert_ne!(&*received.incarnation, before);
    }
}

#[tokio::test]
async fn what_does_not_exist_is_told_at_once() {
    let broker = started(2).await;
    let error = Consumer::for_topic(&broker.address(), "nowhere")
        .await
        .unwrap_err();
    assert!(
        matches!(error, ConsumerError::Kafka(KafkaError::UnknownTopic { .. })),
        "{error}"
    );
    for partition in [-1, 2] {
        let error = Consumer::for_partition(&broker.address(), "t", partition)
            .await
            .unwrap_err();
        assert!(
            error.to_string().contains(&format!(
                "topic t partition {partition} does not exist: the topic has 2 partitions"
            )),
            "{error}"
        );
    }
    assert!(Consumer::for_topic("a b", "t").await.is_err());
}

#[tokio::test]
async fn a_partition_that_may_not_be_read_says_so_and_not_that_time_is_over() {
    let broker = started(2).await;
    let rule = FaultRule::new(Fault::Error(ResponseError::TopicAuthorizationFailed));
    broker.add_fault(rule.api(ApiKey::ListOffsets).always());
    let is_refusal = |error: &ConsumerError| {
        let ConsumerError::Partition { source, .. } = error else {
            return false;
        };
        let refused = ResponseError::TopicAuthorizationFailed;
        matches!(source, KafkaError::RefusedPartition { error, .. } if *error == refused)
    };
    let address = broker.address();
    let one = timeout(PATIENCE / 2, Consumer::for_partition(&address, "t", 1));
    let error = one.await.unwrap().unwrap_err();
    assert!(is_refusal(&error), "{error:?}");
    let mut all = options(&broker);
    all.startup_timeout = Duration::from_millis(500);
    let error = Consumer::with_options(all).await.unwrap_err();
    assert!(is_refusal(&error), "{error:?}");
}

#[tokio::test]
async fn the_old_name_reads_as_it_did() {
    let broker = started(1).await;
    broker.append("t", 0, records(1..=1)).unwrap();
    let mut consumer = DashStreamConsumer::new_for_partition(&broker.address(), "t", 0)
        .await
        .unwrap();
    let received = consumer.next_timeout(PATIENCE).await.unwrap().unwrap();
    assert_eq!(sequence(&received), 1);
    assert!(consumer.next_timeout(Duration::from_millis(10)).await.is_none());
}
