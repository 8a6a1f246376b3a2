//! What a log or an answer looks like after something went wrong with it, and brokers that fall silent.

use std::time::Duration;

use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{ApiVersionsRequest, DescribeConfigsRequest, MetadataRequest};
use kafka_protocol::protocol::StrBytes;
use tokio::time::timeout;

use super::client::{Client, fetch, name, records, started, values};
use crate::{
    ApiKey, BatchBuilder, Broker, BrokerOptions, Compression, Fault, FaultRule, HangPoint, TopicCleanup,
    TopicOptions,
};

/// Long enough for an answer to come that should not.
const SILENCE: Duration = Duration::from_millis(100);

#[tokio::test]
async fn a_flipped_bit_is_in_one_answer_and_not_in_the_log() {
    let (broker, mut client) = started().await;
    broker.append("t", 0, records(&["a", "b"])).unwrap();
    let sound = client.fetch(12, "t", 0).await.records.unwrap();
    let bits = 8 * sound.len() as u64;
    broker.add_fault(
        FaultRule::new(Fault::FlipBit(bits + 11))
            .api(ApiKey::Fetch)
            .topic("t"),
    );
    let damaged = client.fetch(12, "t", 0).await.records.unwrap();
    assert_eq!(damaged[1], sound[1] ^ 0b1000);
    assert_eq!((&damaged[..1], &damaged[2..]), (&sound[..1], &sound[2..]));
    assert_eq!(client.fetch(12, "t", 0).await.records.unwrap(), sound);
}

#[tokio::test]
async fn an_answer_cut_short_holds_the_first_bytes_only() {
    let (broker, mut client) = started().await;
    broker.append("t", 0, records(&["a", "b"])).unwrap();
    let whole = client.fetch(12, "t", 0).await.records.unwrap();
    for bytes in [0, 20, 1 << 20] {
        broker.add_fault(FaultRule::new(Fault::CutShort(bytes)).api(ApiKey::Fetch));
        let cut = client.fetch(12, "t", 0).await.records.unwrap_or_default();
        assert_eq!(cut, whole[..bytes.min(whole.len())]);
    }
}

#[tokio::test]
async fn a_hung_connection_stays_open_and_says_nothing_more() {
    let (broker, _) = started().await;
    for point in [HangPoint::BeforeHandling, HangPoint::MidResponse] {
        let mut client = Client::connect(&broker).await;
        broker.add_fault(FaultRule::new(Fault::Hang(point)).api(ApiKey::ApiVersions));
        client.send(0, &ApiVersionsRequest::default()).await.unwrap();
        assert!(timeout(SILENCE, client.receive()).await.is_err(), "{point:?}");
        // Others are served meanwhile, and a stop ends it.
        Client::connect(&broker).await.fetch(12, "t", 0).await;
    }
    broker.stop().await;
}

#[tokio::test]
async fn compaction_takes_records_and_leaves_their_offsets() {
    let (broker, mut client) = started().await;
    for codec in [Compression::None, Compression::Zstd] {
        let batch = BatchBuilder::new()
            .compression(codec)
            .records(records(&["a", "b", "c"]));
        broker.append_batch("t", 0, batch).unwrap();
    }
    broker
        .append_committed_transaction("t", 0, 7, [records(&["d"])])
        .unwrap();
    broker
        .compact("t", 0, |offset| matches!(offset, 1 | 3 | 5))
        .unwrap();
    let left = values(&client.fetch(12, "t", 0).await);
    let expected = [(1, "b"), (3, "a"), (5, "c")].map(|(offset, value)| (offset, value.to_owned()));
    assert_eq!(left, expected);
    // The marker at offset 7 is left.
    assert_eq!(broker.high_watermark("t", 0).unwrap(), 8);
    broker.compact("t", 0, |offset| offset > 2).unwrap();
    assert_eq!(values(&client.fetch(12, "t", 0).await), expected[1..]);
}

#[tokio::test]
async fn the_cleanup_policy_of_a_topic_is_told() {
    let (broker, mut client) = started().await;
    let compacted = TopicOptions::default().cleanup(TopicCleanup::CompactAndDelete);
    broker.create_topic("c", compacted).unwrap();
    for version in 1..=4 {
        let asked = |topic| {
            DescribeConfigsResource::default()
                .with_resource_type(2)
                .with_resource_name(StrBytes::from_static_str(topic))
                .with_configuration_keys(Some(vec![StrBytes::from_static_str("cleanup.policy")]))
        };
        let request =
            DescribeConfigsRequest::default().with_resources(["t", "c", "none"].map(asked).to_vec());
        let results = client.call(version, &request).await.results;
        let told: Vec<_> = results
            .iter()
            .map(|result| {
                let values = result.configs.iter().flat_map(|config| &config.value);
                (
                    result.error_code,
                    values.map(ToString::to_string).collect::<Vec<_>>(),
                )
            })
            .collect();
        let policy = |policy: &str| (0, vec![policy.to_owned()]);
        assert_eq!(told, [policy("delete"), policy("compact,delete"), (3, vec![])]);
    }
}

#[tokio::test]
async fn a_broker_without_topic_ids_tells_none_and_serves_no_version_that_has_them() {
    let options = BrokerOptions::default().without_topic_ids();
    let broker = Broker::start(options).await.unwrap();
    broker.create_topic("t", TopicOptions::default()).unwrap();
    let mut client = Client::connect(&broker).await;
    let versions = client.call(3, &ApiVersionsRequest::default()).await.api_keys;
    let newest = |api: ApiKey| {
        let found = versions.iter().find(|version| version.api_key == api as i16);
        found.map(|version| version.max_version)
    };
    assert_eq!(
        (newest(ApiKey::Metadata), newest(ApiKey::Fetch)),
        (Some(9), Some(12))
    );
    let asked = MetadataRequestTopic::default().with_name(Some(name("t")));
    let request = MetadataRequest::default().with_topics(Some(vec![asked]));
    assert!(client.call(9, &request).await.topics[0].topic_id.is_nil());
    assert!(client.try_call(10, &request).await.is_err());
}

#[tokio::test]
async fn a_broker_without_leader_epochs_does_not_serve_what_tells_them() {
    let options = BrokerOptions::default().without_leader_epochs();
    let broker = Broker::start(options).await.unwrap();
    let mut client = Client::connect(&broker).await;
    let versions = client.call(3, &ApiVersionsRequest::default()).await.api_keys;
    let told: Vec<i16> = versions.iter().map(|version| version.api_key).collect();
    assert!(!told.contains(&(ApiKey::OffsetForLeaderEpoch as i16)));
}

#[tokio::test]
async fn requests_are_counted_by_kind() {
    let (broker, mut client) = started().await;
    for _ in 0..3 {
        client.fetch(12, "t", 0).await;
    }
    client.send(12, &fetch("t", 0)).await.unwrap();
    client.receive().await.unwrap();
    client.call(3, &ApiVersionsRequest::default()).await;
    assert_eq!(
        (broker.requests(ApiKey::Fetch), broker.requests(ApiKey::Metadata)),
        (4, 0)
    );
    assert_eq!(broker.requests_total(), 5);
}
