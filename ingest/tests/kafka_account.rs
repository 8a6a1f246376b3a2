//! From the test broker into a store: every offset is rows, a dead letter, or a hole with the right cause, and exactly
//! one of these, whatever the log looks like and whatever happens on the way.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod kafka_support;

use std::time::Duration;

use kafka_support::store::{
    Account, Ingester, REQUESTS_PER_SECOND_MAX, TOPIC, assert_calm, broker_with, events, following,
};
use quipu_broker::{
    ApiKey, BatchBuilder, BrokerOptions, Fault, FaultRule, HangPoint, RawBaseOffset, ResponseError,
    TopicCleanup, TopicOptions,
};
use quipu_ingest::IngestError;

#[test]
fn aborted_transactions_are_holes_and_no_gaps() {
    let broker = broker_with(BrokerOptions::default(), TopicOptions::default());
    broker.append(TOPIC, 0, events("a", 1..=2)).unwrap();
    broker
        .append_aborted_transaction(TOPIC, 0, 7, [events("a", 3..=4), events("a", 5..=5)])
        .unwrap();
    broker
        .append_committed_transaction(TOPIC, 0, 8, [events("a", 3..=5)])
        .unwrap();
    broker
        .append_aborted_transaction(TOPIC, 0, 7, [events("a", 6..=6)])
        .unwrap();
    let store = tempfile::tempdir().unwrap();
    let run = Ingester::start(store.path(), following(&broker));
    let account = run.until("the end", |account| {
        account.only().last().is_some_and(|fate| fate.1 == 11)
    });
    assert_eq!(
        account.only(),
        [
            (0, 1, "rows"),
            (2, 4, "aborted"),
            (5, 5, "control"),
            (6, 8, "rows"),
            (9, 9, "control"),
            (10, 10, "aborted"),
            (11, 11, "control"),
        ]
    );
    let id = broker.topic_id(TOPIC).unwrap().to_string();
    assert_eq!(account.runs_of(&id), [(1, 5, "from_one")]);
    assert_calm(&broker, 1);
    assert_eq!(run.warnings(), Vec::<String>::new());
    run.stop().unwrap();
}

#[test]
fn removed_records_are_compacted_only_where_the_topic_says_that_it_is_compacted() {
    let undescribed = BrokerOptions::default().version_max(ApiKey::DescribeConfigs, -1);
    for (options, cleanup, cause) in [
        (BrokerOptions::default(), TopicCleanup::Compact, "compacted"),
        (
            BrokerOptions::default(),
            TopicCleanup::CompactAndDelete,
            "compacted",
        ),
        (BrokerOptions::default(), TopicCleanup::Delete, "unexplained"),
        (undescribed, TopicCleanup::Compact, "unexplained"),
    ] {
        let broker = broker_with(options, TopicOptions::default().cleanup(cleanup));
        broker.append(TOPIC, 0, events("a", 1..=4)).unwrap();
        broker.append(TOPIC, 0, events("a", 5..=8)).unwrap();
        broker
            .append_committed_transaction(TOPIC, 0, 7, [events("a", 9..=9)])
            .unwrap();
        broker.append(TOPIC, 0, events("a", 10..=12)).unwrap();
        // Single records, a whole batch, the last record of a transaction (whose marker stays), the newest stays.
        broker
            .compact(TOPIC, 0, |offset| matches!(offset, 0 | 2 | 12))
            .unwrap();
        let store = tempfile::tempdir().unwrap();
        Ingester::to_end(store.path(), following(&broker));
        let account = Account::of(store.path());
        assert_eq!(
            account.only(),
            [
                (0, 0, "rows"),
                (1, 1, cause),
                (2, 2, "rows"),
                (3, 8, cause),
                (9, 9, "control"),
                (10, 11, cause),
                (12, 12, "rows"),
            ]
        );
        // What compaction took is missing from the numbers: the view of gaps looks for the hole between them.
        let id = broker.topic_id(TOPIC).unwrap().to_string();
        assert_eq!(
            account.runs_of(&id),
            [(1, 1, "from_one"), (3, 3, "from_one"), (12, 12, "from_one")]
        );
    }
}

#[test]
fn a_log_compacted_while_it_is_followed_goes_on_behind_its_end() {
    let compacted = TopicOptions::default().cleanup(TopicCleanup::Compact);
    let broker = broker_with(BrokerOptions::default(), compacted);
    broker.append(TOPIC, 0, events("a", 1..=6)).unwrap();
    let store = tempfile::tempdir().unwrap();
    let run = Ingester::start(store.path(), following(&broker));
    run.until("the records", |account| account.rows() == 6);
    // All that was read goes, also the record read last, and what comes goes before it is read.
    broker.stop().unwrap();
    broker.append(TOPIC, 0, events("a", 7..=9)).unwrap();
    broker.compact(TOPIC, 0, |offset| offset == 8).unwrap();
    broker.restart().unwrap();
    let account = run.until("the last", |account| account.rows() == 7);
    assert_eq!(
        account.only(),
        [(0, 5, "rows"), (6, 7, "compacted"), (8, 8, "rows")]
    );
    run.stop().unwrap();
}

#[test]
fn retention_past_the_position_is_a_hole_while_following_and_between_runs() {
    let broker = broker_with(BrokerOptions::default(), TopicOptions::default());
    broker.append(TOPIC, 0, events("a", 1..=4)).unwrap();
    let store = tempfile::tempdir().unwrap();
    let run = Ingester::start(store.path(), following(&broker));
    run.until("the records", |account| account.rows() == 4);
    broker.stop().unwrap();
    broker.append(TOPIC, 0, events("a", 5..=8)).unwrap();
    broker.append(TOPIC, 0, events("a", 9..=10)).unwrap();
    broker.delete_records_before(TOPIC, 0, 8).unwrap();
    broker.restart().unwrap();
    run.until("what is left", |account| account.rows() == 6);
    run.until_warned("offsets 4 to 7 are gone (retention)");
    run.stop().unwrap();

    // The log start may also stand inside of a batch.
    broker.append(TOPIC, 0, events("a", 11..=14)).unwrap();
    broker.delete_records_before(TOPIC, 0, 12).unwrap();
    Ingester::to_end(store.path(), following(&broker));
    // All is gone, and nothing has come.
    broker.append(TOPIC, 0, events("a", 15..=16)).unwrap();
    broker.delete_records_before(TOPIC, 0, 16).unwrap();
    Ingester::to_end(store.path(), following(&broker));
    let account = Account::of(store.path());
    assert_eq!(
        account.only(),
        [
            (0, 3, "rows"),
            (4, 7, "retention"),
            (8, 9, "rows"),
            (10, 11, "retention"),
            (12, 13, "rows"),
            (14, 15, "retention"),
        ]
    );
    let id = broker.topic_id(TOPIC).unwrap().to_string();
    assert_eq!(
        account.runs_of(&id),
        [(1, 4, "from_one"), (9, 10, "from_one"), (13, 14, "from_one"),]
    );
}

#[test]
fn a_broker_that_is_gone_for_a_while_costs_nothing_and_is_not_hammered() {
    let broker = broker_with(BrokerOptions::default(), TopicOptions::partitions(3));
    let append = |from, to| {
        for partition in 0..3 {
            broker.append(TOPIC, partition, events("a", from..=to)).unwrap();
        }
    };
    append(1, 5);
    let store = tempfile::tempdir().unwrap();
    let mut options = following(&broker);
    options.source.stall_after = Duration::from_millis(500);
    let run = Ingester::start(store.path(), options);
    run.until("the records", |account| account.rows() == 15);
    broker.stop().unwrap();
    append(6, 10);
    run.until_warned("has not answered");
    let warnings = run.warnings();
    assert!(warnings.len() < 20, "{warnings:#?}");
    let before = broker.requests_total();
    broker.restart().unwrap();
    let account = run.until("the rest", |account| account.rows() == 30);
    for partition in 0..3 {
        let log = (broker.topic_id(TOPIC).unwrap().to_string(), partition);
        assert_eq!(account.fates[&log], [(0, 9, "rows".to_owned())]);
    }
    assert!(broker.requests_total() - before <= REQUESTS_PER_SECOND_MAX);
    assert_calm(&broker, 1);
    run.stop().unwrap();
}

#[test]
fn an_answer_with_a_flipped_bit_is_asked_for_again_and_costs_nothing() {
    let broker = broker_with(BrokerOptions::default(), TopicOptions::default());
    let batches = 60;
    for batch in 0..batches {
        broker
            .append(TOPIC, 0, events("a", batch * 3 + 1..=batch * 3 + 3))
            .unwrap();
    }
    // One bit of the first answer with each batch is wrong, each at another place behind the base offset: that alone is
    // neither under the checksum nor to be checked by anything else.
    let bits = 8 * BatchBuilder::new()
        .records(events("a", 1..=3))
        .build()
        .unwrap()
        .len() as u64;
    for batch in 0..batches {
        let bit = 64 + batch * 41 % (bits - 64);
        let rule = FaultRule::new(Fault::FlipBit(bit)).api(ApiKey::Fetch);
        broker.add_fault(rule.topic(TOPIC).offset_from(i64::try_from(batch * 3).unwrap()));
    }
    let store = tempfile::tempdir().unwrap();
    let mut options = following(&broker);
    // One batch at a time.
    options.source.partition_bytes_max = 200;
    let run = Ingester::start(store.path(), options);
    let account = run.until("all", |account| {
        account.only().last().is_some_and(|fate| fate.1 == 179)
    });
    assert_eq!(account.only(), [(0, 179, "rows")]);
    assert_eq!(broker.fired_faults().len(), 60);
    run.stop().unwrap();
}

#[test]
fn an_answer_cut_short_is_asked_for_again_and_costs_nothing() {
    let broker = broker_with(BrokerOptions::default(), TopicOptions::default());
    broker.append(TOPIC, 0, events("a", 1..=5)).unwrap();
    broker.append(TOPIC, 0, events("a", 6..=9)).unwrap();
    for bytes in [0, 1, 16, 60, 61, 100] {
        broker.set_faults(quipu_broker::FaultScript::new([FaultRule::new(Fault::CutShort(
            bytes,
        ))
        .api(ApiKey::Fetch)
        .topic(TOPIC)]));
        let store = tempfile::tempdir().unwrap();
        Ingester::to_end(store.path(), following(&broker));
        assert_eq!(Account::of(store.path()).only(), [(0, 8, "rows")], "{bytes}");
    }
}

#[test]
fn a_batch_damaged_in_the_log_is_one_dead_letter_and_the_rest_of_it_a_hole() {
    let broker = broker_with(BrokerOptions::default(), TopicOptions::default());
    broker.append(TOPIC, 0, events("a", 1..=2)).unwrap();
    append_damaged(&broker, 0, |batch| {
        let last = batch.len() - 1;
        batch[last] ^= 1;
    });
    broker.append(TOPIC, 0, events("a", 6..=7)).unwrap();
    let store = tempfile::tempdir().unwrap();
    let warnings = Ingester::to_end(store.path(), following(&broker));
    assert_eq!(
        Account::of(store.path()).only(),
        [
            (0, 1, "rows"),
            (2, 2, "dead_letter"),
            (3, 4, "corrupt"),
            (5, 6, "rows"),
        ]
    );
    assert!(
        warnings.iter().any(|warning| warning.contains("damaged batch")),
        "{warnings:?}"
    );
}

/// Events 3 to 5 of a thread in a batch that was damaged after it was sealed.
fn append_damaged(broker: &quipu_broker::BrokerHandle, partition: i32, damage: impl Fn(&mut Vec<u8>)) {
    let mut batch = BatchBuilder::new()
        .records(events("a", 3..=5))
        .build()
        .unwrap()
        .to_vec();
    damage(&mut batch);
    broker
        .append_raw_batch(TOPIC, partition, batch.into(), 3, RawBaseOffset::Assigned)
        .unwrap();
}

#[test]
fn a_batch_whose_extent_is_in_doubt_ends_its_partition_and_no_other() {
    let broker = broker_with(BrokerOptions::default(), TopicOptions::partitions(2));
    for partition in 0..2 {
        broker.append(TOPIC, partition, events("a", 1..=2)).unwrap();
    }
    // Neither the number of records nor the next batch agrees with the last offset of this one.
    append_damaged(&broker, 0, |batch| batch[26] = 1);
    let store = tempfile::tempdir().unwrap();
    let run = Ingester::start(store.path(), following(&broker));
    run.until_warned("cannot be read on");
    broker.append(TOPIC, 1, events("a", 3..=9)).unwrap();
    let account = run.until("the other partition", |account| account.rows() == 11);
    let id = broker.topic_id(TOPIC).unwrap().to_string();
    assert_eq!(account.life(&id), [(0, 1, "rows")]);
    assert_calm(&broker, 1);
    let ended = run.stop().unwrap_err();
    assert!(
        matches!(
            ended,
            IngestError::PartitionsFailed {
                failed: 1,
                partitions: 2,
                ..
            }
        ),
        "{ended}"
    );
}

#[test]
fn errors_and_silence_that_last_are_not_answered_with_a_storm_of_requests() {
    for fault in [
        Fault::Error(ResponseError::NotLeaderOrFollower),
        Fault::Error(ResponseError::OffsetOutOfRange),
        Fault::Error(ResponseError::KafkaStorageError),
        Fault::Error(ResponseError::UnknownTopicOrPartition),
        Fault::Hang(HangPoint::BeforeHandling),
        Fault::Hang(HangPoint::MidResponse),
        Fault::DropConnection(quipu_broker::DropPoint::BeforeHandling),
        Fault::FlipBit(8 * 16),
    ] {
        let broker = broker_with(BrokerOptions::default(), TopicOptions::default());
        broker.append(TOPIC, 0, events("a", 1..=2)).unwrap();
        broker.add_fault(FaultRule::new(fault).api(ApiKey::Fetch).topic(TOPIC).times(8));
        let store = tempfile::tempdir().unwrap();
        let mut options = following(&broker);
        options.source.connect.request_timeout = Duration::from_millis(200);
        let run = Ingester::start(store.path(), options);
        assert_calm(&broker, 1);
        drop(run.stop());
    }
}

#[test]
fn an_open_transaction_and_an_empty_topic_are_waited_for_calmly() {
    let broker = broker_with(BrokerOptions::default(), TopicOptions::partitions(2));
    broker.append(TOPIC, 0, events("a", 1..=2)).unwrap();
    broker
        .append_to_transaction(TOPIC, 0, 5, events("a", 3..=3))
        .unwrap();
    let store = tempfile::tempdir().unwrap();
    let run = Ingester::start(store.path(), following(&broker));
    run.until("what is decided", |account| account.rows() == 2);
    assert_calm(&broker, 1);
    broker
        .end_transaction(TOPIC, 0, 5, quipu_broker::Marker::Abort)
        .unwrap();
    let id = broker.topic_id(TOPIC).unwrap().to_string();
    run.until("the aborted record", |account| {
        account.life(&id) == [(0, 1, "rows"), (2, 2, "aborted"), (3, 3, "control")]
    });
    run.stop().unwrap();
}
