//! Order, nothing lost, nothing twice: also when connections break and leaders refuse.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};

use quipu_broker::{ApiKey, DropPoint, Fault, FaultRule, ResponseError};
use quipu_client::Sink as _;
use quipu_client::producer::{OnReport, Pending, Producer, Readers, SendError};

use crate::support::{LONG, TOPIC, broker, event, producer_to, quick, stored_in};

#[tokio::test]
async fn under_faults_each_thread_has_its_messages_once_and_in_order() {
    for fault in [
        Fault::DropConnection(DropPoint::BeforeHandling),
        Fault::DropConnection(DropPoint::BeforeResponse),
        Fault::Error(ResponseError::NotLeaderOrFollower),
        Fault::Error(ResponseError::RequestTimedOut),
        Fault::Error(ResponseError::OutOfOrderSequenceNumber),
    ] {
        let broker = broker(4);
        let producer = producer_to(&broker, quick());
        broker.add_fault(FaultRule::new(fault).api(ApiKey::Produce).times(2));
        let mut pending: Vec<(String, Pending)> = Vec::new();
        for index in 0..900 {
            let thread = format!("thread-{}", index % 9);
            pending.push((thread.clone(), producer.submit(event(&thread)).await.unwrap()));
            if index % 300 == 299 {
                producer.flush(LONG).await.unwrap();
            }
        }
        producer.close(LONG).await.unwrap();
        assert!(!broker.fired_faults().is_empty(), "{fault:?}");
        let stored = stored_in(&broker, TOPIC);
        assert_eq!(stored.len(), 900, "{fault:?}");
        let mut last: HashMap<String, u64> = HashMap::new();
        for record in &stored {
            let sequence = record.header().sequence;
            let before = last.insert(record.key.clone(), sequence).unwrap_or(0);
            assert_eq!(sequence, before + 1, "{fault:?}, {}", record.key);
        }
        // Each was told the place where it is.
        for (index, (thread, pending)) in pending.into_iter().enumerate() {
            let delivery = pending.await.unwrap();
            let record = stored
                .iter()
                .find(|record| {
                    (record.partition, Some(record.offset)) == (delivery.partition, delivery.offset)
                })
                .unwrap();
            assert_eq!(
                (record.key.as_str(), record.header().sequence),
                (thread.as_str(), index as u64 / 9 + 1)
            );
        }
        let counts = producer.counts();
        assert_eq!(
            (counts.messages_sent, counts.send_failures, counts.waiting),
            (900, 0, 0)
        );
        assert!(counts.send_retries > 0, "{fault:?}");
    }
}

#[test]
fn code_that_is_not_asynchronous_sends_and_waits() {
    let broker = broker(3);
    let reports = Arc::new(Mutex::new(Vec::new()));
    let mut options = quick();
    let noted = Arc::clone(&reports);
    options.on_report = Some(OnReport::new(move |report| {
        noted
            .lock()
            .unwrap()
            .push((report.thread.to_owned(), report.sequence, report.outcome.is_ok()));
        assert!(report.sequence != 2, "a panic here does not end the producer");
    }));
    let producer = producer_to(&broker, options);
    let delivery = producer.enqueue(event("a")).unwrap().wait().unwrap();
    assert_eq!(delivery.offset, Some(0));
    // Nobody waits for these two.
    drop(producer.enqueue(event("a")).unwrap());
    producer
        .put(quipu_client::producer::IntoMessage::into_message(event("a")))
        .unwrap();
    producer.flush_blocking(LONG).unwrap();
    assert_eq!(stored_in(&broker, TOPIC).len(), 3);
    let expected: Vec<_> = (1..=3).map(|sequence| ("a".to_owned(), sequence, true)).collect();
    assert_eq!(*reports.lock().unwrap(), expected);
    producer.close_blocking(LONG).unwrap();
    assert!(matches!(producer.enqueue(event("a")), Err(SendError::Closed)));
}

#[tokio::test]
async fn clones_are_one_producer_and_may_send_at_once() {
    let broker = broker(5);
    let producer = producer_to(&broker, quick());
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let producer = producer.clone();
            tokio::spawn(async move {
                for index in 0..100 {
                    producer
                        .submit(event(&format!("thread-{}", index % 3)))
                        .await
                        .unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    producer.flush(LONG).await.unwrap();
    let mut next: HashMap<String, u64> = HashMap::new();
    for record in stored_in(&broker, TOPIC) {
        let next = next.entry(record.key.clone()).or_insert(1);
        assert_eq!(record.header().sequence, *next, "{}", record.key);
        *next += 1;
    }
    let mut counts: Vec<u64> = next.into_values().collect();
    counts.sort_unstable();
    assert_eq!(counts, [265, 265, 273], "8 times 33, 33 and 34, and the next");
}

#[test]
fn who_hears_that_a_message_was_refused_may_send_another_one_of_its_thread() {
    let broker = broker(1);
    let mut options = quick();
    options.readers = Readers::Original;
    let sender: Arc<OnceLock<Producer>> = Arc::default();
    let within = Arc::clone(&sender);
    options.on_report = Some(OnReport::new(move |report| {
        if report.outcome.is_err() {
            drop(within.get().unwrap().enqueue(event(report.thread)).unwrap());
        }
    }));
    let producer = producer_to(&broker, options);
    sender.set(producer.clone()).unwrap();
    let (done, is_done) = std::sync::mpsc::sync_channel(1);
    let other = producer.clone();
    std::thread::spawn(move || {
        let mut large = event("t");
        large.node_id = "x".repeat(1 << 20);
        let _ = done.send(other.enqueue(large).map(drop));
    });
    let refused = is_done.recv_timeout(LONG).unwrap();
    assert!(matches!(refused, Err(SendError::TooLargeForReaders { .. })));
    producer.flush_blocking(LONG).unwrap();
    assert_eq!(stored_in(&broker, TOPIC).len(), 1);
}
