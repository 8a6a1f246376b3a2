//! Records read without a store, from a broker of the test's own.
#![allow(clippy::unwrap_used, missing_docs)]

use std::convert::Infallible;
use std::ops::ControlFlow;
use std::time::Duration;

use quipu_broker::{BrokerOptions, BrokerThread, Record, TopicOptions};
use quipu_ingest::kafka::address::BrokerAddress;
use quipu_ingest::kafka::batch::{BatchVisitor, BatchWalker, CorruptBatch, OnCorrupt};
use quipu_ingest::kafka::{Fetched, KafkaOptions, OffsetHole, StartFrom, Until};
use quipu_ingest::raw::RawRecord;
use quipu_ingest::records::{RecordsEvent, RecordsOptions, read_records};
use quipu_ingest::{Notice, Stop};

const TOPIC: &str = "dashstream-events";

fn broker() -> BrokerThread {
    let broker = BrokerThread::start(BrokerOptions::default()).unwrap();
    broker.create_topic(TOPIC, TopicOptions::partitions(2)).unwrap();
    for partition in 0..2 {
        let records = (0..10).map(|number| Record::new(format!("{partition}-{number}")));
        broker
            .append(TOPIC, partition, records.collect::<Vec<_>>())
            .unwrap();
    }
    broker
}

fn options(broker: &BrokerThread, from: StartFrom, until: Until) -> RecordsOptions {
    let mut source = KafkaOptions::new(BrokerAddress::parse_list(&broker.address()).unwrap());
    source.fetch_wait = Duration::from_millis(100);
    source.startup_timeout = Duration::from_secs(5);
    (source.from, source.until) = (from, until);
    RecordsOptions {
        source,
        silence_max: None,
    }
}

/// The values of a fetch.
fn values(fetched: &Fetched) -> Vec<String> {
    struct Values(Vec<String>);
    impl BatchVisitor for Values {
        type Error = Infallible;

        fn record(&mut self, record: &RawRecord<'_>) -> Result<(), Infallible> {
            self.0
                .push(String::from_utf8(record.value.unwrap().to_vec()).unwrap());
            Ok(())
        }

        fn hole(&mut self, hole: OffsetHole) -> Result<(), Infallible> {
            panic!("{hole:?}")
        }

        fn corrupt(&mut self, batch: CorruptBatch<'_>) -> Result<(), Infallible> {
            panic!("{batch:?}")
        }
    }
    let mut values = Values(Vec::new());
    fetched
        .walk(&mut BatchWalker::new(OnCorrupt::Stop), &mut values)
        .unwrap();
    values.0
}

#[test]
fn every_partition_is_read_up_to_its_end_and_the_topics_are_named() {
    let broker = broker();
    let (mut found, mut opened, mut notices) = (Vec::new(), Vec::new(), Vec::new());
    let options = options(&broker, StartFrom::BeforeEnd(3), Until::End);
    read_records(options, &Stop::default(), |event| {
        match event {
            RecordsEvent::Fetched(fetched) => found.extend(values(&fetched)),
            RecordsEvent::Opened {
                partition,
                start_offset,
                log_start,
            } => opened.push((partition.partition.0, start_offset, log_start)),
            RecordsEvent::Notice(notice) => notices.push(notice),
        }
        ControlFlow::Continue(())
    })
    .unwrap();
    found.sort_unstable();
    opened.sort_unstable();
    assert_eq!(found, ["0-7", "0-8", "0-9", "1-7", "1-8", "1-9"]);
    assert_eq!(opened, [(0, 7, 0), (1, 7, 0)]);
    assert!(
        matches!(&notices[..], [Notice::Info(text)] if text.contains(TOPIC)),
        "{notices:?}"
    );
}

#[test]
fn reading_ends_when_nothing_more_is_wanted_or_a_flag_is_raised() {
    let broker = broker();
    let mut fetches = 0;
    read_records(
        options(&broker, StartFrom::Earliest, Until::Follow),
        &Stop::default(),
        |event| {
            if let RecordsEvent::Fetched(_) = event {
                fetches += 1;
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        },
    )
    .unwrap();
    assert_eq!(fetches, 1);
    let stop = Stop::default();
    let raised = stop.clone();
    let mut found = 0;
    read_records(
        options(&broker, StartFrom::Earliest, Until::Follow),
        &stop,
        |event| {
            if let RecordsEvent::Fetched(fetched) = event {
                found += values(&fetched).len();
                if found == 20 {
                    raised.raise();
                }
            }
            ControlFlow::Continue(())
        },
    )
    .unwrap();
    assert_eq!(found, 20);
}

#[test]
fn a_silence_that_is_too_long_is_an_error_and_so_is_a_broker_that_is_not_there() {
    let broker = broker();
    let mut silent = options(&broker, StartFrom::Latest, Until::Follow);
    silent.silence_max = Some(Duration::from_millis(500));
    let nothing = |_| ControlFlow::Continue(());
    let error = read_records(silent, &Stop::default(), nothing).unwrap_err();
    assert!(error.to_string().contains("within 500 ms"), "{error}");

    let mut gone = options(&broker, StartFrom::Earliest, Until::End);
    gone.source.startup_timeout = Duration::from_millis(300);
    let address = broker.address();
    drop(broker);
    let error = read_records(gone, &Stop::default(), |_| ControlFlow::Continue(())).unwrap_err();
    assert!(error.to_string().contains(&address), "{error}");
}
