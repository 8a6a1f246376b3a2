//! When the source says that a partition stands still, and when it does not.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod kafka_support;

use std::time::Duration;

use kafka_support::store::REQUESTS_PER_SECOND_MAX;
use kafka_support::{Run, broker, options, records};
use quipu_broker::{ApiKey, Broker, Fault, FaultRule, FaultScript, HangPoint};
use quipu_ingest::kafka::KafkaOptions;

const TOPIC: &str = "dashstream-events";

/// In place of the 30 s that it is by default; requests are waited for much longer, as they are by default.
const STALL_AFTER: Duration = Duration::from_millis(1_000);

fn watchful(broker: &Broker) -> KafkaOptions {
    let mut options = options(broker, TOPIC);
    options.stall_after = STALL_AFTER;
    options
}

#[tokio::test]
async fn an_idle_partition_that_ends_in_control_batches_raises_no_alarm() {
    let broker = broker(TOPIC, 2).await;
    for partition in 0..2 {
        broker.append(TOPIC, partition, records(0, 2)).unwrap();
        for producer in 7..10 {
            broker
                .append_aborted_transaction(TOPIC, partition, producer, [records(2, 1)])
                .unwrap();
        }
    }
    let mut run = Run::start(watchful(&broker));
    run.until("both ends", |run| {
        run.logs.len() == 2 && run.logs.values().all(|log| log.next == 8)
    })
    .await;
    let before = broker.requests_total();
    run.listen(STALL_AFTER * 2).await;
    assert_eq!((run.stalls.clone(), run.warnings.clone()), (vec![], vec![]));
    let came = broker.requests_total() - before;
    assert!(came <= 2 * REQUESTS_PER_SECOND_MAX, "{came} requests in 2 s");
}

#[tokio::test]
async fn a_hung_partition_raises_an_alarm_whether_or_not_records_are_known_to_wait() {
    for point in [HangPoint::BeforeHandling, HangPoint::MidResponse] {
        for waiting in [0, 5] {
            let broker = broker(TOPIC, 1).await;
            broker.append(TOPIC, 0, records(0, 5)).unwrap();
            if waiting > 0 {
                broker.append(TOPIC, 0, records(5, waiting)).unwrap();
            }
            let hang = FaultRule::new(Fault::Hang(point)).api(ApiKey::Fetch).topic(TOPIC);
            broker.add_fault(hang.offset_from(5).always());
            let mut options = watchful(&broker);
            options.partition_bytes_max = 100;
            let mut run = Run::start(options);
            run.until("the alarm", |run| !run.stalls.is_empty()).await;
            assert_eq!(run.log(0).next, 5);
            let words = if waiting > 0 {
                "although records up to 10 are there"
            } else {
                "has not answered"
            };
            assert!(run.stalls[0].contains(words), "{:?}", run.stalls);
            run.listen(STALL_AFTER * 2).await;
            assert_eq!(run.stalls.len(), 1, "it is told once");
        }
    }
}

#[tokio::test]
async fn a_partition_whose_leader_never_answered_raises_an_alarm() {
    let broker = broker(TOPIC, 1).await;
    let hang = FaultRule::new(Fault::Hang(HangPoint::BeforeHandling));
    broker.add_fault(hang.api(ApiKey::ListOffsets).always());
    let mut run = Run::start(watchful(&broker));
    run.until("the alarm", |run| !run.stalls.is_empty()).await;
    assert!(run.stalls[0].contains("has not answered"), "{:?}", run.stalls);
}

#[tokio::test]
async fn a_broker_that_is_gone_raises_one_alarm_and_one_more_when_it_goes_again() {
    let broker = broker(TOPIC, 1).await;
    let mut run = Run::start(watchful(&broker));
    for round in 1..=2 {
        broker.append(TOPIC, 0, records(round, 1)).unwrap();
        run.until("the record", |run| run.count() == round).await;
        broker.stop().await;
        run.until("the alarm", |run| run.stalls.len() == round).await;
        run.listen(STALL_AFTER * 2).await;
        broker.restart().await.unwrap();
    }
    run.until("the end of the outage", |run| run.count() == 2).await;
    assert_eq!(run.stalls.len(), 2);
}

#[tokio::test]
async fn a_pipeline_that_takes_nothing_is_no_stall_of_any_partition() {
    let broker = broker(TOPIC, 4).await;
    for partition in 0..4 {
        for batch in 0..20 {
            broker.append(TOPIC, partition, records(batch * 5, 5)).unwrap();
        }
    }
    let mut options = watchful(&broker);
    options.partition_bytes_max = 100;
    let mut run = Run::start(options);
    // Nothing is received meanwhile, so that the channel is full.
    tokio::time::sleep(STALL_AFTER * 2).await;
    run.until("all", |run| run.count() == 400).await;
    assert_eq!(run.stalls, Vec::<String>::new());
}

#[tokio::test]
async fn a_partition_that_goes_on_after_an_alarm_is_watched_again() {
    let broker = broker(TOPIC, 1).await;
    broker.append(TOPIC, 0, records(0, 5)).unwrap();
    let mut options = watchful(&broker);
    options.connect.request_timeout = STALL_AFTER * 2;
    let mut run = Run::start(options);
    for round in 1..=2 {
        let hang = FaultRule::new(Fault::Hang(HangPoint::BeforeHandling)).api(ApiKey::Fetch);
        broker.add_fault(hang.always());
        run.until("the alarm", |run| run.stalls.len() == round).await;
        broker.set_faults(FaultScript::default());
        broker.append(TOPIC, 0, records(5 * round, 5)).unwrap();
        run.until("the records", |run| run.count() == 5 * (round + 1))
            .await;
    }
    assert_eq!(run.stalls.len(), 2);
}
