//! Elections: partitions that move between nodes, and logs that lose their end.

use kafka_protocol::messages::offset_for_leader_epoch_request::{
    OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use kafka_protocol::messages::{ApiKey, MetadataRequest, OffsetForLeaderEpochRequest};
use tokio::net::TcpStream;

use super::client::{Client, batch, fetch, name, one_partition, produce, records, values};
use crate::{Broker, BrokerError, BrokerOptions, Fault, FaultRule, Marker, ResponseError, TopicOptions};

async fn of_three_nodes() -> Broker {
    let options = BrokerOptions {
        nodes: 3,
        ..BrokerOptions::default()
    };
    let broker = Broker::start(options).await.unwrap();
    broker.create_topic("t", TopicOptions::partitions(2)).unwrap();
    broker
}

async fn client_of(broker: &Broker, node: i32) -> Client {
    let (_, address) = broker.nodes().iter().find(|(id, _)| *id == node).unwrap();
    Client::of(TcpStream::connect(address).await.unwrap())
}

/// A fetch by a reader that has last read a batch of this epoch.
async fn fetch_after(client: &mut Client, offset: i64, epoch: i32) -> (i16, usize, (i32, i64)) {
    let mut request = fetch("t", offset);
    request.topics[0].partitions[0].last_fetched_epoch = epoch;
    let data = one_partition(client.call(12, &request).await);
    let diverging = (data.diverging_epoch.epoch, data.diverging_epoch.end_offset);
    (data.error_code, data.records.unwrap_or_default().len(), diverging)
}

#[tokio::test]
async fn only_the_leader_serves_a_partition() {
    let broker = of_three_nodes().await;
    broker.append("t", 0, records(&["a"])).unwrap();
    assert_eq!(broker.elect("t", 0, 2).unwrap(), 1);
    let topics = client_of(&broker, 3)
        .await
        .call(12, &MetadataRequest::default().with_topics(None))
        .await;
    let leaders: Vec<_> = topics.topics[0]
        .partitions
        .iter()
        .map(|partition| (partition.leader_id.0, partition.leader_epoch))
        .collect();
    assert_eq!((topics.brokers.len(), leaders), (3, vec![(2, 1), (1, 0)]));

    let not_leader = ResponseError::NotLeaderOrFollower.code();
    for node in 1..=3 {
        let mut client = client_of(&broker, node).await;
        let code = client.fetch(12, "t", 0).await.error_code;
        let produced = client.produce(9, "t", batch(&["b"])).await.error_code;
        assert_eq!(
            (code, produced),
            if node == 2 {
                (0, 0)
            } else {
                (not_leader, not_leader)
            }
        );
    }
    let refused = broker.elect("t", 0, 4);
    assert!(matches!(refused, Err(BrokerError::UnknownNode { node: 4, .. })));
}

#[tokio::test]
async fn an_election_wakes_a_fetch_that_waits_at_the_node_that_led() {
    let broker = of_three_nodes().await;
    let mut client = client_of(&broker, 1).await;
    let waiting = fetch("t", 0).with_max_wait_ms(60_000).with_min_bytes(1);
    client.send(12, &waiting).await.unwrap();
    client_of(&broker, 1).await.fetch(12, "t", 0).await;
    broker.elect("t", 0, 2).unwrap();
    client.receive().await.unwrap();
}

#[tokio::test]
async fn an_unclean_election_cuts_the_log_and_tells_where() {
    let broker = of_three_nodes().await;
    for values in [["a", "b"], ["c", "d"], ["e", "f"]] {
        broker.append("t", 0, records(&values)).unwrap();
    }
    // The batch of offsets 2 and 3 goes as a whole.
    assert_eq!(broker.elect_unclean("t", 0, 2, 3).unwrap(), 2);
    broker.append("t", 0, records(&["x", "y", "z"])).unwrap();
    let mut client = client_of(&broker, 2).await;
    let read = values(&client.fetch(12, "t", 0).await);
    assert_eq!(
        read.iter().map(|(_, value)| &**value).collect::<String>(),
        "abxyz"
    );

    // Who read up to 6 in epoch 0 is told that it ended at 2; who did not say what he read is out of range.
    assert_eq!(fetch_after(&mut client, 6, 0).await, (0, 0, (0, 2)));
    assert_eq!(fetch_after(&mut client, 4, 0).await, (0, 0, (0, 2)));
    let (code, bytes, diverging) = fetch_after(&mut client, 2, 0).await;
    assert_eq!((code, bytes > 0, diverging), (0, true, (-1, -1)));
    assert_eq!(
        client.fetch(12, "t", 6).await.error_code,
        ResponseError::OffsetOutOfRange.code()
    );
    let partition = OffsetForLeaderPartition::default().with_leader_epoch(0);
    let topic = OffsetForLeaderTopic::default()
        .with_topic(name("t"))
        .with_partitions(vec![partition]);
    let request = OffsetForLeaderEpochRequest::default().with_topics(vec![topic]);
    let end = &client.call(4, &request).await.topics[0].partitions[0];
    assert_eq!((end.leader_epoch, end.end_offset), (0, 2));
}

#[tokio::test]
async fn no_epoch_comes_twice_even_when_the_log_lost_all_of_one() {
    let broker = of_three_nodes().await;
    broker.append("t", 0, records(&["a"])).unwrap();
    assert_eq!(broker.advance_leader_epoch("t", 0).unwrap(), 1);
    broker.append("t", 0, records(&["b"])).unwrap();
    broker.elect_unclean("t", 0, 1, 1).unwrap();
    assert_eq!(broker.advance_leader_epoch("t", 0).unwrap(), 3);
    let mut client = client_of(&broker, 1).await;
    assert_eq!(fetch_after(&mut client, 2, 1).await, (0, 0, (0, 1)));
}

#[tokio::test]
async fn a_transaction_whose_marker_was_cut_off_is_open_again() {
    let broker = of_three_nodes().await;
    let aborted = broker
        .append_aborted_transaction("t", 0, 7, [records(&["a"])])
        .unwrap();
    broker.elect_unclean("t", 0, 1, aborted.marker_offset).unwrap();
    assert_eq!(broker.aborted_transactions("t", 0).unwrap(), []);
    assert_eq!(broker.last_stable_offset("t", 0).unwrap(), 0);
    broker.end_transaction("t", 0, 7, Marker::Commit).unwrap();
    assert_eq!(broker.last_stable_offset("t", 0).unwrap(), 2);
}

#[tokio::test]
async fn a_fault_meets_only_its_node_and_a_restart_keeps_all_ports() {
    let broker = of_three_nodes().await;
    broker.elect("t", 0, 2).unwrap();
    let fault = FaultRule::new(Fault::Error(ResponseError::UnknownServerError)).api(ApiKey::Fetch);
    broker.add_fault(fault.node(2));
    let mut one = client_of(&broker, 1).await;
    let mut two = client_of(&broker, 2).await;
    assert_eq!(
        one.fetch(12, "t", 0).await.error_code,
        ResponseError::NotLeaderOrFollower.code()
    );
    assert_eq!(two.fetch(12, "t", 0).await.error_code, -1);
    broker.stop().await;
    assert!(two.try_call(9, &produce("t", batch(&["a"]))).await.is_err());
    broker.restart().await.unwrap();
    let mut two = client_of(&broker, 2).await;
    assert_eq!(two.produce(9, "t", batch(&["a"])).await.error_code, 0);
}
