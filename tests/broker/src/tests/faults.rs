//! The fault script, seen from a client.

use std::time::Duration;

use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{ApiVersionsRequest, MetadataRequest};
use tokio::time::Instant;

use super::client::{Client, batch, fetch, name, one_partition, produce, records, started, values};
use crate::{ApiKey, DropPoint, Fault, FaultRule, FaultScript, ResponseError, TopicOptions};

fn drop_at(point: DropPoint) -> FaultRule {
    FaultRule::new(Fault::DropConnection(point))
}

#[tokio::test]
async fn rules_fire_in_order() {
    let (broker, mut client) = started().await;
    broker.append("t", 0, records(&["a"])).unwrap();
    broker.set_faults(FaultScript::new([
        FaultRule::new(Fault::Error(ResponseError::OffsetOutOfRange)).api(ApiKey::Fetch),
        FaultRule::new(Fault::Error(ResponseError::NotLeaderOrFollower))
            .api(ApiKey::Fetch)
            .times(2),
    ]));
    let mut codes = Vec::new();
    for _ in 0..4 {
        codes.push(client.fetch(12, "t", 0).await.error_code);
    }
    assert_eq!(codes, [1, 6, 6, 0]);
    assert_eq!(
        broker
            .fired_faults()
            .iter()
            .map(|fired| fired.rule)
            .collect::<Vec<_>>(),
        [0, 1, 1]
    );
}

#[tokio::test]
async fn an_error_hits_only_its_partition() {
    let (broker, mut client) = started().await;
    broker.create_topic("two", TopicOptions::partitions(2)).unwrap();
    for partition in 0..2 {
        broker.append("two", partition, records(&["a"])).unwrap();
    }
    let rule = FaultRule::new(Fault::Error(ResponseError::OffsetOutOfRange));
    broker.add_fault(rule.topic("two").partition(1));
    let mut request = fetch("two", 0);
    let second = request.topics[0].partitions[0].clone().with_partition(1);
    request.topics[0].partitions.push(second);
    let mut response = client.call(12, &request).await;
    let partitions = response.responses.remove(0).partitions;
    assert_eq!(
        partitions.iter().map(|data| data.error_code).collect::<Vec<_>>(),
        [0, 1]
    );
    assert_eq!(values(&partitions[0]).len(), 1);
}

#[tokio::test]
async fn a_rule_waits_for_its_offset() {
    let (broker, mut client) = started().await;
    broker.append("t", 0, records(&["a", "b", "c"])).unwrap();
    broker.add_fault(FaultRule::new(Fault::Error(ResponseError::OffsetOutOfRange)).offset_from(2));
    assert_eq!(client.fetch(12, "t", 0).await.error_code, 0);
    assert_eq!(client.fetch(12, "t", 1).await.error_code, 0);
    assert_eq!(client.fetch(12, "t", 2).await.error_code, 1);
    assert_eq!(client.fetch(12, "t", 2).await.error_code, 0);
}

#[tokio::test]
async fn a_connection_drops_before_the_request_takes_effect() {
    let (broker, mut client) = started().await;
    broker.add_fault(drop_at(DropPoint::BeforeHandling).api(ApiKey::Produce));
    assert!(client.try_call(9, &produce("t", batch(&["a"]))).await.is_err());
    assert_eq!(broker.high_watermark("t", 0).unwrap(), 0);
    assert_eq!(
        Client::connect(&broker)
            .await
            .produce(9, "t", batch(&["a"]))
            .await
            .base_offset,
        0
    );
}

#[tokio::test]
async fn a_connection_drops_after_it_without_an_answer() {
    let (broker, mut client) = started().await;
    broker.add_fault(drop_at(DropPoint::BeforeResponse).api(ApiKey::Produce));
    client.send(9, &produce("t", batch(&["a"]))).await.unwrap();
    assert!(client.read_to_close().await.is_empty());
    assert_eq!(broker.high_watermark("t", 0).unwrap(), 1);
}

#[tokio::test]
async fn a_connection_drops_in_the_middle_of_the_answer() {
    let (broker, mut client) = started().await;
    broker.append("t", 0, records(&["a"])).unwrap();
    client.send(12, &fetch("t", 0)).await.unwrap();
    let whole = client.receive().await.unwrap().len() + 4;
    broker.add_fault(drop_at(DropPoint::MidResponse).api(ApiKey::Fetch));
    client.send(12, &fetch("t", 0)).await.unwrap();
    assert_eq!(client.read_to_close().await.len(), whole / 2);
}

#[tokio::test]
async fn a_delay_holds_one_connection_only() {
    let (broker, mut client) = started().await;
    let delay = Duration::from_millis(200);
    broker.add_fault(FaultRule::new(Fault::Delay(delay)).api(ApiKey::Fetch));
    let before = Instant::now();
    client.send(12, &fetch("t", 0)).await.unwrap();
    let mut other = Client::connect(&broker).await;
    other.call(3, &ApiVersionsRequest::default()).await;
    client.receive().await.unwrap();
    assert!(before.elapsed() >= delay);
    assert_eq!(one_partition(other.call(12, &fetch("t", 0)).await).error_code, 0);
}

#[tokio::test]
async fn errors_reach_apis_without_partitions() {
    let (broker, mut client) = started().await;
    let error = |api| FaultRule::new(Fault::Error(ResponseError::LeaderNotAvailable)).api(api);
    broker.add_fault(error(ApiKey::Metadata).topic("t"));
    broker.add_fault(error(ApiKey::ApiVersions));
    let asked = MetadataRequestTopic::default().with_name(Some(name("t")));
    let request = MetadataRequest::default().with_topics(Some(vec![asked]));
    assert_eq!(client.call(12, &request).await.topics[0].error_code, 5);
    assert_eq!(client.call(12, &request).await.topics[0].error_code, 0);
    assert_eq!(client.call(3, &ApiVersionsRequest::default()).await.error_code, 5);
}
