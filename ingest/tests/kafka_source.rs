//! The Kafka source against the test broker: what it reads when all goes well.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod kafka_support;

use std::collections::HashMap;
use std::time::Duration;

use kafka_support::{Run, broker, options, read_to_end, records};
use quipu_broker::{
    BatchBuilder, Broker, BrokerOptions, Compression, Marker, Record, TopicCompression, TopicOptions,
};
use quipu_ingest::kafka::{
    HoleCause, KafkaError, OnOutOfRange, OnUnknownTopic, Reset, StartFrom, StoredPosition, Until,
};
use tokio::time::Instant;

const TOPIC: &str = "dashstream-events";

#[tokio::test]
async fn all_codecs_arrive_as_they_were_sent() {
    let broker = Broker::start(BrokerOptions::default()).await.unwrap();
    for codec in [
        Compression::None,
        Compression::Gzip,
        Compression::Snappy,
        Compression::Lz4,
        Compression::Zstd,
    ] {
        let topic = format!("{codec:?}");
        let compression = TopicOptions::partitions(1).compression(TopicCompression::Codec(codec));
        broker.create_topic(&topic, compression).unwrap();
        for batch in 0..5 {
            broker.append(&topic, 0, records(batch * 20, 20)).unwrap();
        }
        let run = read_to_end(options(&broker, &topic)).await;
        let expected: Vec<(i64, String)> = (0..100)
            .map(|number| (number, format!("value {number}")))
            .collect();
        assert_eq!(run.log(0).values, expected, "{codec:?}");
        assert!(run.log(0).done);
    }
}

#[tokio::test]
async fn many_partitions_are_read_whole_even_with_small_fetches() {
    let broker = broker(TOPIC, 100).await;
    for partition in 0..100 {
        for batch in 0..10 {
            broker.append(TOPIC, partition, records(batch * 7, 7)).unwrap();
        }
    }
    let mut options = options(&broker, TOPIC);
    options.fetch_bytes_max = 2_000;
    options.partition_bytes_max = 100;
    let run = read_to_end(options).await;
    assert_eq!(run.logs.len(), 100);
    for log in run.logs.values() {
        assert_eq!(log.offsets(), (0..70).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_batch_larger_than_the_fetch_sizes_is_read() {
    let broker = broker(TOPIC, 2).await;
    for partition in 0..2 {
        broker.append(TOPIC, partition, records(0, 3)).unwrap();
        broker
            .append(TOPIC, partition, [Record::new(vec![b'x'; 500_000])])
            .unwrap();
        broker.append(TOPIC, partition, records(4, 3)).unwrap();
    }
    let mut options = options(&broker, TOPIC);
    options.partition_bytes_max = 1_000;
    let run = read_to_end(options).await;
    for partition in 0..2 {
        assert_eq!(run.log(partition).offsets(), (0..7).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn records_that_come_while_following_are_read() {
    let broker = broker(TOPIC, 2).await;
    let mut run = Run::start(options(&broker, TOPIC));
    for round in 0..5 {
        for partition in 0..2 {
            broker.append(TOPIC, partition, records(round * 10, 10)).unwrap();
        }
        run.until("the records of the round", |run| run.count() == (round + 1) * 20)
            .await;
    }
}

#[tokio::test]
async fn trailing_control_batches_do_not_keep_a_run_from_its_end() {
    let broker = broker(TOPIC, 1).await;
    broker.append(TOPIC, 0, records(0, 2)).unwrap();
    broker
        .append_aborted_transaction(TOPIC, 0, 7, [records(2, 3), records(5, 1)])
        .unwrap();
    broker
        .append_committed_transaction(TOPIC, 0, 8, [records(6, 2)])
        .unwrap();
    broker
        .append_aborted_transaction(TOPIC, 0, 7, [records(8, 1)])
        .unwrap();
    let run = read_to_end(options(&broker, TOPIC)).await;
    assert_eq!(run.log(0).offsets(), vec![0, 1, 7, 8]);
    let (aborted, control) = (HoleCause::Aborted, HoleCause::Control);
    assert_eq!(
        run.log(0).holes,
        vec![
            (2, 5, aborted),
            (6, 6, control),
            (9, 9, control),
            (10, 10, aborted),
            (11, 11, control)
        ]
    );
    assert_eq!(run.log(0).next, 12);
}

#[tokio::test]
async fn an_open_transaction_is_waited_for_and_is_no_stall() {
    let broker = broker(TOPIC, 1).await;
    broker.append(TOPIC, 0, records(0, 2)).unwrap();
    broker.append_to_transaction(TOPIC, 0, 5, records(2, 2)).unwrap();
    broker.append(TOPIC, 0, records(4, 1)).unwrap();
    let mut options = options(&broker, TOPIC);
    options.stall_after = Duration::from_secs(1);
    let mut run = Run::start(options);
    run.until("what lies before the transaction", |run| run.count() == 2)
        .await;
    run.listen(Duration::from_secs(2)).await;
    broker.end_transaction(TOPIC, 0, 5, Marker::Commit).unwrap();
    run.until("the rest", |run| run.count() == 5).await;
    assert_eq!((run.log(0).offsets(), run.stalls.len()), (vec![0, 1, 2, 3, 4], 0));
}

#[tokio::test]
async fn what_compaction_left_out_is_a_hole() {
    let broker = broker(TOPIC, 1).await;
    let batch = BatchBuilder::new()
        .record_at(1, Record::new("a"))
        .record_at(4, Record::new("b"))
        .last_offset_delta(6);
    broker.append_batch(TOPIC, 0, batch).unwrap();
    broker.skip_offsets(TOPIC, 0, 5).unwrap();
    broker.append(TOPIC, 0, records(0, 1)).unwrap();
    let run = read_to_end(options(&broker, TOPIC)).await;
    assert_eq!(run.log(0).offsets(), vec![1, 4, 12]);
    // The test broker does not say whether the topic is compacted.
    let hole = |first, last| (first, last, HoleCause::Unexplained);
    assert_eq!(run.log(0).holes, vec![hole(0, 0), hole(2, 3), hole(5, 11)]);
}

#[tokio::test]
async fn stored_positions_are_gone_on_from_without_loss_or_repeat() {
    let broker = broker(TOPIC, 3).await;
    for partition in 0..3 {
        broker.append(TOPIC, partition, records(0, 10)).unwrap();
    }
    let first = read_to_end(options(&broker, TOPIC)).await;
    for partition in 0..3 {
        broker.append(TOPIC, partition, records(10, 5)).unwrap();
    }
    let mut options = options(&broker, TOPIC);
    options.until = Until::End;
    let mut second = Run::resume(options, first.positions());
    second.end().await.unwrap();
    assert!(second.incarnations.is_empty());
    for partition in 0..3 {
        assert_eq!(
            (second.log(partition).start, second.log(partition).offsets()),
            (10, (10..15).collect())
        );
    }
}

#[tokio::test]
async fn a_run_begins_and_ends_where_it_is_told() {
    let broker = broker(TOPIC, 1).await;
    broker.append(TOPIC, 0, records(0, 10)).unwrap();
    broker.append(TOPIC, 0, records(10, 10)).unwrap();
    for (from, until, expected) in [
        (StartFrom::Earliest, Until::Offset(3), 0..3),
        (StartFrom::Offset(12), Until::End, 12..20),
        (StartFrom::Offset(5), Until::Offset(15), 5..15),
        (StartFrom::Offset(15), Until::Offset(5), 15..15),
        (StartFrom::Latest, Until::End, 20..20),
        (StartFrom::Timestamp(13), Until::Timestamp(17), 13..17),
        (StartFrom::Timestamp(13), Until::Timestamp(99), 13..20),
        (StartFrom::Timestamp(99), Until::End, 20..20),
        (StartFrom::BeforeEnd(7), Until::End, 13..20),
        (StartFrom::BeforeEnd(0), Until::End, 20..20),
        (StartFrom::BeforeEnd(u64::MAX), Until::End, 0..20),
    ] {
        let mut options = options(&broker, TOPIC);
        (options.from, options.until) = (from, until);
        let mut run = Run::start(options);
        run.end().await.unwrap();
        let log = run.log(0);
        assert_eq!(
            (log.offsets(), log.done),
            (expected.collect(), true),
            "{from:?} {until:?}"
        );
    }
}

#[tokio::test]
async fn without_a_stored_position_the_reset_decides() {
    let broker = broker(TOPIC, 1).await;
    broker.append(TOPIC, 0, records(0, 10)).unwrap();
    let mut options = options(&broker, TOPIC);
    options.reset = Reset::Latest;
    let mut run = Run::start(options);
    run.until("the partition", |run| !run.logs.is_empty()).await;
    broker.append(TOPIC, 0, records(10, 1)).unwrap();
    run.until("the new record", |run| run.count() == 1).await;
    assert_eq!(run.log(0).offsets(), vec![10]);
}

#[tokio::test]
async fn a_start_above_the_end_is_an_error() {
    let broker = broker(TOPIC, 1).await;
    let mut options = options(&broker, TOPIC);
    (options.from, options.until) = (StartFrom::Offset(5), Until::End);
    let mut run = Run::start(options);
    run.end().await.unwrap();
    assert!(
        run.log(0)
            .failed
            .as_ref()
            .unwrap()
            .contains("the start offset 5 lies above the high watermark 0")
    );
}

#[tokio::test]
async fn offsets_that_retention_removed_are_a_hole_or_an_error_and_never_a_silent_jump() {
    let broker = broker(TOPIC, 1).await;
    for batch in 0..4 {
        broker.append(TOPIC, 0, records(batch * 5, 5)).unwrap();
    }
    let mut run = Run::start(options(&broker, TOPIC));
    run.until("all", |run| run.count() == 20).await;
    let log = run.logs.keys().next().unwrap().clone();
    drop(run);
    broker.delete_records_before(TOPIC, 0, 12).unwrap();
    let stored = HashMap::from([(log, StoredPosition::from(4))]);

    let mut hole = options(&broker, TOPIC);
    hole.until = Until::End;
    let mut run = Run::resume(hole.clone(), stored.clone());
    run.end().await.unwrap();
    assert_eq!(run.log(0).holes, vec![(4, 11, HoleCause::Retention)]);
    assert_eq!((run.log(0).start, run.log(0).offsets()), (4, (12..20).collect()));

    hole.on_out_of_range = OnOutOfRange::Stop;
    let mut run = Run::resume(hole, stored);
    run.end().await.unwrap();
    assert!(
        run.log(0)
            .failed
            .as_ref()
            .unwrap()
            .contains("offsets 4 to 11 were removed")
    );
    assert_eq!(run.count(), 0);
}

#[tokio::test]
async fn the_default_topics_that_exist_are_read_and_named() {
    let broker = broker("dashstream-quality", 1).await;
    broker.create_topic(TOPIC, TopicOptions::default()).unwrap();
    broker.append(TOPIC, 0, records(0, 1)).unwrap();
    let mut options = options(&broker, TOPIC);
    options.topics.clear();
    let run = read_to_end(options).await;
    let (found, missing) = run.chosen.clone().unwrap();
    assert_eq!(found, [TOPIC, "dashstream-quality"]);
    assert_eq!(missing, ["dashstream_events"]);
    assert_eq!((run.logs.len(), run.count()), (2, 1));
}

#[tokio::test]
async fn an_unknown_topic_is_an_error_or_waited_for() {
    let broker = broker("other", 1).await;
    let mut options = options(&broker, TOPIC);
    let error = Run::start(options.clone()).end().await.unwrap_err();
    assert!(
        matches!(&error, KafkaError::UnknownTopic { topic, .. } if &**topic == TOPIC),
        "{error}"
    );

    options.topics.clear();
    let error = Run::start(options.clone()).end().await.unwrap_err();
    assert!(matches!(error, KafkaError::NoTopic { .. }), "{error}");

    options.topics = vec![TOPIC.to_owned()];
    options.on_unknown_topic = OnUnknownTopic::Wait;
    let mut run = Run::start(options);
    run.until("a warning", |run| !run.warnings.is_empty()).await;
    broker.create_topic(TOPIC, TopicOptions::default()).unwrap();
    broker.append(TOPIC, 0, records(0, 3)).unwrap();
    run.until("the records", |run| run.count() == 3).await;
}

#[tokio::test]
async fn no_broker_is_an_error_that_names_it() {
    let gone = Broker::start(BrokerOptions::default()).await.unwrap();
    let mut options = options(&gone, TOPIC);
    options.startup_timeout = Duration::from_millis(300);
    let address = gone.address();
    gone.shutdown().await;
    let error = Run::start(options).end().await.unwrap_err();
    assert!(error.to_string().contains(&address), "{error}");
    assert!(error.is_transient());
}

#[tokio::test]
async fn a_run_stops_at_once_in_the_middle_of_a_long_poll() {
    let broker = broker(TOPIC, 1).await;
    let mut options = options(&broker, TOPIC);
    options.fetch_wait = Duration::from_secs(30);
    for by_flag in [true, false] {
        let mut run = Run::start(options.clone());
        run.until("the partition", |run| !run.logs.is_empty()).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        let asked = Instant::now();
        if by_flag {
            run.stop.send(true).unwrap();
        } else {
            run.events.close();
        }
        (&mut run.task).await.unwrap().unwrap();
        assert!(
            asked.elapsed() < Duration::from_millis(500),
            "{:?}",
            asked.elapsed()
        );
    }
}

#[tokio::test]
async fn a_full_channel_holds_the_source_back_and_does_not_keep_it_from_stopping() {
    let broker = broker(TOPIC, 1).await;
    for batch in 0..100 {
        broker.append(TOPIC, 0, records(batch, 1)).unwrap();
    }
    let mut options = options(&broker, TOPIC);
    options.partition_bytes_max = 100;
    options.stall_after = Duration::from_millis(100);
    let run = Run::start(options);
    tokio::time::sleep(Duration::from_millis(500)).await;
    run.stop.send(true).unwrap();
    run.task.await.unwrap().unwrap();
}
