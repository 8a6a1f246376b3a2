//! What a fetch returns, and when.

use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::fetch_request::FetchPartition;
use tokio::time::{Instant, timeout};

use super::client::{Client, decoded, fetch, one_partition, records, started, values};
use crate::{BatchBuilder, Compression, RawBaseOffset, Record, TopicOptions, Uuid};

#[tokio::test]
async fn a_fetch_begins_with_the_whole_batch_that_holds_its_offset() {
    let (broker, mut client) = started().await;
    broker.append("t", 0, records(&["a", "b", "c"])).unwrap();
    broker.append("t", 0, records(&["d"])).unwrap();
    let offsets = |data| {
        values(&data)
            .into_iter()
            .map(|(offset, _)| offset)
            .collect::<Vec<_>>()
    };
    assert_eq!(offsets(client.fetch(12, "t", 2).await), [0, 1, 2, 3]);
    assert_eq!(offsets(client.fetch(12, "t", 3).await), [3]);
    assert_eq!(offsets(client.fetch(12, "t", 4).await), Vec::<i64>::new());
}

#[tokio::test]
async fn offsets_outside_of_the_log_are_error_1() {
    let (broker, mut client) = started().await;
    for value in ["a", "b", "c", "d"] {
        broker.append("t", 0, records(&[value])).unwrap();
    }
    assert_eq!(client.fetch(12, "t", 5).await.error_code, 1);
    assert_eq!(client.fetch(12, "t", -1).await.error_code, 1);
    broker.delete_records_before("t", 0, 2).unwrap();
    assert_eq!(client.fetch(12, "t", 1).await.error_code, 1);
    let data = client.fetch(12, "t", 2).await;
    assert_eq!(
        (data.error_code, data.log_start_offset, values(&data).len()),
        (0, 2, 2)
    );
    assert!(broker.delete_records_before("t", 0, 5).is_err());
    assert!(broker.delete_records_before("t", 0, 1).is_err());
    assert_eq!(broker.log_start("t", 0).unwrap(), 2);
}

#[tokio::test]
async fn a_log_start_inside_of_a_batch_keeps_the_batch_whole() {
    let (broker, mut client) = started().await;
    broker.append("t", 0, records(&["a", "b", "c"])).unwrap();
    broker.delete_records_before("t", 0, 1).unwrap();
    assert_eq!(client.fetch(12, "t", 0).await.error_code, 1);
    assert_eq!(values(&client.fetch(12, "t", 1).await).len(), 3);
}

#[tokio::test]
async fn topics_and_ids_that_are_not_there() {
    let (broker, mut client) = started().await;
    assert_eq!(client.fetch(12, "missing", 0).await.error_code, 3);
    let mut request = fetch("t", 0);
    request.topics[0].partitions[0].partition = 1;
    assert_eq!(one_partition(client.call(12, &request).await).error_code, 3);

    let old = broker.topic_id("t").unwrap();
    broker.delete_topic("t").unwrap();
    let new = broker.create_topic("t", TopicOptions::default()).unwrap();
    assert_ne!(old, new);
    for (id, code) in [(old, 100), (Uuid::from_u128(5), 100), (new, 0)] {
        let mut request = fetch("", 0);
        request.topics[0].topic_id = id;
        assert_eq!(one_partition(client.call(13, &request).await).error_code, code);
    }
}

#[tokio::test]
async fn a_waiting_fetch_wakes_when_records_come() {
    let (broker, mut client) = started().await;
    let handle = broker.handle();
    let request = fetch("t", 0).with_max_wait_ms(60_000).with_min_bytes(1);
    let append = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        handle.append("t", 0, records(&["late"])).unwrap();
    };
    let (response, ()) = timeout(Duration::from_secs(20), async {
        tokio::join!(client.call(12, &request), append)
    })
    .await
    .expect("the fetch answers long before its 60 s");
    assert_eq!(values(&one_partition(response)), [(0, "late".to_owned())]);
}

#[tokio::test]
async fn a_waiting_fetch_ends_with_nothing_at_its_time() {
    let (_broker, mut client) = started().await;
    let before = Instant::now();
    let data = one_partition(
        client
            .call(12, &fetch("t", 0).with_max_wait_ms(80).with_min_bytes(1))
            .await,
    );
    assert!(before.elapsed() >= Duration::from_millis(80));
    assert_eq!((data.error_code, data.records), (0, Some(Bytes::new())));
}

#[tokio::test]
async fn a_waiting_fetch_waits_for_its_least_bytes() {
    let (broker, mut client) = started().await;
    broker.append("t", 0, records(&["a"])).unwrap();
    let handle = broker.handle();
    let request = fetch("t", 0).with_max_wait_ms(60_000).with_min_bytes(100);
    let append = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        handle.append("t", 0, records(&["b"])).unwrap();
    };
    let (response, ()) = tokio::join!(client.call(12, &request), append);
    assert_eq!(values(&one_partition(response)).len(), 2);
}

#[tokio::test]
async fn a_topic_deleted_ends_a_waiting_fetch() {
    let (broker, mut client) = started().await;
    let handle = broker.handle();
    let request = fetch("t", 0).with_max_wait_ms(60_000).with_min_bytes(1);
    let delete = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        handle.delete_topic("t").unwrap();
    };
    let (response, ()) = tokio::join!(client.call(12, &request), delete);
    assert_eq!(one_partition(response).error_code, 3);
}

#[tokio::test]
async fn limits_hold_after_the_first_batch() {
    let (broker, mut client) = started().await;
    broker.create_topic("two", TopicOptions::partitions(2)).unwrap();
    for partition in [0, 1, 0, 1] {
        broker
            .append("two", partition, records(&[&"x".repeat(1000)]))
            .unwrap();
    }
    let asked = |partition, bytes| {
        FetchPartition::default()
            .with_partition(partition)
            .with_partition_max_bytes(bytes)
    };
    let mut sizes = async |max_bytes, partitions: Vec<FetchPartition>| {
        let mut request = fetch("two", 0).with_max_bytes(max_bytes);
        request.topics[0].partitions = partitions;
        let mut response = client.call(12, &request).await;
        let partitions = response.responses.remove(0).partitions;
        partitions
            .iter()
            .map(|data| decoded(data).len())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        sizes(10, vec![asked(0, 10), asked(1, 10)]).await,
        [1, 0],
        "one batch, however small the limit"
    );
    assert_eq!(
        sizes(1 << 20, vec![asked(0, 1100), asked(1, 1 << 20)]).await,
        [1, 2]
    );
    assert_eq!(
        sizes(2200, vec![asked(0, 1 << 20), asked(1, 1 << 20)]).await,
        [2, 0]
    );
}

#[tokio::test]
async fn zstd_is_refused_to_clients_from_before_it() {
    let (broker, mut client) = started().await;
    broker.append("t", 0, records(&["plain"])).unwrap();
    assert_eq!(client.fetch(9, "t", 0).await.error_code, 0);
    let zstd = BatchBuilder::new()
        .compression(Compression::Zstd)
        .records(records(&["packed"]));
    broker.append_batch("t", 0, zstd).unwrap();
    assert_eq!(client.fetch(9, "t", 0).await.error_code, 76);
    assert_eq!(client.fetch(10, "t", 0).await.error_code, 0);
}

#[tokio::test]
async fn compaction_leaves_holes_in_and_between_batches() {
    let (broker, mut client) = started().await;
    let holed = BatchBuilder::new()
        .record_at(1, Record::new("b"))
        .record_at(3, Record::new("d"));
    assert_eq!(
        broker.append_batch("t", 0, holed.last_offset_delta(5)).unwrap(),
        0
    );
    broker.skip_offsets("t", 0, 4).unwrap();
    assert_eq!(
        broker
            .append_batch("t", 0, BatchBuilder::new().last_offset_delta(2))
            .unwrap(),
        10
    );
    assert_eq!(broker.append("t", 0, records(&["n"])).unwrap(), 13);
    let all = [(1, "b".to_owned()), (3, "d".to_owned()), (13, "n".to_owned())];
    assert_eq!(values(&client.fetch(12, "t", 0).await), all);
    assert_eq!(
        values(&client.fetch(12, "t", 5).await),
        all,
        "the batch covers offset 5 though it holds no record there"
    );
    assert_eq!(
        values(&client.fetch(12, "t", 7).await),
        all[2..],
        "between batches the next one answers"
    );
    assert_eq!(
        client.fetch(12, "t", 0).await.records.unwrap()[23..27],
        [0, 0, 0, 5],
        "last offset delta"
    );
}

#[tokio::test]
async fn raw_batches_are_served_byte_for_byte() {
    let (broker, mut client) = started().await;
    broker.append("t", 0, records(&["a"])).unwrap();
    let raw = Bytes::from(vec![0xab; 40]);
    assert_eq!(
        broker
            .append_raw_batch("t", 0, raw.clone(), 3, RawBaseOffset::AsGiven)
            .unwrap(),
        1
    );
    assert_eq!(client.fetch(12, "t", 1).await.records.unwrap(), raw);
    assert_eq!(
        broker
            .append_raw_batch("t", 0, raw.clone(), 1, RawBaseOffset::Assigned)
            .unwrap(),
        4
    );
    let placed = client.fetch(12, "t", 4).await.records.unwrap();
    assert_eq!(
        (&placed[..8], &placed[16..]),
        (&4_i64.to_be_bytes()[..], &raw[16..])
    );
    assert_eq!(broker.high_watermark("t", 0).unwrap(), 5);
}

#[tokio::test]
async fn sessions_are_never_granted() {
    let (_broker, mut client) = started().await;
    let opened = client.call(12, &fetch("t", 0).with_session_epoch(0)).await;
    assert_eq!((opened.error_code, opened.session_id), (0, 0));
    let claimed = client
        .call(12, &fetch("t", 0).with_session_id(9).with_session_epoch(1))
        .await;
    assert_eq!(claimed.error_code, 70);
}

#[tokio::test]
async fn many_connections_are_served_while_some_wait() {
    let (broker, _client) = started().await;
    let mut waiting = Client::connect(&broker).await;
    waiting
        .send(12, &fetch("t", 0).with_max_wait_ms(60_000).with_min_bytes(1))
        .await
        .unwrap();
    for _ in 0..20 {
        assert_eq!(
            Client::connect(&broker).await.fetch(12, "t", 0).await.error_code,
            0
        );
    }
    broker.append("t", 0, records(&["a"])).unwrap();
    waiting.receive().await.unwrap();
}
