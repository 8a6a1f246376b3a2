//! ListOffsets and OffsetForLeaderEpoch.

use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::offset_for_leader_epoch_request::{
    OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use kafka_protocol::messages::{ListOffsetsRequest, OffsetForLeaderEpochRequest};

use super::client::{Client, fetch, name, one_partition, records, started};
use crate::{BatchBuilder, Compression, Record};

/// Error, timestamp and offset.
async fn list(client: &mut Client, timestamp: i64, isolation: i8) -> (i16, i64, i64) {
    let partition = ListOffsetsPartition::default()
        .with_timestamp(timestamp)
        .with_current_leader_epoch(-1);
    let topic = ListOffsetsTopic::default()
        .with_name(name("t"))
        .with_partitions(vec![partition]);
    let request = ListOffsetsRequest::default()
        .with_isolation_level(isolation)
        .with_topics(vec![topic]);
    let found = client
        .call(7, &request)
        .await
        .topics
        .remove(0)
        .partitions
        .remove(0);
    (found.error_code, found.timestamp, found.offset)
}

#[tokio::test]
async fn latest_knows_isolation_and_earliest_the_log_start() {
    let (broker, mut client) = started().await;
    broker.append("t", 0, records(&["a", "b"])).unwrap();
    broker
        .append_to_transaction("t", 0, 9, records(&["open"]))
        .unwrap();
    assert_eq!(list(&mut client, -1, 0).await, (0, -1, 3));
    assert_eq!(list(&mut client, -1, 1).await, (0, -1, 2));
    assert_eq!(list(&mut client, -2, 0).await, (0, -1, 0));
    broker.delete_records_before("t", 0, 1).unwrap();
    assert_eq!(list(&mut client, -2, 0).await, (0, -1, 1));
}

#[tokio::test]
async fn a_time_finds_the_first_record_at_or_after_it_also_inside_of_a_compressed_batch() {
    let (broker, mut client) = started().await;
    assert_eq!(
        list(&mut client, 0, 0).await,
        (0, -1, -1),
        "an empty log has no record at any time"
    );
    let timed = |times: &[i64]| {
        times
            .iter()
            .map(|time| Record::new("v").at(*time))
            .collect::<Vec<_>>()
    };
    let batch = BatchBuilder::new()
        .compression(Compression::Lz4)
        .records(timed(&[100, 300, 200]));
    broker.append_batch("t", 0, batch).unwrap();
    broker.append("t", 0, timed(&[400])).unwrap();
    assert_eq!(list(&mut client, 50, 0).await, (0, 100, 0));
    assert_eq!(list(&mut client, 101, 0).await, (0, 300, 1));
    assert_eq!(list(&mut client, 301, 0).await, (0, 400, 3));
    assert_eq!(list(&mut client, 401, 0).await, (0, -1, -1));
    assert_eq!(list(&mut client, -3, 0).await, (0, 400, 3));
    broker.delete_records_before("t", 0, 2).unwrap();
    assert_eq!(
        list(&mut client, 50, 0).await,
        (0, 200, 2),
        "not a record before the log start"
    );
}

#[tokio::test]
async fn leader_epochs_end_where_the_next_begins_and_fence_the_old() {
    let (broker, mut client) = started().await;
    broker.append("t", 0, records(&["a", "b"])).unwrap();
    assert_eq!(broker.advance_leader_epoch("t", 0).unwrap(), 1);
    broker.append("t", 0, records(&["c"])).unwrap();
    let mut end = async |epoch, claimed| {
        let partition = OffsetForLeaderPartition::default()
            .with_leader_epoch(epoch)
            .with_current_leader_epoch(claimed);
        let topic = OffsetForLeaderTopic::default()
            .with_topic(name("t"))
            .with_partitions(vec![partition]);
        let request = OffsetForLeaderEpochRequest::default().with_topics(vec![topic]);
        let found = client
            .call(4, &request)
            .await
            .topics
            .remove(0)
            .partitions
            .remove(0);
        (found.error_code, found.leader_epoch, found.end_offset)
    };
    assert_eq!(end(0, -1).await, (0, 0, 2));
    assert_eq!(end(1, 1).await, (0, 1, 3));
    assert_eq!(end(2, -1).await, (0, -1, -1));
    assert_eq!(end(0, 0).await, (74, -1, -1));
    assert_eq!(end(0, 2).await, (75, -1, -1));

    let mut request = fetch("t", 0);
    request.topics[0].partitions[0].current_leader_epoch = 0;
    assert_eq!(one_partition(client.call(12, &request).await).error_code, 74);
    request.topics[0].partitions[0].current_leader_epoch = 1;
    let bytes = one_partition(client.call(12, &request).await).records.unwrap();
    assert_eq!(
        bytes[12..16],
        [0, 0, 0, 0],
        "a batch keeps the epoch in which it was stored"
    );
}
