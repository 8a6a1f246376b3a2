//! Every version of every API that is served, and those that are not.

use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::offset_for_leader_epoch_request::{
    OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use kafka_protocol::messages::{
    ApiKey, ApiVersionsRequest, ApiVersionsResponse, FindCoordinatorRequest, InitProducerIdRequest,
    ListOffsetsRequest, MetadataRequest, OffsetForLeaderEpochRequest, ResponseHeader, TransactionalId,
};
use kafka_protocol::protocol::{Decodable, StrBytes};

use super::client::{Client, batch, fetch, name, one_partition, produce, records, started, values};

fn range(versions: &[ApiVersion], api: ApiKey) -> std::ops::RangeInclusive<i16> {
    let found = versions
        .iter()
        .find(|version| version.api_key == api as i16)
        .unwrap();
    found.min_version..=found.max_version
}

/// The default of the generated type is an empty id, which is one too.
fn init_producer_id(transactional_id: Option<TransactionalId>) -> InitProducerIdRequest {
    InitProducerIdRequest::default().with_transactional_id(transactional_id)
}

#[tokio::test]
async fn every_served_version_answers() {
    let (broker, mut client) = started().await;
    let id = broker.topic_id("t").unwrap();
    let versions = client.call(0, &ApiVersionsRequest::default()).await.api_keys;
    assert_eq!(versions.len(), 13);

    for version in range(&versions, ApiKey::ApiVersions) {
        let answered = client.call(version, &ApiVersionsRequest::default()).await;
        assert_eq!(
            (answered.error_code, &answered.api_keys),
            (0, &versions),
            "ApiVersions {version}"
        );
    }
    for version in range(&versions, ApiKey::Metadata) {
        let asked = MetadataRequestTopic::default().with_name(Some(name("t")));
        let request = MetadataRequest::default().with_topics(Some(vec![asked]));
        let topic = client.call(version, &request).await.topics.remove(0);
        assert_eq!(
            (topic.error_code, topic.partitions.len()),
            (0, 1),
            "Metadata {version}"
        );
        assert_eq!(topic.topic_id == id, version >= 10, "Metadata {version}");
    }
    for (stored, version) in (0_i64..).zip(range(&versions, ApiKey::Produce)) {
        let mut request = produce("t", batch(&["a"]));
        if version >= 13 {
            request.topic_data[0].topic_id = id;
            request.topic_data[0].name = name("");
        }
        let answered = client
            .call(version, &request)
            .await
            .responses
            .remove(0)
            .partition_responses
            .remove(0);
        assert_eq!(
            (answered.error_code, answered.base_offset),
            (0, stored),
            "Produce {version}"
        );
    }
    for version in range(&versions, ApiKey::Fetch) {
        let mut request = fetch("t", 1);
        if version >= 13 {
            request.topics[0].topic_id = id;
            request.topics[0].topic = name("");
        }
        let data = one_partition(client.call(version, &request).await);
        assert_eq!(
            (data.error_code, values(&data)[0].clone()),
            (0, (1, "a".to_owned())),
            "Fetch {version}"
        );
    }
    for version in range(&versions, ApiKey::ListOffsets) {
        let partition = ListOffsetsPartition::default().with_timestamp(-1);
        let topic = ListOffsetsTopic::default()
            .with_name(name("t"))
            .with_partitions(vec![partition]);
        let request = ListOffsetsRequest::default().with_topics(vec![topic]);
        let found = client
            .call(version, &request)
            .await
            .topics
            .remove(0)
            .partitions
            .remove(0);
        assert_eq!((found.error_code, found.offset), (0, 11), "ListOffsets {version}");
    }
    for version in range(&versions, ApiKey::OffsetForLeaderEpoch) {
        let topic = OffsetForLeaderTopic::default()
            .with_topic(name("t"))
            .with_partitions(vec![OffsetForLeaderPartition::default()]);
        let request = OffsetForLeaderEpochRequest::default().with_topics(vec![topic]);
        let end = client
            .call(version, &request)
            .await
            .topics
            .remove(0)
            .partitions
            .remove(0);
        assert_eq!(
            (end.error_code, end.end_offset),
            (0, 11),
            "OffsetForLeaderEpoch {version}"
        );
    }
    for version in range(&versions, ApiKey::InitProducerId) {
        let answered = client.call(version, &init_producer_id(None)).await;
        assert_eq!(
            (answered.error_code, answered.producer_epoch),
            (0, 0),
            "InitProducerId {version}"
        );
    }
    for version in range(&versions, ApiKey::FindCoordinator) {
        let key = StrBytes::from_static_str("group");
        let request = match version {
            0..=3 => FindCoordinatorRequest::default().with_key(key),
            _ => FindCoordinatorRequest::default().with_coordinator_keys(vec![key]),
        };
        let answered = client.call(version, &request).await;
        let code = answered
            .coordinators
            .first()
            .map_or(answered.error_code, |one| one.error_code);
        assert_eq!(code, 15, "FindCoordinator {version}");
    }
}

#[tokio::test]
async fn api_versions_of_the_future_is_answered_in_version_0() {
    let (_broker, mut client) = started().await;
    // Key 18, version 99, correlation 7, and a body that only the future understands.
    client
        .send_frame(&[0, 18, 0, 99, 0, 0, 0, 7, 0xff, 0xff, 0xff])
        .await
        .unwrap();
    let mut frame = client.receive().await.unwrap();
    assert_eq!(ResponseHeader::decode(&mut frame, 0).unwrap().correlation_id, 7);
    let response = ApiVersionsResponse::decode(&mut frame, 0).unwrap();
    assert_eq!(
        (response.error_code, response.api_keys.len(), frame.len()),
        (35, 13, 0)
    );
    // The connection goes on.
    client.call(3, &ApiVersionsRequest::default()).await;
}

#[tokio::test]
async fn unserved_versions_and_apis_close_the_connection() {
    let (broker, _client) = started().await;
    for header in [[0, 1, 0, 99], [0, 1, 0, 3], [0, 11, 0, 5], [0x7f, 0, 0, 0]] {
        let mut client = Client::connect(&broker).await;
        client
            .send_frame(&[&header[..], &[0, 0, 0, 1, 0, 0]].concat())
            .await
            .unwrap();
        assert!(client.read_to_close().await.is_empty());
    }
    broker.append("t", 0, records(&["alive"])).unwrap();
    assert_eq!(
        values(&Client::connect(&broker).await.fetch(12, "t", 0).await).len(),
        1
    );
}

#[tokio::test]
async fn producer_ids_differ_and_transactions_are_refused() {
    let (_broker, mut client) = started().await;
    let first = client.call(4, &init_producer_id(None)).await;
    let second = client.call(4, &init_producer_id(None)).await;
    assert_ne!(first.producer_id, second.producer_id);
    let id = TransactionalId(StrBytes::from_static_str("tx"));
    let refused = client.call(4, &init_producer_id(Some(id))).await;
    assert_eq!(refused.error_code, 53);
}
