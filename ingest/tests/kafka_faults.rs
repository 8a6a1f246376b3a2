//! The Kafka source against the test broker: what it does when things go wrong.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod kafka_support;

use std::collections::HashMap;
use std::time::Duration;

use kafka_support::{Run, broker, options, records};
use quipu_broker::{ApiKey, Broker, BrokerOptions, DropPoint, Fault, FaultRule, ResponseError, TopicOptions};
use quipu_ingest::kafka::{HoleCause, LogChange, StoredPosition, Until};

const TOPIC: &str = "dashstream-events";

#[tokio::test]
async fn a_broker_restarted_on_its_port_costs_no_record_and_repeats_none() {
    let broker = broker(TOPIC, 4).await;
    let mut run = Run::start(options(&broker, TOPIC));
    for round in 0..3 {
        for partition in 0..4 {
            broker.append(TOPIC, partition, records(round * 10, 10)).unwrap();
        }
        run.until("the records of the round", |run| run.count() == (round + 1) * 40)
            .await;
        broker.stop().await;
        tokio::time::sleep(Duration::from_millis(150)).await;
        broker.restart().await.unwrap();
    }
    for partition in 0..4 {
        assert_eq!(run.log(partition).offsets(), (0..30).collect::<Vec<_>>());
    }
    assert!(!run.warnings.is_empty(), "the interruptions are told");
}

#[tokio::test]
async fn connections_dropped_at_any_point_cost_no_record_and_repeat_none() {
    for point in [
        DropPoint::BeforeHandling,
        DropPoint::BeforeResponse,
        DropPoint::MidResponse,
    ] {
        for api in [
            ApiKey::ApiVersions,
            ApiKey::Metadata,
            ApiKey::ListOffsets,
            ApiKey::Fetch,
        ] {
            let broker = broker(TOPIC, 2).await;
            for partition in 0..2 {
                for batch in 0..10 {
                    broker.append(TOPIC, partition, records(batch * 5, 5)).unwrap();
                }
            }
            broker.add_fault(FaultRule::new(Fault::DropConnection(point)).api(api).times(3));
            let mut options = options(&broker, TOPIC);
            options.until = Until::End;
            options.fetch_bytes_max = 400;
            let mut run = Run::start(options);
            run.end().await.unwrap();
            for partition in 0..2 {
                assert_eq!(
                    run.log(partition).offsets(),
                    (0..50).collect::<Vec<_>>(),
                    "{point:?} {api:?}"
                );
            }
            assert!(!broker.fired_faults().is_empty());
        }
    }
}

#[tokio::test]
async fn errors_that_pass_are_waited_out() {
    for error in [
        ResponseError::NotLeaderOrFollower,
        ResponseError::LeaderNotAvailable,
        ResponseError::FencedLeaderEpoch,
        ResponseError::UnknownLeaderEpoch,
        ResponseError::UnknownTopicOrPartition,
        ResponseError::KafkaStorageError,
        ResponseError::UnknownServerError,
    ] {
        for api in [ApiKey::Fetch, ApiKey::ListOffsets] {
            let broker = broker(TOPIC, 2).await;
            for partition in 0..2 {
                broker.append(TOPIC, partition, records(0, 5)).unwrap();
            }
            broker.add_fault(FaultRule::new(Fault::Error(error)).api(api).topic(TOPIC).times(2));
            let mut options = options(&broker, TOPIC);
            options.until = Until::End;
            let mut run = Run::start(options);
            run.end().await.unwrap();
            assert_eq!(run.count(), 10, "{error} {api:?}");
            assert!(
                run.warnings
                    .iter()
                    .any(|warning| warning.contains(&error.to_string())),
                "{:?}",
                run.warnings
            );
        }
    }
}

#[tokio::test]
async fn an_error_that_does_not_pass_fails_the_partition_alone() {
    let broker = broker(TOPIC, 2).await;
    for partition in 0..2 {
        broker.append(TOPIC, partition, records(0, 5)).unwrap();
    }
    let fault = Fault::Error(ResponseError::TopicAuthorizationFailed);
    broker.add_fault(
        FaultRule::new(fault)
            .api(ApiKey::Fetch)
            .topic(TOPIC)
            .partition(1)
            .always(),
    );
    let mut options = options(&broker, TOPIC);
    options.until = Until::End;
    let mut run = Run::start(options);
    run.end().await.unwrap();
    assert_eq!((run.log(0).done, run.log(0).values.len()), (true, 5));
    assert!(run.log(1).failed.as_ref().unwrap().contains("partition 1"));
}

#[tokio::test]
async fn a_false_out_of_range_moves_nothing() {
    let broker = broker(TOPIC, 1).await;
    for batch in 0..4 {
        broker.append(TOPIC, 0, records(batch * 5, 5)).unwrap();
    }
    let fault = FaultRule::new(Fault::Error(ResponseError::OffsetOutOfRange))
        .api(ApiKey::Fetch)
        .topic(TOPIC);
    broker.add_fault(fault.skip(1).times(2));
    let mut options = options(&broker, TOPIC);
    options.until = Until::End;
    options.partition_bytes_max = 100;
    let mut run = Run::start(options);
    run.end().await.unwrap();
    assert_eq!(
        (run.log(0).offsets(), run.log(0).holes.clone()),
        ((0..20).collect(), vec![])
    );
}

#[tokio::test]
async fn records_removed_while_following_are_a_hole() {
    let broker = broker(TOPIC, 1).await;
    broker.append(TOPIC, 0, records(0, 5)).unwrap();
    let mut run = Run::start(options(&broker, TOPIC));
    run.until("the first", |run| run.count() == 5).await;
    // The source cannot reach the broker while more comes and goes.
    broker.stop().await;
    broker.append(TOPIC, 0, records(5, 5)).unwrap();
    broker.append(TOPIC, 0, records(10, 5)).unwrap();
    broker.delete_records_before(TOPIC, 0, 10).unwrap();
    broker.restart().await.unwrap();
    run.until("the last", |run| run.count() == 10).await;
    assert_eq!(run.log(0).holes, vec![(5, 9, HoleCause::Retention)]);
    assert_eq!(run.log(0).offsets(), vec![0, 1, 2, 3, 4, 10, 11, 12, 13, 14]);
}

#[tokio::test]
async fn a_topic_recreated_while_following_is_a_new_incarnation_read_from_its_start() {
    let broker = broker(TOPIC, 2).await;
    for partition in 0..2 {
        broker.append(TOPIC, partition, records(0, 5)).unwrap();
    }
    let mut run = Run::start(options(&broker, TOPIC));
    run.until("the first life", |run| run.count() == 10).await;
    broker.delete_topic(TOPIC).unwrap();
    broker.create_topic(TOPIC, TopicOptions::partitions(1)).unwrap();
    // More records than the first life had: positions of the old life would point into the new one.
    broker.append(TOPIC, 0, records(100, 20)).unwrap();
    run.until("the second life", |run| run.count() == 30).await;
    let id = broker.topic_id(TOPIC).unwrap().to_string();
    assert_eq!(run.incarnations, vec![(1, id.clone())]);
    let (_, log) = run
        .logs
        .iter()
        .find(|(key, _)| *key.log.incarnation == *id)
        .unwrap();
    assert_eq!((log.start, log.offsets()), (0, (0..20).collect()));
    assert_eq!(run.logs.len(), 3);
}

#[tokio::test]
async fn a_topic_recreated_between_runs_is_a_new_incarnation_read_from_its_start() {
    let broker = broker(TOPIC, 1).await;
    broker.append(TOPIC, 0, records(0, 10)).unwrap();
    let mut options = options(&broker, TOPIC);
    options.until = Until::End;
    let mut first = Run::start(options.clone());
    first.end().await.unwrap();
    broker.delete_topic(TOPIC).unwrap();
    broker.create_topic(TOPIC, TopicOptions::default()).unwrap();
    broker.append(TOPIC, 0, records(50, 12)).unwrap();
    let mut second = Run::resume(options, first.positions());
    second.end().await.unwrap();
    assert_eq!(
        second.incarnations,
        vec![(1, broker.topic_id(TOPIC).unwrap().to_string())]
    );
    assert_eq!((second.log(0).start, second.count()), (0, 12));
}

#[tokio::test]
async fn topics_and_partitions_that_appear_while_following_are_read_from_their_start() {
    let broker = broker("dashstream_events", 1).await;
    let mut options = options(&broker, TOPIC);
    options.topics.clear();
    options.from = quipu_ingest::kafka::StartFrom::Latest;
    let mut run = Run::start(options);
    run.until("the first topic", |run| run.logs.len() == 1).await;
    broker.create_topic(TOPIC, TopicOptions::partitions(2)).unwrap();
    broker.append(TOPIC, 1, records(0, 5)).unwrap();
    run.until("the new topic", |run| run.logs.len() == 3 && run.count() == 5)
        .await;
}

#[tokio::test]
async fn a_log_that_ends_before_the_position_is_read_from_its_start_in_another_life() {
    let broker = broker(TOPIC, 1).await;
    broker.append(TOPIC, 0, records(0, 10)).unwrap();
    let mut options = options(&broker, TOPIC);
    options.until = Until::End;
    let mut first = Run::start(options.clone());
    first.end().await.unwrap();
    let log = first.logs.keys().next().unwrap().clone();
    // Found again before anything was committed, it has the same name.
    for _ in 0..2 {
        let stored = HashMap::from([(log.clone(), StoredPosition::from(50))]);
        let mut second = Run::resume(options.clone(), stored);
        second.end().await.unwrap();
        let next = format!("{}#1", log.log.incarnation);
        assert_eq!(second.changes, vec![(next.clone(), LogChange::Replaced)]);
        let (life, read) = second.logs.iter().next().unwrap();
        assert_eq!(
            (&*life.log.incarnation, read.start, read.offsets()),
            (&*next, 0, (0..10).collect())
        );
    }
}

#[tokio::test]
async fn a_new_leader_epoch_is_followed() {
    let broker = broker(TOPIC, 1).await;
    let mut run = Run::start(options(&broker, TOPIC));
    for round in 0..3 {
        broker.append(TOPIC, 0, records(round * 5, 5)).unwrap();
        run.until("the round", |run| run.count() == (round + 1) * 5).await;
        broker.advance_leader_epoch(TOPIC, 0).unwrap();
    }
    broker.append(TOPIC, 0, records(15, 5)).unwrap();
    run.until("the last epoch", |run| run.count() == 20).await;
    assert_eq!(run.log(0).offsets(), (0..20).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_corrupt_batch_is_handed_on_and_what_follows_is_read() {
    let broker = broker(TOPIC, 1).await;
    broker.append(TOPIC, 0, records(0, 2)).unwrap();
    let mut bad = quipu_broker::BatchBuilder::new()
        .records(records(2, 3))
        .build()
        .unwrap()
        .to_vec();
    let last = bad.len() - 1;
    bad[last] ^= 1;
    broker
        .append_raw_batch(TOPIC, 0, bad.into(), 3, quipu_broker::RawBaseOffset::Assigned)
        .unwrap();
    broker.append(TOPIC, 0, records(5, 2)).unwrap();
    let mut options = options(&broker, TOPIC);
    options.until = Until::End;
    let mut run = Run::start(options);
    run.end().await.unwrap();
    assert_eq!(
        (run.log(0).offsets(), run.log(0).corrupt.clone()),
        (vec![0, 1, 5, 6], vec![(2, 4)])
    );
}

#[tokio::test]
async fn bytes_that_are_no_batch_fail_the_partition_after_what_lies_before_them() {
    let broker = broker(TOPIC, 1).await;
    broker.append(TOPIC, 0, records(0, 2)).unwrap();
    broker
        .append_raw_batch(
            TOPIC,
            0,
            vec![0xa5; 200].into(),
            3,
            quipu_broker::RawBaseOffset::AsGiven,
        )
        .unwrap();
    let mut options = options(&broker, TOPIC);
    options.until = Until::End;
    let mut run = Run::start(options);
    run.end().await.unwrap();
    assert_eq!(run.log(0).offsets(), vec![0, 1]);
    assert!(
        run.log(0).failed.as_ref().unwrap().contains("unknown format"),
        "{:?}",
        run.log(0).failed
    );
}

#[tokio::test]
async fn a_partition_that_does_not_move_is_told_once() {
    let broker = broker(TOPIC, 1).await;
    broker.append(TOPIC, 0, records(0, 5)).unwrap();
    broker.append(TOPIC, 0, records(5, 5)).unwrap();
    let fault = FaultRule::new(Fault::Error(ResponseError::KafkaStorageError))
        .api(ApiKey::Fetch)
        .topic(TOPIC);
    broker.add_fault(fault.offset_from(5).always());
    let mut options = options(&broker, TOPIC);
    options.partition_bytes_max = 100;
    options.stall_after = Duration::from_millis(300);
    let mut run = Run::start(options);
    run.until("a stall", |run| run.stalls.len() == 1).await;
    assert_eq!(run.log(0).next, 5);
    broker.set_faults(quipu_broker::FaultScript::default());
    run.until("the rest", |run| run.count() == 10).await;
    assert_eq!(run.stalls.len(), 1);
}

#[tokio::test]
async fn a_stored_epoch_that_ended_before_the_position_tells_where_the_log_was_cut() {
    let broker = broker(TOPIC, 1).await;
    broker.append(TOPIC, 0, records(0, 10)).unwrap();
    broker.advance_leader_epoch(TOPIC, 0).unwrap();
    broker.append(TOPIC, 0, records(10, 10)).unwrap();
    let mut options = options(&broker, TOPIC);
    options.until = Until::End;
    let mut first = Run::start(options.clone());
    first.end().await.unwrap();
    let log = first.logs.keys().next().unwrap().clone();
    // Epoch 0 ended at 10: who had read up to 10 in it goes on, who had read up to 15 in it read another log.
    for (next_offset, cut) in [(10, false), (15, true)] {
        let stored = StoredPosition {
            leader_epoch: 0,
            ..StoredPosition::from(next_offset)
        };
        let mut run = Run::resume(options.clone(), HashMap::from([(log.clone(), stored)]));
        run.end().await.unwrap();
        assert_eq!(run.log(0).offsets(), (10..20).collect::<Vec<_>>());
        let changes = run.changes.iter().map(|(_, change)| *change).collect::<Vec<_>>();
        assert_eq!(
            changes,
            if cut {
                vec![LogChange::Truncated { at: 10 }]
            } else {
                vec![]
            }
        );
    }
}

#[tokio::test]
async fn partitions_that_move_between_nodes_lose_and_repeat_nothing() {
    let cluster = BrokerOptions {
        nodes: 3,
        ..BrokerOptions::default()
    };
    let broker = Broker::start(cluster).await.unwrap();
    broker.create_topic(TOPIC, TopicOptions::partitions(4)).unwrap();
    let mut run = Run::start(options(&broker, TOPIC));
    for round in 0..6 {
        for partition in 0..4 {
            broker.append(TOPIC, partition, records(round * 5, 5)).unwrap();
            let node = 1 + (partition + round as i32) % 3;
            broker.elect(TOPIC, partition, node).unwrap();
        }
        run.until("the records of the round", |run| run.count() == (round + 1) * 20)
            .await;
    }
    for partition in 0..4 {
        let log = run.log(partition);
        assert_eq!((log.offsets(), &log.holes), ((0..30).collect(), &vec![]));
    }
    assert_eq!(run.changes, vec![]);
}

#[tokio::test]
async fn a_broker_that_says_of_every_log_that_it_is_another_one_is_not_believed_at_full_speed() {
    let broker = broker(TOPIC, 1).await;
    broker.append(TOPIC, 0, records(0, 3)).unwrap();
    let mut run = Run::start(options(&broker, TOPIC));
    run.until("the first life", |run| run.count() == 3).await;
    // An election at each turn that leaves nothing of what was read.
    let began = tokio::time::Instant::now();
    for turn in 2..6 {
        broker.elect_unclean(TOPIC, 0, 1, 0).unwrap();
        broker.append(TOPIC, 0, records(0, 3)).unwrap();
        run.until("the next life", |run| run.count() == 3 * turn).await;
    }
    // It waited a little longer each time: 0, 75, 150 and 300 ms at least.
    assert!(
        began.elapsed() > Duration::from_millis(500),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(run.changes.len(), 4);
}

#[tokio::test]
async fn a_batch_that_claims_offsets_above_the_high_watermark_fails_the_partition() {
    let broker = broker(TOPIC, 1).await;
    broker.append(TOPIC, 0, records(0, 2)).unwrap();
    let mut batch = quipu_broker::BatchBuilder::new()
        .records(records(2, 3))
        .build()
        .unwrap()
        .to_vec();
    batch[..8].copy_from_slice(&1_000_i64.to_be_bytes());
    broker
        .append_raw_batch(TOPIC, 0, batch.into(), 3, quipu_broker::RawBaseOffset::AsGiven)
        .unwrap();
    let mut options = options(&broker, TOPIC);
    options.until = Until::End;
    let mut run = Run::start(options);
    run.end().await.unwrap();
    assert_eq!(run.log(0).offsets(), vec![0, 1]);
    assert!(
        run.log(0)
            .failed
            .as_ref()
            .unwrap()
            .contains("above the high watermark 5"),
        "{:?}",
        run.log(0).failed
    );
}

#[tokio::test]
async fn a_batch_longer_than_all_that_the_broker_has_fails_its_partition_alone() {
    let broker = broker(TOPIC, 3).await;
    let mut batch = quipu_broker::BatchBuilder::new()
        .records(records(0, 3))
        .build()
        .unwrap()
        .to_vec();
    batch[8..12].copy_from_slice(&i32::MAX.to_be_bytes());
    broker
        .append_raw_batch(TOPIC, 1, batch.into(), 3, quipu_broker::RawBaseOffset::AsGiven)
        .unwrap();
    let mut run = Run::start(options(&broker, TOPIC));
    for round in 0..10 {
        for partition in [0, 2] {
            broker.append(TOPIC, partition, records(round * 5, 5)).unwrap();
        }
        run.until("the other partitions", |run| run.count() == (round + 1) * 10)
            .await;
    }
    run.until("the failure", |run| run.log(1).failed.is_some()).await;
    assert!(
        run.log(1).failed.as_ref().unwrap().contains("length field"),
        "{:?}",
        run.log(1).failed
    );
}

#[tokio::test]
async fn a_damaged_batch_behind_the_end_does_not_matter() {
    let broker = broker(TOPIC, 1).await;
    broker.append(TOPIC, 0, records(0, 5)).unwrap();
    broker
        .append_raw_batch(
            TOPIC,
            0,
            vec![0xa5; 200].into(),
            3,
            quipu_broker::RawBaseOffset::AsGiven,
        )
        .unwrap();
    let mut options = options(&broker, TOPIC);
    options.until = Until::Offset(4);
    let mut run = Run::start(options);
    run.end().await.unwrap();
    assert_eq!((run.log(0).offsets(), run.log(0).done), (vec![0, 1, 2, 3], true));
}
