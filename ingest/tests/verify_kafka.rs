//! A store is verified against the broker that it was read from.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod kafka_support;
mod verify_support;

use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::{Array as _, BinaryArray};
use kafka_support::{broker, options};
use quipu_broker::{Broker, Record};
use quipu_ingest::kafka::batch::OnCorrupt;
use quipu_ingest::kafka::{KafkaOptions, StartFrom, Until};
use quipu_ingest::verify::{FindingKind, Part, VerifyOptions, VerifyReport, VerifySource};
use quipu_ingest::{KafkaRunOptions, PipelineOptions, Progress, Stop, ingest_kafka};
use quipu_proto::Table;
use quipu_proto::frames::FramesReader;
use verify_support::{clean, fixture, found, lines, replace, report, with_column, without};

const TOPIC: &str = "dashstream-events";

/// A broker whose two partitions hold messages, records that are none, aborted and committed transactions and skipped
/// offsets. Gives the number of records that are to be read.
async fn filled() -> (Broker, u64) {
    let broker = broker(TOPIC, 2).await;
    let bytes = std::fs::read(fixture("small.frames")).unwrap();
    let mut count = 0;
    for (index, frame) in FramesReader::new(&bytes).enumerate().take(600) {
        let frame = frame.unwrap();
        let partition = (frame.partition % 2) as i32;
        let record = Record::new(frame.payload.to_vec()).key(frame.key.to_vec());
        match index % 50 {
            10 => {
                broker
                    .append_aborted_transaction(TOPIC, partition, 7, [vec![record]])
                    .unwrap();
                continue;
            }
            20 => {
                broker
                    .append_committed_transaction(TOPIC, partition, 8, [vec![record]])
                    .unwrap();
            }
            30 => {
                broker.skip_offsets(TOPIC, partition, 3).unwrap();
                broker.append(TOPIC, partition, [record]).unwrap();
            }
            40 => {
                broker
                    .append(
                        TOPIC,
                        partition,
                        [record, Record::new("no message"), Record::tombstone("key")],
                    )
                    .unwrap();
                count += 2;
            }
            _ => {
                broker.append(TOPIC, partition, [record]).unwrap();
            }
        }
        count += 1;
    }
    (broker, count)
}

fn to_end(broker: &Broker) -> KafkaOptions {
    KafkaOptions {
        until: Until::End,
        ..options(broker, TOPIC)
    }
}

/// Runs what blocks beside the runtime of the test, which serves the broker.
async fn beside<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(run).await.unwrap()
}

async fn ingest(broker: &Broker, store: &Path) {
    let run = KafkaRunOptions {
        source: to_end(broker),
        on_corrupt: OnCorrupt::DeadLetter,
        pipeline: PipelineOptions::default(),
    };
    let store = store.to_owned();
    beside(move || {
        let progress = Arc::new(Progress::default());
        ingest_kafka(store, run, &Stop::default(), &progress, |_| {}).unwrap()
    })
    .await;
}

async fn verified(store: &Path, kafka: KafkaOptions) -> VerifyReport {
    let options = VerifyOptions {
        source: Some(VerifySource::Kafka(Box::new(kafka))),
        ..VerifyOptions::default()
    };
    let store = store.to_owned();
    beside(move || report(&store, &options)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_record_is_found_where_it_should_be() {
    let (broker, count) = filled().await;
    let folder = tempfile::tempdir().unwrap();
    ingest(&broker, folder.path()).await;
    let report = verified(folder.path(), to_end(&broker)).await;
    clean(&report);
    assert_eq!(report.parts, Part::ALL);
    assert_eq!(
        (report.counts.records, report.counts.offsets_uncheckable),
        (count, 0)
    );
    assert_eq!(report.notes, []);

    // A range of it.
    let range = KafkaOptions {
        from: StartFrom::Offset(20),
        until: Until::Offset(120),
        ..options(&broker, TOPIC)
    };
    let report = verified(folder.path(), range).await;
    clean(&report);
    assert!(
        (100..=200).contains(&report.counts.records),
        "{:?}",
        report.counts
    );

    // What came since is not the store's yet.
    broker.append(TOPIC, 0, [Record::new("later")]).unwrap();
    let report = verified(folder.path(), to_end(&broker)).await;
    clean(&report);
    assert_eq!(report.counts.records, count);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_retention_took_and_what_was_created_anew_is_told_as_uncheckable() {
    let (broker, count) = filled().await;
    let folder = tempfile::tempdir().unwrap();
    ingest(&broker, folder.path()).await;
    broker.delete_records_before(TOPIC, 1, 40).unwrap();
    let report = verified(folder.path(), to_end(&broker)).await;
    clean(&report);
    let counts = report.counts;
    assert!((1..=40).contains(&counts.offsets_uncheckable), "{counts:?}");
    assert!(counts.records < count, "{counts:?}");
    assert!(
        report
            .notes
            .iter()
            .any(|note| note.text.contains("cannot be checked any more")),
        "{:?}",
        report.notes
    );

    broker.delete_topic(TOPIC).unwrap();
    broker
        .create_topic(TOPIC, quipu_broker::TopicOptions::partitions(2))
        .unwrap();
    let report = verified(folder.path(), to_end(&broker)).await;
    clean(&report);
    assert_eq!(report.counts.records, 0);
    assert!(
        report.notes.iter().any(|note| note.text.contains("the topic is")),
        "{:?}",
        report.notes
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_letters_and_holes_that_are_not_those_of_the_log_are_named() {
    let (broker, _) = filled().await;
    let folder = tempfile::tempdir().unwrap();
    ingest(&broker, folder.path()).await;
    replace(folder.path(), Table::TokenChunks, |batch| {
        with_column(&batch, "message_id", |column| {
            let ids = column.as_binary::<i32>();
            let changed = (0..ids.len()).map(|row| if row == 3 { &b"another"[..] } else { ids.value(row) });
            Arc::new(BinaryArray::from_iter_values(changed))
        })
    });
    replace(folder.path(), Table::OffsetHoles, |batch| without(&batch, 0));
    replace(folder.path(), Table::DeadLetters, |batch| without(&batch, 0));
    let report = verified(folder.path(), to_end(&broker)).await;
    let of_source: Vec<_> = report
        .findings
        .iter()
        .filter(|finding| finding.part == Part::Source)
        .collect();
    assert_eq!(of_source.len(), 3, "{}", lines(&report));
    let differ = found(&report, Part::Source, FindingKind::RecordDiffers);
    assert!(
        differ
            .iter()
            .any(|finding| finding.found.contains("616e6f74686572")),
        "{}",
        lines(&report)
    );
    assert!(
        differ
            .iter()
            .any(|finding| finding.expected.starts_with("a hole (")),
        "{}",
        lines(&report)
    );
    let missing = found(&report, Part::Source, FindingKind::RecordMissing);
    assert!(missing[0].expected.contains("a dead letter ("), "{}", missing[0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_cannot_be_reached_is_a_finding() {
    let (broker, _) = filled().await;
    let folder = tempfile::tempdir().unwrap();
    ingest(&broker, folder.path()).await;
    let options = KafkaOptions {
        startup_timeout: std::time::Duration::from_millis(300),
        ..to_end(&broker)
    };
    broker.shutdown().await;
    let report = verified(folder.path(), options).await;
    found(&report, Part::Source, FindingKind::SourceUnreadable);
    assert!(!report.parts.contains(&Part::Source));
}
