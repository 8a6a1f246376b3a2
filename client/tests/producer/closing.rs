//! Flushing, closing and dropping.

use std::time::Duration;

use quipu_broker::{ApiKey, Fault, FaultRule, FaultScript, HangPoint};
use quipu_client::producer::{CloseError, FlushError, SendError};

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
