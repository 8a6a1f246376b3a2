//! Numbers of threads over restarts.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use quipu_broker::{ApiKey, BrokerThread, Fault, FaultRule, HangPoint, TopicOptions};
use quipu_client::numbering::{LastRecordBounds, LastRecordReader, LastSequence, StartPolicy};
use quipu_client::producer::{Producer, ProducerOptions};
use quipu_kafka::ConnectOptions;
use quipu_kafka::address::BrokerAddress;
use quipu_kafka::produce::Partitioner;

use crate::support::{LONG, TOPIC, broker, event, numbered_event, producer_to, quick, stored_in};

fn numbers(broker: &BrokerThread, thread: &str) -> Vec<u64> {
    stored_in(broker, TOPIC)
        .iter()
        .filter(|record| record.key == thread)
        .map(|record| record.header().sequence)
        .collect()
}

fn from_last_record(bounds: LastRecordBounds) -> ProducerOptions {
    ProducerOptions {
        start: StartPolicy::LastRecord(bounds),
        ..quick()
    }
}

async fn send(producer: &Producer, thread: &str, count: usize) {
    for _ in 0..count {
        producer.submit(event(thread)).await.unwrap();
    }
}

#[tokio::test]
async fn a_fresh_start_opens_a_new_strand_and_says_so() {
    let broker = broker(2);
    for _ in 0..2 {
        let producer = producer_to(&broker, quick());
        send(&producer, "t", 2).await;
        producer.close(LONG).await.unwrap();
        let counts = producer.counts();
        assert_eq!((counts.strands_opened, counts.threads_continued), (1, 0));
    }
    assert_eq!(numbers(&broker, "t"), [1, 2, 1, 2]);
}

#[tokio::test]
async fn the_last_record_is_gone_on_from() {
    let broker = broker(2);
    for run in 0..3 {
        let producer = producer_to(&broker, from_last_record(LastRecordBounds::default()));
        for _ in 0..20 {
            send(&producer, "a", 2).await;
            send(&producer, "b", 1).await;
        }
        producer.close(LONG).await.unwrap();
        let counts = producer.counts();
        let expected = if run == 0 { (2, 0, 0) } else { (0, 2, 0) };
        assert_eq!(
            (
                counts.strands_opened,
                counts.threads_continued,
                counts.numbering_failures
            ),
            expected
        );
    }
    assert_eq!(numbers(&broker, "a"), (1..=120).collect::<Vec<_>>());
    assert_eq!(numbers(&broker, "b"), (1..=60).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_thread_beyond_the_bounds_begins_a_new_strand_openly() {
    let broker = broker(1);
    let producer = producer_to(&broker, quick());
    send(&producer, "old", 3).await;
    send(&producer, "new", 50).await;
    producer.close(LONG).await.unwrap();
    let bounds = LastRecordBounds {
        records: 20,
        ..LastRecordBounds::default()
    };
    let producer = producer_to(&broker, from_last_record(bounds));
    send(&producer, "old", 1).await;
    send(&producer, "new", 1).await;
    producer.close(LONG).await.unwrap();
    assert_eq!(numbers(&broker, "old"), [1, 2, 3, 1]);
    assert_eq!(numbers(&broker, "new").last(), Some(&51));
    let counts = producer.counts();
    assert_eq!((counts.strands_opened, counts.threads_continued), (1, 1));
}

#[tokio::test]
async fn where_the_topic_cannot_be_read_messages_go_out_all_the_same() {
    let broker = broker(1);
    let hang = FaultRule::new(Fault::Hang(HangPoint::BeforeHandling));
    broker.add_fault(hang.api(ApiKey::ListOffsets).always());
    let bounds = LastRecordBounds {
        time: Duration::from_millis(100),
        ..LastRecordBounds::default()
    };
    let producer = producer_to(&broker, from_last_record(bounds));
    send(&producer, "t", 5).await;
    producer.close(LONG).await.unwrap();
    assert_eq!(numbers(&broker, "t"), [1, 2, 3, 4, 5]);
    let counts = producer.counts();
    assert_eq!((counts.strands_opened, counts.numbering_failures), (1, 1));
}

#[tokio::test]
async fn a_forgotten_thread_is_asked_for_anew_and_not_numbered_from_1_in_silence() {
    let broker = broker(1);
    let options = ProducerOptions {
        threads_max: 2,
        ..from_last_record(LastRecordBounds::default())
    };
    let producer = producer_to(&broker, options);
    for round in 0..3 {
        for thread in ["a", "b", "c", "d"] {
            producer.send(event(thread)).await.unwrap();
            assert_eq!(numbers(&broker, thread).last(), Some(&(round + 1)));
        }
    }
    let counts = producer.counts();
    assert_eq!((counts.strands_opened, counts.threads_continued), (4, 8));
}

#[derive(Default)]
struct Store(AtomicU64);

#[async_trait]
impl LastSequence for Store {
    async fn last_sequence(
        &self,
        tenant: &str,
        thread: &str,
    ) -> Result<Option<u64>, Box<dyn Error + Send + Sync>> {
        assert_eq!((tenant, thread), ("default", "t"));
        self.0.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(20)).await;
        Ok(Some(1_000))
    }
}

#[tokio::test]
async fn who_is_asked_is_asked_once_and_messages_keep_their_order_meanwhile() {
    let broker = broker(1);
    let store = Arc::new(Store::default());
    let mut options = quick();
    options.start = StartPolicy::Ask {
        source: Arc::clone(&store) as Arc<dyn LastSequence>,
        time: Duration::from_secs(10),
    };
    let producer = producer_to(&broker, options);
    let mut pending = Vec::new();
    for sequence in [0, 0, 2_000, 0] {
        pending.push(producer.enqueue(numbered_event("t", sequence)).unwrap());
    }
    for pending in pending {
        pending.await.unwrap();
    }
    assert_eq!(numbers(&broker, "t"), [1_001, 1_002, 2_000, 2_001]);
    assert_eq!(store.0.load(Ordering::Relaxed), 1);
    // Closing waits for who is asked.
    let producer = producer_to(&broker, {
        let mut options = quick();
        options.start = StartPolicy::Ask {
            source: store,
            time: Duration::from_secs(10),
        };
        options
    });
    drop(producer.enqueue(event("t")).unwrap());
    producer.close(LONG).await.unwrap();
    assert_eq!(numbers(&broker, "t").last(), Some(&1_001));
}

struct Broken;

#[async_trait]
impl LastSequence for Broken {
    async fn last_sequence(
        &self,
        _: &str,
        thread: &str,
    ) -> Result<Option<u64>, Box<dyn Error + Send + Sync>> {
        match thread {
            "panics" => panic!("as it should"),
            "hangs" => std::future::pending().await,
            _ => Err("it cannot be told".into()),
        }
    }
}

#[tokio::test]
async fn who_fails_when_asked_costs_no_message() {
    let broker = broker(1);
    let mut options = quick();
    options.start = StartPolicy::Ask {
        source: Arc::new(Broken),
        time: Duration::from_millis(50),
    };
    let producer = producer_to(&broker, options);
    let threads = ["panics", "hangs", "fails"];
    for thread in threads {
        send(&producer, thread, 2).await;
    }
    producer.close(LONG).await.unwrap();
    for thread in threads {
        assert_eq!(numbers(&broker, thread), [1, 2], "{thread}");
    }
    assert_eq!(producer.counts().numbering_failures, 3);
}

#[tokio::test]
async fn numbers_of_callers_are_kept_and_gone_on_from() {
    let broker = broker(1);
    let producer = producer_to(&broker, from_last_record(LastRecordBounds::default()));
    for sequence in [10, 0, 5, 0] {
        producer.send(numbered_event("t", sequence)).await.unwrap();
    }
    assert_eq!(numbers(&broker, "t"), [10, 11, 5, 12]);
}

#[tokio::test]
async fn a_topic_that_was_created_anew_has_no_numbers_of_its_life_before() {
    let broker = broker(1);
    let reader = LastRecordReader::new(
        BrokerAddress::parse_list(&broker.address()).unwrap(),
        TOPIC,
        ConnectOptions::default(),
        Partitioner::default(),
        LastRecordBounds::default(),
    );
    let producer = producer_to(&broker, quick());
    send(&producer, "t", 3).await;
    producer.close(LONG).await.unwrap();
    assert_eq!(reader.last_sequence("default", "t").await.unwrap(), Some(3));
    broker.delete_topic(TOPIC).unwrap();
    broker.create_topic(TOPIC, TopicOptions::partitions(1)).unwrap();
    assert_eq!(reader.last_sequence("default", "t").await.unwrap(), None);
}

#[tokio::test]
async fn threads_read_long_ago_are_forgotten() {
    let broker = broker(1);
    let bounds = LastRecordBounds {
        records: 4,
        ..LastRecordBounds::default()
    };
    let reader = LastRecordReader::new(
        BrokerAddress::parse_list(&broker.address()).unwrap(),
        TOPIC,
        ConnectOptions::default(),
        Partitioner::default(),
        bounds,
    );
    let producer = producer_to(&broker, quick());
    for thread in 0..20 {
        producer.send(event(&thread.to_string())).await.unwrap();
        let last = reader.last_sequence("default", &thread.to_string()).await;
        assert_eq!(last.unwrap(), Some(1));
    }
    assert_eq!(reader.last_sequence("default", "19").await.unwrap(), Some(1));
    assert_eq!(reader.last_sequence("default", "0").await.unwrap(), None);
}
