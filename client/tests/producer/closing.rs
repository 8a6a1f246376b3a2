//! Flushing, closing and dropping.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use quipu_broker::{ApiKey, Fault, FaultRule, FaultScript, HangPoint};
use quipu_client::numbering::{LastSequence, StartPolicy};
use quipu_client::producer::{
    CloseError, EventBatchBuilder, Fallback, FallbackFile, FlushError, Kept, Producer, ProducerOptions,
    SendError,
};
use quipu_kafka::address::BrokerAddress;
use quipu_proto::frames::FramesReader;

use crate::support::{LONG, TOPIC, broker, event, producer_to, quick, stored_in};

#[tokio::test]
async fn a_flush_that_takes_too_long_says_what_is_left_and_loses_nothing() {
    let broker = broker(1);
    let hang = FaultRule::new(Fault::Hang(HangPoint::BeforeHandling));
    broker.add_fault(hang.api(ApiKey::Produce).always());
    let producer = producer_to(&broker, quick());
    drop(producer.enqueue(event("t")).unwrap());
    let limit = Duration::from_millis(20);
    assert_eq!(producer.flush(limit).await, Err(FlushError { left: 1, limit }));
    broker.set_faults(FaultScript::default());
    producer.flush(LONG).await.unwrap();
    assert_eq!(stored_in(&broker, TOPIC).len(), 1);
}

#[tokio::test]
async fn a_flush_does_not_let_messages_linger_and_ends_under_load() {
    let broker = broker(1);
    let mut options = quick();
    options.produce.linger = Duration::from_secs(3_600);
    options.produce.delivery_timeout = Duration::from_secs(7_200);
    let producer = producer_to(&broker, options);
    producer.flush(LONG).await.unwrap();
    let early = producer.enqueue(event("t")).unwrap();
    let mut flush = Box::pin(producer.flush(LONG));
    // More comes while the flush waits; it does not wait for that.
    std::future::poll_fn(|context| {
        let _ = flush.as_mut().poll(context);
        std::task::Poll::Ready(())
    })
    .await;
    let late = producer.enqueue(event("t")).unwrap();
    flush.await.unwrap();
    early.await.unwrap();
    drop(late);
    producer.close(LONG).await.unwrap();
    assert_eq!(stored_in(&broker, TOPIC).len(), 2);
}

#[tokio::test]
async fn after_closing_each_message_has_its_outcome() {
    let broker = broker(1);
    let producer = producer_to(&broker, quick());
    producer.send(event("t")).await.unwrap();
    let hang = FaultRule::new(Fault::Hang(HangPoint::BeforeHandling));
    broker.add_fault(hang.api(ApiKey::Produce).always());
    let pending = producer.enqueue(event("t")).unwrap();
    let closed = producer.close(Duration::from_millis(100)).await;
    assert_eq!(
        closed,
        Err(CloseError {
            undelivered: 1,
            kept: 0
        })
    );
    let error = pending.await.unwrap_err();
    assert!(error.to_string().contains("was closed before"), "{error}");
    assert!(error.to_string().contains("has no fallback"), "{error}");
    assert!(matches!(producer.send(event("t")).await, Err(SendError::Closed)));
    // Once more is no harm.
    producer.close(Duration::from_millis(100)).await.unwrap();
    producer.flush(LONG).await.unwrap();
}

#[tokio::test]
async fn dropping_the_last_clone_sends_what_waits_in_the_background() {
    let broker = broker(2);
    let mut options = quick();
    options.produce.linger = Duration::from_secs(3_600);
    options.produce.delivery_timeout = Duration::from_secs(7_200);
    let producer = producer_to(&broker, options);
    let other = producer.clone();
    let mut pending = Vec::new();
    for index in 0..50 {
        pending.push(other.enqueue(event(&format!("thread-{index}"))).unwrap());
    }
    drop(other);
    // The other clone is as good as before.
    pending.push(producer.enqueue(event("t")).unwrap());
    drop(producer);
    for pending in pending {
        pending.await.unwrap();
    }
    assert_eq!(stored_in(&broker, TOPIC).len(), 51);
}

#[derive(Debug)]
struct Silent;

#[async_trait]
impl LastSequence for Silent {
    async fn last_sequence(&self, _: &str, _: &str) -> Result<Option<u64>, Box<dyn Error + Send + Sync>> {
        std::future::pending().await
    }
}

/// Whoever is asked for the first number of a thread never answers.
fn with_silent_start() -> ProducerOptions {
    ProducerOptions {
        start: StartPolicy::Ask {
            source: Arc::new(Silent),
            time: Duration::from_secs(3_600),
        },
        ..quick()
    }
}

#[tokio::test]
async fn closing_keeps_messages_whose_number_was_still_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kept.frames");
    let gone = BrokerAddress::parse_list("127.0.0.1:1").unwrap();
    let options = ProducerOptions {
        fallback: Fallback::File(FallbackFile::new(&path)),
        ..with_silent_start()
    };
    let producer = Producer::with_options(gone, TOPIC, options).unwrap();
    let mut pending = Vec::new();
    for thread in ["a", "b", "a"] {
        pending.push(producer.enqueue(event(thread)).unwrap());
    }
    // Of both threads, so that it waits for one and then for the other.
    let mut batch = EventBatchBuilder::new("", "a");
    batch.push(event("a"));
    batch.push(event("b"));
    pending.push(producer.enqueue(batch.take().unwrap()).unwrap());
    let error = producer.close(Duration::from_millis(50)).await.unwrap_err();
    assert_eq!((error.undelivered, error.kept), (4, 4));
    for pending in pending {
        let SendError::Undelivered { kept, .. } = pending.await.unwrap_err() else {
            panic!("another error")
        };
        assert_eq!(kept, Kept::InFile);
    }
    assert_eq!(FramesReader::new(&std::fs::read(&path).unwrap()).count(), 4);
    assert_eq!(producer.counts().numbering_failures, 2);
}

#[tokio::test]
async fn a_close_without_end_waits_for_all_there_is() {
    let broker = broker(1);
    let producer = producer_to(&broker, quick());
    let pending = producer.enqueue(event("t")).unwrap();
    producer.close(Duration::MAX).await.unwrap();
    pending.await.unwrap();
}
