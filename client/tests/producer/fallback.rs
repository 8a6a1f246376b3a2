//! Where messages go that cannot be delivered.

use std::path::Path;
use std::time::Duration;

use prost::Message as _;
use quipu_broker::{ApiKey, Fault, FaultRule, ResponseError, TopicOptions};
use quipu_client::producer::{
    Fallback, FallbackFile, FallbackTopic, Kept, Producer, ProducerOptions, SendError,
};
use quipu_client::{DashStreamMessage, dash_stream_message::Message};
use quipu_kafka::address::BrokerAddress;
use quipu_proto::Policy;
use quipu_proto::frames::FramesReader;
use quipu_proto::framing::unframe;

use crate::support::{LONG, TOPIC, broker, event, producer_to, quick, stored_in};

/// Threads and numbers in a frames file, in order.
fn in_file(path: &Path) -> Vec<(String, u64)> {
    let bytes = std::fs::read(path).unwrap();
    FramesReader::new(&bytes)
        .map(|frame| {
            let frame = frame.unwrap();
            let mut expanded = Vec::new();
            let bytes = unframe(frame.payload, Policy::Strict, &mut expanded).unwrap();
            let Some(Message::Event(event)) = DashStreamMessage::decode(bytes).unwrap().message else {
                panic!("another kind")
            };
            let header = event.header.unwrap();
            assert_eq!(header.thread_id.as_bytes(), frame.key);
            (header.thread_id, header.sequence)
        })
        .collect()
}

fn impatient(fallback: Fallback) -> ProducerOptions {
    let mut options = quick();
    options.produce.delivery_timeout = Duration::from_millis(300);
    options.fallback = fallback;
    options
}

fn quick_topic() -> FallbackTopic {
    FallbackTopic {
        attempts_max: 2,
        attempt_timeout: Duration::from_millis(500),
        ..FallbackTopic::default()
    }
}

#[tokio::test]
async fn the_file_takes_what_a_broker_that_is_gone_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kept.frames");
    let gone = BrokerAddress::parse_list("127.0.0.1:1").unwrap();
    let options = impatient(Fallback::File(FallbackFile::new(&path)));
    let producer = Producer::with_options(gone.clone(), TOPIC, options).unwrap();
    let mut pending = Vec::new();
    for index in 0..10 {
        pending.push(
            producer
                .submit(event(if index % 2 == 0 { "a" } else { "b" }))
                .await
                .unwrap(),
        );
    }
    for pending in pending {
        let SendError::Undelivered { error, kept } = pending.await.unwrap_err() else {
            panic!("another error")
        };
        assert_eq!(kept, Kept::InFile);
        assert!(error.to_string().contains("127.0.0.1:1"), "{error}");
    }
    let expected: Vec<_> = (1..=5)
        .flat_map(|number| [("a".to_owned(), number), ("b".to_owned(), number)])
        .collect();
    assert_eq!(in_file(&path), expected);
    let counts = producer.counts();
    assert_eq!(
        (
            counts.send_failures,
            counts.fallback_file_writes,
            counts.dlq_dropped,
            counts.waiting
        ),
        (10, 10, 0, 0)
    );
    producer.close(LONG).await.unwrap();

    // A second one, whose letters would go to a topic first, goes on with the file.
    let options = impatient(Fallback::TopicThenFile(quick_topic(), FallbackFile::new(&path)));
    let producer = Producer::with_options(gone, TOPIC, options).unwrap();
    producer.send(event("c")).await.unwrap_err();
    assert_eq!(in_file(&path).last(), Some(&("c".to_owned(), 1)));
    assert!(producer.counts().dlq_send_failures > 0);
}

#[tokio::test]
async fn a_letter_tells_what_readers_of_letters_know() {
    let broker = broker(1);
    broker
        .create_topic("dashstream-dlq", TopicOptions::partitions(1))
        .unwrap();
    let refuse = FaultRule::new(Fault::Error(ResponseError::TopicAuthorizationFailed));
    broker.add_fault(refuse.api(ApiKey::Produce).topic(TOPIC));
    let mut options = quick();
    options.tenant = "acme".to_owned();
    options.fallback = Fallback::Topic(quick_topic());
    let producer = producer_to(&broker, options);
    let SendError::Undelivered { kept, .. } = producer.send(event("thread-1")).await.unwrap_err() else {
        panic!("another error")
    };
    assert_eq!(kept, Kept::InTopic("dashstream-dlq".into()));
    let letters = stored_in(&broker, "dashstream-dlq");
    assert_eq!(letters.len(), 1);
    let letter: serde_json::Value = serde_json::from_slice(&letters[0].value).unwrap();
    for (field, expected) in [
        ("source_topic", TOPIC.into()),
        ("source_partition", (-1).into()),
        ("source_offset", (-1).into()),
        ("consumer_id", "producer:acme".into()),
        ("thread_id", "thread-1".into()),
        ("tenant_id", "acme".into()),
        ("error_type", "kafka_send_error".into()),
        ("trace_id", letters[0].key.as_str().into()),
    ] {
        let expected: serde_json::Value = expected;
        assert_eq!(letter[field], expected, "{field}");
    }
    assert!(letter["error"].as_str().unwrap().contains("refused"));
    assert!(stored_in(&broker, TOPIC).is_empty());
    assert_eq!(producer.counts().dlq_sends, 1);
}

#[tokio::test]
async fn what_no_fallback_takes_is_counted_and_told_as_lost() {
    let broker = broker(1);
    let refuse = FaultRule::new(Fault::Error(ResponseError::TopicAuthorizationFailed));
    broker.add_fault(refuse.api(ApiKey::Produce).always());
    // The topic of letters does not exist.
    let mut options = quick();
    options.fallback = Fallback::Topic(quick_topic());
    let producer = producer_to(&broker, options);
    for _ in 0..2 {
        let SendError::Undelivered { kept, .. } = producer.send(event("t")).await.unwrap_err() else {
            panic!("another error")
        };
        let Kept::Nowhere(why) = kept else {
            panic!("{kept:?}")
        };
        assert!(why.contains("dashstream-dlq"), "{why}");
    }
    let counts = producer.counts();
    assert_eq!((counts.dlq_send_failures, counts.dlq_dropped), (2, 2));
    assert_eq!(
        counts.dlq_send_retries, 1,
        "after the first letter the topic is left alone for a while"
    );
}

#[tokio::test]
async fn closing_hands_to_the_fallback_what_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kept.frames");
    let mut options = quick();
    options.fallback = Fallback::File(FallbackFile::new(&path));
    let gone = BrokerAddress::parse_list("127.0.0.1:1").unwrap();
    let producer = Producer::with_options(gone, TOPIC, options).unwrap();
    for _ in 0..100 {
        producer.submit(event("t")).await.unwrap();
    }
    let error = producer.close(Duration::from_millis(100)).await.unwrap_err();
    assert_eq!((error.undelivered, error.kept), (100, 100));
    assert_eq!(in_file(&path).len(), 100);
}

#[test]
fn a_file_that_cannot_be_used_is_told_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = quick();
    options.fallback = Fallback::File(FallbackFile::new(folder.path().join("missing/kept.frames")));
    let brokers = BrokerAddress::parse_list("127.0.0.1:1").unwrap();
    let error = Producer::with_options(brokers, TOPIC, options).unwrap_err();
    assert!(error.to_string().contains("missing/kept.frames"), "{error}");
}
