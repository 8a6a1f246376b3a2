//! Topics over the wire.

use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::metadata_response::MetadataResponseTopic;
use kafka_protocol::messages::{BrokerId, CreateTopicsRequest, DeleteTopicsRequest, MetadataRequest};
use kafka_protocol::protocol::StrBytes;
use kafka_protocol::records::{Compression as WireCompression, RecordBatchDecoder};

use super::client::{Client, batch, name, started};
use crate::{Broker, BrokerOptions, TopicOptions, UnknownTopics, Uuid};

fn creatable(topic: &str, partitions: i32) -> CreatableTopic {
    CreatableTopic::default()
        .with_name(name(topic))
        .with_num_partitions(partitions)
        .with_replication_factor(1)
}

async fn create(client: &mut Client, version: i16, topic: CreatableTopic) -> (i16, Uuid) {
    let request = CreateTopicsRequest::default()
        .with_topics(vec![topic])
        .with_timeout_ms(1000);
    let result = client.call(version, &request).await.topics.remove(0);
    (result.error_code, result.topic_id)
}

async fn described(client: &mut Client, asked: MetadataRequestTopic) -> MetadataResponseTopic {
    client
        .call(12, &MetadataRequest::default().with_topics(Some(vec![asked])))
        .await
        .topics
        .remove(0)
}

#[tokio::test]
async fn topics_are_created_described_and_deleted_in_every_version() {
    let (broker, mut client) = started().await;
    for version in 2..=7 {
        let topic = format!("made-{version}");
        let (code, id) = create(&mut client, version, creatable(&topic, 3)).await;
        assert_eq!(code, 0, "CreateTopics {version}");
        assert_eq!(id == broker.topic_id(&topic).unwrap(), version >= 7);
        assert_eq!(create(&mut client, version, creatable(&topic, 3)).await.0, 36);
    }
    for version in 1..=6_i16 {
        let topic = name(&format!("made-{}", version + 1));
        let request = match version {
            1..=5 => DeleteTopicsRequest::default().with_topic_names(vec![topic]),
            _ => DeleteTopicsRequest::default()
                .with_topics(vec![DeleteTopicState::default().with_name(Some(topic))]),
        };
        assert_eq!(
            client.call(version, &request).await.responses[0].error_code,
            0,
            "DeleteTopics {version}"
        );
        assert_eq!(
            client.call(version, &request).await.responses[0].error_code,
            3,
            "DeleteTopics {version}"
        );
    }
    assert_eq!(broker.topics(), ["t"]);
    let by_id = DeleteTopicState::default().with_topic_id(broker.topic_id("t").unwrap());
    let request = DeleteTopicsRequest::default().with_topics(vec![by_id]);
    let deleted = client.call(6, &request).await.responses.remove(0);
    assert_eq!((deleted.error_code, deleted.name), (0, Some(name("t"))));
    assert_eq!(client.call(6, &request).await.responses[0].error_code, 100);
}

#[tokio::test]
async fn topics_that_cannot_be_are_refused() {
    let (broker, mut client) = started().await;
    let cases = [
        (creatable("no spaces", 1), 17),
        (creatable("", 1), 17),
        (creatable("..", 1), 17),
        (creatable("none", 0), 37),
        (creatable("many", i32::MAX), 37),
        (creatable("copies", 1).with_replication_factor(3), 38),
    ];
    for (topic, code) in cases {
        assert_eq!(create(&mut client, 7, topic.clone()).await.0, code, "{topic:?}");
    }
    let config = |value: &'static str| {
        CreatableTopicConfig::default()
            .with_name(StrBytes::from_static_str("compression.type"))
            .with_value(Some(StrBytes::from_static_str(value)))
    };
    assert_eq!(
        create(
            &mut client,
            7,
            creatable("c", 1).with_configs(vec![config("none")])
        )
        .await
        .0,
        40
    );
    let validate = CreateTopicsRequest::default()
        .with_topics(vec![creatable("v", 1)])
        .with_validate_only(true);
    assert_eq!(client.call(7, &validate).await.topics[0].error_code, 0);
    assert_eq!(broker.topics(), ["t"], "none of them was created");

    assert_eq!(
        create(
            &mut client,
            7,
            creatable("c", -1).with_configs(vec![config("zstd")])
        )
        .await
        .0,
        0
    );
    client.produce(9, "c", batch(&["a"])).await;
    let data = client.fetch(12, "c", 0).await;
    let infos = RecordBatchDecoder::decode_batch_info(&mut data.records.unwrap()).unwrap();
    assert_eq!(infos[0].compression, WireCompression::Zstd);
}

#[tokio::test]
async fn metadata_names_this_broker_and_its_topics() {
    let (broker, mut client) = started().await;
    let id = broker.create_topic("two", TopicOptions::partitions(2)).unwrap();
    for (version, topics) in [(0, Some(vec![])), (1, None), (12, None)] {
        let response = client
            .call(version, &MetadataRequest::default().with_topics(topics))
            .await;
        let node = &response.brokers[0];
        assert_eq!(format!("{}:{}", node.host.as_str(), node.port), broker.address());
        assert_eq!(node.node_id, BrokerId(1));
        let names: Vec<_> = response
            .topics
            .iter()
            .map(|topic| topic.name.clone().unwrap())
            .collect();
        assert_eq!(names, [name("t"), name("two")], "all topics in version {version}");
    }
    let none = client
        .call(12, &MetadataRequest::default().with_topics(Some(vec![])))
        .await;
    assert!(none.topics.is_empty());

    let by_id = described(
        &mut client,
        MetadataRequestTopic::default().with_name(None).with_topic_id(id),
    )
    .await;
    assert_eq!(
        (by_id.error_code, by_id.name, by_id.partitions.len()),
        (0, Some(name("two")), 2)
    );
    let unknown = described(
        &mut client,
        MetadataRequestTopic::default()
            .with_name(None)
            .with_topic_id(Uuid::from_u128(1)),
    )
    .await;
    assert_eq!(
        (unknown.error_code, unknown.name, unknown.topic_id),
        (100, None, Uuid::from_u128(1))
    );
    let missing = described(
        &mut client,
        MetadataRequestTopic::default().with_name(Some(name("missing"))),
    )
    .await;
    assert_eq!((missing.error_code, missing.name), (3, Some(name("missing"))));
}

#[tokio::test]
async fn unknown_topics_are_created_where_broker_and_client_want_it() {
    let unknown_topics = UnknownTopics::Create(TopicOptions::partitions(2));
    let broker = Broker::start(BrokerOptions {
        unknown_topics,
        ..BrokerOptions::default()
    })
    .await
    .unwrap();
    let mut client = Client::connect(&broker).await;
    let asked = |topic| MetadataRequestTopic::default().with_name(Some(name(topic)));
    let request = MetadataRequest::default().with_topics(Some(vec![asked("new")]));
    let refused = client
        .call(12, &request.clone().with_allow_auto_topic_creation(false))
        .await;
    assert_eq!(refused.topics[0].error_code, 3);
    let created = client
        .call(12, &request.with_allow_auto_topic_creation(true))
        .await;
    assert_eq!(
        (created.topics[0].error_code, created.topics[0].partitions.len()),
        (0, 2)
    );
    assert_eq!(described(&mut client, asked("not valid")).await.error_code, 17);
    assert_eq!(broker.topics(), ["new"]);
}
