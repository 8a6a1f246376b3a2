//! Letters on their way to a topic of letters, and from there into another store.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use quipu_broker::{Broker, BrokerOptions, DropPoint, Fault, FaultRule, TopicOptions};
use quipu_ingest::dead_letters::{ForwardOptions, LetterChoice, forward, import_kafka};
use quipu_ingest::kafka::address::BrokerAddress;
use quipu_ingest::kafka::batch::OnCorrupt;
use quipu_ingest::kafka::{KafkaOptions, Until};
use quipu_ingest::{
    ForwardCounts, FramesFile, KafkaRunOptions, PipelineOptions, Progress, ProgressCounts, Stop,
    ingest_frames,
};
use quipu_proto::{Policy, Table};

use kafka_protocol::ResponseError;
use kafka_protocol::messages::ApiKey;

use crate::common::{count, fixture, retry_all, rows, snapshot, strict_store, texts, under};

const TOPIC: &str = "dashstream-dlq";

async fn broker(partitions: i32) -> Broker {
    let broker = Broker::start(BrokerOptions::default()).await.unwrap();
    broker
        .create_topic(TOPIC, TopicOptions::partitions(partitions))
        .unwrap();
    broker
}

fn to(broker: &Broker) -> ForwardOptions {
    let brokers = BrokerAddress::parse_list(&broker.address()).unwrap();
    let mut options = ForwardOptions::new(brokers, TOPIC);
    options.connect.connect_timeout = Duration::from_secs(2);
    options.connect.request_timeout = Duration::from_secs(2);
    options
}

/// Takes the faulty frames in under `strict`, with forwarding.
fn ingest_forwarding(store: &Path, forward: ForwardOptions) -> (ProgressCounts, ForwardCounts) {
    let progress = Arc::new(Progress::default());
    let options = PipelineOptions {
        forward: Some(forward),
        ..under(Policy::Strict)
    };
    let files = [FramesFile::new(fixture("faulty.frames"))];
    let counts = ingest_frames(store, &files, options, &Stop::default(), &progress).unwrap();
    (counts, progress.forwarded())
}

fn import(store: &Path, broker: &Broker) -> ProgressCounts {
    let mut source = KafkaOptions::new(BrokerAddress::parse_list(&broker.address()).unwrap());
    source.topics = vec![TOPIC.to_owned()];
    source.until = Until::End;
    let options = KafkaRunOptions {
        source,
        on_corrupt: OnCorrupt::DeadLetter,
        pipeline: PipelineOptions::default(),
    };
    let progress = Arc::new(Progress::default());
    tokio::task::block_in_place(|| import_kafka(store, options, &Stop::default(), &progress, |_| {}).unwrap())
}

fn stored(broker: &Broker, partitions: i32) -> i64 {
    (0..partitions)
        .map(|partition| broker.high_watermark(TOPIC, partition).unwrap())
        .sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_that_were_forwarded_can_be_imported_and_retried_elsewhere() {
    let broker = broker(3).await;
    let folder = tempfile::tempdir().unwrap();
    let (counts, forwarded) = ingest_forwarding(&folder.path().join("one"), to(&broker));
    assert_eq!(counts.dead_letters, 100);
    let expected = ForwardCounts {
        sends: 100,
        ..ForwardCounts::default()
    };
    assert_eq!(forwarded, expected);
    assert_eq!(stored(&broker, 3), 100);
    assert!(
        (0..3).all(|partition| broker.high_watermark(TOPIC, partition).unwrap() > 10),
        "keys spread them"
    );

    let other = folder.path().join("other");
    assert_eq!(import(&other, &broker).dead_letters, 100);
    assert_eq!(import(&other, &broker).records, 0, "taken in twice");
    for batch in rows(&other, Table::DeadLetters) {
        let told = texts(&batch, "error");
        assert!(
            told.iter()
                .all(|error| error.contains("; from faulty/") && error.contains("consumer_id quipu"))
        );
    }
    assert_eq!(retry_all(&other, Policy::Forward).resolved.len(), 36);
    assert_eq!(count(&other, Table::DeadLetterResolutions), 36);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_fails_is_repeated_and_counted() {
    let broker = broker(1).await;
    let produce = |fault| FaultRule::new(fault).api(ApiKey::Produce);
    broker.add_fault(produce(Fault::Error(ResponseError::NotLeaderOrFollower)));
    broker.add_fault(produce(Fault::DropConnection(DropPoint::BeforeHandling)).skip(5));
    let folder = tempfile::tempdir().unwrap();
    let (_, forwarded) = ingest_forwarding(folder.path(), to(&broker));
    assert_eq!((forwarded.sends, forwarded.send_failures), (100, 0));
    assert_eq!((forwarded.send_retries, forwarded.dropped), (2, 0));
    assert_eq!(stored(&broker, 1), 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_that_cannot_be_forwarded_stay_in_the_store_and_can_be_sent_later() {
    let broker = broker(1).await;
    let rule = FaultRule::new(Fault::Error(ResponseError::MessageTooLarge)).api(ApiKey::Produce);
    // Three attempts for each of the first two letters, and as many of all others.
    broker.add_fault(rule.times(6));
    let store = strict_store();
    let progress = Arc::new(Progress::default());
    let (letters, options) = (snapshot(store.path()), to(&broker));
    let counts = tokio::task::block_in_place(|| {
        forward(&letters, &LetterChoice::Unresolved, &options, &progress).unwrap()
    });
    assert_eq!(
        (counts.sends, counts.send_failures, counts.send_retries),
        (98, 2, 6)
    );
    let names = counts.metrics().map(|(name, _)| name);
    assert_eq!(
        names,
        [
            "dashstream_dlq_sends_total",
            "dashstream_dlq_send_failures_total",
            "dashstream_dlq_send_retries_total",
            "dashstream_dlq_dropped_total",
        ]
    );
    assert_eq!(count(store.path(), Table::DeadLetters), 100);
}

#[test]
fn a_broker_that_is_gone_holds_up_neither_the_commits_nor_the_end_for_long() {
    let folder = tempfile::tempdir().unwrap();
    // A port that nobody listens on: one that was ours a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let mut options = ForwardOptions::new(BrokerAddress::parse_list(&port.to_string()).unwrap(), TOPIC);
    options.close_timeout = Duration::from_millis(50);
    let (counts, forwarded) = ingest_forwarding(folder.path(), options);
    assert_eq!(counts.dead_letters, 100);
    assert_eq!(forwarded.sends, 0);
    assert_eq!(forwarded.send_failures + forwarded.dropped, 100);
    assert_eq!(count(folder.path(), Table::DeadLetters), 100);
}
