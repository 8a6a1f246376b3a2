//! Recorded telemetry sent again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use quipu_client::replay::{
    Pace, Recorded, RecordingError, ReplayError, ReplayOptions, ReplayProgress, replay,
};
use quipu_kafka::address::BrokerAddress;

use crate::support::{TOPIC, broker, stored_in};

/// Sends records to the first partitions of a broker, until told to stop.
fn send(
    address: &str,
    records: impl IntoIterator<Item = Result<Recorded, RecordingError>>,
    options: ReplayOptions,
    progress: &Arc<ReplayProgress>,
    stop: impl Future<Output = ()>,
) -> Result<(), ReplayError> {
    let brokers = BrokerAddress::parse_list(address).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(replay(brokers, TOPIC, records, options, progress, stop))
}

fn recorded(number: usize) -> Result<Recorded, RecordingError> {
    Ok(Recorded {
        key: Some(format!("session-{}", number % 7).into_bytes()),
        value: format!("\0value {number}").into_bytes(),
        recorded_us: None,
    })
}

#[test]
fn records_arrive_once_as_they_are_and_in_order_by_key() {
    let broker = broker(3);
    let progress = Arc::new(ReplayProgress::default());
    let records = (0..5_000).map(recorded);
    let options = ReplayOptions {
        // Less than all of them: outcomes make room.
        queue_bytes: 2_000,
        ..ReplayOptions::default()
    };
    send(
        &broker.address(),
        records,
        options,
        &progress,
        std::future::pending(),
    )
    .unwrap();
    let counts = progress.counts();
    assert_eq!((counts.read, counts.delivered, counts.failed), (5_000, 5_000, 0));
    let mut by_key: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for record in stored_in(&broker, TOPIC) {
        let value = String::from_utf8(record.value).unwrap();
        by_key.entry(record.key).or_default().push(value);
    }
    assert_eq!(by_key.len(), 7);
    for (key, values) in by_key {
        let first: usize = key["session-".len()..].parse().unwrap();
        let expected: Vec<String> = (first..5_000)
            .step_by(7)
            .map(|number| format!("\0value {number}"))
            .collect();
        assert_eq!(values, expected, "{key}");
    }
}

#[test]
fn what_was_read_before_an_error_or_the_stop_is_sent() {
    let broker = broker(1);
    let progress = Arc::new(ReplayProgress::default());
    let damaged = || RecordingError::Malformed {
        path: "a.frames".into(),
        record: 11,
        reason: "cut".to_owned(),
    };
    let records = (0..10)
        .map(recorded)
        .chain([Err(damaged())])
        .chain([recorded(11)]);
    let never = std::future::pending();
    let error = send(
        &broker.address(),
        records,
        ReplayOptions::default(),
        &progress,
        never,
    )
    .unwrap_err();
    assert!(error.to_string().starts_with("a.frames: record 11: "), "{error}");
    assert_eq!(progress.counts().delivered, 10);

    // At this pace the second record is never due.
    let options = ReplayOptions {
        pace: Pace::PerSecond(1e-6),
        ..ReplayOptions::default()
    };
    let progress = Arc::new(ReplayProgress::default());
    let stop = async {
        while progress.counts().delivered < 1 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    send(&broker.address(), (0..3).map(recorded), options, &progress, stop).unwrap();
    let counts = progress.counts();
    // The second one was not sent, and does not count as read.
    assert_eq!((counts.read, counts.delivered, counts.failed), (1, 1, 0));
    assert_eq!(stored_in(&broker, TOPIC).len(), 11);
}

#[test]
fn records_that_the_topic_does_not_take_are_counted_and_the_first_is_explained() {
    let broker = broker(1);
    let progress = Arc::new(ReplayProgress::default());
    let large = Recorded {
        key: None,
        value: vec![0; 5_000],
        recorded_us: None,
    };
    let mut options = ReplayOptions::default();
    options.produce.message_bytes_max = Some(1_000);
    let records = [recorded(0), Ok(large), recorded(1)];
    send(
        &broker.address(),
        records,
        options,
        &progress,
        std::future::pending(),
    )
    .unwrap();
    let counts = progress.counts();
    assert_eq!((counts.delivered, counts.failed), (2, 1));
    let why = progress.first_failure().unwrap();
    assert!(why.contains("the topic takes 1000"), "{why}");
}
