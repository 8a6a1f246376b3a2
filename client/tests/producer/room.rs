//! Bounds of what waits: back-pressure for who waits, a refusal and a gap for who does not.

use std::sync::Arc;

use async_trait::async_trait;
use quipu_broker::{ApiKey, Fault, FaultRule, FaultScript, HangPoint};
use quipu_client::producer::{Admission, IntoMessage as _, Refusal, SendError};
use quipu_client::{Sink as _, SinkError};

use crate::support::{LONG, TOPIC, broker, event, producer_to, quick, stored_in};

#[tokio::test]
async fn who_waits_goes_no_faster_than_the_broker_and_who_does_not_is_refused() {
    let broker = broker(1);
    broker.add_fault(
        FaultRule::new(Fault::Hang(HangPoint::BeforeHandling))
            .api(ApiKey::Produce)
            .always(),
    );
    let mut options = quick();
    options.queue_messages = 3;
    let producer = producer_to(&broker, options);
    for _ in 0..3 {
        drop(producer.enqueue(event("t")).unwrap());
    }
    let error = producer.enqueue(event("t")).unwrap_err();
    assert!(
        matches!(
            error,
            SendError::NoRoom {
                waiting: 3,
                messages_max: 3,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(
        producer.put(event("t").into_message()),
        Err(SinkError::NoRoom { waiting: 3 })
    );
    let waiting = tokio::spawn({
        let producer = producer.clone();
        async move { producer.send(event("t")).await }
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    broker.set_faults(FaultScript::default());
    waiting.await.unwrap().unwrap();
    producer.flush(LONG).await.unwrap();
    let numbers: Vec<u64> = stored_in(&broker, TOPIC)
        .iter()
        .map(|record| record.header().sequence)
        .collect();
    assert_eq!(numbers, [1, 2, 3, 6], "what was not taken shows as a gap");
    let counts = producer.counts();
    assert_eq!((counts.telemetry_dropped, counts.messages_sent), (2, 4));
}

#[tokio::test]
async fn bytes_are_bounded_and_a_message_larger_than_the_room_goes_alone() {
    let broker = broker(1);
    let mut options = quick();
    options.queue_bytes = 2_000;
    options.compression = quipu_proto::framing::Compression::None;
    let producer = producer_to(&broker, options);
    for _ in 0..20 {
        let mut large = event("t");
        large.node_id = "x".repeat(5_000);
        producer.submit(large).await.unwrap();
        producer.submit(event("t")).await.unwrap();
    }
    producer.close(LONG).await.unwrap();
    assert_eq!(stored_in(&broker, TOPIC).len(), 40);
}

#[derive(Debug)]
struct OnlyAcme;

#[async_trait]
impl Admission for OnlyAcme {
    fn try_admit(&self, tenant: &str, messages: u32) -> Result<(), Refusal> {
        if tenant == "acme" && messages == 1 {
            return Ok(());
        }
        Err(Refusal {
            tenant: tenant.to_owned(),
            retry_after: None,
        })
    }
}

#[tokio::test]
async fn a_tenant_that_may_not_send_is_refused_before_it_gets_a_number() {
    let broker = broker(1);
    let mut options = quick();
    options.tenant = "other".to_owned();
    options.admission = Some(Arc::new(OnlyAcme));
    let producer = producer_to(&broker, options);
    let mut of_acme = event("t");
    of_acme.header.as_mut().unwrap().tenant_id = "acme".to_owned();
    let error = producer.send(event("t")).await.unwrap_err();
    assert_eq!(error.to_string(), "Rate limit exceeded for tenant: other");
    assert!(matches!(producer.enqueue(event("t")), Err(SendError::Limited(_))));
    producer.send(of_acme).await.unwrap();
    producer.close(LONG).await.unwrap();
    assert_eq!(stored_in(&broker, TOPIC)[0].header().sequence, 1);
    assert_eq!(producer.counts().messages_refused, 2);
}
