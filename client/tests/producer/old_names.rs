//! The producer by its old name, with limits, and by the environment. The samples of the README that use it are among the
//! samples of the whole workspace.

use std::time::Duration;

use quipu_broker::BrokerThread;
use quipu_client::producer::{
    DashStreamProducer, EventBatchBuilder, IntoMessage as _, Producer, ProducerError, SendError,
};
use quipu_client::rate_limiter::{RateLimit, RateLimitError};
use quipu_client::{Event, Sink as _, SinkError};
use quipu_kafka::KafkaError;

use crate::support::{LONG, TOPIC, broker, event, stored_in};

/// An event of a tenant.
fn create_event(tenant: &str) -> Event {
    let mut event = event("session-123");
    event.header.as_mut().unwrap().tenant_id = tenant.to_owned();
    event
}

async fn limited(broker: &BrokerThread, burst_capacity: u32) -> DashStreamProducer {
    let limit = RateLimit {
        messages_per_second: 0.0,
        burst_capacity,
    };
    DashStreamProducer::new_with_rate_limiting(&broker.address(), TOPIC, limit, None)
        .await
        .unwrap()
}

#[tokio::test]
async fn each_tenant_of_a_message_has_a_limit_of_its_own() {
    let broker = broker(1);
    let producer = limited(&broker, 2).await;
    for tenant in ["acme", "", "globex"] {
        for _ in 0..2 {
            producer.send_event(create_event(tenant)).await.unwrap();
        }
        let error = producer.send_event(create_event(tenant)).await.unwrap_err();
        // Messages that name no tenant are the producer's.
        let tenant = if tenant.is_empty() { "default" } else { tenant };
        assert_eq!(
            error.to_string(),
            format!("Rate limit exceeded for tenant: {tenant}")
        );
        assert!(matches!(error, SendError::Limited(refusal) if refusal.tenant == tenant));
    }
    assert!(producer.send_event(create_event("default")).await.is_err());
    assert_eq!(producer.counts().messages_refused, 4);
    assert_eq!(stored_in(&broker, TOPIC).len(), 6);
}

#[tokio::test]
async fn batches_cost_their_events_and_what_cannot_wait_is_limited_too() {
    let broker = broker(1);
    let producer = limited(&broker, 5).await;
    let batch = |events: usize| {
        let mut builder = EventBatchBuilder::new("acme", "t");
        (0..events).for_each(|_| builder.push(create_event("other")));
        builder.take().unwrap()
    };
    producer.send_event_batch(batch(4)).await.unwrap();
    let error = producer.send_event_batch(batch(2)).await.unwrap_err();
    assert_eq!(error.to_string(), "Rate limit exceeded for tenant: acme");
    producer.put(create_event("acme").into_message()).unwrap();
    assert_eq!(
        producer.put(create_event("acme").into_message()),
        Err(SinkError::Refused(
            "Rate limit exceeded for tenant: acme".to_owned()
        ))
    );
    assert!(producer.enqueue(create_event("acme")).is_err());
    producer.close(LONG).await.unwrap();
    assert_eq!(stored_in(&broker, TOPIC).len(), 2);
}

#[tokio::test]
async fn a_message_that_is_limited_and_not_waited_for_leaves_a_gap() {
    let broker = broker(1);
    let limit = RateLimit {
        messages_per_second: 1.0,
        burst_capacity: 1,
    };
    let producer = DashStreamProducer::new_with_rate_limiting(&broker.address(), TOPIC, limit, None)
        .await
        .unwrap();
    producer.enqueue(create_event("acme")).unwrap().await.unwrap();
    assert!(producer.put(create_event("acme").into_message()).is_err());
    // Whoever waits for the outcome still has the message, so that its number is another's.
    assert!(producer.send(create_event("acme")).await.is_err());
    loop {
        match producer.send(create_event("acme")).await {
            Ok(_) => break,
            Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
    producer.close(LONG).await.unwrap();
    let numbers = stored_in(&broker, TOPIC);
    let numbers: Vec<u64> = numbers.iter().map(|stored| stored.header().sequence).collect();
    assert_eq!(numbers, [1, 3], "the one that was put is missing");
}

#[tokio::test]
async fn a_limiter_that_cannot_be_had_is_an_error_that_keeps_the_password() {
    let broker = broker(1);
    let limit = RateLimit {
        messages_per_second: 1.0,
        burst_capacity: 1,
    };
    let url = Some("redis//me:hidden@host");
    let error = DashStreamProducer::new_with_rate_limiting(&broker.address(), TOPIC, limit, url)
        .await
        .unwrap_err();
    assert!(matches!(
        error,
        ProducerError::RateLimit(RateLimitError::Url { .. })
    ));
    assert!(!format!("{error} {error:?}").contains("hidden"), "{error}");
}

#[tokio::test]
async fn the_environment_names_brokers_topic_and_tenant() {
    let broker = broker(1);
    let address = broker.address();
    let env = |tenant: &'static str| {
        let address = address.clone();
        move |name: &str| match name {
            "KAFKA_BROKERS" => Some(address.clone()),
            "KAFKA_TOPIC" => Some(TOPIC.to_owned()),
            "KAFKA_TENANT_ID" => Some(tenant.to_owned()),
            _ => None,
        }
    };
    let producer = Producer::from_lookup(env("acme")).unwrap();
    producer.send(event("t")).await.unwrap();
    assert_eq!(stored_in(&broker, TOPIC)[0].header().tenant_id, "acme");
    assert!(matches!(
        Producer::from_lookup(env(" ")),
        Err(ProducerError::Kafka(KafkaError::Setting {
            setting: "KAFKA_TENANT_ID",
            ..
        }))
    ));
    assert_eq!(
        Producer::from_lookup(|_| None).unwrap().topic(),
        "dashstream-events"
    );
}
