//! Transactions appended in process, as a consumer sees them.

use kafka_protocol::messages::fetch_response::PartitionData;

use super::client::{Client, decoded, fetch, one_partition, records, started, values};
use crate::{BrokerError, Marker, TransactionOffsets};

async fn fetch_committed(client: &mut Client, offset: i64) -> PartitionData {
    one_partition(client.call(12, &fetch("t", offset).with_isolation_level(1)).await)
}

fn aborted(data: &PartitionData) -> Vec<(i64, i64)> {
    let list = data
        .aborted_transactions
        .as_ref()
        .expect("committed reads get a list");
    list.iter()
        .map(|transaction| (transaction.producer_id.0, transaction.first_offset))
        .collect()
}

#[tokio::test]
async fn the_list_names_the_aborted_transactions_that_touch_the_batches() {
    let (broker, mut client) = started().await;
    broker.append("t", 0, records(&["plain"])).unwrap(); // 0
    let first = broker
        .append_aborted_transaction("t", 0, 50, [records(&["x", "y"]), records(&["z"])])
        .unwrap();
    assert_eq!(
        first,
        TransactionOffsets {
            first_offset: 1,
            marker_offset: 4
        }
    );
    let second = broker
        .append_committed_transaction("t", 0, 51, [records(&["kept"])])
        .unwrap();
    assert_eq!(
        second,
        TransactionOffsets {
            first_offset: 5,
            marker_offset: 6
        }
    );
    broker
        .append_aborted_transaction("t", 0, 50, [records(&["w"])])
        .unwrap(); // 7, marker 8

    let data = fetch_committed(&mut client, 0).await;
    assert_eq!(aborted(&data), [(50, 1), (50, 7)]);
    assert_eq!(values(&data).len(), 6, "brokers leave the filtering to consumers");
    assert_eq!(
        aborted(&fetch_committed(&mut client, 4).await),
        [(50, 1), (50, 7)],
        "the marker belongs to it"
    );
    assert_eq!(aborted(&fetch_committed(&mut client, 5).await), [(50, 7)]);
    let mut only_first = fetch("t", 0).with_isolation_level(1);
    only_first.topics[0].partitions[0].partition_max_bytes = 1;
    let data = one_partition(client.call(12, &only_first).await);
    assert_eq!(
        (values(&data).len(), aborted(&data)),
        (1, vec![]),
        "what comes after the batches is left out"
    );
    assert_eq!(
        client.fetch(12, "t", 0).await.aborted_transactions,
        None,
        "uncommitted reads get no list"
    );
}

#[tokio::test]
async fn markers_are_control_records_that_say_how_it_ended() {
    let (broker, mut client) = started().await;
    broker
        .append_aborted_transaction("t", 0, 50, [records(&["x"])])
        .unwrap();
    broker
        .append_committed_transaction("t", 0, 51, [records(&["y"])])
        .unwrap();
    let read = decoded(&client.fetch(12, "t", 0).await);
    let shape: Vec<_> = read
        .iter()
        .map(|record| (record.control, record.transactional, record.producer_id))
        .collect();
    assert_eq!(
        shape,
        [
            (false, true, 50),
            (true, true, 50),
            (false, true, 51),
            (true, true, 51)
        ]
    );
    assert_eq!(
        read[1].key.as_deref(),
        Some(&[0, 0, 0, 0][..]),
        "version 0, abort"
    );
    assert_eq!(
        read[3].key.as_deref(),
        Some(&[0, 0, 0, 1][..]),
        "version 0, commit"
    );
}

#[tokio::test]
async fn committed_reads_stop_before_an_open_transaction() {
    let (broker, mut client) = started().await;
    broker.append("t", 0, records(&["a"])).unwrap();
    assert_eq!(
        broker
            .append_to_transaction("t", 0, 50, records(&["open"]))
            .unwrap(),
        1
    );
    broker.append("t", 0, records(&["behind"])).unwrap();
    assert_eq!(broker.last_stable_offset("t", 0).unwrap(), 1);
    let data = fetch_committed(&mut client, 0).await;
    assert_eq!(
        (values(&data).len(), data.last_stable_offset, data.high_watermark),
        (1, 1, 3)
    );
    assert_eq!(
        values(&fetch_committed(&mut client, 1).await).len(),
        0,
        "nothing, and no error"
    );
    assert_eq!(values(&client.fetch(12, "t", 0).await).len(), 3);

    assert_eq!(broker.end_transaction("t", 0, 50, Marker::Abort).unwrap(), 3);
    let data = fetch_committed(&mut client, 1).await;
    assert_eq!(
        (values(&data).len(), aborted(&data), data.last_stable_offset),
        (2, vec![(50, 1)], 4)
    );
    let again = broker.end_transaction("t", 0, 50, Marker::Commit);
    assert!(matches!(
        again,
        Err(BrokerError::NoOpenTransaction { producer_id: 50 })
    ));
}

#[tokio::test]
async fn interleaved_transactions_are_listed_in_the_order_of_their_markers() {
    let (broker, mut client) = started().await;
    broker.append_to_transaction("t", 0, 1, records(&["a"])).unwrap(); // 0
    broker.append_to_transaction("t", 0, 2, records(&["b"])).unwrap(); // 1
    broker.append_to_transaction("t", 0, 1, records(&["c"])).unwrap(); // 2
    broker.end_transaction("t", 0, 2, Marker::Abort).unwrap(); // 3
    assert_eq!(broker.last_stable_offset("t", 0).unwrap(), 0);
    broker.end_transaction("t", 0, 1, Marker::Abort).unwrap(); // 4
    assert_eq!(aborted(&fetch_committed(&mut client, 0).await), [(2, 1), (1, 0)]);
    let kept = broker.aborted_transactions("t", 0).unwrap();
    assert_eq!(
        kept.iter()
            .map(|one| (one.producer_id, one.last_offset))
            .collect::<Vec<_>>(),
        [(2, 3), (1, 4)]
    );
    broker.delete_records_before("t", 0, 4).unwrap();
    assert_eq!(
        broker.aborted_transactions("t", 0).unwrap().len(),
        1,
        "the index forgets with the log"
    );
}
