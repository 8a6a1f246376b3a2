//! Logs that are not what they were: topics created anew and logs that lost their end, at the start and while they are
//! followed. What was read stays, the log goes on in another incarnation, and nothing is left out.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod kafka_support;

use kafka_support::store::{Account, Ingester, TOPIC, broker_with, events, following};
use quipu_broker::{BrokerOptions, BrokerThread, TopicOptions};
use quipu_ingest::kafka::StartFrom;

/// When the log changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Followed,
    BetweenRuns,
}

const ALWAYS: [When; 2] = [When::Followed, When::BetweenRuns];

/// Takes in ten records, changes the log, and takes in what is there then, until the store has so many rows.
fn account_of(
    broker: &BrokerThread,
    when: When,
    rows: i64,
    change: impl Fn(&BrokerThread),
) -> (Account, Vec<String>) {
    broker.append(TOPIC, 0, events("a", 1..=6)).unwrap();
    broker.append(TOPIC, 0, events("a", 7..=10)).unwrap();
    let store = tempfile::tempdir().unwrap();
    let warnings = match when {
        When::Followed => {
            let run = Ingester::start(store.path(), following(broker));
            run.until("the first life", |account| account.rows() == 10);
            change(broker);
            run.until("the second life", |account| account.rows() == rows);
            let warnings = run.warnings();
            run.stop().unwrap();
            warnings
        }
        When::BetweenRuns => {
            Ingester::to_end(store.path(), following(broker));
            change(broker);
            Ingester::to_end(store.path(), following(broker))
        }
    };
    let account = Account::of(store.path());
    assert_eq!(account.rows(), rows);
    // The next run goes on in the newest life and finds nothing new.
    let again = Ingester::to_end(store.path(), following(broker));
    assert_eq!(again, Vec::<String>::new());
    assert_eq!(Account::of(store.path()), account);
    (account, warnings)
}

fn recreate(broker: &BrokerThread, count: u64) {
    broker.delete_topic(TOPIC).unwrap();
    broker.create_topic(TOPIC, TopicOptions::default()).unwrap();
    broker.append(TOPIC, 0, events("b", 1..=count)).unwrap();
}

fn told(warnings: &[String], words: &str) {
    let times = warnings.iter().filter(|warning| warning.contains(words)).count();
    assert_eq!(times, 1, "{words:?} in {warnings:#?}");
}

#[test]
fn a_recreated_topic_is_told_by_its_id() {
    for when in ALWAYS {
        for count in [4, 10, 30] {
            let broker = broker_with(BrokerOptions::default(), TopicOptions::default());
            let first = broker.topic_id(TOPIC).unwrap().to_string();
            let last = count as i64 - 1;
            let (account, warnings) =
                account_of(&broker, when, 10 + last + 1, |broker| recreate(broker, count));
            let second = broker.topic_id(TOPIC).unwrap().to_string();
            assert_eq!(account.life(&first), [(0, 9, "rows")]);
            assert_eq!(account.life(&second), [(0, last, "rows")]);
            assert_eq!(account.runs_of(&second), [(1, count, "from_one")]);
            told(&warnings, "was created anew");
        }
    }
}

#[test]
fn without_topic_ids_a_recreated_topic_is_told_by_its_end_its_epoch_or_its_last_record() {
    let epochs = BrokerOptions::default().without_topic_ids();
    let neither = epochs.clone().without_leader_epochs();
    for options in [epochs, neither] {
        for when in ALWAYS {
            // Fewer records than were read, as many, more.
            for count in [4, 10, 30] {
                let broker = broker_with(options.clone(), TopicOptions::default());
                let last = count as i64 - 1;
                // The source cannot see the topic while it changes.
                let (account, warnings) = account_of(&broker, when, 10 + last + 1, |broker| {
                    broker.stop().unwrap();
                    recreate(broker, count);
                    broker.restart().unwrap();
                });
                assert_eq!(account.life("unknown"), [(0, 9, "rows")]);
                assert_eq!(account.life("unknown#1"), [(0, last, "rows")], "{when:?} {count}");
                assert_eq!(account.runs_of("unknown#1"), [(1, count, "from_one")]);
                told(&warnings, "its log is another one than was read");
            }
        }
    }
}

#[test]
fn without_topic_ids_a_lower_epoch_tells_a_recreated_topic() {
    for when in ALWAYS {
        let broker = broker_with(
            BrokerOptions::default().without_topic_ids(),
            TopicOptions::default(),
        );
        for _ in 0..3 {
            broker.advance_leader_epoch(TOPIC, 0).unwrap();
        }
        let (account, _) = account_of(&broker, when, 22, |broker| recreate(broker, 12));
        assert_eq!(account.life("unknown#1"), [(0, 11, "rows")]);
    }
}

#[test]
fn without_topic_ids_a_log_that_is_the_same_goes_on_through_restarts_and_elections() {
    for options in [
        BrokerOptions::default().without_topic_ids(),
        BrokerOptions::default()
            .without_topic_ids()
            .without_leader_epochs(),
    ] {
        for when in ALWAYS {
            let broker = broker_with(options.clone(), TopicOptions::default());
            let (account, _) = account_of(&broker, when, 12, |broker| {
                broker.stop().unwrap();
                broker.advance_leader_epoch(TOPIC, 0).unwrap();
                broker.append(TOPIC, 0, events("a", 11..=12)).unwrap();
                broker.restart().unwrap();
            });
            assert_eq!(account.only(), [(0, 11, "rows")]);
        }
    }
}

#[test]
fn a_log_that_lost_its_end_goes_on_in_another_life_from_there() {
    for when in ALWAYS {
        // Fewer records than were read, and more.
        for count in [2, 20] {
            let broker = broker_with(BrokerOptions::default(), TopicOptions::default());
            let id = broker.topic_id(TOPIC).unwrap().to_string();
            let (account, warnings) = account_of(&broker, when, 10 + count, |broker| {
                assert_eq!(broker.elect_unclean(TOPIC, 0, 1, 7).unwrap(), 6);
                let sent = events("a", 7..=6 + count as u64);
                broker.append(TOPIC, 0, sent).unwrap();
            });
            let next = format!("{id}#1");
            assert_eq!(account.life(&id), [(0, 9, "rows")], "what was read stays");
            assert_eq!(account.life(&next), [(6, 5 + count, "rows")]);
            // The head is below the cut, so that nothing is known to be missing.
            assert_eq!(account.runs_of(&id), [(1, 10, "from_one")]);
            assert_eq!(account.runs_of(&next), [(7, 6 + count as u64, "unknown")]);
            told(
                &warnings,
                &format!(
                    "cut at offset 6; what was read behind that stays, and reading goes on there, as incarnation {next}"
                ),
            );
        }
    }
}

#[test]
fn a_log_may_lose_its_end_more_than_once() {
    let broker = broker_with(BrokerOptions::default(), TopicOptions::default());
    let id = broker.topic_id(TOPIC).unwrap().to_string();
    broker.append(TOPIC, 0, events("a", 1..=6)).unwrap();
    let store = tempfile::tempdir().unwrap();
    let run = Ingester::start(store.path(), following(&broker));
    run.until("the first life", |account| account.rows() == 6);
    // The second election loses nothing of what was read, so that the life goes on.
    for (cut, rows) in [(3, 9), (3, 12), (1, 15)] {
        broker.elect_unclean(TOPIC, 0, 1, cut).unwrap();
        broker.append(TOPIC, 0, events("b", 1..=3)).unwrap();
        run.until("what comes next", |account| account.rows() == rows);
    }
    run.stop().unwrap();
    let account = Account::of(store.path());
    for (life, fates) in [
        (id.clone(), (0, 5, "rows")),
        (format!("{id}#1"), (0, 5, "rows")),
        (format!("{id}#2"), (0, 2, "rows")),
    ] {
        assert_eq!(account.life(&life), [fates], "{life}");
    }
    assert_eq!(account.fates.len(), 3);
}

#[test]
fn a_log_cut_in_an_epoch_before_the_last_one_read_agrees_up_to_that_cut() {
    for when in ALWAYS {
        let broker = broker_with(BrokerOptions::default(), TopicOptions::default());
        broker.append(TOPIC, 0, events("a", 1..=4)).unwrap();
        broker.advance_leader_epoch(TOPIC, 0).unwrap();
        let id = broker.topic_id(TOPIC).unwrap().to_string();
        let store = tempfile::tempdir().unwrap();
        broker.append(TOPIC, 0, events("a", 5..=9)).unwrap();
        let run = Ingester::start(store.path(), following(&broker));
        run.until("the first life", |account| account.rows() == 9);
        let rest = |broker: &BrokerThread| {
            broker.elect_unclean(TOPIC, 0, 1, 4).unwrap();
            broker.append(TOPIC, 0, events("c", 1..=3)).unwrap();
        };
        // A run that saw where the epochs meet knows how far the logs agree. A later one has only the newest epoch from
        // the store, and reads the log from its start rather than leave out what may differ.
        let (rows, first) = match when {
            When::Followed => (12, 4),
            When::BetweenRuns => (16, 0),
        };
        if when == When::Followed {
            rest(&broker);
            run.until("the second life", |account| account.rows() == rows);
            run.stop().unwrap();
        } else {
            run.stop().unwrap();
            rest(&broker);
            Ingester::to_end(store.path(), following(&broker));
        }
        let account = Account::of(store.path());
        assert_eq!(account.life(&format!("{id}#1")), [(first, 6, "rows")], "{when:?}");
    }
}

#[test]
fn a_log_whose_last_records_were_markers_is_cut_behind_the_record_that_is_known() {
    let broker = broker_with(
        BrokerOptions::default()
            .without_topic_ids()
            .without_leader_epochs(),
        TopicOptions::default(),
    );
    broker.append(TOPIC, 0, events("a", 1..=4)).unwrap();
    broker
        .append_aborted_transaction(TOPIC, 0, 7, [events("a", 5..=6)])
        .unwrap();
    let store = tempfile::tempdir().unwrap();
    Ingester::to_end(store.path(), following(&broker));
    broker.elect_unclean(TOPIC, 0, 1, 4).unwrap();
    broker.append(TOPIC, 0, events("a", 5..=5)).unwrap();
    Ingester::to_end(store.path(), following(&broker));
    let account = Account::of(store.path());
    assert_eq!(
        account.life("unknown"),
        [(0, 3, "rows"), (4, 5, "aborted"), (6, 6, "control")]
    );
    assert_eq!(account.life("unknown#1"), [(4, 4, "rows")]);
}

#[test]
fn a_cut_log_that_lost_its_beginning_too_has_a_hole_there() {
    let broker = broker_with(BrokerOptions::default(), TopicOptions::default());
    let id = broker.topic_id(TOPIC).unwrap().to_string();
    broker.append(TOPIC, 0, events("a", 1..=6)).unwrap();
    broker.append(TOPIC, 0, events("a", 7..=9)).unwrap();
    let store = tempfile::tempdir().unwrap();
    Ingester::to_end(store.path(), following(&broker));
    broker.elect_unclean(TOPIC, 0, 1, 6).unwrap();
    broker.append(TOPIC, 0, events("b", 1..=5)).unwrap();
    broker.delete_records_before(TOPIC, 0, 8).unwrap();
    Ingester::to_end(store.path(), following(&broker));
    let account = Account::of(store.path());
    assert_eq!(account.life(&id), [(0, 8, "rows")]);
    assert_eq!(
        account.life(&format!("{id}#1")),
        [(6, 7, "retention"), (8, 10, "rows")]
    );
}

#[test]
fn a_position_that_jumped_over_elections_is_not_taken_for_a_cut() {
    let broker = broker_with(BrokerOptions::default(), TopicOptions::default());
    let append = |from| {
        broker.append(TOPIC, 0, events("a", from..=from + 4)).unwrap();
        broker.advance_leader_epoch(TOPIC, 0).unwrap();
    };
    append(1);
    let store = tempfile::tempdir().unwrap();
    Ingester::to_end(store.path(), following(&broker));
    // Retention, and then nothing comes before the run ends.
    append(6);
    append(11);
    broker.delete_records_before(TOPIC, 0, 15).unwrap();
    Ingester::to_end(store.path(), following(&broker));
    Ingester::to_end(store.path(), following(&broker));
    // A jump on request, likewise.
    append(16);
    append(21);
    let mut latest = following(&broker);
    latest.source.from = StartFrom::Latest;
    Ingester::to_end(store.path(), latest);
    append(26);
    Ingester::to_end(store.path(), following(&broker));
    let account = Account::of(store.path());
    assert_eq!(
        account.only(),
        [
            (0, 4, "rows"),
            (5, 14, "retention"),
            (15, 24, "skipped"),
            (25, 29, "rows"),
        ]
    );
}

#[test]
fn other_partitions_of_a_topic_stay_in_its_first_life() {
    let broker = broker_with(BrokerOptions::default(), TopicOptions::partitions(2));
    let id = broker.topic_id(TOPIC).unwrap().to_string();
    for partition in 0..2 {
        broker.append(TOPIC, partition, events("a", 1..=6)).unwrap();
    }
    let store = tempfile::tempdir().unwrap();
    let run = Ingester::start(store.path(), following(&broker));
    run.until("both", |account| account.rows() == 12);
    broker.elect_unclean(TOPIC, 0, 1, 0).unwrap();
    for partition in 0..2 {
        broker.append(TOPIC, partition, events("b", 1..=2)).unwrap();
    }
    let account = run.until("both again", |account| account.rows() == 16);
    run.stop().unwrap();
    let lives: Vec<_> = account.fates.keys().cloned().collect();
    assert_eq!(lives, [(id.clone(), 0), (id.clone(), 1), (format!("{id}#1"), 0)]);
    assert_eq!(account.fates[&(id, 1)], [(0, 7, "rows".to_owned())]);
}
